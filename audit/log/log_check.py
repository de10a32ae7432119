"""The log by itself: every leaf canonical and hashed anew, every tile and the root of every checkpoint from these hashes.

One pass over leaves, tiles and checkpoints side by side, in the memory of a few tiles however long the log is. What costs
most is done a tile at a time; a tile in which a checkpoint ends is done leaf by leaf.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from django.db import connections

from audit.log import canonical
from audit.log.findings import Finding, Report
from audit.log.merkle import HASH_BYTES, Frontier
from audit.log.sealing import tree_size
from audit.log.tlog import TILE_HEIGHT, TILE_WIDTH, FormatError, VerifierKey, open_checkpoint, tile_root
from audit.models.log import LogKey, Tile

CHUNK = 1_024
TILES = 32  # read at a time: a tile has 8 KiB

# Nothing is left to the constraints: whoever tampers may have dropped them.
_LEAVES = "select coalesce(seq, -1), coalesce(entry_id, 0), coalesce(data, ''), coalesce(hash, '') from audit_leaf order by seq"
_TILES = "select level, coalesce(index, -1), coalesce(data, '') from audit_tile where level = 0 order by 2"
_TILE = "select data from audit_tile where level = %s and index = %s"
_CHECKPOINTS = """
    select coalesce(c.size, -1), coalesce(c.root, ''), coalesce(c.note, ''), k.vkey
      from audit_checkpoint c left join audit_logkey k on k.id = c.key_id order by c.size
