"""The bytes of one log entry: canonical JSON that anyone can render again, and the commitment to its payload.

Canonical means: UTF-8, keys sorted, no spaces, no floats, each key once, times in UTC with microseconds. A leaf names
who, what, when and which fields; it never holds a value. docs/reference/log-format.md is the specification.
"""

from __future__ import annotations

import datetime as dt
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

LEAF_VERSION = 1
MAX_LEAF_BYTES = 65_535
KEYS = ("action", "actor", "at", "c", "fields", "id", "k", "model", "obj", "on", "prev", "reason", "req", "role", "tx", "v", "ver", "via")


class NotCanonical(ValueError):
    """Bytes that are not the canonical form of a leaf."""


@dataclass(frozen=True)
class Leaf:
    """One entry as it stands in the log: every column of it, so that none can be changed unseen.

    `ver` counts the changes of one object from 1 and is None for an act; `prev` is the entry of the change before it.
    `on_behalf` is the pseudonym for whom someone acted, `via` the channel, `role` the database role, `tx` the transaction.
    `data_class` says which rules of retention apply; `commitment` is to the payload.
    """

    id: int
    tx: int
    at: dt.datetime
    role: str
    actor: str
    on_behalf: str | None
    via: str
    req: str
    reason: str
    action: str
    model: str
    obj: str
    ver: int | None
    prev: int | None
    fields: tuple[str, ...]
    commitment: str | None
    data_class: str

    def render(self) -> bytes:
        """The canonical bytes. A list of fields too long for an entry is rendered as null; nothing else may be so long."""
        body: dict[str, Any] = {
            "v": LEAF_VERSION,
            "id": self.id,
            "tx": self.tx,
            "at": render_time(self.at),
            "role": self.role,
            "actor": f"p:{self.actor}",
            "on": None if self.on_behalf is None else f"p:{self.on_behalf}",
            "via": self.via,
            "action": self.action,
            "model": self.model,
            "obj": self.obj,
            "ver": self.ver,
            "prev": self.prev,
            "req": self.req,
            "reason": self.reason,
            "fields": list(self.fields),
            "c": self.commitment,
            "k": self.data_class,
        }
        data = render(body)
        if len(data) > MAX_LEAF_BYTES:
            data = render(body | {"fields": None})
        if len(data) > MAX_LEAF_BYTES:
            raise NotCanonical(f"Entry {self.id} does not fit into {MAX_LEAF_BYTES} bytes.")
        return data


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
