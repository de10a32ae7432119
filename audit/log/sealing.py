"""Sealing: entries become leaves, leaves become tiles, and a signed checkpoint says so.

Three steps, each a transaction of its own that can be cut off at any point and done again: *sequence* gives every new
entry its place, *integrate* hashes the places into tiles, *publish* signs the root. One sealer works at a time (advisory
transaction lock); a second one that slips in between fails on the number of its batch and tries again.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, OperationalError, connections, transaction
from django.utils.connection import ConnectionDoesNotExist

from audit.log.canonical import MAX_LEAF_BYTES
from audit.log.head import head_path, keep_head, kept_head, why_not
from audit.log.leaves import LEAF
from audit.log.merkle import EMPTY_ROOT, HASH_BYTES, Node, root
from audit.log.signing import KeyMissing, key_path, load_secret, make_secret, next_path, put_in_place
from audit.log.tlog import TILE_WIDTH, FormatError, SignerKey, TreeHead, append_to_tiles, is_key_name, tile_node
from audit.models.log import Checkpoint, LogKey, Tile

logger = logging.getLogger(__name__)

LOCK = 0x6C6D5F7365616C  # "lm_seal"
MOST = 500_000  # entries in one batch: a pass that a time limit cuts off has kept what it did until then
TILES = 32  # read at a time

_WATERMARK = """
    select coalesce(max(b.number), 0), coalesce(max(b.first + b.count), 0), pg_current_snapshot()::text,
           (select system_identifier::text from pg_control_system()),
           (select case when last.cluster = (select system_identifier::text from pg_control_system()) then last.snapshot end
              from audit_batch last order by last.number desc limit 1)
      from audit_batch b
"""

# Fresh entries are those that this snapshot sees and the one before did not. Every pass also leaves out what has a leaf:
# after a restore into another cluster transaction numbers begin anew, and imported ones may lie in the future.
_SEQUENCE = f"""
    with fresh as materialized (
        select %(first)s::bigint + row_number() over (order by id) - 1 as seq, id from (
            select e.id from audit_entry e
             where (%(prev)s::pg_snapshot is null
                    or (e.xid >= pg_snapshot_xmin(%(prev)s::pg_snapshot) and not pg_visible_in_snapshot(e.xid, %(prev)s::pg_snapshot)))
               and not exists (select from audit_leaf l where l.entry_id = e.id)
             order by e.id limit %(most)s
        ) numbered
    )
    insert into audit_leaf (seq, entry_id, batch_id, data, hash)
    select seq, id, %(number)s, data, sha256('\\x00'::bytea || data) from (
        select fresh.seq, fresh.id, {LEAF} as data
          from fresh join audit_entry e on e.id = fresh.id left join audit_payload p on p.entry_id = fresh.id
         order by fresh.id offset 0
    ) leaves
"""
_HASHES = """
    select min(seq), max(seq), count(*), string_agg(hash, ''::bytea order by seq)
      from audit_leaf where seq >= %s group by seq / %s order by 1
