"""The public formats of a transparency log, read and written: tiles, checkpoints, signed notes, proof files.

Formats: C2SP tlog-tiles, tlog-checkpoint, signed-note (Ed25519), tlog-cosignature (cosignature/v1, Ed25519), tlog-proof.
Nothing here knows where a log is kept. Whatever cannot be read raises FormatError.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from audit.log.merkle import HASH_BYTES, Node
from audit.log.notes import MAX_NOTE_CHARACTERS, FormatError, SignerKey, VerifierKey, cosigned, is_key_name, open_note, unbase64

__all__ = [
    "HASH_BYTES", "MAX_ENTRY_BYTES", "MAX_SIZE", "PROOF_HEADER", "TILE_HEIGHT", "TILE_WIDTH",
    "FormatError", "InclusionProof", "SignerKey", "TilePath", "TreeHead", "VerifierKey",
    "append_to_tiles", "bundle", "cosigned", "is_key_name", "open_checkpoint", "open_note", "size_of", "tile_node", "tile_root",
    "tile_width", "unbase64", "unbundle",
]  # fmt: skip

TILE_WIDTH = 256
TILE_HEIGHT = 8
MAX_LEVEL = 63
MAX_ENTRY_BYTES = 65_535
MAX_SIZE = 2**63 - 1
PROOF_HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class TilePath:
    """Which tile is asked for: level (None for an entry bundle), index, and width (256 when it is full)."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    @classmethod
    def parse(cls, text: str) -> TilePath:
        """Read `<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`, as it stands after `tile/`."""
        found = re.fullmatch(r"(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,5})([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", text, re.ASCII)
        if not found:
            raise FormatError(
                "Write a tile as <level>/<index> or entries/<index>, the index in groups of three digits such as x001/x234/067."
            )
        kind, groups, last, width = found.groups()
        if groups.startswith("x000/"):
            raise FormatError("An index has no leading group of zeroes.")
        if kind != "entries" and int(kind) > MAX_LEVEL:
            raise FormatError(f"A level is a number from 0 to {MAX_LEVEL}.")
        if width and int(width) >= TILE_WIDTH:
            raise FormatError("A partial tile is 1 to 255 wide.")
        index = int(groups.replace("x", "").replace("/", "") + last)
        return cls(level=None if kind == "entries" else int(kind), index=index, width=int(width or TILE_WIDTH))

    def __str__(self) -> str:
        digits = str(self.index)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        number = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"{'entries' if self.level is None else self.level}/{number}{partial}"


def tile_width(level: int, index: int, size: int) -> int:
    """How many hashes tile `index` of `level` holds in a tree of `size`: 0 (none) to 256 (full)."""
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH))


def tile_root(tile: bytes) -> bytes:
    """The hash over a full tile: one hash of the tile above it."""
    width = 2 * HASH_BYTES
    while len(tile) > HASH_BYTES:
        tile = b"".join([sha256(b"\x01" + tile[at : at + width]).digest() for at in range(0, len(tile), width)])
    return tile


