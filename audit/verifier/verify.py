#!/usr/bin/env python3
"""Checks an export pack, or a single receipt, of a Lastmile audit trail. It says GREEN or RED, and names row and field.

    python3 verify.py pack.zip [--key VKEY] [--checkpoint FILE]
    python3 verify.py receipt.tlog-proof [--key VKEY] [--entry FILE]

Python 3.8 or later and nothing else: no installation, no network. Exit code 0: everything fits. 1: something was altered.
2: this could not be checked at all (not a pack, cut off, wrong arguments).

What is believed: SHA-256, Ed25519, and the key of the log. A pack brings a key along; whoever forges a whole log brings
their own, so compare it with the one that you were given elsewhere, or give that one as --key.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import hmac
import html
import io
import itertools
import json
import os
import re
import sys
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Tuple

FORMAT = "lastmile-pack/1"
KEYS = ("action", "actor", "at", "c", "fields", "id", "k", "model", "obj", "on", "prev", "reason", "req", "role", "tx", "v", "ver", "via")
CONTENTS = "audit.export-contents"
ERASURES = ("audit.payload-erased", "audit.payload-expired")
# What the keys of an entry mean, for people.
PLAIN = {"action": "what was done", "actor": "who did it", "at": "time of the entry", "c": "commitment to the values",
         "fields": "which fields changed", "id": "number of the entry", "k": "class of data", "model": "kind of record",
         "obj": "which record", "on": "for whom", "prev": "entry before it of this record", "reason": "code of the reason",
         "req": "number of the web request", "role": "role in the database", "tx": "transaction of the database",
         "v": "version of the format", "ver": "version of the record", "via": "channel"}  # fmt: skip
SMALL, LINE = 32 << 20, 64 << 20  # bytes of a file that is read whole, and of one line
MOST_FILES, MOST_RATIO, NO_BOMB = 500_000, 150, 256 << 20
MOST_FINDINGS = 100
MOST_TOLD = 50
TILE = 256
PAGE_ROWS = 500
MOST_SIGNED = 5_000
LONGEST_SHOWN = 400
MOST_BESIDE = 90_000  # characters of Base 64 beside the proof in a receipt; longer values are left out of it
FILES = re.compile(
    r"README\.txt|verify\.py|manifest\.json|policy\.json|index\.html|entries\.ndjson|entries\.csv|values\.csv|fields\.txt|names\.ndjson"
    r"|contents\.ndjson|erasures\.ndjson|checkpoint\.txt|keys\.txt|witnesses\.txt|pages/[0-9]{4,9}\.html|checkpoints/[0-9]{1,19}\.txt"
    r"|handovers/[0-9]{1,9}\.txt|stamps/[0-9]{1,19}-[0-9]{1,9}\.tsr|receipts/[0-9]{1,19}\.tlog-proof"
    r"|tile/[0-9]{1,2}/(?:x[0-9]{3}/){0,5}[0-9]{3}(?:\.p/[0-9]{1,3})?"
)
NEEDED = ("README.txt", "verify.py", "manifest.json", "policy.json", "index.html", "entries.ndjson", "entries.csv", "values.csv",
          "fields.txt", "names.ndjson", "contents.ndjson", "erasures.ndjson", "checkpoint.txt", "keys.txt")  # fmt: skip

README = """\
This is a pack of entries from the audit trail of a Lastmile portal. It can be checked without that portal.

    python3 verify.py pack.zip          (with the name of this zip file; Python 3.8 or later, nothing else)