"""
# A snapshot before every transaction: what a batch says that was full, and the first of its kind. The next pass takes up the rest.
_NOTHING_SEEN = "1:1:"


class LogBroken(Exception):
    """The stored tree no longer continues what was signed. Nothing more is signed; run verify_audit."""


@dataclass(frozen=True)
class Sealed:
    """What a pass did: entries sealed now, and entries under the newest checkpoint. `busy` when another sealer was at work."""

    new: int
    size: int
    busy: bool = False


def seal(*, wait_seconds: float = 0, new_key: bool = False, accept_rollback: bool = False) -> Sealed:
    """Seal everything that is committed, and sign it.

    Meant for the worker (role lm_sealer, alias `sealer`) and `manage.py seal`. While another sealer works it gives up at
    once, or tries for `wait_seconds`. Raises LogBroken (`accept_rollback` lets a restored backup go on from an older
    state), and KeyMissing when a log with checkpoints has lost its key (`new_key` lets a new one go on from there).
    """
    deadline = time.monotonic() + wait_seconds
    new = 0
    while True:
        with contextlib.suppress(Busy):
            while (count := sequence()) == MOST:
                new += count
            new += count
            integrate()
            return Sealed(new=new, size=publish(new_key=new_key, accept_rollback=accept_rollback))
        if time.monotonic() >= deadline:
            return Sealed(new=0, size=0, busy=True)
        time.sleep(0.05)


def sequence() -> int:
    """Give every fresh entry its place in the log. Answers how many there were."""
    with only_sealer() as using, connections[using].cursor() as cursor:
        cursor.execute(_WATERMARK)
        number, first, snapshot, cluster, prev = cursor.fetchone()
        try:
            cursor.execute(_SEQUENCE, {"prev": prev, "first": first, "number": number + 1, "most": MOST})
        except IntegrityError as error:
            raise _unfit(error) from error
        count: int = cursor.rowcount
        if count == MOST:
            snapshot = prev or _NOTHING_SEEN
        if count:
            cursor.execute(
                # The first entry of a batch has its lowest number, so it was written first.
                "insert into audit_batch (number, first, count, snapshot, cluster, sealed_at, oldest)"
                " select %s, %s, %s, %s, %s, clock_timestamp(), e.at from audit_leaf l join audit_entry e on e.id = l.entry_id where l.seq = %s",
                [number + 1, first, count, snapshot, cluster, first],
            )
        return count


def _unfit(error: IntegrityError) -> Exception:
    """Which entry cannot be a leaf, if that is why; no entry written by capture or audit_record is so long or lacks a column."""
    if not isinstance(error.__cause__, psycopg.errors.CheckViolation | psycopg.errors.NotNullViolation):
        return error
    row = re.search(r"\((?:\d+|null), (\d+)", error.__cause__.diag.message_detail or "")
    return LogBroken(
        f"Entry {row[1] if row else 'unknown'} cannot be sealed: it is longer than {MAX_LEAF_BYTES} bytes or lacks a column. "
        "It was not written by the portal. Nothing was sealed; run verify_audit."
    )


def integrate() -> int:
    """Hash the places that are not in the tiles yet. Answers the size of the tree."""
    with only_sealer() as using, connections[using].cursor() as cursor:
        size = before = tree_size(using)
        with connections[using].chunked_cursor() as leaves:
            leaves.execute(_HASHES, [size, TILE_WIDTH])

            def hashes() -> Iterator[bytes]:
                nonlocal size
                while tiles := leaves.fetchmany(TILES):
                    for first, last, count, data in tiles:
                        if first != size or last - first + 1 != count or len(data) != count * HASH_BYTES:
                            raise LogBroken(f"Between the places {size} and {last} of the log one is empty or holds no hash.")
                        size += count
                        yield data

            for level, index, data in append_to_tiles(before, hashes(), lambda level, index: read_tile(level, index, using)):
                cursor.execute(
                    "insert into audit_tile (level, index, data) values (%s, %s, %s) on conflict (level, index) do update set data = excluded.data",
                    [level, index, data],
                )
        return size


def publish(*, new_key: bool = False, accept_rollback: bool = False) -> int:
    """Sign the tree if it has grown. Answers the size under the newest checkpoint.

    Signed is only what continues the newest checkpoint and, unless `accept_rollback`, what was last signed on this machine.
    """
    # Read before the snapshot is taken: what the file says was committed earlier, so the snapshot holds it.
    kept = None if accept_rollback else _kept()
    with only_sealer() as using:
        size = tree_size(using)
        node = tile_node(lambda level, index: read_tile(level, index, using))
        last = Checkpoint.objects.using(using).order_by("-size").first()
        if last is not None and (why := why_not(TreeHead("", last.size, bytes(last.root)), size, node)):
            raise LogBroken(
                f"The tree of {size} entries does not continue the checkpoint of {last.size}. {why} Nothing was signed; run verify_audit."
            )
        if accept_rollback:
            logger.warning("A log of %s entries is accepted in place of what was signed before.", size)
        else:
            _check_kept(using, size, node, last, kept)
        if last is not None and last.size == size:
            note = last.note
        else:
            signer, key = _signer(using, new_key=new_key)
            head = TreeHead(signer.name, size, root(size, node) if size else EMPTY_ROOT)
            note = signer.sign(str(head))
            with connections[using].cursor() as cursor:
                cursor.execute(
                    "insert into audit_checkpoint (size, root, note, key_id, at) values (%s, %s, %s, %s, clock_timestamp())",
                    [size, head.root, note, key.pk],
                )
    keep_head(note, rolled_back=accept_rollback)
    return size


def _kept() -> TreeHead | None:
    """What this machine signed last; LogBroken when that cannot be read."""
    try:
        return kept_head()
    except (OSError, FormatError) as error:
        raise LogBroken(
            f"{head_path()} cannot be read, so nothing was signed. Put it back from your backup of the secrets. {error}"
        ) from error


def _check_kept(using: str, size: int, node: Node, last: Checkpoint | None, kept: TreeHead | None) -> None:
    """Raises LogBroken when the log does not continue `kept`, which this machine signed last, or has lost its checkpoints."""
    why = ""
    if kept is not None and (last is None or (kept.size, kept.root) != (last.size, bytes(last.root))):
        why = why_not(kept, size, node)
    if not why and last is None and LogKey.objects.using(using).exists():
        why = "It was signed before, and its checkpoints are gone."
    if why:
        raise LogBroken(
            f"This log does not continue what {head_path()} and its key say. {why} Nothing was signed. If you put the database back "
            "from a backup, run `manage.py verify_audit` and then `manage.py seal --accept-rollback`. If you did not, it was tampered with."
        )


def tree_size(using: str) -> int:
    """How many leaves the tiles hold."""
    # Nothing is null here unless somebody tampers, and then verification has to say so.
    last = Tile.objects.using(using).filter(level=0, index__isnull=False).order_by("-index").values_list("index", "data").first()
    return last[0] * TILE_WIDTH + len(last[1] or b"") // HASH_BYTES if last else 0


def read_tile(level: int, index: int, using: str) -> bytes:
    """A tile's bytes; empty when there is none."""
    data = Tile.objects.using(using).filter(level=level, index=index).values_list("data", flat=True).first()
    return bytes(data) if data is not None else b""


