"""Ask witnesses to cosign the newest checkpoint (C2SP tlog-witness), and keep what they sign. Optional: LOG_WITNESSES.

Runs in the worker, after publishing and on a timetable; the sealer never waits for it. A witness that cannot be reached is
tried again, at ever longer distances up to an hour. One that says that the log does not continue what it saw is believed:
that is an entry, and the banner says so.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence

from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone

from audit.context import acting
from audit.log.merkle import ProofError, consistency_proof
from audit.log.notes import FormatError
from audit.log.sealing import read_tile, sealer_alias
from audit.log.tlog import tile_node
from audit.models.log import Checkpoint
from audit.models.witnesses import Contact, Cosignature
from audit.outside import anchors
from audit.outside.anchors import Witness
from audit.outside.asking import Answer, Unreachable, post
from audit.outside.cosigning import SIZE_KIND, line_in, size_in, submission
from audit.services import record, system_actor

logger = logging.getLogger(__name__)

LOCK = 0x6C6D5F7769746E  # "lm_witn"
CLOCKS_APART = 300  # seconds that a witness's clock may run ahead of ours
FIRST_WAIT, LONGEST_WAIT = dt.timedelta(seconds=30), dt.timedelta(hours=1)
# Entries that anchoring leaves by itself: alone they are no reason to anchor again, or an idle log would never rest.
OWN_ACTS = ("audit.cosigned", "audit.stamped", "audit.witness-refused")

_NEWS = """
    select exists (select from audit_leaf l join audit_entry e on e.id = l.entry_id
                    where l.seq >= %s and l.seq < %s and not (e.action = any(%s)))
"""


class Refused(Exception):
    """A witness says that this log does not continue what it has seen."""


class Failed(Exception):
    """A witness gave no cosignature, for a reason that may pass."""


def witness() -> int:
    """Have every configured witness that is due cosign the newest checkpoint. Answers how many did."""
    using = sealer_alias()
    newest = Checkpoint.objects.using(using).order_by("-size").first()
    if newest is None:
        return 0
    return sum(_one(using, each, newest) for each in anchors.witnesses() if _due(using, each.vkey, newest))


def _due(using: str, vkey: str, newest: Checkpoint) -> bool:
    now = timezone.now()
    if Contact.objects.using(using).filter(name=vkey, next_at__gt=now).exists():
        return False
    last = Cosignature.objects.using(using).filter(witness=vkey).order_by("-checkpoint").values_list("checkpoint", flat=True).first()
    return last is None or has_news(using, last, newest.size)


def has_news(using: str, since: int, size: int) -> bool:
    """Whether anything but anchoring itself was sealed between these sizes."""
    with connections[using].cursor() as cursor:
        cursor.execute(_NEWS, [since, size, list(OWN_ACTS)])
        return bool(cursor.fetchone()[0])


def _one(using: str, each: Witness, newest: Checkpoint) -> bool:
    try:
        with transaction.atomic(using=using):
            # One at a time over all workers: a second one does nothing.
            with connections[using].cursor() as cursor:
                cursor.execute("select pg_try_advisory_xact_lock(%s, hashtext(%s))", [LOCK & 0x7FFFFFFF, each.vkey])
                if not cursor.fetchone()[0]:
                    return False
            last = Cosignature.objects.using(using).filter(witness=each.vkey).order_by("-checkpoint").first()
            line, seconds = submit(each, newest, last.checkpoint_id if last else 0, using)
            at = dt.datetime.fromtimestamp(seconds, dt.UTC)
            Cosignature.objects.using(using).create(checkpoint=newest, witness=each.vkey, line=line, at=at)
            with acting(system_actor("witnesses"), channel="task"):
                record("audit.cosigned", model="audit.witness", object_id=each.key.name, detail={"size": newest.size, "line": line})
    except (Unreachable, Failed, FormatError) as error:
        tried(using, each.vkey, problem=str(error))
        return False
    except Refused as error:
        if tried(using, each.vkey, problem=str(error), refused=True):
            with acting(system_actor("witnesses"), channel="task"):
                record(
                    "audit.witness-refused",
                    model="audit.witness",
                    object_id=each.key.name,
                    detail={"size": newest.size, "problem": str(error)},
                )
        return False
    tried(using, each.vkey, every=settings.LOG_WITNESS_SECONDS)
    return True


def submit(each: Witness, checkpoint: Checkpoint, old: int, using: str) -> tuple[str, int]:
    """The witness's line over the checkpoint, and its time. `old` is the size that it is thought to have seen last."""
    answer = _send(each, checkpoint, old, using)
    if answer.status == 409 and answer.kind == SIZE_KIND:
        seen = size_in(answer.body)
        if seen > checkpoint.size:
            raise Refused(
                f"It has seen {seen} entries, and the log has {checkpoint.size}: the log was cut off or put back to an old state."
            )
        if seen == old:
            raise Failed("It refuses the size that it names itself.")
        answer = _send(each, checkpoint, seen, using)
    if answer.status in {409, 422}:
        raise Refused(
            f"It does not find that these {checkpoint.size} entries continue those that it saw: the log was rewritten, or there are two."
        )
    if answer.status in {403, 404}:
        raise Failed(f"It does not know this log under its key (status {answer.status}). Give its operator the key at /log/vkey.")
    if answer.status != 200:
        raise Failed(f"It answered with status {answer.status}.")
    line, seconds = line_in(answer.body, checkpoint.note, each.key)
    if seconds > timezone.now().timestamp() + CLOCKS_APART:
        raise Failed("Its clock runs ahead of ours by more than five minutes.")
    return line, seconds


def _send(each: Witness, checkpoint: Checkpoint, old: int, using: str) -> Answer:
    proof: Sequence[bytes] = []
    if 0 < old < checkpoint.size:
        try:
            proof = consistency_proof(old, checkpoint.size, tile_node(lambda level, index: read_tile(level, index, using)))
        except ProofError as error:
            raise Failed(str(error)) from error
    return post(f"{each.url}/add-checkpoint", submission(old, proof, checkpoint.note), "application/octet-stream")


def tried(using: str, name: str, *, problem: str = "", refused: bool = False, every: float = 0) -> bool:
    """Note how a try went, and when the next one is due. True when this problem is a new one."""
    now = timezone.now()
    contacts = Contact.objects.using(using)
    before = contacts.filter(name=name).first()
    failures = (before.failures if before else 0) + 1 if problem else 0
    wait = min(FIRST_WAIT * 2 ** min(failures - 1, 20), LONGEST_WAIT) if problem else dt.timedelta(seconds=every)
    values = {"tried_at": now, "next_at": now + wait, "failures": failures, "problem": problem[:500], "refused": refused}
    contacts.update_or_create(name=name, defaults=values)
    if problem:
        logger.warning("%s: %s", name.partition("+")[0], problem)
    return bool(problem) and (before is None or before.problem != problem[:500])
