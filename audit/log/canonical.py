"""The bytes of one log entry: canonical JSON that anyone can render again, and the commitment to its payload.

Canonical means: UTF-8, keys sorted, no spaces, no floats, each key once, times in UTC with microseconds. A leaf names
who, what, when and which fields; it never holds a value. docs/reference/log-format.md is the specification.
"""

from __future__ import annotations

import datetime as dt
import hmac
import json
import re
from collections.abc import Iterable
from typing import Any

MAX_LEAF_BYTES = 65_535
KEYS = ("action", "actor", "at", "c", "fields", "id", "k", "model", "obj", "on", "prev", "reason", "req", "role", "tx", "v", "ver", "via")

_TEXT, _NUMBER = rb'"[^"]*+"', rb"(?:0|[1-9][0-9]{0,17})"
_SHAPES = {
    "c": rb"(?:null|" + _TEXT + rb")",
    "fields": rb"(?:\[(?:" + _TEXT + rb"(?:," + _TEXT + rb")*+)?\]|null)",
    "id": _NUMBER,
    "on": rb"(?:null|" + _TEXT + rb")",
    "prev": rb"(?:null|" + _NUMBER + rb")",
    "tx": _NUMBER,
    "v": rb"1",
    "ver": rb"(?:null|" + _NUMBER + rb")",
}
_PLAIN = re.compile(rb"\{" + b",".join(b'"' + key.encode() + b'":' + _SHAPES.get(key, _TEXT) for key in KEYS) + rb"\}").fullmatch
_PRINTABLE = bytes(letter for letter in range(32, 127) if letter != ord("\\"))


def plain(data: bytes) -> bool:
    """Whether these bytes are what nearly every leaf is: canonical, in printable ASCII and nothing escaped. Others are to be read."""
    return len(data) <= MAX_LEAF_BYTES and not data.translate(None, _PRINTABLE) and _PLAIN(data) is not None


class NotCanonical(ValueError):
    """Bytes that are not the canonical form of a leaf."""


def commit(salt: bytes, payload: bytes) -> str:
    """The commitment to exactly these payload bytes: HMAC-SHA256 under the salt, in hexadecimal.

    Without the salt nobody can test a guess, so deleting salt and payload together erases the content for good.
    """
    return hmac.digest(salt, payload, "sha256").hex()


def render(body: dict[str, Any]) -> bytes:
    """Canonical bytes of a JSON object; raises NotCanonical for a float."""
    _refuse_floats(body)
    return json.dumps(body, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()


def render_time(at: dt.datetime) -> str:
    """UTC with microseconds, such as 2026-11-22T09:41:07.000000Z."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read(data: bytes) -> dict[str, Any]:
    """The object in a leaf's bytes; raises NotCanonical unless rendering it again gives these very bytes."""
    if len(data) > MAX_LEAF_BYTES:
        raise NotCanonical(f"An entry has at most {MAX_LEAF_BYTES} bytes; this one has {len(data)}.")
    try:
        body: Any = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_refuse_constant)
        again = render(body) if isinstance(body, dict) else b""
    except NotCanonical:
        raise
    except (UnicodeError, ValueError, RecursionError) as error:
        raise NotCanonical("These bytes are not JSON in UTF-8.") from error
    if again != data:
        raise NotCanonical("These bytes are not in canonical form.")
    if tuple(sorted(body)) != KEYS:
        raise NotCanonical("A leaf has exactly the keys " + ", ".join(KEYS) + ".")
    leaf: dict[str, Any] = body
    return leaf


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for key, value in pairs:
        if key in body:
            raise NotCanonical(f"The key {key!r} stands twice.")
        body[key] = value
    return body


def _refuse_constant(name: str) -> Any:
    raise NotCanonical(f"{name} is not a number of JSON.")


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise NotCanonical("A leaf holds no floats.")
    if isinstance(value, dict):
        for part in value.values():
            _refuse_floats(part)
    elif isinstance(value, list):
        for part in value:
            _refuse_floats(part)
