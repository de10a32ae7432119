"""What is read of the log: its head, its tiles and bundles, proofs, and how far sealing is behind."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from audit.log.merkle import HASH_BYTES, Node, inclusion_proof
from audit.log.tlog import TILE_WIDTH, InclusionProof, TilePath, TreeHead, bundle, tile_node, tile_width
from audit.models.log import Checkpoint, Leaf, LogKey, Tile
from audit.outside.anchors import Anchor, Differing, anchored, compared, cosigned_note, differing, newest_cosigned, refusals


class NotInLog(LookupError):
    """The log does not hold this (yet)."""


@dataclass(frozen=True)
class SealState:
    """How far the log is: the newest checkpoint, how many entries wait, for how many seconds the oldest of them has, and
    what stands outside for it (`refused`: a witness says that the log does not continue what it saw; `differing`: a checkpoint
    that somebody kept does not fit; `compared`: one fits, and nobody knows where it was kept)."""

    checkpoint: Checkpoint | None
    waiting: int
    lag: float
    anchor: Anchor | None = None
    refused: bool = False
    differing: Differing | None = None
    compared: Anchor | None = None

    @property
    def late(self) -> bool:
        """True when entries have waited for more than a minute: the sealer does not run."""
        return self.lag > 60


def newest_checkpoint() -> Checkpoint | None:
    """The newest signed head; None before the first."""
    return Checkpoint.objects.select_related("key").order_by("-size").first()


def log_key() -> str:
    """The verifier key of the log as text; raises NotInLog before the first checkpoint."""
    key = LogKey.objects.order_by("-id").values_list("vkey", flat=True).first()
    if key is None:
        raise NotInLog("This log has no key yet: it gets one when it is sealed for the first time.")
    return key


def log_size() -> int:
    """How many entries are under the newest checkpoint."""
    return Checkpoint.objects.order_by("-size").values_list("size", flat=True).first() or 0


@dataclass(frozen=True)
class CheckpointLine:
    """A checkpoint on one line (log, entries, root), for a mail."""

    text: str
    size: int
    at: dt.datetime


def checkpoint_line() -> CheckpointLine | None:
    """The newest checkpoint on one line; None before the first."""
    newest = newest_checkpoint()
    if newest is None:
        return None
    return CheckpointLine(
        str(TreeHead(newest.key.origin, newest.size, bytes(newest.root))).strip().replace("\n", " "), newest.size, newest.at
    )


def tile(path: TilePath) -> bytes:
    """A hash tile or an entry bundle, of what is under the newest checkpoint; raises NotInLog."""
    if path.width > tile_width(path.level or 0, path.index, log_size()):
        raise NotInLog("The log is not that far yet.")
    if path.level is None:
        first = path.index * TILE_WIDTH
        rows = Leaf.objects.filter(seq__gte=first, seq__lt=first + path.width).order_by("seq").values_list("data", flat=True)
        return bundle(bytes(data) for data in rows)
    return _tile(path.level, path.index)[: path.width * HASH_BYTES]


def proof(seq: int) -> InclusionProof:
    """The proof that entry `seq` is in the log; raises NotInLog.

    Under the newest checkpoint that a witness has cosigned, if it holds the entry, else under the newest of all.
    """
    checkpoint = newest_cosigned()
    if checkpoint is None or seq >= checkpoint.size:
        checkpoint = newest_checkpoint()
    if checkpoint is None or not 0 <= seq < checkpoint.size:
        raise NotInLog("This entry is not under a checkpoint yet.")
    return InclusionProof(seq, tuple(inclusion_proof(seq, checkpoint.size, read_node())), cosigned_note(checkpoint))


def read_node() -> Node:
    """A reader of subtrees of the log, for audit.merkle."""
    return tile_node(_tile)


_SEEN = """
    select case when cluster = (select system_identifier::text from pg_control_system()) then snapshot end
      from audit_batch order by number desc limit 1
"""
# The snapshot goes in as a constant, so that the planner sees how few transactions are newer.
_WAITING = """
    select count(*), min(e.at) from audit_entry e
     where (%(seen)s::pg_snapshot is null
            or (e.xid >= pg_snapshot_xmin(%(seen)s::pg_snapshot) and not pg_visible_in_snapshot(e.xid, %(seen)s::pg_snapshot)))
       and not exists (select from audit_leaf l where l.entry_id = e.id)
"""


def waiting_for_seal() -> tuple[int, dt.datetime | None]:
    """How many committed entries are not sealed yet, and when the oldest of them was written."""
    with connection.cursor() as cursor:
        cursor.execute(_SEEN)
        seen = cursor.fetchone()
        cursor.execute(_WAITING, {"seen": seen[0] if seen else None})
        count, oldest = cursor.fetchone()
    return count, oldest


def seal_lag() -> float:
    """Seconds since the oldest entry that waits for sealing was written; 0 when none waits."""
    return _age(waiting_for_seal()[1])


def seal_state() -> SealState:
    """What the banner of the explorer says."""
    count, oldest = waiting_for_seal()
    return SealState(newest_checkpoint(), count, _age(oldest), anchored(), bool(refusals()), differing(), compared())


def _age(written: dt.datetime | None) -> float:
    return 0.0 if written is None else max(0.0, (timezone.now() - written).total_seconds())


def _tile(level: int, index: int) -> bytes:
    data = Tile.objects.filter(level=level, index=index).values_list("data", flat=True).first()
    if data is None:
        raise NotInLog("The log is not that far yet.")
    return bytes(data)
