"""Verification: everything recomputed from the database, and each difference named by record, field and place.

It reads in one snapshot, in batches, and keeps no more than a tile a level in memory. On the machine of the sealer it also
compares the log with what was signed last there (audit/head.py). What it cannot see elsewhere: whether the whole log was
rebuilt with the real key. For that, give it a checkpoint or proof that was kept apart (`receipt`).
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connections, transaction

from audit import canonical
from audit.head import head_path, kept_head, why_not
from audit.leaves import COLUMNS, EntryRow
from audit.merkle import HASH_BYTES, Frontier, Node, ProofError, leaf_hash, root, verify_inclusion
from audit.models.log import LogKey, Tile
from audit.records_check import check_labels, check_records
from audit.sealing import read_tile, tree_size
from audit.tlog import (
    PROOF_HEADER,
    TILE_WIDTH,
    FormatError,
    InclusionProof,
    TreeHead,
    VerifierKey,
    append_to_tiles,
    open_checkpoint,
    tile_node,
)

CHUNK = 1_000
SALT_BYTES = 16
MOST_FINDINGS = 200
SETTLING = 6  # looks at whether a pass of the sealer has ended, 0.2 s apart

_LEAVES = f"""
    select l.seq, l.entry_id, l.data, l.hash, {COLUMNS}
      from audit_leaf l left join audit_entry e on e.id = l.entry_id left join audit_payload p on p.entry_id = e.id
     order by l.seq
"""
_CHECKPOINTS = "select size, root, note from audit_checkpoint order by size"
_ALL_SIGNED = """
    select coalesce((select max(seq) + 1 from audit_leaf), 0) <= coalesce((select max(size) from audit_checkpoint), 0)
"""
_UNSEALED = """
    with last as (
        select case when cluster = (select system_identifier::text from pg_control_system()) then snapshot::pg_snapshot end as seen
          from audit_batch order by number desc limit 1
    )
    select e.id, e.model, e.object, e.action, coalesce(pg_visible_in_snapshot(e.xid, (select seen from last)), false)
      from audit_entry e where not exists (select from audit_leaf l where l.entry_id = e.id) order by e.id
"""
_WORDS = {
    "id": "number", "tx": "transaction", "at": "time", "role": "database role", "actor": "actor", "on": "on behalf of", "via": "channel",
    "req": "request", "reason": "reason code", "action": "action", "model": "model", "obj": "object", "ver": "version number",
    "prev": "change before", "fields": "changed fields", "k": "data class", "c": "payload", "v": "format",
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was sealed: the record, the field where known, the place, and what is wrong in words."""

    where: str
    words: str
    model: str = ""
    object: str = ""
    field: str = ""
    entry: int | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.words}"


class TooMany(Exception):
    """So much is wrong that going on would add nothing."""


@dataclass
class Report:
    """What was checked, and what was found. `good` only when nothing was."""

    entries: int = 0
    records: int = 0
    checkpoints: int = 0
    waiting: int = 0
    findings: list[Finding] = field(default_factory=list)
    complete: bool = True
    bad_payloads: set[int] = field(default_factory=set)

    @property
    def good(self) -> bool:
        return not self.findings

    def add(self, finding: Finding) -> None:
        """Note a finding; raises TooMany at the most that a person can use."""
        self.findings.append(finding)
        if len(self.findings) >= MOST_FINDINGS:
            self.complete = False
            raise TooMany


def verify(*, using: str = "default", trusted: VerifierKey | None = None, receipt: str = "") -> Report:
    """Check log, entries, payloads, versions and live rows against each other.

    `trusted` is the log's key as someone keeps it elsewhere; without it the keys stored beside the log are believed.
    `receipt` is the text of a kept checkpoint or tlog-proof file of this log, which must fit as well.
    """
    report = Report()
    with contextlib.suppress(TooMany):
        # Before the snapshot: the sealer may sign more meanwhile.
        kept = _kept(report)
        with _snapshot(using):
            keys = _keys(using, report, trusted)
            _Log(using, report, keys).check()
            if kept is not None and (why := why_not(kept, tree_size(using), _node(using))):
                report.add(Finding(str(head_path()), why))
            _check_unsealed(using, report)
            report.records = check_records(using, lambda **about: report.add(Finding(**about)), report.bad_payloads)
            check_labels(using, lambda **about: report.add(Finding(**about)))
            if receipt:
                _check_receipt(using, report, keys, receipt)
    return report


@contextlib.contextmanager
def _snapshot(using: str) -> Iterator[None]:
    """One snapshot for everything, taken between two passes of the sealer rather than within one."""
    for left in reversed(range(SETTLING)):
        with transaction.atomic(using=using, durable=True):
            with connections[using].cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read, read only")
                cursor.execute("set local timezone to 'UTC'; set local datestyle to 'ISO, YMD'; set local extra_float_digits to 1")
                cursor.execute("set local bytea_output to 'hex'; set local intervalstyle to 'iso_8601'")
                cursor.execute(_ALL_SIGNED)
                (all_signed,) = cursor.fetchone()
            if all_signed or not left:
                yield
                return
        time.sleep(0.2)


