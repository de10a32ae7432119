"""Take events in: set by set, each once, all of one call in one transaction, and one entry for what it accepted."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection, transaction

from audit import services as audit
from audit.log import merkle
from feedback import ingest
from feedback.models import Event, EventBatch, Recommendation
from feedback.selectors.directory import Directory, directory_of
from feedback.services import deciding, flags
from feedback.services.rows import insert
from portal import clock
from portal.models import AISystem, Person

KEPT_FOR = dt.timedelta(days=400)
MAY_PASS_LATER = frozenset({"person_unknown", "time_in_future"})


@dataclass
class Result:
    """What became of one event of a call: accepted, duplicate, conflict or invalid."""

    index: int
    id: str
    status: str
    code: str = ""
    pointer: str = ""
    detail: str = ""
    retryable: bool = False

    @property
    def taken(self) -> bool:
        return self.status in {"accepted", "duplicate"}


def accept(system: AISystem, raws: Sequence[bytes], *, person: Person | None = None) -> list[Result]:
    """Take in the events of one call for `system`; one result for each, in their order.

    With `person` (the portal's own page) every event is that person's, whatever its data says. An event whose source and
    id are known changes nothing: `duplicate` with the same body, `conflict` with another.
    """
    now = clock.now()
    results, facts = _read(raws, now)
    if not facts:
        return results
    directory = directory_of(system, [fact.data.person for fact in facts], person=person)
    facts = [fact for fact in facts if _resolved(fact, directory, results)]
    with transaction.atomic():
        _alone(system)
        facts = _new_ones(system, facts, results)
        facts = _agreeing_ones(system, facts, directory, results)
        if facts:
            _write(system, facts, directory, now)
    return results


def _read(raws: Sequence[bytes], now: dt.datetime) -> tuple[list[Result], list[ingest.Fact]]:
    results: list[Result] = []
    facts: list[ingest.Fact] = []
    for index, raw in enumerate(raws):
        try:
            fact = ingest.read(index, raw, now=now, kept_for=KEPT_FOR)
            deciding.check_reason(fact)
        except ingest.Wrong as wrong:
            results.append(
                Result(index, ingest.name_in(raw), "invalid", wrong.code, wrong.pointer, wrong.message, wrong.code in MAY_PASS_LATER)
            )
        else:
            results.append(Result(index, fact.id, "accepted"))
            facts.append(fact)
    return results, facts


def _resolved(fact: ingest.Fact, directory: Directory, results: list[Result]) -> bool:
    if directory.person(fact.data.person) is not None:
        return True
    result = results[fact.index]
    result.status, result.code, result.pointer = "invalid", "person_unknown", "/data/person"
    result.detail, result.retryable = "Nobody here has this staff number or e-mail address.", True
    return False


def _alone(system: AISystem) -> None:
    """One call at a time for a system: what two calls bring at once (a recommendation here, its outcome there) must meet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('feedback.events'), %s)", [system.pk])


def _new_ones(system: AISystem, facts: list[ingest.Fact], results: list[Result]) -> list[ingest.Fact]:
    """The facts whose source and id are new, in this call and in the table."""
    known: dict[tuple[str, str], bytes] = {
        (source, event_id): bytes(digest)
        for source, event_id, digest in Event.objects.filter(system=system, event_id__in=[fact.id for fact in facts]).values_list(
            "source", "event_id", "digest"
        )
    }
    fresh: list[ingest.Fact] = []
    for fact in facts:
        digest = body_digest(fact.canonical)
        before = known.setdefault((fact.source, fact.id), digest)
        if before is digest:
            fresh.append(fact)
        elif hmac.compare_digest(before, digest):
            results[fact.index].status = "duplicate"
        else:
            _conflict(results[fact.index], "event_id_reused", "/id", "This source and id came before with another body.")
    return fresh


