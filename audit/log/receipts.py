"""Receipts: the proof of one entry as a tlog-proof file that carries the entry along, for signatures and decisions."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from audit.log.merkle import Node, inclusion_proof
from audit.log.tlog import InclusionProof, tile_node
from audit.models import Checkpoint, Entry, Leaf
from audit.models.log import Tile
from audit.outside.anchors import cosigned_note
from audit.selectors import NotInLog, newest_checkpoint
from audit.services import record
from audit.verifier import verify

# What beside the proof still fits into the file, in characters of Base 64: readers of proofs take 128 Ki in all.
MOST_BESIDE = 90_000


def deserves_one(leaf: Mapping[str, Any]) -> bool:
    """Whether an entry is a signature or a decision."""
    if leaf["action"] == "created":
        return leaf["model"] in {verify.SIGNATURE, verify.TRANSITION}
    return leaf["action"] == "changed" and leaf["model"] == verify.REQUEST and "decided_at" in (leaf["fields"] or ())


def receipt_of(model: str, object_id: str, *, field: str = "") -> tuple[int, str]:
    """Place and receipt of the entry that created a record, or of the last one that changed `field` of it.

    Raises NotInLog while it is not sealed yet. Taking it is an entry.
    """
    found = Entry.objects.filter(model=model, object=object_id)
    found = found.filter(action="changed", fields__contains=[field]).order_by("-id") if field else found.filter(ver=1)
    leaf = Leaf.objects.filter(entry_id__in=found.values("pk")[:1]).first()
    checkpoint = newest_checkpoint()
    if leaf is None or checkpoint is None or leaf.seq >= checkpoint.size:
        raise NotInLog("This entry is not sealed yet.")
    text = receipt(leaf.seq, checkpoint, tile_node(_tile))
    record("audit.receipt-taken", model=model, object_id=object_id, detail={"entry": leaf.seq})
    return leaf.seq, text


def receipt(seq: int, checkpoint: Checkpoint, node: Node) -> str:
    """The file: a C2SP tlog-proof whose `extra` line holds the entry with its values, and the key of the log."""
    leaf = Leaf.objects.get(seq=seq)
    payload = Entry.objects.filter(pk=leaf.entry_id, payload__isnull=False).values_list("payload__salt", "payload__body").first()
    salt, body = (bytes(payload[0]).hex(), payload[1]) if payload else (None, None)
    text = bytes(leaf.data).decode()
    extra = _extra(verify.entry_line(seq, text, salt, body), checkpoint)
    if len(extra) > MOST_BESIDE:
        extra = _extra(verify.entry_line(seq, text, None, None), checkpoint)
    proof = InclusionProof(seq, tuple(inclusion_proof(seq, checkpoint.size, node)), cosigned_note(checkpoint))
    header, rest = str(proof).split("\n", 1)
    return f"{header}\nextra {extra}\n{rest}"


def _extra(line: str, checkpoint: Checkpoint) -> str:
    return base64.b64encode(verify.canonical({"key": checkpoint.key.vkey, "line": line}).encode()).decode()


def reader() -> Callable[[int, int], bytes]:
    """Reads hash tiles of the log by level and index."""
    return _tile


def _tile(level: int, index: int) -> bytes:
    return bytes(Tile.objects.values_list("data", flat=True).get(level=level, index=index))
