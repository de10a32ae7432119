"""The body of a payload as every page reads it: whatever stands there, what comes out has the shape that is asked for. Pure.

`audit_record` refuses odd bodies; whoever owns the database can still write them, and evidence has to be shown all the same.
"""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 64  # levels; Python's own limit depends on who calls
SHOWN = 500


def body_of(text: str | None) -> dict[str, Any]:
    """`values` and `detail` as objects, `reason` as text, each only where it is there; empty for no body.

    What cannot be read stands as text in `detail`, under `unreadable`.
    """
    if text is None:
        return {}
    try:
        found = json.loads(text, parse_float=str)
        if "\\ud" in text.lower():
            json.dumps(found, ensure_ascii=False).encode()  # half a character cannot be sent to anybody
    except (ValueError, RecursionError):
        return _unreadable(text)
    if not isinstance(found, dict) or not _shallow(found):
        return _unreadable(text)
    if not all(isinstance(found.get(name, {}), dict) for name in ("values", "detail")):
        return _unreadable(text)
    if "reason" in found and not isinstance(found["reason"], str):
        found["reason"] = json.dumps(found["reason"], ensure_ascii=False)
    return found


def detail_of(text: str | None) -> dict[str, Any]:
    """What an act says; empty where it says nothing or cannot be read."""
    found: dict[str, Any] = body_of(text).get("detail", {})
    return found


def count_of(value: object) -> int:
    """A number of findings, told as a number or as the list itself. What is neither counts as one: somebody has to look."""
    if isinstance(value, list):
        return len(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return value
    return 1


def _unreadable(text: str) -> dict[str, Any]:
    return {"detail": {"unreadable": text[:SHOWN]}}


def _shallow(value: object) -> bool:
    level = [value]
    for _depth in range(DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, (dict, list))
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return True
    return False
