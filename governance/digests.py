"""What exactly is signed: the digest of canonical content, and the difference between two of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from audit.log import canonical


def digest_of(content: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal. Content holds no floats: decimals are written as text."""
    return hashlib.sha256(canonical.render(content)).hexdigest()


@dataclass(frozen=True)
class Change:
    """One difference: where (`brief / figures / shown`), and what stood and stands there (None: nothing)."""

    where: str
    was: str | None
    now: str | None


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """Every leaf that differs between two contents, by place."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    places = list(old) + [place for place in new if place not in old]
    return [Change(" / ".join(place), old.get(place), new.get(place)) for place in places if old.get(place) != new.get(place)]


def _leaves(value: Any, place: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in _leaves(value[key], (*place, str(key)))]
    if isinstance(value, list):
        return [leaf for number, part in enumerate(value, start=1) for leaf in _leaves(part, (*place, str(number)))]
    return [(place, "" if value is None else str(value))]