def sealer_alias() -> str:
    """The connection of the sealer's role where one is configured (DATABASE_SEALER_URL), else the portal's own."""
    try:
        connections["sealer"]
    except ConnectionDoesNotExist:
        return "default"
    return "sealer"


class Busy(Exception):
    """Another sealer is at work."""


@contextlib.contextmanager
def only_sealer() -> Iterator[str]:
    """One transaction with one snapshot, as the only sealer; raises Busy where that cannot be had."""
    using = sealer_alias()
    try:
        with transaction.atomic(using=using, durable=True):
            with connections[using].cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read")
                # The lock is taken by the statement that also fixes the snapshot. Had another sealer committed in between,
                # its batch would be invisible here, and the unique batch number or place would end this transaction.
                cursor.execute("select pg_try_advisory_xact_lock(%s)", [LOCK])
                if not cursor.fetchone()[0]:
                    raise Busy
            yield using
    except (OperationalError, IntegrityError) as error:
        if not _was_overtaken(error):
            raise
        raise Busy from error


def _was_overtaken(error: Exception) -> bool:
    """True when another sealer committed between this transaction's snapshot and its lock."""
    cause = error.__cause__
    if isinstance(cause, psycopg.errors.UniqueViolation):
        return (cause.diag.constraint_name or "").endswith("_pkey")
    return isinstance(cause, psycopg.errors.SerializationFailure)


def _signer(using: str, *, new_key: bool) -> tuple[SignerKey, LogKey]:
    """The signing key and its public row, made on first use. A log that was signed before never gets another key by itself."""
    known = list(LogKey.objects.using(using).order_by("id"))
    # A log keeps the name that it was first signed under.
    origin = known[0].origin if known else settings.LOG_ORIGIN
    if not is_key_name(origin):
        raise ImproperlyConfigured(f"LOG_ORIGIN is {origin!r}: write a name without spaces and plus signs, such as portal.example.com/log.")
    secret = load_secret()
    if secret is None:
        if known and not new_key:
            raise KeyMissing(
                f"This log was signed before, and its key {key_path()} is not there. "
                "Put it back from your backup of the secrets, or run `manage.py seal --new-key` to go on with a new one."
            )
        secret = make_secret()
    signer = SignerKey(origin, secret)
    if known and str(signer.verifier) != known[-1].vkey and any(str(signer.verifier) == key.vkey for key in known):
        signer = _handed_over(origin, known[-1])
    vkey = str(signer.verifier)
    if not known or vkey != known[-1].vkey:
        if known and not new_key:
            raise KeyMissing(
                f"{key_path()} is not the key that signed this log. Put the right one back, or run `manage.py seal --new-key`."
            )
        return signer, add_key(using, vkey, origin)
    return signer, known[-1]


def _handed_over(origin: str, current: LogKey) -> SignerKey:
    """The key that follows the one in the file: a rotation was cut off before its last step, which is done here."""
    secret = load_secret(next_path())
    if secret is None or str(SignerKey(origin, secret).verifier) != current.vkey:
        raise KeyMissing(
            f"{key_path()} was handed over to another key on {current.since:%Y-%m-%d}: {current.vkey}. Put that one in its place."
        )
    put_in_place()
    return SignerKey(origin, secret)


def add_key(using: str, vkey: str, origin: str, handover: str = "") -> LogKey:
    """Note a key as the one that signs from now on, in the caller's transaction."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "insert into audit_logkey (vkey, origin, since, handover) values (%s, %s, clock_timestamp(), %s) returning id",
            [vkey, origin, handover],
        )
        return LogKey(pk=cursor.fetchone()[0], vkey=vkey, origin=origin, handover=handover)
