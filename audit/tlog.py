"""The public formats of a transparency log, read and written: tiles, checkpoints, signed notes, proof files.

Formats: C2SP tlog-tiles, tlog-checkpoint, signed-note (Ed25519), tlog-proof. Nothing here knows where a log is kept.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.merkle import HASH_BYTES, Node, node_hash

TILE_WIDTH = 256
TILE_HEIGHT = 8
MAX_LEVEL = 63
MAX_ENTRY_BYTES = 65_535
PROOF_HEADER = "c2sp.org/tlog-proof@v1"
_ED25519 = 1
_SIGNATURE_START = "\N{EM DASH} "


class FormatError(ValueError):
    """Bytes or a path that are not in the public format. The message says what is wrong."""


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
    return _fold([tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)])


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

    A tile that fills up is yielded at once and those still growing at the end, so memory stays at one tile a level.
    `read(level, index)` gives what a partial tile holds so far.
    """
    growing: dict[int, tuple[int, bytearray]] = {}

    def push(level: int, hash_: bytes, position: int) -> Iterator[tuple[int, int, bytes]]:
        if level not in growing:
            index, width = divmod(position, TILE_WIDTH)
            held = read(level, index)[: width * HASH_BYTES] if width else b""
            if len(held) != width * HASH_BYTES:
                raise FormatError(f"Tile {TilePath(level, index)} is too short to grow.")
            growing[level] = (index, bytearray(held))
        index, tile = growing[level]
        tile += hash_
        if len(tile) == TILE_WIDTH * HASH_BYTES:
            del growing[level]
            yield level, index, bytes(tile)
            yield from push(level + 1, tile_root(bytes(tile)), index)

    for position, hash_ in enumerate(hashes, start=size):
        yield from push(0, hash_, position)
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
class VerifierKey:
    """The public half of a log's key: what a reader needs, as the text `name+id+key`."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read the text form; raises FormatError when the id does not belong to the key."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise FormatError("A verifier key reads name+id+key.")
        raw = unbase64(parts[2])
        if len(raw) != 33 or raw[0] != _ED25519:
            raise FormatError("Only Ed25519 keys are known here.")
        key = cls(name=parts[0], public=raw[1:])
        if key.id.hex() != parts[1]:
            raise FormatError("The id of the key does not belong to it.")
        return key

    @property
    def id(self) -> bytes:
        """The first four bytes of the hash over name, kind and key."""
        return sha256(self.name.encode() + b"\n" + bytes([_ED25519]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([_ED25519]) + self.public).decode()}"


@dataclass(frozen=True)
class SignerKey:
    """The secret half: 32 bytes that only the sealer reads."""

    name: str
    secret: bytes

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, Ed25519PrivateKey.from_private_bytes(self.secret).public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """A signed note over `text`, which must end with a newline."""
        if not text.endswith("\n") or not is_key_name(self.name):
            raise FormatError("A note ends with a newline, and a key's name has neither spaces nor a plus sign.")
        signature = Ed25519PrivateKey.from_private_bytes(self.secret).sign(text.encode())
        return f"{text}\n{_SIGNATURE_START}{self.name} {base64.b64encode(self.verifier.id + signature).decode()}\n"


def is_key_name(text: str) -> bool:
    """True for a name that a signature line can carry."""
    return bool(text) and "+" not in text and not any(letter.isspace() or ord(letter) < 32 for letter in text)


def open_note(note: str, keys: Sequence[VerifierKey]) -> str:
    """The text of a signed note, once at least one of `keys` has signed it and none of them wrongly."""
    if re.search(r"[\x00-\x09\x0b-\x1f]", note):
        raise FormatError("A note has no control characters.")
    text, gap, lines = note.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise FormatError("A note is a text, an empty line and signature lines.")
    text += "\n"
    good = 0
    for line in lines[:-1].split("\n"):
        name, _, coded = line.removeprefix(_SIGNATURE_START).partition(" ")
        if not line.startswith(_SIGNATURE_START) or not is_key_name(name):
            raise FormatError("A signature line does not read as one.")
        raw = unbase64(coded)
        for key in keys:
            if key.name == name and key.id == raw[:4]:
                try:
                    Ed25519PublicKey.from_public_bytes(key.public).verify(raw[4:], text.encode())
                except InvalidSignature as error:
                    raise FormatError(f"The signature of {name} does not fit the text.") from error
                good += 1
    if not good:
        raise FormatError("No known key has signed this.")
    return text


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
        if len(lines) < 4 or lines[-1] != "" or not all(lines[:-1]):
            raise FormatError("A checkpoint has an origin, a size and a root, a line each.")
        if not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1], re.ASCII):
            raise FormatError("The size of a checkpoint is a number without leading zeroes.")
        root = unbase64(lines[2])
        if len(root) != HASH_BYTES:
            raise FormatError("The root of a checkpoint has 32 bytes.")
        return cls(origin=lines[0], size=int(lines[1]), root=root)

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
        head, gap, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if not gap or lines.pop(0) != PROOF_HEADER:
            raise FormatError(f"A proof begins with the line {PROOF_HEADER} and ends with a checkpoint.")
        if lines and lines[0].startswith("extra "):
            lines.pop(0)
        found = re.fullmatch(r"index (0|[1-9][0-9]{0,18})", lines.pop(0) if lines else "", re.ASCII)
        if not found:
            raise FormatError("A proof names the index of its entry.")
        hashes = tuple(unbase64(line) for line in lines)
        if len(hashes) > 64 or any(len(hash_) != HASH_BYTES for hash_ in hashes):
            raise FormatError("A proof is at most 64 hashes of 32 bytes.")
        return cls(index=int(found[1]), hashes=hashes, checkpoint=checkpoint)

    def __str__(self) -> str:
        lines = [PROOF_HEADER, f"index {self.index}", *(base64.b64encode(hash_).decode() for hash_ in self.hashes)]
        return "\n".join(lines) + "\n\n" + self.checkpoint


def unbase64(text: str) -> bytes:
    """Standard Base 64 with padding, nothing else."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError(f"{text[:60]!r} is not Base 64.") from error


def _fold(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]