It says GREEN, or RED with the row and the field that were altered. Begin to read with index.html: who signed what, when,
and on what. What each file is, and what a check can and cannot show, is in the guide for auditors (docs/guide/auditor.md
of the portal's source). Take verify.py and the log's key from there or from somebody you trust rather than from here.

    index.html, pages/   to read          entries.csv, values.csv   for a spreadsheet     entries.ndjson   every byte
    checkpoint.txt       the signed head  tile/                     hashes of the log     contents.ndjson  what is in here
"""


class Wrong(Exception):
    """Something does not fit. The message says what, in a sentence."""


class Unreadable(Exception):
    """This cannot be checked at all."""


class TooMany(Exception):
    """So much is wrong that going on would add nothing."""


# ---------------------------------------------------------------------------------------------------------------------
# Ed25519 (RFC 8032), verification only.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
Point = Tuple[int, int, int, int]


def _add(a: Point, b: Point) -> Point:
    x = (a[1] - a[0]) * (b[1] - b[0]) % P
    y = (a[1] + a[0]) * (b[1] + b[0]) % P
    t = 2 * a[3] * b[3] * D % P
    z = 2 * a[2] * b[2] % P
    e, f, g, h = y - x, z - t, z + t, y + x
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _times(scalar: int, point: Point) -> Point:
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _point(data: bytes) -> Point | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


_BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = _point(_BASE_Y.to_bytes(32, "little"))


def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is that of `message` under the public key."""
    if len(public) != 32 or len(signature) != 64 or BASE is None:
        return False
    a, r = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = _times(s, BASE), _add(r, _times(h, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# ---------------------------------------------------------------------------------------------------------------------
# The log's formats: RFC 6962 hashing, C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles, tlog-proof.


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise Wrong(f"{text[:60]!r} is not Base 64.") from None


class Key(NamedTuple):
    """A public key: of the log (kind 1, Ed25519) or of a witness (kind 4)."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"


def read_key(text: str) -> Key:
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or not parts[0]:
        raise Wrong("A key reads name+id+key.")
    raw = unbase64(parts[2])
    if len(raw) != 33 or raw[0] not in (1, 4):
        raise Wrong("Only Ed25519 keys are known here.")
    key = Key(parts[0], raw[0], raw[1:])
    point = _point(key.public)
    if point is None or _times(8, point)[0] == 0:
        raise Wrong("Signatures under this key can be forged: it is no proper Ed25519 point.")
    if key.id.hex() != parts[1]:
        raise Wrong(f"The id of the key {parts[0][:80]} does not belong to it.")
    return key


class Head(NamedTuple):
    """What a checkpoint says, who has signed it, which witnesses cosigned it when (seconds since 1970), and what does not fit."""

    origin: str
    size: int
    root: bytes
    signers: list[Key]
    witnesses: list[tuple[Key, int]]
    bad: list[str]


def read_head(note: str, keys: Sequence[Key], message: str = "") -> Head:
    """A checkpoint and what `keys` have to do with it; whether it is signed at all is the caller's question.

    `message` is what was signed, where that is more than the checkpoint.
    """
    if re.search(r"[\x00-\x09\x0b-\x1f]", note):
        raise Wrong("A checkpoint has no control characters.")
    text, gap, lines = note.rpartition("\n\n")
    text += "\n"
    said = text.split("\n")
    if not gap or not lines.endswith("\n") or len(said) < 4 or not all(said[:-1]):
        raise Wrong("A checkpoint has an origin, a size and a root, a line each, an empty line, and signatures.")
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", said[1], re.ASCII):
        raise Wrong("The size of a checkpoint is a number without leading zeroes.")
    root = unbase64(said[2])
    if len(root) != 32:
        raise Wrong("The root of a checkpoint has 32 bytes.")
    head = Head(said[0], int(said[1]), root, [], [], [])
    signed = (message or text).encode()
    for line in lines[:-1].split("\n"):
        found = re.fullmatch("\u2014 ([^ +]+) ([A-Za-z0-9+/=]+)", line)
        if not found:
            raise Wrong("A signature line of the checkpoint does not read as one.")
        raw = unbase64(found.group(2))
        for key in keys:
            if key.name != found.group(1) or key.id != raw[:4]:
                continue
            if key.kind == 1 and ed25519(key.public, signed, raw[4:]):
                head.signers.append(key)
            elif (
                key.kind == 4
                and len(raw) == 76
                and ed25519(key.public, b"cosignature/v1\ntime %d\n" % int.from_bytes(raw[4:12], "big") + signed, raw[12:])
            ):
                head.witnesses.append((key, int.from_bytes(raw[4:12], "big")))
            else:
                head.bad.append(f"the signature of {key.name} does not fit the text: it was altered")
    return head


def tile_path(level: int, index: int, width: int) -> str:
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    number = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return "tile/%d/%s%s" % (level, number, "" if width == TILE else ".p/%d" % width)


def tile_width(level: int, index: int, size: int) -> int:
    return max(0, min(TILE, (size >> (8 * level)) - index * TILE))


def tiles_for(places: Iterable[int], sizes: Iterable[int]) -> set[tuple[int, int]]:
    """(level, index) of the hash tiles that lead from `places` to the roots of the trees of `sizes`."""
    sizes = list(sizes)
    wanted = {(0, place // TILE) for place in places}
    for size in sizes:
        for level in range(8):
            if size >> (8 * level):
                wanted.add((level, ((size >> (8 * level)) - 1) // TILE))
    newest = max(sizes, default=0)
    for level, index in sorted(wanted):
        # A full tile has its hash in the tile above.
        while newest >> (8 * (level + 1)) > index:
            level, index = level + 1, index // TILE  # noqa: PLW2901
            wanted.add((level, index))
    return wanted


def subtree(start: int, end: int, node: Callable[[int, int], bytes]) -> bytes:
    """MTH(D[start:end]) of RFC 6962 for a range that begins where a subtree of its size begins."""
    width = end - start
    if width <= 0:
        return hashlib.sha256().digest()
    level = width.bit_length() - 1
    if width == 1 << level and start % width == 0:
        return node(level, start >> level)
    split = start + (1 << ((width - 1).bit_length() - 1))
    return node_hash(subtree(start, split, node), subtree(split, end, node))


def follow(trusted: Sequence[Key], notes: Iterable[str]) -> list[Key]:
    """The keys that follow from those that are trusted: each named in a note (a handover) signed by the one before and by itself."""
    found = list(trusted)
    for note in notes:
        text, gap, _ = note.rpartition("\n\n")
        lines = text.split("\n")
        if not gap or len(lines) != 6 or lines[0] != "lastmile key handover v1" or not (lines[1][:4], lines[2][:4]) == ("old ", "new "):
            raise Wrong("A handover names an old key, a new one, and the head of the log.")
        old, new = read_key(lines[1][4:]), read_key(lines[2][4:])
        signed = read_head("\n".join(lines[3:]) + "\n\n" + note[len(text) + 2 :], [old, new], text + "\n").signers
        if old not in signed or new not in signed:
            raise Wrong("A handover is not signed by both keys.")
        if old in found and new not in found:
            found.append(new)
    return found


class Tiles:
    """The hash tiles of a pack, each believed only after it was found to lead to the root."""

    def __init__(self, size: int, read: Callable[[int, int], bytes]) -> None:
        self.size, self.read = size, read
        self.kept: dict[tuple[int, int], bytes] = {}

    def tile(self, level: int, index: int) -> bytes:
        """The hashes of a tile; raises Wrong when it is missing, or does not lead to the tile above it."""
        data = self.kept.get((level, index))
        if data is None:
            data = self.read(level, index)
            if len(data) != 32 * tile_width(level, index, self.size):
                raise Wrong(f"{tile_path(level, index, tile_width(level, index, self.size))} has another length than its name says")
            if self.size >> (8 * (level + 1)) > index and self.tile(level + 1, index // TILE)[index % TILE * 32 :][:32] != self._fold(data):
                raise Wrong(f"{tile_path(level, index, TILE)} does not lead to the root of the checkpoint: it was altered")
            if len(self.kept) > 512:
                self.kept.clear()
            self.kept[level, index] = data
        return data

    def node(self, level: int, index: int) -> bytes:
        height = level % 8
        first = index << height
        data = self.tile(level // 8, first // TILE)[first % TILE * 32 :][: 32 << height]
        if len(data) != 32 << height:
            raise Wrong("tile %d/%d is too short" % (level // 8, first // TILE))
        return self._fold(data)

    def root(self, size: int) -> bytes:
        return subtree(0, size, self.node)

    @staticmethod
    def _fold(data: bytes) -> bytes:
        hashes = [data[at : at + 32] for at in range(0, len(data), 32)]
        while len(hashes) > 1:
            hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
        return hashes[0]


def climb(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise Wrong("Entry %d is not among %d entries." % (index, size))
    fn, sn, result = index, size - 1, leaf
    for hash_ in path:
        if sn == 0:
            raise Wrong("The proof is longer than the tree is deep.")
        if fn & 1 or fn == sn:
            result = node_hash(hash_, result)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            result = node_hash(result, hash_)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise Wrong("The proof is shorter than the tree is deep.")
    return result


class Proof(NamedTuple):
    """A tlog-proof file; `extra` are the bytes beside the proof, which nothing vouches for by itself."""

    place: int
    hashes: list[bytes]
    checkpoint: str
    extra: bytes


def read_proof(text: str) -> Proof:
    head, gap, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not gap or lines.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Wrong("A proof begins with the line c2sp.org/tlog-proof@v1 and ends with a checkpoint.")
    extra = unbase64(lines.pop(0)[6:]) if lines and lines[0].startswith("extra ") else b""
    found = re.fullmatch(r"index (0|[1-9][0-9]{0,18})", lines.pop(0) if lines else "", re.ASCII)
    if not found:
        raise Wrong("A proof names the index of its entry.")
    hashes = [unbase64(line) for line in lines]
    if len(hashes) > 64 or any(len(hash_) != 32 for hash_ in hashes):
        raise Wrong("A proof is at most 64 hashes of 32 bytes.")
    return Proof(int(found.group(1)), hashes, checkpoint, extra)


# ---------------------------------------------------------------------------------------------------------------------
# Entries as they stand in a pack.


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for key, value in pairs:
        if key in body:
            raise Wrong(f"The key {key[:60]!r} stands twice.")
        body[key] = value
    return body


def _integer(text: str) -> int:
    if len(text) > 20:
        raise Wrong("A number has more than 20 digits.")
    return int(text)


def _number(text: str) -> Any:
    return int(text) if len(text) <= 20 else text


def _refuse(text: str) -> Any:
    raise Wrong(f"{text[:40]} is not a number that may stand here.")


def parse(text: str) -> Any:
    """Strict JSON without floats; raises Wrong."""
    try:
        return json.loads(text, object_pairs_hook=_once, parse_int=_integer, parse_float=_refuse, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Wrong(f"This is not JSON: {str(error)[:120]}") from None


def canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


class Entry(NamedTuple):
    """A line of entries.ndjson. `salt` and `body` (the exact text that was committed to) are None once erased."""

    seq: int
    leaf: dict[str, Any]
    salt: str | None
    body: str | None


def entry_line(seq: int, leaf: str, salt: str | None, body: str | None) -> str:
    """One line of entries.ndjson. `leaf` is the canonical text that was sealed, `salt` hexadecimal."""
    return '{"body":%s,"entry":%s,"salt":%s,"seq":%d}' % (canonical(body), leaf, canonical(salt), seq)


def read_entry(line: str) -> Entry:
    """Read a line; raises Wrong unless it is exactly what `entry_line` writes."""
    value = parse(line)
    if not isinstance(value, dict) or sorted(value) != ["body", "entry", "salt", "seq"]:
        raise Wrong("A line has body, entry, salt and seq.")
    if type(value["seq"]) is not int or value["seq"] < 0 or not isinstance(value["entry"], dict):
        raise Wrong("seq is a number and entry an object.")
    seq, leaf = value["seq"], value["entry"]
    if tuple(sorted(leaf)) != KEYS:
        raise Wrong("entry %d: an entry has exactly the keys %s" % (seq, ", ".join(KEYS)))
    texts = [leaf[key] for key in ("action", "actor", "at", "k", "model", "obj", "reason", "req", "role", "via")]
    optional = [leaf["c"], leaf["on"], value["salt"], value["body"]]
    if not all(isinstance(text, str) for text in texts) or not all(text is None or isinstance(text, str) for text in optional):
        raise Wrong("entry %d: a text was replaced by something else" % seq)
    numbers = [leaf["ver"], leaf["prev"]]
    fields = leaf["fields"]
    if type(leaf["id"]) is not int or not all(number is None or type(number) is int for number in numbers):
        raise Wrong("entry %d: a number was replaced by something else" % seq)
    if not (fields is None or (isinstance(fields, list) and all(isinstance(name, str) for name in fields))):
        raise Wrong("entry %d: the list of fields was replaced by something else" % seq)
    if (value["salt"] is None) != (value["body"] is None):
        raise Wrong("entry %d: values without their salt, or the other way round" % seq)
    if entry_line(seq, canonical(leaf), value["salt"], value["body"]) != line:
        raise Wrong("entry %d: the line is not in canonical form" % seq)
    return Entry(seq, leaf, value["salt"], value["body"])


def values_of(body: str | None) -> dict[str, Any]:
    """What a payload holds, for reading: the recorded values or the details of an act, and the reason as `(reason)`."""
    if body is None:
        return {}
    try:
        value = json.loads(body, parse_float=str, parse_int=_number)
    except (ValueError, RecursionError):
        return {"(payload)": body}
    if not isinstance(value, dict):
        return {"(payload)": body}
    values = value.get("values", value.get("detail", {}))
    found = dict(values) if isinstance(values, dict) else {"(payload)": body}
    if value.get("reason"):
        found["(reason)"] = value["reason"]
    return found


def _short(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:4]


def fingerprints(entry: Entry) -> str:
    """A line of fields.txt: four hexadecimal digits for every key of the entry and every field of its values.

    Too short to prove anything: they tell which field it is that makes a commitment fail.
    """
    own = "".join(_short(key, canonical(entry.leaf[key])) for key in KEYS)
    values = values_of(entry.body)
    salt = entry.salt or ""
    return "%d %s %s" % (entry.seq, own, "".join(_short(salt, name, canonical(values[name])) for name in sorted(values)))


# ---------------------------------------------------------------------------------------------------------------------
# What people read: CSV and HTML, made from the entries alone. The portal makes them with this very code, and a check
# makes them again and compares.

ENTRY_COLUMNS = ("seq", "at", "actor", "actor_name", "on_behalf", "on_behalf_name", "action", "model", "object", "version", "reason",
                 "reason_code", "fields", "content", "entry_id", "previous", "channel", "request", "role", "transaction", "data_class",
                 "commitment")  # fmt: skip
VALUE_COLUMNS = ("seq", "n", "at", "actor_name", "action", "model", "object", "version", "field", "value")
PAGE_COLUMNS = ("seq", "at", "who", "action", "object", "channel", "values")
SIGNED_COLUMNS = ("when", "who", "decision", "meaning", "role", "identity confirmed by", "on what", "reason", "channel", "entry")
ASKED_COLUMNS = ("request", "asks", "state", "since", "reason", "still open", "entry")
ENDED_COLUMNS = ("when", "who", "what", "on what", "why", "lessons", "entry")
DECIDED_COLUMNS = ("when", "who", "what", "on what", "reason", "channel", "entry")
# The tables by the letter that the identities of their rows begin with, in the order in which they stand.
TABLES = {"e": PAGE_COLUMNS, "s": SIGNED_COLUMNS, "q": ASKED_COLUMNS, "x": ENDED_COLUMNS, "d": DECIDED_COLUMNS}
STATES = {
    "draft": "draft",
    "submitted": "waits for signatures",
    "in_review": "waits for more signatures",
    "approved": "approved, not applied yet",
    "applied": "approved and applied",
    "changes_requested": "changes were asked for",
    "rejected": "REJECTED",
    "withdrawn": "withdrawn",
    "revoked": "REVOKED",
}
REFUSED = ("changes_requested", "rejected", "withdrawn", "revoked")
HALTED = ("held", "stopped", "ended")
READ_FIRST = ("question", "recommendation", "evidence", "conditions", "criteria", "dissent", "fall_back", "name", "target", "now", "met")
MOST_ITEMS = 60
SIGNATURE, SUBMISSION, REQUEST, PILOT, TRANSITION = (
    "governance." + name for name in ("signature", "submission", "expansionrequest", "pilot", "transition")
)
_PLAIN_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)(?:Z|\+00:00)")
# Control signs become their pictures, other signs that show nothing, or turn the direction of writing, a box: nothing may hide.
_VISIBLE = {code: 0x2400 + code for code in range(32)}
_VISIBLE.update({10: 0x21B5, 13: 0x21B5})
# The categories Cc, Cf, Co, Cs, Zl and Zp, and letters that show nothing (fillers, selectors, tags). Written out, because each
# release of Python knows another release of Unicode, and all have to make the same pages. The tab stays.
_HIDDEN = re.compile(
    "["
    "\x00-\x08\x0a-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u115f-\u1160\u17b4-\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\uf8ff\ufeff\uffa0\ufff0-\ufffb\U000110bd"
    "\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U000ffffd"
    "\U00100000-\U0010fffd"
    "]"
)


def plain(text: str) -> str:
    """One line in which nothing hides."""
    if text.isascii() and text.isprintable():
        return text
    text = text.encode("utf-8", "replace").decode()
    return _HIDDEN.sub(lambda found: chr(_VISIBLE.get(ord(found.group()), 0x25A1)), text)


def _runs(text: str) -> bool:
    """Whether a spreadsheet might take this for a formula, after whatever it may leave out in front."""
    for sign in text:
        if sign not in "\t\r\n" and (sign in ' "' or _HIDDEN.match(sign) or unicodedata.category(sign) == "Zs"):
            continue
        return unicodedata.normalize("NFKC", sign)[:1] in tuple("=+-@\t\r\n|")
    return False


def cell(value: Any) -> str:
    """A cell of a CSV file. What a spreadsheet might take for a formula gets an apostrophe in front.

    So does what follows a semicolon or a tab: a spreadsheet that separates by these begins a cell there.
    """
    text = "" if value is None else str(value)
    if text and (not text[0].isalnum() or text[0] > "\x7f") and _runs(text) and not _PLAIN_NUMBER.fullmatch(text):
        text = "'" + text
    if ";" in text or "\t" in text:
        text = "".join(
            "'" + part if number and number % 2 == 0 and _runs(part) else part for number, part in enumerate(re.split("([;\t])", text))
        )
    return '"' + plain(text).replace('"', '""') + '"'


def row(cells: Iterable[Any]) -> str:
    return ",".join(cell(value) for value in cells)


def shown(value: Any) -> str:
    """A recorded value as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else canonical(value)


class Lines(NamedTuple):
    """What one entry becomes: a row of entries.csv, rows of values.csv, a row of a page."""

    entry: str
    values: list[str]
    page: str


class Place(NamedTuple):
    """An entry, and the page that shows it."""

    seq: int
    page: str

    def link(self, words: str = "entry") -> str:
        return '<a href="%s#e%d">%s %d</a>' % (self.page, self.seq, words, self.seq)


class Frozen(NamedTuple):
    """A content as it was frozen for signing, in a line, and where it stands whole."""

    words: str
    place: Place


class Line(NamedTuple):
    """A row of index.html. `told` is its text for a terminal, where it has one."""

    seq: int
    cells: list[str]
    refusal: bool = False
    told: str = ""


class Asked:
    """A request, as the last entry in the pack leaves it."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.values: dict[str, Any] = {}
        self.since = ""
        self.place = Place(first, "")

    def open(self, filled: set[str], now: str) -> str:
        """What had to happen next at the time `now`."""
        state, until = shown(self.values.get("state")), shown(self.values.get("expires_at"))
        end = "" if not until else (", expired on " if until[:19] <= now[:19] else ", until ") + moment(until)
        if state in ("submitted", "in_review"):
            policy = self.values.get("policy")
            slots = policy.get("slots") if isinstance(policy, dict) else None
            named = [shown(slot.get("name")) for slot in slots if isinstance(slot, dict)] if isinstance(slots, list) else []
            missing = [name for name in named if name not in filled]
            return "signature as " + ", ".join(missing) + end if missing else "a decision" + end
        if state == "approved":
            return "to be applied" + end
        return {"draft": "to be submitted", "changes_requested": "to be changed and submitted again"}.get(state, "nothing")


class Reading:
    """Turns entries, in their order, into what people read; keeps what index.html tells of them."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names
        self.count = self.erased = self.demo = self.not_shown = 0
        self.first = self.last = ""
        self.signed: list[Line] = []
        self.ended: list[Line] = []
        self.decided: list[Line] = []
        self.asked: dict[str, Asked] = {}
        self.filled: dict[str, set[str]] = {}
        self.contents: dict[str, Frozen] = {}
        self.pilots: dict[str, str] = {}

    def name(self, pseudonym: str | None) -> str:
        return self.names.get((pseudonym or "")[2:], "")

    def add(self, entry: Entry) -> Lines:
        leaf, values = entry.leaf, values_of(entry.body)
        reason = shown(values.get("(reason)"))
        self.count += 1
        self.erased += entry.body is None
        self.demo += leaf["via"] == "demo"
        self.first, self.last = self.first or leaf["at"], leaf["at"]
        self._note(entry, values)
        who, behalf = self.name(leaf["actor"]), self.name(leaf["on"])
        cells = (entry.seq, leaf["at"], leaf["actor"], who, leaf["on"], behalf, leaf["action"], leaf["model"], leaf["obj"], leaf["ver"],
                 reason, leaf["reason"], " ".join(leaf["fields"] or []), "erased" if entry.body is None else "present", leaf["id"],
                 leaf["prev"], leaf["via"], leaf["req"], leaf["role"], leaf["tx"], leaf["k"], leaf["c"])  # fmt: skip
        told = self._told(leaf, values)
        start = (leaf["at"], who, leaf["action"], leaf["model"], leaf["obj"], leaf["ver"])
        rows = [row((entry.seq, number, *start, name, text)) for number, (name, text) in enumerate(told, start=1)]
        return Lines(row(cells), rows, self._page_row(entry, told, values))

    def _told(self, leaf: dict[str, Any], values: dict[str, Any]) -> list[tuple[str, str]]:
        names = sorted(values)
        if leaf["action"] == "changed" and leaf["fields"] is not None:
            names = [name for name in names if name in leaf["fields"] or name[0] == "("]
        return [(name, shown(values[name])) for name in names if values[name] not in (None, "", [], {}) or leaf["action"] == "changed"]

    def _page_row(self, entry: Entry, told: list[tuple[str, str]], values: dict[str, Any]) -> str:
        leaf = entry.leaf
        texts = []
        for name, text in told:
            if isinstance(values[name], (dict, list)) and leaf["model"].startswith("governance."):
                texts.append(f"<b>{escape(name)}</b> {self.readable(values[name])}")
                continue
            cut = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + " … (whole in values.csv)"
            known = self.names.get(text, "") if _UUID.fullmatch(text) else ""
            texts.append("<b>{}</b> {}".format(escape(name), escape(known + " " + text if known else cut)))
        if entry.body is None:
            texts = ["<i>content erased; see erasures.ndjson</i>"]
        who = escape(self.name(leaf["actor"]) or leaf["actor"])
        if leaf["on"]:
            who += " for " + escape(self.name(leaf["on"]) or leaf["on"])
        thing = escape(leaf["model"] + " " + leaf["obj"]) + (" version %d" % leaf["ver"] if leaf["ver"] else "")
        values_cell = "".join(f"<div>{text}</div>" for text in texts)
        cells = (str(entry.seq), escape(moment(leaf["at"])), who, escape(leaf["action"]), thing, escape(leaf["via"]), values_cell)
        return table_row("e%d" % entry.seq, cells)

    def readable(self, value: Any, depth: int = 0) -> str:
        """A value of many parts as nested lists."""
        if depth > 6:
            return escape(shown(value)[:LONGEST_SHOWN])
        if isinstance(value, dict):
            names = [name for name in sorted(value, key=_read_first) if value[name] not in (None, "", [], {})]
            simple = not any(isinstance(value[name], (dict, list)) for name in names)
            parts = []
            for name in names:
                colon = ":" if isinstance(value[name], (dict, list)) else ""
                parts.append("<b>{}</b>{} {}".format(escape(name.replace("_", " ")), colon, self.readable(value[name], depth + 1)))
            if simple and depth:
                return " · ".join(parts[:MOST_ITEMS])
        elif isinstance(value, list):
            if not any(isinstance(one, (dict, list)) or " " in shown(one) for one in value):
                return escape(", ".join(self._plainly(one) for one in value[:MOST_ITEMS]) + (" …" if len(value) > MOST_ITEMS else ""))
            parts = [self.readable(one, depth + 1) for one in value]
        else:
            return escape(self._plainly(value))
        if len(parts) > MOST_ITEMS:
            parts = [*parts[:MOST_ITEMS], "… (whole in values.csv)"]
        return "<ul>{}</ul>".format("".join(f"<li>{part}</li>" for part in parts)) if parts else "none"

    def _plainly(self, value: Any) -> str:
        text = shown(value)
        return self.names.get(text, text) if _UUID.fullmatch(text) else moment(text)

    def _note(self, entry: Entry, values: dict[str, Any]) -> None:
        leaf = entry.leaf
        model, created = leaf["model"], leaf["action"] == "created"
        place = Place(entry.seq, page_name((self.count - 1) // PAGE_ROWS + 1))
        if model == PILOT and values:
            self._pilot(entry, values, place)
        elif model == REQUEST and values:
            self._request(entry, values, place)
        elif model == SUBMISSION and created:
            digest = submission_digest(values)
            if digest and len(self.contents) < MOST_SIGNED:
                self.contents[digest] = Frozen(content_words(values["content"]), place)
        elif model == SIGNATURE and created and values:
            self._signature(entry, values, place)
        elif model == TRANSITION and created and values:
            self._step(entry, values, place)

    def _keep(self, lines: list[Line], line: Line) -> None:
        if len(lines) < MOST_SIGNED:
            lines.append(line)
        else:
            self.not_shown += 1

    def _pilot(self, entry: Entry, values: dict[str, Any], place: Place) -> None:
        leaf, condition = entry.leaf, shown(values.get("condition"))
        self.pilots[leaf["obj"]] = name = shown(values.get("name")) or self.pilots.get(leaf["obj"], leaf["obj"])
        if leaf["action"] == "changed" and "condition" in (leaf["fields"] or ()) and condition in HALTED:
            ended = condition == "ended"
            outcome = shown(values.get("outcome")).replace("_", " ")
            what = f"pilot ENDED ({outcome})" if ended else "pilot " + condition
            why = shown(values.get("cause" if ended else "halt_reason"))
            told = shown(values.get("told_objectors")) if ended else ""
            lessons = [shown(values.get("lessons")) if ended else "", "Those who objected: " + told if told else ""]
            cells = [moment(leaf["at"]), self._who(entry), what, name, why, " ".join(part for part in lessons if part)]
            self._keep(self.ended, Line(entry.seq, [*map(escape, cells), place.link()], ended))

    def _request(self, entry: Entry, values: dict[str, Any], place: Place) -> None:
        leaf, state = entry.leaf, shown(values.get("state"))
        number = leaf["obj"]
        if number not in self.asked and len(self.asked) >= MOST_SIGNED:
            self.not_shown += 1
            return
        asked = self.asked.setdefault(number, Asked(entry.seq))
        if leaf["action"] == "created" or "state" in (leaf["fields"] or ()):
            asked.since = leaf["at"]
        brief = values.get("brief")
        question = shown(brief.get("question")) if isinstance(brief, dict) else ""
        kept = ("state", "recommendation", "decision_reason", "expires_at", "digest", "policy", "pilot_id", "kind")
        asked.values = {name: values[name] for name in kept if name in values}
        asked.values["question"] = question
        asked.place = place
        if leaf["action"] == "changed" and "state" in (leaf["fields"] or ()) and state in REFUSED:
            on = "R-{}: {}".format(number, question or shown(values.get("recommendation")))
            what = "request " + STATES[state]
            cells = [moment(leaf["at"]), self._who(entry), what, on, shown(values.get("decision_reason")), ""]
            self._keep(self.ended, Line(entry.seq, [*map(escape, cells), place.link()], state in ("rejected", "revoked")))

    def _who(self, entry: Entry) -> str:
        leaf = entry.leaf
        return (self.name(leaf["on"]) or self.name(leaf["actor"]) or leaf["on"] or leaf["actor"]) + (
            " (by {})".format(self.name(leaf["actor"])) if leaf["on"] else ""
        )

    def _on_what(self, values: dict[str, Any], pilot: str = "") -> tuple[str, str]:
        """What was decided on, as HTML and as a text."""
        request, digest = shown(values.get("request_id", values.get("request"))), shown(values.get("digest"))
        texts, links = ([pilot] if pilot else []), []
        frozen = self.contents.get(digest)
        if request:
            asked = self.asked.get(request)
            said = frozen.words if frozen else shown(asked.values.get("recommendation")) if asked else "its content is not in this pack"
            texts.append(f"request R-{request}: {said}")
        if frozen:
            links.append(frozen.place.link("frozen in entry"))
        if digest:
            texts.append(f"SHA-256 of what was signed: {digest}")
        told = [*texts, "frozen in entry %d" % frozen.place.seq] if frozen else texts
        return "; ".join([escape(text) for text in texts] + links), "; ".join(told)

    def _signature(self, entry: Entry, values: dict[str, Any], place: Place) -> None:
        actor, via = entry.leaf["actor"], entry.leaf["via"]
        decision, meaning, slot = (shown(values.get(name)) for name in ("decision", "meaning", "slot"))
        at, method, again = (shown(values.get(name)) for name in ("signed_at", "step_up_method", "step_up_at"))
        if decision == "approve" and (len(self.filled) < MOST_SIGNED or shown(values.get("digest")) in self.filled):
            self.filled.setdefault(shown(values.get("digest")), set()).add(slot)
        printed = shown(values.get("printed_name")) or self.name(actor)
        account = f"signed in as {self.name(actor)} {actor}"
        confirmed = f"{method}, {moment(again)}" if method else "not recorded"
        on, on_text = self._on_what(values)
        cells = [moment(at), f"{printed} ({account})", decision, meaning, slot, confirmed]
        told = (
            f"signature: {moment(at)}, {printed} ({meaning}, as {slot}; {account}; identity confirmed by {confirmed}; channel {via}):"
            f" {decision} {on_text} (entry {entry.seq})"
        )
        rest = [on, escape(shown(values.get("reason"))), escape(via), place.link()]
        self._keep(self.signed, Line(entry.seq, [*map(escape, cells), *rest], decision == "reject", told))

    def _step(self, entry: Entry, values: dict[str, Any], place: Place) -> None:
        pilot, command = shown(values.get("pilot_id", values.get("pilot"))), shown(values.get("command"))
        actor = "p:" + shown(values.get("actor_id", values.get("actor")))
        on, _ = self._on_what(values, f"pilot {self.pilots.get(pilot, pilot)}")
        cells = [moment(shown(values.get("at"))), self.name(actor) or self._who(entry), command]
        rest = [on, escape(shown(values.get("reason"))), escape(entry.leaf["via"]), place.link()]
        self._keep(self.decided, Line(entry.seq, [*map(escape, cells), *rest], command == "end"))

    def requests(self, now: str) -> list[Line]:
        """The requests in the pack; `now` is when it was made. Those that are open are told."""
        lines = []
        for number, asked in self.asked.items():
            values, state = asked.values, shown(asked.values.get("state"))
            filled = self.filled.get(shown(values.get("digest")), set())
            pilot = shown(values.get("pilot_id"))
            asks = "{} {}: {}".format(
                shown(values.get("kind")),
                self.pilots.get(pilot, f"pilot {pilot}"),
                values["question"] or shown(values.get("recommendation")),
            )
            reason, still = shown(values.get("decision_reason")), asked.open(filled, now)
            cells = [f"R-{number}", asks, STATES.get(state, state), moment(asked.since), reason, still]
            told = "" if still == "nothing" else f"R-{number}"
            lines.append(Line(asked.first, [*map(escape, cells), asked.place.link()], state in ("rejected", "revoked"), told))
        return lines


def _read_first(name: str) -> tuple[int, str]:
    return (READ_FIRST.index(name) if name in READ_FIRST else len(READ_FIRST), name)


def submission_digest(values: dict[str, Any]) -> str:
    """The digest of a frozen content, made again from it; empty when it does not fit the one recorded beside it."""
    if not isinstance(values.get("content"), dict):
        return ""
    digest = hashlib.sha256(canonical(values["content"]).encode("utf-8", "surrogatepass")).hexdigest()
    return digest if digest == values.get("digest") else ""


def content_words(content: dict[str, Any]) -> str:
    """What a request asked for, in a line."""
    stage = content.get("stage")
    window = content.get("window")
    parts = ["{} {}".format(shown(content.get("kind")), shown(content.get("pilot")))]
    if isinstance(stage, dict):
        parts.append("to “{}”".format(shown(stage.get("name"))))
    ceiling = shown(content.get("ceiling"))
    parts.append("at most {} {}".format(ceiling, "person" if ceiling == "1" else "people"))
    if isinstance(window, dict):
        parts.append("until {}".format(moment(shown(window.get("ends_at")))))
    if content.get("conditions"):
        asked = content["conditions"] if isinstance(content["conditions"], list) else [content["conditions"]]
        parts.append("on condition: " + " ".join("(%d) %s" % (number, shown(one)) for number, one in enumerate(asked, start=1)))
    return "{} (“{}”)".format(", ".join(parts), shown(content.get("recommendation")))


def moment(text: str) -> str:
    """A time in UTC as people read it, as exact as it was recorded."""
    found = _TIME.fullmatch(text)
    return "{} {} UTC".format(*found.groups()) if found else text


def escape(text: str) -> str:
    return html.escape(plain(text))


def table_row(identity: str, cells: Iterable[str], refusal: bool = False) -> str:  # noqa: FBT001, FBT002
    first, *rest = cells
    start = '<tr id="{}"{}>'.format(identity, ' class="no"' if refusal else "")
    return '{}<th scope="row">{}</th>{}</tr>'.format(start, first, "".join(f"<td>{text}</td>" for text in rest))


def _labels() -> str:
    """On a narrow screen each row is a card, and each cell says its column."""
    return "".join(
        '.%s tbody tr>:nth-child(%d)::before{content:"%s"}' % (letter, number, name)
        for letter, columns in TABLES.items()
        for number, name in enumerate(columns, start=1)
    )


STYLE = (
    ":root{color-scheme:light dark;background:Canvas;color:CanvasText}body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:96rem;padding:1rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #8888;padding:.35rem .5rem;text-align:left;vertical-align:top;"
    "overflow-wrap:anywhere;min-width:4.5rem}thead th{overflow-wrap:normal}tbody th{min-width:6.5rem}.wrap{overflow-x:auto}dt{font-weight:600}dd{margin:0 0 .5rem;overflow-wrap:anywhere}"
    "code{overflow-wrap:anywhere}caption{text-align:left;font-weight:600;padding:.5rem 0}ul{margin:0;padding-left:1.2rem}"
    ".no{background:#d331;box-shadow:inset .3rem 0 #c33}.banner{border:.15rem solid #b70;background:#fb02;padding:.5rem 1rem}"
    ".s td:nth-child(2),.s td:nth-child(6){min-width:9rem}.s td:nth-child(8){min-width:8rem}.s td:nth-child(7){min-width:16rem}.e td:last-child{min-width:18rem}"
    "@media(max-width:60rem){thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}"
    "table,tbody,tr,th,td,caption{display:block}th,td,.s td:nth-child(n),.e td:last-child{border:0;min-width:0;padding:.2rem .6rem}"
    "tr{border:1px solid #8888;border-radius:.4rem;margin:0 0 1rem;padding:.3rem 0}td:empty{display:none}"
    "tbody tr>::before{display:block;font-size:.8rem;font-weight:400;opacity:.75}" + _labels() + "}"
)


def page_start(title: str) -> list[str]:
    return [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        "<main>",
        f"<h1>{escape(title)}</h1>",
    ]


def table_start(caption: str, letter: str) -> list[str]:
    heads = "".join(f'<th scope="col">{name}</th>' for name in TABLES[letter])
    return [f'<div class="wrap" tabindex="0" role="region" aria-label="{caption}">', f'<table class="{letter}">',
            f"<caption>{caption}</caption>", f"<thead><tr>{heads}</tr></thead>", "<tbody>"]  # fmt: skip


TABLE_END = ["</tbody>", "</table>", "</div>"]
PAGE_END = ["</main>", "</body>", "</html>"]


def page_name(number: int) -> str:
    return "pages/%04d.html" % number


def page_head(number: int) -> list[str]:
    start = page_start("Entries, page %d" % number)
    links = '<p><a href="../index.html">First page: who signed what</a></p>'
    return [*start, links, *table_start("Entries in the order of the log, times in UTC", "e")]


def page_foot(number: int, last: bool) -> list[str]:  # noqa: FBT001
    links = []
    if number > 1:
        links.append('<a href="%04d.html">Page %d</a>' % (number - 1, number - 1))
    if not last:
        links.append('<a href="%04d.html">Page %d</a>' % (number + 1, number + 1))
    return [*TABLE_END, "<p>{}</p>".format(" · ".join(links)), *PAGE_END]


def index_page(reading: Reading, contents: Entry, head: Head) -> list[str]:
    """index.html: what this pack is, and who signed what, when, on what."""
    detail, now = values_of(contents.body), contents.leaf["at"]
    pages = -(-reading.count // PAGE_ROWS)
    facts = [
        ("What is in it", shown(detail.get("title"))),
        ("Entries", "%d, from %s to %s" % (reading.count, moment(reading.first), moment(reading.last)) if reading.count else "none"),
        ("Of these erased", str(reading.erased)),
        ("Asked for by", asker(reading, contents.leaf, shown(detail.get("asked_words")))),
        ("Put together", "%s (entry %d of the log)" % (moment(now), contents.seq)),
        ("Log", head.origin),
        ("Checkpoint", "%d entries, root %s" % (head.size, base64.b64encode(head.root).decode())),
    ]
    requests = reading.requests(now)
    still = ", ".join(one.told for one in requests if one.told) or "none"
    refused = [one for one in reading.ended if one.refusal]
    facts.insert(2, ("Requests still open", still))
    facts.insert(3, ("Rejected, revoked or ended", "%d, marked below" % len(refused) if refused else "none"))
    lines = page_start("Export pack of the audit trail")
    if reading.demo:
        lines.append(f'<p class="banner"><strong>This pack contains demonstration data.</strong> {escape(demo_words(reading))}</p>')
    lines += [
        "<p>Check it before you rely on it: <code>python3 verify.py pack.zip</code> says green, or red with row and field.</p>",
        "<dl>",
    ]
    lines += [f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in facts]
    lines += ["</dl>", "<h2>Who signed what, when, on what</h2>"]
    for caption, letter, rows in (
        ("Signatures", "s", reading.signed),
        ("Requests, as the last entry in this pack leaves them", "q", requests),
        ("Refusals, stops and endings", "x", reading.ended),
        ("Steps of pilots", "d", reading.decided),
    ):
        if not rows:
            lines.append(f"<p>{caption}: none in this pack.</p>")
            continue
        lines += table_start(caption, letter)
        lines += [table_row("%s%d" % (letter, one.seq), one.cells, one.refusal) for one in rows]
        lines += TABLE_END
    if reading.not_shown:
        lines.append("<p>%d more are in the pages of entries.</p>" % reading.not_shown)
    lines += ["<h2>All entries</h2>", "<ul>"]
    lines += ['<li><a href="%s">Page %d</a></li>' % (page_name(number), number) for number in range(1, pages + 1)]
    return [*lines, "</ul>", *PAGE_END]


def asker(reading: Reading, leaf: dict[str, Any], words: str = "") -> str:
    """The person who asked for the pack, as far as the log knows one. `words` are what was typed on a command line."""
    asked = leaf["on"] or leaf["actor"]
    named = f"{reading.name(asked)} {asked}"
    # The identifiers of programs are of version 5 (made from a name), those of people of version 4.
    if asked[16:17] == "5":
        if words:
            return f"“{words}”, as was typed on the server's command line (by the program {named})"
        return f"no person is named: it was made on the server's command line (by the program {named})"
    return named


def demo_words(reading: Reading) -> str:
    return "%d of its %d entries were made by the demonstration (channel “demo”), not by people at work." % (reading.demo, reading.count)


# ---------------------------------------------------------------------------------------------------------------------
# Checking.


class Report:
    """What was found wrong, what only follows from that, what was seen to fit, and what could not be compared."""

    def __init__(self) -> None:
        self.findings: list[str] = []
        self.follows: list[str] = []
        self.fits: list[str] = []
        self.unknown: list[str] = []

    def find(self, where: str, words: str) -> None:
        """Note what is wrong; raises TooMany at the most that a person can use."""
        line = plain(f"{where}: {words}")
        if line not in self.findings:
            self.findings.append(line)
        if len(self.findings) >= MOST_FINDINGS:
            raise TooMany

    def find_after(self, about: Sequence[str], where: str, words: str) -> None:
        """The same for what is no alteration of its own where a finding that begins with one of `about` says more already."""
        if any(found.startswith(tuple(about)) for found in self.findings):
            self.follows.append(plain(f"{where}: {words}"))
        else:
            self.find(where, words)


FOLDERS = ("pages/", "checkpoints/", "handovers/", "stamps/", "receipts/", "tile/")


def _inside(name: str, folder: str) -> bool:
    return name == folder or (
        folder == "tile/" and re.fullmatch(r"tile/(?:[0-9]{1,2}/(?:x[0-9]{3}/){0,5}(?:[0-9]{3}\.p/)?)?", name) is not None
    )


class Pack:
    """The files in a zip, read with limits; remembers the digest of what was read."""

    def __init__(self, path: str, report: Report) -> None:
        self.report = report
        self.zip = zipfile.ZipFile(path)
        infos = self.zip.infolist()
        self._only_files(path, infos)
        if len(infos) > MOST_FILES:
            raise Unreadable("It holds more than %d files." % MOST_FILES)
        self.sizes: dict[str, int] = {}
        if "manifest.json" not in (info.filename for info in infos) and any(info.filename.endswith("/manifest.json") for info in infos):
            raise Unreadable(
                "The files of the pack lie in a folder inside this zip: use the zip as you were given it, or zip the files alone."
            )
        for info in infos:
            if info.is_dir() and not info.file_size and any(_inside(info.filename, name) for name in FOLDERS):
                continue  # ordinary tools add these when they zip a pack again; they hold nothing
            if info.filename in self.sizes:
                report.find(info.filename, "this file is in the zip twice")
            if not FILES.fullmatch(info.filename):
                report.find(repr(info.filename)[:200], "this file is no part of a pack")
            self.sizes[info.filename] = info.file_size
        whole, packed = sum(info.file_size for info in infos), os.path.getsize(path)
        if whole > NO_BOMB and whole > MOST_RATIO * max(packed, 1):
            raise Unreadable("It would unpack to %d bytes, more than %d times its size." % (whole, MOST_RATIO))
        self.digests: dict[str, str] = {}
        self.expected: dict[str, tuple[int, str]] = {}

    def _only_files(self, path: str, infos: list[zipfile.ZipInfo]) -> None:
        """Nothing in the zip but its files: no words of anybody, no bytes before, between or after them."""
        for info in infos:
            if info.comment:
                self.report.find(repr(info.filename)[:200], "it has a comment in the zip: somebody added it")
        if self.zip.comment:
            self.report.find("the zip", "it has a comment, and a pack has none: somebody added it")
        at = described = 0
        with open(path, "rb") as file:
            for info in sorted(infos, key=lambda one: one.header_offset):
                # What tools write after a file whose size they did not know before has at most 24 bytes.
                slack = info.header_offset - at
                if slack and not (at and 0 < slack <= 24 and described):
                    self._stray(at)
                file.seek(info.header_offset)
                start = file.read(30)
                extra = int.from_bytes(start[26:28], "little") + int.from_bytes(start[28:30], "little")
                described = info.flag_bits & 8
                at = info.header_offset + 30 + extra + info.compress_size
            slack = self.zip.start_dir - at
            if slack and not (at and 0 < slack <= 24 and described):
                self._stray(at)
            file.seek(-22, os.SEEK_END)
            if not self.zip.comment and file.read(4) != b"PK\x05\x06":
                self.report.find("the zip", "there are bytes after its end: somebody added them")

    def _stray(self, at: int) -> None:
        self.report.find("the zip", "the bytes at %d belong to no file of it: somebody put something in front or in between" % at)

    def refuse_others(self, made: set[str]) -> None:
        """Every file that is not one of those that were made is one that somebody added."""
        for name in sorted(self.sizes.keys() - made):
            self.report.find(name, "this file was added: no such file was made for this pack")

    def data(self, name: str) -> bytes:
        """A small file, whole."""
        if name not in self.sizes:
            raise Wrong(f"{name} is missing")
        if self.sizes[name] > SMALL:
            raise Unreadable("%s is larger than %d bytes." % (name, SMALL))
        with self.zip.open(name) as file:
            data = file.read(SMALL + 1)
        if len(data) > SMALL:
            raise Unreadable("%s is larger than %d bytes." % (name, SMALL))
        self.digests[name] = hashlib.sha256(data).hexdigest()
        return data

    def text(self, name: str) -> str:
        try:
            return self.data(name).decode()
        except UnicodeDecodeError:
            raise Wrong(f"{name} is not a text in UTF-8") from None

    def lines(self, name: str) -> Iterator[str]:
        """The lines of a file of any size. What is not UTF-8 becomes a sign that fits nothing."""
        digest = hashlib.sha256()
        if name not in self.sizes:
            self.report.find(name, "this file is missing")
            return
        with self.zip.open(name) as raw, io.BufferedReader(raw, 1 << 16) as file:  # type: ignore[type-var]
            while True:
                line = file.readline(LINE + 1)
                if not line:
                    break
                if len(line) > LINE:
                    raise Unreadable("%s has a line of more than %d bytes." % (name, LINE))
                digest.update(line)
                if not line.endswith(b"\n"):
                    self.report.find(name, "its last line is cut off")
                yield (line[:-1] if line.endswith(b"\n") else line).decode("utf-8", "replace")
        self.digests[name] = digest.hexdigest()

    def tile(self, size: int) -> Callable[[int, int], bytes]:
        return lambda level, index: self.data(tile_path(level, index, tile_width(level, index, size)))

    def read_manifest(self) -> dict[str, Any]:
        """Compares the list of files with what is here."""
        text = self.text("manifest.json")
        manifest = parse(text)
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or not isinstance(manifest.get("files"), list):
            raise Wrong(f"manifest.json is not the manifest of a {FORMAT}")
        for key in sorted(manifest.keys() - {"files", "format"}):
            self.report.find(f"manifest.json, field `{key}`"[:200], "it was added: a manifest has no such field")
        if text != canonical(manifest) + "\n":
            self.report.find("manifest.json", "it is not in canonical form")
        for file in manifest["files"]:
            if not isinstance(file, dict) or sorted(file) != ["bytes", "name", "sha256"] or not isinstance(file["name"], str):
                raise Wrong("manifest.json does not name its files by name, bytes and sha256")
            if file["name"] in self.expected:
                self.report.find("manifest.json", f"it names {file['name'][:200]} twice")
            self.expected[file["name"]] = (file["bytes"], file["sha256"])
        for name in sorted(self.expected.keys() - self.sizes.keys()):
            self.report.find(name, "this file is missing")
        for name in sorted(self.sizes.keys() - self.expected.keys() - {"manifest.json"}):
            self.report.find(name, "this file was added: the manifest does not name it")
        for name in NEEDED:
            if name not in self.sizes:
                self.report.find(name, "this file is missing, and a pack has it")
        return manifest

    def check_digests(self) -> None:
        """Every file is the one that the manifest names; said where nothing more precise was."""
        for name, (size, sha256) in sorted(self.expected.items()):
            if name not in self.sizes:
                continue
            if name not in self.digests:
                digest = hashlib.sha256()
                with self.zip.open(name) as file:
                    for part in iter(lambda file=file: file.read(1 << 20), b""):  # type: ignore[misc]
                        digest.update(part)
                self.digests[name] = digest.hexdigest()
            if (self.sizes[name], self.digests[name]) != (size, sha256) and not any(f.startswith(name) for f in self.report.findings):
                self.report.find(name, "this is not the file that the manifest names (SHA-256)")


class Twin:
    """A file for people, compared line by line with what the entries say."""

    def __init__(self, report: Report, name: str, lines: Iterator[str], columns: Sequence[str] = ()) -> None:
        self.report, self.name, self.lines, self.columns = report, name, lines, columns
        self.held: str | None = None
        self.number = 0

    def _next(self) -> str | None:
        if self.held is not None:
            line, self.held = self.held, None
            return line
        self.number += 1
        return next(self.lines, None)

    @staticmethod
    def key(line: str) -> tuple[int, ...]:
        """Which row this is: entry (and number) of CSV, table and entry of HTML; empty for any other line."""
        found = re.match(r'"([0-9]{1,18})"(?:,"([0-9]{1,9})",)?', line)
        if found:
            return (int(found.group(1)), int(found.group(2) or 0))
        found = re.match(r'<tr id="([esqxd])([0-9]{1,18})"', line)
        return ("esqxd".index(found.group(1)), int(found.group(2))) if found else ()

    @staticmethod
    def cells(line: str) -> list[str]:
        if line.startswith("<"):
            return [html.unescape(re.sub(r"<[^>]*>", " ", text)).strip() for text in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line)]
        try:
            return next(csv.reader([line]), [])
        except csv.Error:
            return []

    def expect(self, line: str) -> None:
        key = self.key(line)
        while True:
            found = self._next()
            if found == line:
                return
            where = "entry %d" % key[-1 if line.startswith("<") else 0] if key else "line %d" % self.number
            if found is None:
                self.report.find(self.name, f"the row of {where} is missing")
                return
            other = self.key(found)
            if other == key:
                self._differ(where, line, found)
                return
            if other and (not key or other < key):
                self.report.find(self.name, "line %d is a row that no entry has: %s" % (self.number, found[:120]))
                continue
            self.held = found
            self.report.find(self.name, "%s is missing or was altered" % ("the row of " + where if key else where))
            if not key and not other:
                self.held = None
            return

    def _differ(self, where: str, line: str, found: str) -> None:
        ours, theirs = self.cells(line), self.cells(found)
        columns = TABLES[line[8]] if line.startswith('<tr id="') else self.columns
        if not columns or len(ours) != len(theirs):
            self.report.find(f"{self.name}, {where}", f"it was altered: it is {found[:200]!r}, and the entries say {line[:200]!r}")
            return
        for column, own, other in itertools.zip_longest(columns, ours, theirs, fillvalue=""):
            if own != other:
                self.report.find(
                    f"{self.name}, row of {where}, column `{column}`", "it says {}, and the entry says {}".format(*_apart(other, own))
                )
        if ours == theirs:
            self.report.find(f"{self.name}, {where}", f"its form was altered: it is {found[:200]!r}")

    def end(self) -> None:
        line = self._next()
        if line is not None:
            self.report.find(self.name, "line %d and what follows belongs to no entry: %s" % (self.number, line[:120]))


def _apart(one: str, other: str) -> tuple[str, str]:
    """Two texts, cut to where they begin to differ."""
    at = next((n for n, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    start = max(0, at - 20)
    return tuple(
        "“{}{}{}”".format("…" if start else "", text[start : start + 80], "…" if len(text) > start + 80 else "") for text in (one, other)
    )  # type: ignore[return-value]


class Pages:
    """The pages of entries, one after another."""

    def __init__(self, report: Report, pack: Pack) -> None:
        self.report, self.pack = report, pack
        self.rows = 0
        self.twin: Twin | None = None

    def expect(self, line: str) -> None:
        if self.rows % PAGE_ROWS == 0:
            self._close(last=False)
            number = self.rows // PAGE_ROWS + 1
            self.twin = Twin(self.report, page_name(number), self.pack.lines(page_name(number)), PAGE_COLUMNS)
            for head in page_head(number):
                self.twin.expect(head)
        assert self.twin is not None
        self.twin.expect(line)
        self.rows += 1

    def _close(self, last: bool) -> None:  # noqa: FBT001
        if self.twin is not None:
            for line in page_foot(self.rows // PAGE_ROWS if not last else -(-self.rows // PAGE_ROWS), last):
                self.twin.expect(line)
            self.twin.end()

    def end(self) -> None:
        self._close(last=True)


class Check:
    """One pack, from its checkpoint down to the last cell."""

    def __init__(self, path: str, pin: Key | None = None, kept: str = "") -> None:
        self.report = Report()
        self.pin, self.kept = pin, kept
        self.path = path
        self.versions: dict[int, tuple[int, int]] = {}
        self.ranges: list[tuple[int, int]] = []
        self.strange: dict[bytes, int] = {}
        self.bad_tiles: set[str] = set()
        self.own: list[int] = []  # places of the entries beside entries.ndjson
        self.tiled: set[int] = set()  # hash tiles of the entries in it
        self.sizes: list[int] = []
        self.cosigners: set[Key] = set()
        self.beside: dict[int, int] = {}  # place of an entry with values and a receipt: length of its line as a text of JSON

    def run(self) -> Report:
        """Everything; raises Unreadable where nothing can be said."""
        try:
            self.pack = Pack(self.path, self.report)
            self.pack.read_manifest()
            self._heads()
            self._names()
            self._contents()
            self._entries()
            self._small_files()
            self._receipts()
            self._files()
            self.pack.check_digests()
        except Wrong as error:
            self.report.findings.append(plain(str(error)))
        except TooMany:
            self.report.findings.append("There is more: the check stopped here.")
        return self.report

    def _heads(self) -> None:
        pack, report = self.pack, self.report
        keys = [read_key(line) for line in pack.text("keys.txt").splitlines()]
        witnesses = [read_key(line) for line in pack.text("witnesses.txt").splitlines()] if "witnesses.txt" in pack.sizes else []
        self.keys = keys
        known = [*keys, *witnesses, *([self.pin] if self.pin and self.pin not in keys else [])]
        head = self.head = read_head(pack.text("checkpoint.txt"), known)
        signers = [key for key in head.signers if key in keys]
        for words in head.bad:
            report.find("checkpoint.txt", words)
        notes = self._handovers()
        if not head.signers:
            report.find("checkpoint.txt", "none of the keys in keys.txt has signed it: it was replaced or altered")
        if self.pin and not set(follow([self.pin], notes)) & set(head.signers):
            names = ", ".join(map(str, signers)) or "another key"
            report.find("checkpoint.txt", f"it is not signed by the key that you gave, but by {names}: it is not of the log that you trust")
        self.tiles = Tiles(head.size, pack.tile(head.size))
        self._root("checkpoint.txt", head, "the hashes of the log do not lead to it: checkpoint or tiles were replaced")
        report.fits.append("checkpoint of %d entries of %s, root %s" % (head.size, head.origin, base64.b64encode(head.root).decode()))
        report.fits.append("signed by {}{}".format(", ".join(map(str, head.signers)), self._pinned(head.signers)))
        self.sizes.append(head.size)
        self.cosigners.update(key for key, _ in head.witnesses)
        for key, at in head.witnesses:
            report.fits.append(
                "cosigned by the witness %s, %d seconds after 1970-01-01; its key must be known to you from elsewhere" % (key, at)
            )
        for name in sorted(name for name in pack.sizes if name.startswith("checkpoints/")):
            older = read_head(pack.text(name), known)
            for words in [*older.bad, *([] if older.signers else ["none of the keys in keys.txt has signed it"])]:
                report.find(name, words)
            if older.origin != head.origin or name != "checkpoints/%d.txt" % older.size or older.size > head.size:
                report.find(name, "it is of another log or another size than it should be")
                continue
            self.sizes.append(older.size)
            self.cosigners.update(key for key, _ in older.witnesses)
            self._root(name, older, "the log does not continue it: something among its first %d entries was changed" % older.size)
        for key in witnesses:
            if key not in self.cosigners:
                report.find("witnesses.txt", f"{key.name} has cosigned no checkpoint of this pack: it was added")
        if self.kept:
            self._kept(known)

    def _handovers(self) -> list[str]:
        return [self.pack.text(name) for name in sorted(self.pack.sizes) if name.startswith("handovers/")]

    def _pinned(self, signers: Sequence[Key]) -> str:
        if not self.pin:
            return ""
        if self.pin in signers:
            return ": this is the key that you gave"
        return ": the key that you gave handed over to it (handovers/)"

    def _root(self, name: str, head: Head, words: str) -> None:
        try:
            if self.tiles.root(head.size) != head.root:
                self.report.find(f"{name}, field `root`", words)
        except Wrong as error:
            self.report.find(name, str(error))

    def _kept(self, known: Sequence[Key]) -> None:
        """A checkpoint that the reader keeps must be of this log, and the log must continue it."""
        kept = read_head(self.kept, known)
        where = "your checkpoint of %d entries" % kept.size
        for name in sorted(self.pack.sizes):
            if re.fullmatch(r"checkpoint\.txt|checkpoints/[0-9]+\.txt", name) and self.pack.text(name) == self.kept:
                self.report.fits.append(
                    f"NOTE: the checkpoint that you gave is, sign for sign, {name} of this pack. If you took it from there, it proves nothing;"
                    " if you kept it from before, or have it from somebody else, it is as good as any"
                )
        if kept.bad and not kept.signers:
            self.report.unknown.append(
                f"The checkpoint that you gave was not compared: {kept.bad[0]}. It was probably mistyped or cut off: take a fresh copy of it."
            )
        elif not kept.signers or kept.origin != self.head.origin:
            self.report.find(where, "it was signed by another key, or is of another log, than this pack")
        elif not self.pin and not set(follow(kept.signers, self._handovers())) & set(self.head.signers):
            # Whoever has the hashes of a log can go on with it under a key of their own.
            words = "the key that signed it is not the one that signed this pack, and never handed over to it"
            self.report.find(where, words + ": unless you know the new key (then give it with --key), this is another log from there on")
        elif kept.size > self.head.size:
            self.report.unknown.append("Your checkpoint is newer than this pack: ask for a pack made after it.")
        else:
            try:
                if self.tiles.root(kept.size) != kept.root:
                    self.report.find(where, "the log of this pack does not continue it: the log was rebuilt")
                else:
                    self.report.fits.append("the log continues the checkpoint of %d entries that you keep" % kept.size)
            except Wrong as error:
                if "missing" not in str(error):
                    raise
                self.report.unknown.append(
                    "The hashes to compare your checkpoint of %d entries are not in this pack: ask for one that names it, or for all entries."
                    % kept.size
                )

    def _leaf(self, entry: Entry) -> bool:
        """Whether the entry is sealed at its place."""
        data = canonical(entry.leaf).encode("utf-8", "surrogatepass")
        hash_ = leaf_hash(data)
        if entry.seq >= self.head.size:
            return False
        tile, place = entry.seq // TILE, entry.seq % TILE
        try:
            hashes = self.tiles.tile(0, tile)
        except Wrong as error:
            if str(error) not in self.bad_tiles:
                self.bad_tiles.add(str(error))
                self.report.find("entries %d to %d" % (tile * TILE, tile * TILE + TILE - 1), str(error))
            try:
                hashes = self.tiles.read(0, tile)
            except Wrong:
                return False
        if hashes[place * 32 :][:32] == hash_:
            return True
        self.strange[hash_] = entry.seq
        return False

    @staticmethod
    def _commits(entry: Entry) -> bool:
        if entry.salt is None or entry.body is None or not isinstance(entry.leaf["c"], str):
            return False
        if not re.fullmatch(r"[0-9a-f]{32}", entry.salt, re.ASCII):
            return False
        made = hmac.new(bytes.fromhex(entry.salt), entry.body.encode("utf-8", "surrogatepass"), "sha256").hexdigest()
        return made == entry.leaf["c"]

    def _own(self, name: str) -> list[Entry]:
        """The entries of a file beside entries.ndjson, each checked whole."""
        found = []
        for number, line in enumerate(self.pack.lines(name), start=1):
            try:
                entry = read_entry(line)
            except Wrong as error:
                self.report.find("%s, line %d" % (name, number), str(error))
                continue
            if not self._leaf(entry):
                self.report.find("%s, entry %d" % (name, entry.seq), "it is not what the log holds at this place")
            if entry.body is not None and not self._commits(entry):
                self.report.find("%s, entry %d" % (name, entry.seq), "its values do not fit the commitment in the log")
            found.append(entry)
            self.own.append(entry.seq)
        return found

    def _names(self) -> None:
        self.names: dict[str, str] = {}
        self.name_salts: dict[str, tuple[str, str]] = {}
        for number, line in enumerate(self.pack.lines("names.ndjson"), start=1):
            value = parse(line)
            if not isinstance(value, dict) or sorted(value) != ["actor", "name", "salt"] or canonical(value) != line:
                raise Wrong("names.ndjson, line %d: a line has actor, name and salt, in canonical form" % number)
            if not all(isinstance(text, str) for text in value.values()) or value["actor"] in self.names:
                raise Wrong("names.ndjson, line %d: it is no text, or its actor stands twice" % number)
            self.names[value["actor"]] = value["name"]
            self.name_salts[value["actor"]] = (value["salt"], value["name"])

    def _contents(self) -> None:
        """What the log itself says is in this pack, and the entries that say what was erased."""
        own = self._own("contents.ndjson")
        if len(own) != 1 or own[0].leaf["action"] != CONTENTS or own[0].body is None:
            raise Wrong("contents.ndjson has to hold the one entry by which the log says what is in this pack")
        self.contents = own[0]
        self.detail = detail = values_of(self.contents.body)
        if detail.get("format") != FORMAT or not isinstance(detail.get("sha256"), dict) or not isinstance(detail.get("names"), dict):
            raise Wrong("contents.ndjson does not say what is in this pack")
        if not isinstance(detail.get("beside"), dict) or not isinstance(detail.get("keys"), list):
            raise Wrong("contents.ndjson does not say which keys and checkpoints are in this pack")
        notes = self._handovers()
        if not set(follow([read_key(shown(detail.get("key")))], notes)) & set(self.head.signers):
            words = "it is signed by %s, and the log itself says that its key is %s: it was replaced"
            self.report.find("checkpoint.txt", words % (", ".join(map(str, self.head.signers)) or "nobody known", detail.get("key")))
        first = [read_key(shown(text)) for text in detail["keys"]]
        for key in self.keys:
            if key not in follow(first, notes):
                self.report.find("keys.txt", f"{key} is no key of this log: it was added")
        for actor in sorted(set(detail["names"]) | set(self.names)):
            salt, name = self.name_salts.get(actor, ("", ""))
            made = hmac.new(salt.encode("utf-8", "surrogatepass"), name.encode("utf-8", "surrogatepass"), "sha256").hexdigest()[:32]
            if actor not in self.names:
                self.report.find(f"names.ndjson, actor {actor}", "the name of this pseudonym was taken out")
            elif detail["names"].get(actor) != made:
                self.report.find(
                    f"names.ndjson, actor {actor}, field `name`", f"“{name}” is not the name that was given when this pack was made"
                )
        for entry in self._own("erasures.ndjson"):
            ranges = values_of(entry.body).get("entries")
            if entry.leaf["action"] not in ERASURES or not isinstance(ranges, list):
                self.report.find("erasures.ndjson, entry %d" % entry.seq, "it erases nothing")
                continue
            for pair in ranges:
                if not isinstance(pair, list) or len(pair) != 2 or not all(type(end) is int for end in pair):
                    raise Wrong("erasures.ndjson, entry %d: its ranges do not read as ranges" % entry.seq)
                self.ranges.append((pair[0], pair[1]))

    def _places(self) -> Iterator[int] | None:
        places = self._ranges("places")
        if places is None:
            return None
        # Nobody counts to a trillion because a forged line says so.
        if sum(last + 1 - first for first, last in places) > 1_000 + self.pack.sizes.get("entries.ndjson", 0) // 100:
            self.report.find("entries.ndjson", "most of the entries that the log says are in this pack were taken out")
            return None
        self.tiled.update(tile for first, last in places for tile in range(first // TILE, last // TILE + 1))
        return itertools.chain.from_iterable(range(first, last + 1) for first, last in places)

    def _ranges(self, name: str) -> list[list[int]] | None:
        """Inclusive ranges of places, as the log says them."""
        places = self.detail.get(name)
        if places is None:
            return None
        if not isinstance(places, list) or not all(
            isinstance(pair, list) and len(pair) == 2 and all(type(end) is int and 0 <= end < 1 << 62 for end in pair) for pair in places
        ):
            raise Wrong(f"contents.ndjson: its {name} do not read as places")
        return places

    def _entries(self) -> None:
        report, pack = self.report, self.pack
        reading = self.reading = Reading(self.names)
        tables = Twin(report, "entries.csv", pack.lines("entries.csv"), ENTRY_COLUMNS)
        values = Twin(report, "values.csv", pack.lines("values.csv"), VALUE_COLUMNS)
        pages = Pages(report, pack)
        tables.expect(row(ENTRY_COLUMNS))
        values.expect(row(VALUE_COLUMNS))
        self.prints = Prints(pack.lines("fields.txt"))
        places, waiting, last = self._places(), -1, -1
        missing: dict[int, bool] = {}
        for number, line in enumerate(pack.lines("entries.ndjson"), start=1):
            try:
                entry = read_entry(line)
            except Wrong as error:
                report.find("entries.ndjson, line %d" % number, str(error))
                continue
            if entry.seq <= last:
                report.find("entry %d" % entry.seq, "it stands after entry %d: the order was changed" % last)
                known = missing.pop(entry.seq, None) is not None
            else:
                last, known = entry.seq, places is None
                while places is not None and waiting < entry.seq:
                    waiting = next(places, 1 << 63)
                    known = waiting == entry.seq
                    if waiting < entry.seq and len(missing) < 10_000:
                        missing[waiting] = True
                known = known or waiting == entry.seq
            if not known:
                report.find("entry %d" % entry.seq, "it was inserted: the log does not say that it is in this pack")
            self._entry(entry)
            self._remember(entry, line)
            lines = reading.add(entry)
            tables.expect(lines.entry)
            for one in lines.values:
                values.expect(one)
            pages.expect(lines.page)
        for seq in [*missing, *itertools.islice(places or (), MOST_FINDINGS)]:
            receipt = "receipts/%d.tlog-proof" % seq
            words = "it is missing: the log says that it is in this pack, and it was taken out"
            report.find("entry %d" % seq, words + (f"; {receipt} of this pack still holds it" if receipt in pack.sizes else ""))
        for twin in (tables, values, pages):
            twin.end()
        index = Twin(report, "index.html", pack.lines("index.html"))
        for line in index_page(reading, self.contents, self.head):
            index.expect(line)
        index.end()
        for seq in self.prints.rest():
            report.find("fields.txt", "a line of entry %d, which is not in entries.ndjson" % seq)
        self._moved()
        if self.detail.get("entries") != reading.count:
            words = "it holds %d entries, and the log says %s" % (reading.count, self.detail.get("entries"))
            report.find_after(("entry ", "entries.ndjson, line"), "entries.ndjson", words)
        report.fits.append("%d entries, %d of them erased, each in its place under that checkpoint" % (reading.count, reading.erased))
        if reading.demo:
            report.fits.append("DEMONSTRATION DATA: " + demo_words(reading))
        report.fits += [one.told for one in reading.signed[:MOST_TOLD]]

    def _remember(self, entry: Entry, line: str) -> None:
        self.tiled.add(entry.seq // TILE)
        if entry.body is not None and "receipts/%d.tlog-proof" % entry.seq in self.pack.sizes:
            self.beside[entry.seq] = len(canonical(line).encode("utf-8", "surrogatepass"))

    def _entry(self, entry: Entry) -> None:
        """One entry: its place in the log, its values against their commitment, its version against the one before."""
        leaf = entry.leaf
        record = " of {} {}".format(leaf["model"], leaf["obj"]) if leaf["model"] else " ({})".format(leaf["action"])
        own, inside = self.prints.differences(entry)
        found = len(self.report.findings)
        if not self._leaf(entry):
            if entry.seq >= self.head.size or own is None or len(own) > 8:
                self.report.find("entry %d%s" % (entry.seq, record), "the log holds something else at this place: it was inserted or moved")
            else:
                named = ", ".join(f"field `{name}`" for name in own) or "the entry"
                said = "; ".join(f"`{name}`, {PLAIN[name]}, now says “{self._said(leaf[name])}”" for name in own)
                words = "this is not what was sealed in the log" + (f" ({said})" if said else "")
                self.report.find("entry %d, %s%s" % (entry.seq, named, record), words)
        elif own:
            self.report.find("fields.txt, entry %d" % entry.seq, "its fingerprints were altered")
        if entry.body is None:
            if not any(first <= leaf["id"] <= last for first, last in self.ranges):
                self.report.find(
                    "entry %d%s" % (entry.seq, record), "its values are missing, and no entry of the log says that they were erased"
                )
        elif not self._commits(entry):
            # A lone name of the whole text, because nothing tells which field it is, is no field.
            named = ", ".join(f"field `{name}`" for name in inside or ())
            where = "entry %d, %s%s" % (entry.seq, named, record) if named else "entry %d%s" % (entry.seq, record)
            said = "; ".join(f"`{name}` now says “{shown(values_of(entry.body).get(name))[:80]}”" for name in inside or ())
            self.report.find(where, "the values do not fit the commitment in the log" + (f" ({said})" if said else ""))
        elif inside:
            self.report.find("fields.txt, entry %d" % entry.seq, "its fingerprints were altered")
        original = self._original(entry)
        if original:
            words = "receipts/%d.tlog-proof of this pack still proves what was sealed: %s" % (entry.seq, original)
            if len(self.report.findings) > found:
                self.report.findings[-1] += ". " + plain(words)
            else:
                self.report.find("entry %d%s" % (entry.seq, record), words)
        if leaf["ver"] is not None:
            self._version(entry, record)

    def _said(self, value: Any) -> str:
        text = shown(value)
        name = self.reading.name(text) if text.startswith("p:") else ""
        return (f"{text} ({name})" if name else text)[:120]

    def _original(self, entry: Entry) -> str:
        """What the receipt beside an entry proves instead of what the entry says; empty without one, or when they agree."""
        name = "receipts/%d.tlog-proof" % entry.seq
        if name not in self.pack.sizes:
            return ""
        try:
            proof = read_proof(self.pack.text(name))
            carried = read_entry(parse(proof.extra.decode("utf-8", "replace"))["line"])
            if (carried.leaf, carried.body or entry.body) == (entry.leaf, entry.body):
                return ""
            sealed = check_proof(proof, self.keys, None)[1]
        except (Wrong, KeyError, TypeError):
            return ""
        if sealed is None or sealed.seq != entry.seq:
            return ""
        told = [f"`{key}`, {PLAIN[key]}, was “{self._said(sealed.leaf[key])}”" for key in KEYS if sealed.leaf[key] != entry.leaf[key]]
        if sealed.body is not None and sealed.body != entry.body:
            was, now = values_of(sealed.body), values_of(entry.body)
            told += [f"`{key}` was “{shown(was.get(key))[:200]}”" for key in sorted({*was, *now}) if was.get(key) != now.get(key)]
        return "; ".join(told[:10]) or "something else"

    def _version(self, entry: Entry, record: str) -> None:
        leaf = entry.leaf
        key = hash((leaf["model"], leaf["obj"]))
        before, before_id = self.versions.get(key, (0, None))
        self.versions[key] = (leaf["ver"], leaf["id"])
        if leaf["ver"] <= before:
            self.report.find("entry %d%s" % (entry.seq, record), "version %d stands after version %d" % (leaf["ver"], before))
        elif leaf["ver"] > before + 1 and self.detail.get("whole") is True:
            gone = "version %d is" % (before + 1) if leaf["ver"] == before + 2 else "versions %d to %d are" % (before + 1, leaf["ver"] - 1)
            self.report.find("entry %d%s" % (entry.seq, record), "%s missing before version %d" % (gone, leaf["ver"]))
        elif leaf["ver"] == before + 1 and leaf["prev"] != before_id and (before or leaf["ver"] == 1):
            words = "it names %s as the entry before it, and that is %s"
            self.report.find("entry %d, field `prev`%s" % (entry.seq, record), words % (leaf["prev"], before_id))

    def _moved(self) -> None:
        """Says of entries that stand in a wrong place which is theirs."""
        for name in self.pack.sizes if self.strange else ():
            found = re.fullmatch(r"tile/0/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/[0-9]+)?", name)
            if not found:
                continue
            data = self.pack.data(name)
            for at in range(0, len(data), 32):
                seq = self.strange.get(data[at : at + 32])
                if seq is not None:
                    place = int(found.group(1).replace("x", "").replace("/", "")) * TILE + at // 32
                    self.report.find("entry %d" % seq, "these bytes were sealed at place %d: the order was changed" % place)

    def _small_files(self) -> None:
        pack, report, sha256 = self.pack, self.report, self.detail["sha256"]
        if pack.text("README.txt") != README:
            report.find("README.txt", "it was altered")
        for name in ("policy.json", "verify.py"):
            pack.data(name)
        caused = {"entries.ndjson": ("entr",), "fields.txt": ("entr", "fields.txt"), "names.ndjson": ("names.ndjson",)}
        for name in ("entries.ndjson", "fields.txt", "names.ndjson", "policy.json", "verify.py"):
            if sha256.get(name) != pack.digests.get(name):
                words = "it is not the file that was put together (the log has another SHA-256 of it)"
                report.find_after(caused.get(name, (name,)), name, words)
        with open(__file__, "rb") as file:
            if hashlib.sha256(file.read()).hexdigest() != sha256.get("verify.py") and report.findings:
                report.follows.append(
                    "This verify.py is not the one that this pack was made with (SHA-256 %s): of another release it may find"
                    " differences in index.html, pages/ and the CSV files that are none." % shown(sha256.get("verify.py"))
                )
        stamps = [name for name in pack.sizes if name.startswith("stamps/")]
        if stamps:
            report.fits.append("%d time stamps (RFC 3161) are beside it; the guide says how to check them" % len(stamps))

    def _receipts(self) -> None:
        for name in sorted(name for name in self.pack.sizes if name.startswith("receipts/")):
            try:
                proof = read_proof(self.pack.text(name))
                entry = check_proof(proof, self.keys, None)[1]
                if name != "receipts/%d.tlog-proof" % proof.place or entry is None or not self._leaf(entry):
                    raise Wrong("it is not the receipt of an entry of this pack")
                self._carried(proof, entry)
            except (Wrong, Unreadable) as error:
                self.report.find(name, str(error))

    def _carried(self, proof: Proof, entry: Entry) -> None:
        """What a receipt carries beside its proof is what the portal writes there: key, entry and, unless too long, its values."""
        carried = parse(proof.extra.decode("utf-8", "replace"))
        key = shown(carried.get("key"))
        if sorted(carried) != ["key", "line"] or canonical(carried).encode("utf-8", "surrogatepass") != proof.extra:
            raise Wrong("what it carries beside the proof was altered")
        if key not in map(str, self.keys):
            raise Wrong("the key that it carries is not one of keys.txt: it was replaced")
        length = self.beside.get(entry.seq)
        if entry.body is not None or length is None:
            return
        whole = len('{"key":,"line":}') + len(canonical(key).encode()) + length
        if -(-whole // 3) * 4 <= MOST_BESIDE:
            raise Wrong("its values were taken out: entry %d of this pack has them" % entry.seq)
        self.report.fits.append("receipts/%d.tlog-proof carries no values, for they are too long; they are in entries.ndjson" % entry.seq)

    def _files(self) -> None:
        """The files are those that were made, by name, and those that the log has a digest of are these."""
        pack, beside = self.pack, self.detail["beside"]
        made = {*NEEDED, *beside, *(page_name(number) for number in range(1, -(-self.reading.count // PAGE_ROWS) + 1))}
        if self.cosigners:
            made.add("witnesses.txt")
        receipts = self._ranges("receipts") or []
        if sum(last + 1 - first for first, last in receipts) > MOST_FILES:
            raise Wrong("contents.ndjson names more receipts than there can be")
        proofs = ["receipts/%d.tlog-proof" % seq for first, last in receipts for seq in range(first, last + 1)]
        handovers = sum(name.startswith("handovers/") for name in pack.sizes)
        made.update(proofs, ("handovers/%d.txt" % number for number in range(1, handovers + 1)))
        kept = self.detail.get("kept_size")
        sizes = [*self.sizes, *([kept] if type(kept) is int and 0 < kept <= self.head.size else [])]
        for level, index in tiles_for([*self.own, *(tile * TILE for tile in self.tiled)], sizes):
            made.add(tile_path(level, index, tile_width(level, index, self.head.size)))
        for name in sorted({*proofs, *beside} - pack.sizes.keys()):
            self.report.find(name, "it is missing: the log says that it is in this pack, and it was taken out")
        for name in sorted(beside.keys() & pack.sizes.keys()):
            pack.data(name)
            if pack.digests[name] != beside[name]:
                self.report.find(name, "it is not the file that was put together (the log has another SHA-256 of it)")
        pack.refuse_others(made)


class Prints:
    """The lines of fields.txt beside the entries."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = lines
        self.held: list[str] | None = None
        self.skipped: list[int] = []

    def _next(self) -> list[str] | None:
        held, self.held = self.held, None
        if held is not None:
            return held
        line = next(self.lines, None)
        if line is None:
            return None
        parts = line.split(" ")
        good = len(parts) == 3 and re.fullmatch(r"[0-9]{1,18}", parts[0], re.ASCII)
        return parts if good else ["-1", "", ""]

    def differences(self, entry: Entry) -> tuple[list[str] | None, list[str] | None]:
        """Names of the entry's own keys and of its values that are not those of the line; None where nothing can be told."""
        while True:
            parts = self._next()
            if parts is None or int(parts[0]) > entry.seq:
                self.held = parts
                return None, None
            if int(parts[0]) == entry.seq:
                break
            self.skipped.append(int(parts[0]))
        _, own, inside = fingerprints(entry).split(" ")
        return self._unlike(own, parts[1], KEYS), self._unlike(inside, parts[2], sorted(values_of(entry.body)))

    @staticmethod
    def _unlike(made: str, kept: str, names: Sequence[str]) -> list[str] | None:
        if len(made) != len(kept):
            return None
        return [name for number, name in enumerate(names) if made[4 * number :][:4] != kept[4 * number :][:4]]

    def rest(self) -> list[int]:
        while len(self.skipped) < MOST_FINDINGS:
            parts = self._next()
            if parts is None:
                break
            self.skipped.append(int(parts[0]))
        return self.skipped


def check_proof(proof: Proof, keys: Sequence[Key], leaf: bytes | None) -> tuple[Head, Entry | None]:
    """Head and entry of a receipt that fits; `leaf` are the sealed bytes where the receipt does not carry them."""
    entry: Entry | None = None
    if proof.extra:
        carried = parse(proof.extra.decode("utf-8", "replace"))
        if not isinstance(carried, dict) or not isinstance(carried.get("line"), str):
            raise Wrong("what the receipt carries beside the proof is no entry")
        entry = read_entry(carried["line"])
        carried_leaf = canonical(entry.leaf).encode("utf-8", "surrogatepass")
        if leaf is not None and leaf != carried_leaf:
            raise Wrong("the entry that you gave is not the one of the receipt")
        leaf = carried_leaf
        if entry.seq != proof.place:
            raise Wrong("the receipt carries entry %d and proves entry %d" % (entry.seq, proof.place))
        if entry.body is not None and not Check._commits(entry):
            raise Wrong(
                "entry %d of %s %s: the values do not fit the commitment in the log" % (entry.seq, entry.leaf["model"], entry.leaf["obj"])
            )
    if leaf is None:
        raise Unreadable("This receipt does not carry its entry: give the sealed text with --entry.")
    head = read_head(proof.checkpoint, keys)
    if head.bad or not head.signers:
        raise Wrong(head.bad[0] if head.bad else "the checkpoint is signed by none of the keys given")
    if climb(leaf_hash(leaf), proof.place, head.size, proof.hashes) != head.root:
        raise Wrong("the proof does not lead from this entry to the signed root: one of them was altered")
    return head, entry


def check_receipt(text: str, pin: Key | None, leaf: bytes | None) -> Report:
    """A single .tlog-proof file."""
    report = Report()
    try:
        proof = read_proof(text)
        keys = [pin] if pin else []
        if proof.extra and not pin:
            carried = parse(proof.extra.decode("utf-8", "replace"))
            if isinstance(carried, dict) and isinstance(carried.get("key"), str):
                keys = [read_key(carried["key"])]
        if not keys:
            raise Unreadable("Give the key of the log with --key.")
        head, entry = check_proof(proof, keys, leaf)
        if entry is not None and entry.body is None and entry.leaf["c"] is not None:
            report.unknown.append(
                "The values of entry %d were not compared: this receipt does not carry them. They were erased, too long, or taken out of it;"
                " a pack that holds this entry tells" % entry.seq
            )
        report.fits.append("entry %d is in the log %s, under its checkpoint of %d entries" % (proof.place, head.origin, head.size))
        report.fits.append("signed by {}{}".format(head.signers[0], ": this is the key that you gave" if pin else ""))
        if entry is not None:
            report.fits.append(
                "{} {} {}, {}, by {}, channel {}".format(
                    *(entry.leaf[key] for key in ("action", "model", "obj", "at", "actor")), entry.leaf["via"] or "unknown"
                )
            )
            values = values_of(entry.body)
            report.fits += [
                f"{name}: {plain(shown(values[name]))[:LONGEST_SHOWN]}" for name in sorted(values) if values[name] not in (None, "")
            ]
    except Wrong as error:
        report.findings.append(plain(str(error)))
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Answers the exit code."""
    parser = argparse.ArgumentParser(description="Check an export pack or a receipt of a Lastmile audit trail.")
    parser.add_argument("file", help="pack.zip or receipt.tlog-proof")
    parser.add_argument("--key", metavar="VKEY", help="the log's public key as you keep it, as text or as a file")
    parser.add_argument("--checkpoint", metavar="FILE", help="a checkpoint of this log that you keep: the pack must continue it")
    parser.add_argument("--entry", metavar="FILE", help="the sealed text of the entry, for a receipt that does not carry it")
    given = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        report = _check(given)
    except Unreadable as error:
        print(f"NOT CHECKED: {plain(str(error))}")
        return 2
    except FileNotFoundError as error:
        print(f"NOT CHECKED: there is no file {plain(str(error.filename))}.")
        return 2
    except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, MemoryError, OverflowError, KeyError, IndexError, TypeError,
            AttributeError, zipfile.BadZipFile, zlib.error) as error:  # fmt: skip
        # A file from somewhere else: whatever it makes a library stumble over, it was not checked, and that is said.
        print(f"NOT CHECKED: this file is damaged or cut off, or it is no pack ({type(error).__name__}: {plain(str(error))[:200]}).")
        return 2
    return _say(report, pinned=bool(given.key))


def _check(given: argparse.Namespace) -> Report:
    if os.path.isdir(given.file):
        raise Unreadable("This is a folder. Give me the zip file, as you got it.")
    mistyped = "It was probably mistyped or cut off; this says nothing about the pack."
    try:
        pin = read_key(given.key if "+" in given.key else _read(given.key).decode("utf-8", "replace")) if given.key else None
    except Wrong as error:
        raise Unreadable(f"The key that you gave cannot be read: {error} {mistyped}") from None
    kept = ""
    if given.checkpoint:
        # Out of a mail it may have other line ends, or none at the end.
        kept = _read(given.checkpoint).decode("utf-8", "replace").replace("\r\n", "\n").strip("\n") + "\n"
        try:
            read_head(kept, [])
        except Wrong as error:
            raise Unreadable(f"The checkpoint that you gave cannot be read: {error} {mistyped}") from None
    leaf = _read(given.entry) if given.entry else None
    with open(given.file, "rb") as file:
        start = file.read(64)
    if start.startswith(b"c2sp.org/"):
        return check_receipt(_read(given.file).decode(), pin, leaf)
    return Check(given.file, pin, kept).run()


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        data = file.read(SMALL + 1)
    if len(data) > SMALL:
        raise Unreadable("%s is larger than %d bytes." % (path, SMALL))
    return data


def _say(report: Report, pinned: bool) -> int:  # noqa: FBT001
    if report.findings:
        number = len(report.findings)
        print("RED: something was altered: %s." % ("1 finding" if number == 1 else "%d findings" % number))
        for finding in report.findings:
            print(f"- {finding}")
        if report.follows:
            print("These only follow from what is said above; they are no alterations of their own:")
            for line in report.follows:
                print(f"- {line}")
        return 1
    print("GREEN: everything fits." if not report.unknown else "THE FILE FITS, BUT NOT EVERYTHING COULD BE COMPARED.")
    for line in [*report.fits, *report.unknown]:
        print(f"- {line}")
    if not pinned:
        print("This key came with the file. Compare it with the one that you were given elsewhere, or check again with --key.")
    return 2 if report.unknown else 0


if __name__ == "__main__":
    sys.exit(main())