def _kept(report: Report) -> TreeHead | None:
    """What was signed last on this machine, where this process may read it."""
    try:
        return kept_head()
    except OSError:
        return None
    except FormatError as error:
        report.add(Finding(str(head_path()), f"it was damaged. {error}"))
        return None


class _Log:
    """One pass over leaves, tiles and checkpoints side by side."""

    def __init__(self, using: str, report: Report, keys: Sequence[VerifierKey]) -> None:
        self.using, self.report, self.keys = using, report, keys
        self.frontier = Frontier()
        self.size = tree_size(using)
        self.origin: str | None = None
        self.last_good = self.newest = 0
        self.broken = False

    def check(self) -> None:
        with connections[self.using].chunked_cursor() as leaves, connections[self.using].chunked_cursor() as heads:
            leaves.execute(_LEAVES)
            heads.execute(_CHECKPOINTS)
            self.heads = _rows(heads)
            self.head = next(self.heads, None)
            self._pass_heads()
            hashes = self._hashes(_rows(leaves))
            for level, index, data in append_to_tiles(0, itertools.islice(hashes, self.size), lambda _level, _index: b""):
                self._check_tile(level, index, data)
            for _ in hashes:
                pass
            self._check_ends()

    def _hashes(self, rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
        for seq, entry_id, sealed, hash_, *entry in rows:
            while self.frontier.size < seq:
                self._find(self.frontier.size, f"place {self.frontier.size} of the log is empty: an entry was cut out")
                self.frontier.append(bytes(HASH_BYTES))
                yield bytes(HASH_BYTES)
                self._pass_heads()
            data = bytes(sealed)
            self._check_leaf(seq, entry_id, data, bytes(hash_), EntryRow._make(entry) if entry[0] is not None else None)
            self.frontier.append(leaf_hash(data))
            self.report.entries += 1
            yield leaf_hash(data)
            self._pass_heads()

    def _check_leaf(self, seq: int, entry_id: int, data: bytes, hash_: bytes, row: EntryRow | None) -> None:
        try:
            sealed = canonical.read(data)
        except canonical.NotCanonical as error:
            self._find(seq, f"the sealed bytes were edited. {error}", entry=entry_id)
            return
        if leaf_hash(data) != hash_:
            self._find(seq, "the sealed bytes or their hash were edited", entry=entry_id, sealed=sealed)
        if row is None:
            self._find(seq, f"entry {entry_id} ({sealed['action']}) was deleted", entry=entry_id, sealed=sealed)
            return
        if not row.has_payload:
            self._find(seq, f"the payload of entry {entry_id} is missing", entry=entry_id, sealed=sealed, name="payload")
        elif row.salt is not None and len(row.salt) != SALT_BYTES:
            self._find(
                seq, f"the salt of entry {entry_id} was edited: it has {len(row.salt)} bytes", entry=entry_id, sealed=sealed, name="payload"
            )
        rendered = row.leaf().render()
        if rendered == data:
            return
        now = canonical.read(rendered)
        for key in canonical.KEYS:
            if now[key] == sealed[key] or (key == "c" and not row.has_payload):
                continue
            if key == "c":
                self.report.bad_payloads.add(entry_id)
                self._find(
                    seq,
                    f"the payload of entry {entry_id} was edited: it does not fit its commitment",
                    entry=entry_id,
                    sealed=sealed,
                    name="payload",
                )
            else:
                words = f"the {_WORDS[key]} of entry {entry_id} was edited: sealed as {sealed[key]!r}, now {now[key]!r}"
                self._find(seq, words, entry=entry_id, sealed=sealed, name=_WORDS[key])

    def _check_tile(self, level: int, index: int, data: bytes) -> None:
        stored = read_tile(level, index, self.using)
        if stored == data:
            return
        for at in range(0, max(len(data), len(stored)), HASH_BYTES):
            if data[at : at + HASH_BYTES] != stored[at : at + HASH_BYTES]:
                first = index * TILE_WIDTH + at // HASH_BYTES
                place = (
                    f"entry {first} of the log"
                    if level == 0
                    else f"entries {first << 8 * level} to {((first + 1) << 8 * level) - 1} of the log"
                )
                self.report.add(Finding(f"tile {level}/{index}", f"does not fit the sealed bytes at {place}"))
                return

    def _pass_heads(self) -> None:
        """Check every checkpoint of the size reached. Fitting one root each makes them consistent with one another."""
        while self.head is not None and self.head[0] <= self.frontier.size:
            size, stored_root, note = self.head
            self.head = next(self.heads, None)
            self.newest = size
            self.report.checkpoints += 1
            try:
                head = open_checkpoint(note, self.keys, self.origin)
            except FormatError as error:
                self.report.add(Finding(f"checkpoint of {size} entries", f"it is forged or damaged. {error}"))
                continue
            self.origin = head.origin
            if (head.size, head.root) != (size, bytes(stored_root)):
                self.report.add(Finding(f"checkpoint of {size} entries", "its row says another size or root than its signed text"))
            elif self.frontier.size == size and head.root != self.frontier.root() and not self.broken:
                self.broken = True
                words = f"what was signed is not what is stored: something between entries {self.last_good} and {size - 1} of the log was changed"
                self.report.add(Finding(f"checkpoint of {size} entries", words))
            elif not self.broken:
                self.last_good = size

    def _check_ends(self) -> None:
        leaves = self.frontier.size
        if self.head is None and self.newest < max(leaves, self.size):
            words = f"{max(leaves, self.size)} entries have a place, and {self.newest} were signed: checkpoints were deleted"
            self.report.add(Finding("checkpoints", f"{words}, or the sealer was cut off (then `manage.py seal` mends it)"))
        elif self.head is None and not self.report.checkpoints and LogKey.objects.using(self.using).exists():
            self.report.add(Finding("checkpoints", "this log has a key and no checkpoint: they were deleted"))
        while self.head is not None:
            self.report.add(Finding(f"checkpoint of {self.head[0]} entries", f"the log was cut off: only {leaves} entries are left"))
            self.head = next(self.heads, None)
        if self.size > leaves:
            self.report.add(Finding("tiles", f"the log was cut off: the tiles hold {self.size} entries, and {leaves} are left"))
        if self.size < self.newest:
            self.report.add(Finding("tiles", f"they were cut off: they hold {self.size} entries, and {self.newest} were signed"))
        level = 0
        while self.size >> (8 * level) or level == 0:
            expected = -(-(self.size >> (8 * level)) // TILE_WIDTH)
            stored = Tile.objects.using(self.using).filter(level=level).count()
            if stored != expected:
                self.report.add(Finding(f"tiles of level {level}", f"there should be {expected}, and there are {stored}"))
            level += 1
        if Tile.objects.using(self.using).filter(level__gte=level).exists():
            self.report.add(Finding("tiles", f"there are tiles above level {level - 1}, which a log of {self.size} entries does not have"))

    def _find(self, seq: int, words: str, *, entry: int | None = None, sealed: dict[str, Any] | None = None, name: str = "") -> None:
        model, obj = (str(sealed["model"]), str(sealed["obj"])) if sealed else ("", "")
        record = f"{model} {obj}, ".lstrip() if model else ""
        self.report.add(Finding(f"{record}entry {seq} of the log", words, model, obj, name, entry))


def _keys(using: str, report: Report, trusted: VerifierKey | None) -> list[VerifierKey]:
    stored = list(LogKey.objects.using(using).order_by("id").values_list("vkey", flat=True))
    if trusted is None:
        return [VerifierKey.parse(vkey) for vkey in stored]
    for vkey in stored:
        if vkey != str(trusted):
            report.add(Finding("key of the log", f"{vkey} is stored here, and it is not the key you trust"))
    return [trusted]


def _check_unsealed(using: str, report: Report) -> None:
    with connections[using].chunked_cursor() as cursor:
        cursor.execute(_UNSEALED)
        for entry, model, obj, action, late in _rows(cursor):
            if late:
                words = "it was inserted behind the sealer's back: its transaction was sealed without it"
                report.add(Finding(f"{model} {obj}, entry {entry} ({action}) without a place".lstrip(" ,"), words, model, obj, "", entry))
            else:
                report.waiting += 1


def _check_receipt(using: str, report: Report, keys: Sequence[VerifierKey], text: str) -> None:
    """A kept checkpoint or proof must be of this log and fit the tree as it is now."""
    node = _node(using)
    try:
        proof = InclusionProof.parse(text) if text.startswith(PROOF_HEADER) else None
        head = open_checkpoint(proof.checkpoint if proof else text, keys)
        if head.size > tree_size(using):
            raise ProofError(
                f"It is of {head.size} entries, and the log has only {tree_size(using)}: the log was cut off or put back to an old state."
            )
        if root(head.size, node) != head.root:
            raise ProofError(f"The first {head.size} entries of this log are not those that were signed: the log was rebuilt.")
        if proof:
            leaf = node(0, proof.index) if proof.index < head.size else b""
            verify_inclusion(leaf=leaf, index=proof.index, size=head.size, proof=proof.hashes, root=head.root)
    except (FormatError, ProofError) as error:
        report.add(Finding("your file", str(error)))


def _node(using: str) -> Node:
    return tile_node(lambda level, index: read_tile(level, index, using))


def _rows(cursor: Any) -> Iterator[Sequence[Any]]:
    while rows := cursor.fetchmany(CHUNK):
        yield from rows
