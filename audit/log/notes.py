"""Signed notes and the keys that sign them: C2SP signed-note (Ed25519) and tlog-cosignature (cosignature/v1, Ed25519).

Nothing here knows where a log is kept. Whatever cannot be read raises FormatError.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MAX_NOTE_CHARACTERS = 65_536
MAX_SIGNATURES = 100
MAX_NAME_BYTES = 255
SIGNATURE, COSIGNATURE = 1, 4  # kinds of a key: plain Ed25519, and Ed25519 with a time in front (a witness)
_SIGNATURE_START = "\N{EM DASH} "


class FormatError(ValueError):
    """Bytes or a path that are not in the public format. The message says what is wrong."""


@dataclass(frozen=True)
class VerifierKey:
    """The public half of a log's or witness's key: what a reader needs, as the text `name+id+key`."""

    name: str
    public: bytes
    kind: int = SIGNATURE

    @classmethod
    def parse(cls, text: str, kind: int = SIGNATURE) -> VerifierKey:
        """Read the text form: of a log (SIGNATURE) or a witness (COSIGNATURE)."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3 or not is_key_name(parts[0]):
            raise FormatError("A verifier key reads name+id+key.")
        raw = unbase64(parts[2])
        if len(raw) != 33 or raw[0] != kind:
            what = "a log: kind 1" if kind == SIGNATURE else "a witness: kind 4"
            raise FormatError(f"This is not the Ed25519 key of {what}, then 32 bytes.")
        if is_weak_point(raw[1:]):
            raise FormatError("Signatures under this key can be forged: it is not a proper Ed25519 point.")
        key = cls(name=parts[0], public=raw[1:], kind=kind)
        if key.id.hex() != parts[1]:
            raise FormatError("The id of the key does not belong to it.")
        return key

    @property
    def id(self) -> bytes:
        """The first four bytes of the hash over name, kind and key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"

    def verify(self, text: str, signature: bytes) -> None:
        """Raise FormatError unless `signature` (of a witness: time and signature) is this key's over `text`."""
        message = text.encode()
        if self.kind == COSIGNATURE:
            message = cosigned_message(text, _time_of(signature))
            signature = signature[8:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise FormatError(f"The signature of {self.name} does not fit the text.") from error


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
        return f"{text}\n{self.line(text)}"

    def line(self, text: str) -> str:
        """The signature line alone."""
        if not text.endswith("\n") or not is_key_name(self.name):
            raise FormatError("A note ends with a newline, and a key's name has neither spaces nor a plus sign.")
        signature = Ed25519PrivateKey.from_private_bytes(self.secret).sign(text.encode())
        return f"{_SIGNATURE_START}{self.name} {base64.b64encode(self.verifier.id + signature).decode()}\n"


# The y of the points of small order on edwards25519, without the sign: under such a key anybody can sign.
_SMALL_ORDER = frozenset(
    bytes.fromhex(point)
    for point in (
        "00" * 32,
        "01" + "00" * 31,
        "ec" + "ff" * 30 + "7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
)


def is_weak_point(public: bytes) -> bool:
    """True for an encoding that is not canonical or a point of small order."""
    plain = public[:31] + bytes([public[31] & 0x7F])
    return int.from_bytes(plain, "little") >= 2**255 - 19 or plain in _SMALL_ORDER


def is_key_name(text: str) -> bool:
    """True for a name that a signature line can carry."""
    if not text or "+" in text or any(letter.isspace() or ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in text):
        return False
    return len(text.encode()) <= MAX_NAME_BYTES


def cosigned_message(text: str, seconds: int) -> bytes:
    """What a witness signs: the text of a checkpoint, and when it saw it."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _time_of(signature: bytes) -> int:
    if len(signature) != 72:
        raise FormatError("A cosignature is 8 bytes of time and 64 bytes of signature.")
    return int.from_bytes(signature[:8], "big")


def signature_line(line: str) -> tuple[str, bytes]:
    """Name, and key id with signature, of one signature line (without its newline)."""
    name, gap, coded = line.removeprefix(_SIGNATURE_START).partition(" ")
    if not line.startswith(_SIGNATURE_START) or not gap or not is_key_name(name):
        raise FormatError("A signature line does not read as one.")
    raw = unbase64(coded)
    if len(raw) < 5:
        raise FormatError("A signature line holds four bytes of key id and a signature.")
    return name, raw


def split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Text and signatures of a note, none of them checked."""
    if len(note) > MAX_NOTE_CHARACTERS:
        raise FormatError(f"A note has at most {MAX_NOTE_CHARACTERS} characters.")
    if re.search(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]", note):
        raise FormatError("A note is UTF-8 without control characters.")
    text, gap, lines = note.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise FormatError("A note is a text, an empty line and signature lines.")
    signatures = lines[:-1].split("\n")
    if len(signatures) > MAX_SIGNATURES:
        raise FormatError(f"A note has at most {MAX_SIGNATURES} signatures.")
    return text + "\n", [signature_line(line) for line in signatures]


def verified(note: str, keys: Sequence[VerifierKey]) -> dict[VerifierKey, bytes]:
    """Which of `keys` have signed a note, each with its signature; FormatError when one of theirs is wrong or doubled."""
    text, signatures = split_note(note)
    found: dict[VerifierKey, bytes] = {}
    for name, raw in signatures:
        for key in keys:
            if key.name == name and key.id == raw[:4]:
                if key in found:
                    raise FormatError(f"{name} has signed this twice.")
                key.verify(text, raw[4:])
                found[key] = raw[4:]
    return found


def open_note(note: str, keys: Sequence[VerifierKey]) -> str:
    """The text of a signed note, once at least one of `keys` has signed it and none of them wrongly."""
    if not verified(note, keys):
        raise FormatError("No known key has signed this.")
    return split_note(note)[0]


def cosigned(note: str, witnesses: Sequence[VerifierKey]) -> dict[VerifierKey, int]:
    """Which witnesses have cosigned a checkpoint, each with its time (seconds since 1970)."""
    return {key: _time_of(signature) for key, signature in verified(note, witnesses).items()}


def unbase64(text: str) -> bytes:
    """Standard Base 64 with padding, written in the one way there is, and nothing else."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError(f"{text[:60]!r} is not Base 64.") from error
    if base64.b64encode(raw).decode() != text:
        raise FormatError(f"{text[:60]!r} is not Base 64 as it is written.")
    return raw


def as_text(data: bytes) -> str:
    """Bytes that came from outside, as text."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise FormatError("This is not UTF-8.") from error