def tile_node(read: Callable[[int, int], bytes]) -> Node:
    """A reader of subtrees for audit.merkle from `read(level, index)`, which gives a tile's bytes."""
    seen: dict[tuple[int, int], bytes] = {}

    def node(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        first = index << height
        key = (tile_level, first // TILE_WIDTH)
        if key not in seen:
            seen[key] = read(*key)
        start = first % TILE_WIDTH * HASH_BYTES
        data = seen[key][start : start + (HASH_BYTES << height)]
        if len(data) != HASH_BYTES << height:
            raise FormatError(f"Tile {TilePath(*key)} is too short.")
        return tile_root(data)

    return node


def append_to_tiles(size: int, hashes: Iterable[bytes], read: Callable[[int, int], bytes]) -> Iterator[tuple[int, int, bytes]]:
    """Grow the tiles of a tree of `size` by `hashes`: yields (level, index, bytes) of every tile that changed.

    `hashes` come one by one or several in a row, as bytes. A tile that fills up is yielded at once and those still growing
    at the end, so memory stays at one tile a level.
    `read(level, index)` gives what a partial tile holds so far.
    """
    growing: dict[int, tuple[int, bytearray]] = {}

    def push(level: int, more: bytes, position: int) -> Iterator[tuple[int, int, bytes]]:
        while more:
            index, width = divmod(position, TILE_WIDTH)
            if level not in growing:
                held = read(level, index)[: width * HASH_BYTES] if width else b""
                if len(held) != width * HASH_BYTES:
                    raise FormatError(f"Tile {TilePath(level, index)} is too short to grow.")
                growing[level] = (index, bytearray(held))
            fits = (TILE_WIDTH - width) * HASH_BYTES
            tile = growing[level][1]
            tile += more[:fits]
            position += len(more[:fits]) // HASH_BYTES
            more = more[fits:]
            if len(tile) == TILE_WIDTH * HASH_BYTES:
                del growing[level]
                yield level, index, bytes(tile)
                yield from push(level + 1, tile_root(bytes(tile)), index)

    position = size
    for some in hashes:
        yield from push(0, some, position)
        position += len(some) // HASH_BYTES
    for level, (index, tile) in growing.items():
        yield level, index, bytes(tile)


def bundle(entries: Iterable[bytes]) -> bytes:
    """An entry bundle: each entry with its length in front."""
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise FormatError(f"An entry has at most {MAX_ENTRY_BYTES} bytes; this one has {len(entry)}.")
        parts += (struct.pack(">H", len(entry)), entry)
    return b"".join(parts)


def unbundle(data: bytes) -> Iterator[bytes]:
    """The entries of a bundle."""
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise FormatError("The bundle ends inside a length.")
        (length,) = struct.unpack_from(">H", data, at)
        at += 2
        if at + length > len(data):
            raise FormatError("The bundle ends inside an entry.")
        yield data[at : at + length]
        at += length


@dataclass(frozen=True)
class TreeHead:
    """What a checkpoint says: which log, how many entries, which root."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> TreeHead:
        """Read the text of a checkpoint (without its signatures)."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] != "" or not all(lines[:-1]) or len(text) > MAX_NOTE_CHARACTERS:
            raise FormatError("A checkpoint has an origin, a size and a root, a line each.")
        size = size_of(lines[1])
        root = unbase64(lines[2])
        if len(root) != HASH_BYTES:
            raise FormatError("The root of a checkpoint has 32 bytes.")
        return cls(origin=lines[0], size=size, root=root)

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def open_checkpoint(note: str, keys: Sequence[VerifierKey], origin: str | None = None) -> TreeHead:
    """The tree head of a checkpoint signed by one of `keys`, of the log `origin` where given."""
    head = TreeHead.parse(open_note(note, keys))
    if origin is not None and head.origin != origin:
        raise FormatError(f"This checkpoint is of the log {head.origin}, not {origin}.")
    return head


@dataclass(frozen=True)
class InclusionProof:
    """A tlog-proof file: that an entry stands at `index` in the tree of `checkpoint`."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str

    @classmethod
    def parse(cls, text: str) -> InclusionProof:
        """Read a proof file. An `extra` line is skipped: nothing vouches for it."""
        if len(text) > 2 * MAX_NOTE_CHARACTERS:
            raise FormatError("This is too long for a proof.")
        head, gap, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if not gap or lines.pop(0) != PROOF_HEADER:
            raise FormatError(f"A proof begins with the line {PROOF_HEADER} and ends with a checkpoint.")
        if lines and lines[0].startswith("extra "):
            lines.pop(0)
        named, _, number = (lines.pop(0) if lines else "").partition(" ")
        if named != "index":
            raise FormatError("A proof names the index of its entry.")
        index = size_of(number)
        hashes = tuple(unbase64(line) for line in lines)
        if len(hashes) > 64 or any(len(hash_) != HASH_BYTES for hash_ in hashes):
            raise FormatError("A proof is at most 64 hashes of 32 bytes.")
        return cls(index=index, hashes=hashes, checkpoint=checkpoint)

    def __str__(self) -> str:
        lines = [PROOF_HEADER, f"index {self.index}", *(base64.b64encode(hash_).decode() for hash_ in self.hashes)]
        return "\n".join(lines) + "\n\n" + self.checkpoint


def size_of(text: str) -> int:
    """A number of entries or a place as it is written: decimal, without leading zeroes, below 2**63."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", text, re.ASCII) or int(text) > MAX_SIZE:
        raise FormatError("Sizes and places are numbers below 2**63 without leading zeroes.")
    return int(text)