"""


class LogCheck:
    """`check()` adds what is wrong to the report."""

    def __init__(self, using: str, report: Report, keys: Sequence[VerifierKey]) -> None:
        self.using, self.report = using, report
        self.keys = {str(key): key for key in keys}
        self.frontier = Frontier()
        self.size = tree_size(using)
        self.above: dict[int, tuple[int, bytearray]] = {}
        self.origin: str | None = None
        self.last_good = self.newest = 0
        self.broken = False

    def check(self) -> None:
        connection = connections[self.using]
        with connection.chunked_cursor() as leaves, connection.chunked_cursor() as heads, connection.chunked_cursor() as tiles:
            # The server cursor's own execute: bytes come as they are instead of in hexadecimal.
            leaves.cursor.execute(_LEAVES, None, binary=True)
            tiles.cursor.execute(_TILES, None, binary=True)
            heads.execute(_CHECKPOINTS)
            self.heads, self.tiles = _rows(heads, CHUNK), _rows(tiles, TILES)
            self.head, self.tile = next(self.heads, None), next(self.tiles, None)
            self._pass_heads()
            for index, hashes in enumerate(self._tiles(leaves)):
                data = b"".join(hashes)
                top = tile_root(data) if len(hashes) == TILE_WIDTH else b""
                self._grow(hashes, top)
                self._compare(index, data, top)
            for level, (index, growing) in self.above.items():
                self._check_tile(level, index, bytes(growing), self._stored(level, index))
            self._check_ends()

    def _tiles(self, leaves: Any) -> Iterator[list[bytes]]:
        """The hashes of 256 leaves at a time; an empty place has a hash of zeroes."""
        hashes: list[bytes] = []
        place, plain, look = 0, canonical.plain, self._look
        while rows := leaves.fetchmany(CHUNK):
            for seq, entry_id, data, stored in rows:
                if seq < place:
                    self._find(seq, f"a leaf of entry {entry_id} stands before the beginning or twice", entry=entry_id)
                    continue
                while place < seq:
                    self._find(place, f"place {place} of the log is empty: an entry was cut out")
                    hashes.append(bytes(HASH_BYTES))
                    place += 1
                    if len(hashes) == TILE_WIDTH:
                        yield hashes
                        hashes = []
                hash_ = sha256(b"\x00" + data).digest()
                if hash_ != stored or not plain(data):
                    look(seq, entry_id, data, hash_ == stored)
                hashes.append(hash_)
                place += 1
                if len(hashes) == TILE_WIDTH:
                    yield hashes
                    hashes = []
            self.report.entries += len(rows)
        if hashes:
            yield hashes

    def _look(self, seq: int, entry_id: int, data: bytes, fits: bool) -> None:  # noqa: FBT001 - one caller
        try:
            sealed = canonical.read(data)
        except canonical.NotCanonical as error:
            self._find(seq, f"the sealed bytes were edited. {error}", entry=entry_id)
            return
        if not fits:
            self._find(seq, "the sealed bytes or their hash were edited", entry=entry_id, sealed=sealed)

    def _grow(self, hashes: list[bytes], top: bytes) -> None:
        """Let the tree grow by a tile, and check the checkpoints that end in it."""
        if top and (self.head is None or self.head[0] > self.frontier.size + TILE_WIDTH):
            self.frontier.append(top, TILE_HEIGHT)
            return
        for hash_ in hashes:
            self.frontier.append(hash_)
            if self.head is not None and self.head[0] <= self.frontier.size:
                self._pass_heads()

    def _compare(self, index: int, data: bytes, top: bytes) -> None:
        """Compare a tile with what is stored. Leaves that are not in the tiles yet are the sealer's next step."""
        width = min(TILE_WIDTH, self.size - index * TILE_WIDTH)
        if width <= 0:
            return
        while self.tile is not None and self.tile[1] < index:
            self.tile = next(self.tiles, None)
        stored = self.tile[2] if self.tile is not None and self.tile[1] == index else b""
        self._check_tile(0, index, data[: width * HASH_BYTES], stored)
        level = 1
        while top and width == TILE_WIDTH:
            above = self.above.setdefault(level, (index // TILE_WIDTH, bytearray()))[1]
            above += top
            if len(above) < TILE_WIDTH * HASH_BYTES:
                return
            index //= TILE_WIDTH
            del self.above[level]
            self._check_tile(level, index, bytes(above), self._stored(level, index))
            top, level = tile_root(bytes(above)), level + 1

    def _stored(self, level: int, index: int) -> bytes:
        with connections[self.using].cursor() as cursor:
            cursor.execute(_TILE, [level, index])
            row = cursor.fetchone()
        return bytes(row[0] or b"") if row else b""

    def _check_tile(self, level: int, index: int, data: bytes, stored: bytes) -> None:
        if stored == data:
            return
        for at in range(0, max(len(data), len(stored)), HASH_BYTES):
            if data[at : at + HASH_BYTES] != stored[at : at + HASH_BYTES]:
                first = index * TILE_WIDTH + at // HASH_BYTES
                place = f"entry {first} of the log"
                if level:
                    place = f"entries {first << TILE_HEIGHT * level} to {((first + 1) << TILE_HEIGHT * level) - 1} of the log"
                self.report.add(Finding(f"tile {level}/{index}", f"does not fit the sealed bytes at {place}"))
                return

    def _pass_heads(self) -> None:
        """Check every checkpoint of the size reached. Fitting one root each makes them consistent with one another."""
        while self.head is not None and self.head[0] <= self.frontier.size:
            size, stored_root, note, vkey = self.head
            self.head = next(self.heads, None)
            self.newest = size
            self.report.checkpoints += 1
            try:
                head = open_checkpoint(note, [self.keys[vkey]] if vkey in self.keys else [], self.origin)
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
        while level == 0 or self.size >> (TILE_HEIGHT * level):
            expected = -(-(self.size >> (TILE_HEIGHT * level)) // TILE_WIDTH)
            stored = Tile.objects.using(self.using).filter(level=level).count()
            if stored != expected:
                self.report.add(Finding(f"tiles of level {level}", f"there should be {expected}, and there are {stored}"))
            level += 1
        if Tile.objects.using(self.using).exclude(level__isnull=False, level__in=range(level)).exists():
            self.report.add(Finding("tiles", f"there are tiles above level {level - 1}, which a log of {self.size} entries does not have"))

    def _find(self, seq: int, words: str, *, entry: int | None = None, sealed: dict[str, Any] | None = None) -> None:
        self.report.add(at_place(seq, words, entry=entry, sealed=sealed))


def at_place(seq: int, words: str, *, entry: int | None = None, sealed: dict[str, Any] | None = None, name: str = "") -> Finding:
    """A finding about the leaf at a place of the log, and the record that it speaks of where it can be read."""
    model, obj = (str(sealed["model"]), str(sealed["obj"])) if sealed else ("", "")
    record = f"{model} {obj}, " if model else ""
    return Finding(f"{record}entry {seq} of the log", words, model, obj, name, entry)


def _rows(cursor: Any, most: int) -> Iterator[Any]:
    while rows := cursor.fetchmany(most):
        yield from rows