def _agreeing_ones(system: AISystem, facts: list[ingest.Fact], directory: Directory, results: list[Result]) -> list[ingest.Fact]:
    """Without those that show the same recommendation to the same person with another content."""
    shown = [fact for fact in facts if isinstance(fact.data, ingest.Shown)]
    if not shown:
        return facts
    rows = Recommendation.objects.filter(system=system, uid__in={fact.recommendation for fact in shown})
    seen: dict[tuple[str, Any], bytes] = {
        (uid, person_id): content_of({"kind": kind, "version": version, "proposal": proposal})
        for uid, person_id, kind, version, proposal in rows.values_list("uid", "person_id", "kind", "version", "proposal")
    }
    agreeing: list[ingest.Fact] = []
    for fact in facts:
        if isinstance(fact.data, ingest.Shown):
            content = content_of({"kind": fact.data.kind, "version": fact.data.version, "proposal": fact.data.proposal})
            person = directory.known(fact.data.person)
            if seen.setdefault((fact.recommendation, person.pk), content) != content:
                message = "This person was shown a recommendation of this id with another content."
                _conflict(results[fact.index], "recommendation_id_reused", "/data/recommendation", message)
                continue
        agreeing.append(fact)
    return agreeing


def _conflict(result: Result, code: str, pointer: str, detail: str) -> None:
    result.status, result.code, result.pointer, result.detail = "conflict", code, pointer, detail


def body_digest(canonical: bytes) -> bytes:
    """Keyed, because a plain hash of a body with a name in it can be guessed."""
    return hmac.digest(str(settings.RECEIPT_PEPPER).encode(), b"event:" + canonical, "sha256")


def content_of(content: dict[str, Any]) -> bytes:
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).digest()


def _write(system: AISystem, facts: list[ingest.Fact], directory: Directory, now: dt.datetime) -> None:
    """Events, their batch with its root and entry, and then what the events say."""
    bodies = [kept_body(fact, directory) for fact in facts]
    salts = [secrets.token_bytes(32) for _fact in facts]
    commitments = [hmac.digest(salt, body, "sha256") for salt, body in zip(salts, bodies, strict=True)]
    root = merkle.root_of(merkle.leaf_hash(commitment) for commitment in commitments)
    batch = EventBatch.objects.create(system=system, received_at=now, accepted=len(facts), root=root)
    events = insert(
        Event,
        [
            {
                "batch_id": batch.pk,
                "position": position,
                "system_id": system.pk,
                "source": fact.source,
                "event_id": fact.id,
                "type": fact.type,
                "subject": "" if flags.is_confidential(fact) else fact.recommendation,
                "occurred_at": fact.at,
                "received_at": now,
                "digest": body_digest(fact.canonical),
                "salt": salt,
                "body": body.decode(),
                "commitment": commitment,
            }
            for position, (fact, body, salt, commitment) in enumerate(zip(facts, bodies, salts, commitments, strict=True))
        ],
        returning="id",
    )
    ids = {fact.index: event for fact, event in zip(facts, events, strict=True)}
    detail = {"system": system.slug, "events": len(facts), "root": root.hex(), "types": Counter(fact.type for fact in facts)}
    audit.record("feedback.events-accepted", obj=batch, detail=detail, data_class="ai-log")
    deciding.add_shown(system, facts, ids, directory, now)
    deciding.add_outcomes(system, facts, ids, directory, now)
    deciding.settle(system, {fact.recommendation for fact in facts if not isinstance(fact.data, ingest.Flagged)})
    flags.open_items(system, facts, ids, directory, now)


def kept_body(fact: ingest.Fact, directory: Directory) -> bytes:
    """What is stored of an event: its person as the pseudonym, no dwell time; a confidential flag without person and words."""
    data = {**fact.kept["data"], "person": str(directory.known(fact.data.person).pk)}
    kept = {**fact.kept, "data": data}
    if flags.is_confidential(fact):
        kept = {name: value for name, value in kept.items() if name != "subject"}
        kept["data"] = {"kind": fact.kept["data"]["kind"]}
    return msgspec.json.encode(kept, order="deterministic")
