"""JSON as it comes from outside: what could be neither stored nor shown is refused where it is read. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

MAX_DEPTH = 32  # arrays and objects in one another


class NotJSON(ValueError):
    """The body is no JSON, or none that is taken: half a surrogate pair, the character U+0000, nested too deep."""


def decode(body: bytes) -> Any:
    """The value of a body. Raises NotJSON."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJSON(f"This is not JSON: {error}") from error
    if b"\\u0000" in body:
        raise NotJSON("Text may not hold the character U+0000.")
    if deeper_than(MAX_DEPTH, body, value):
        raise NotJSON(f"Arrays and objects nest at most {MAX_DEPTH} deep.")
    return value


def deeper_than(most: int, body: bytes, value: Any) -> bool:
    """Whether arrays and objects nest more than `most` deep: level by level, so that no depth can break it."""
    if body.count(b"[") + body.count(b"{") <= most:
        return False
    level: list[Any] = [value] if isinstance(value, (dict, list)) else []
    for _depth in range(most):
        parts = (part for outer in level for part in (outer.values() if isinstance(outer, dict) else outer))
        level = [part for part in parts if isinstance(part, (dict, list))]
        if not level:
            return False
    return True
