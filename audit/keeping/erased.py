"""Which payloads may be missing: those that an erasure or a retention run says it took, by ranges of entry ids.

The database writes such an entry itself, in the transaction that deletes (audit/keeping/eraser.py): `audit.payload-erased` for a
person, `audit.payload-expired` for retention. Its own payload is never erased. A payload that is missing without one was
taken by somebody who had no right to. A version row's `history_id` is its entry's id, so the same ranges tell of versions.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from django.db import DEFAULT_DB_ALIAS

from audit.log.bodies import detail_of
from audit.models import Entry

ERASED = "audit.payload-erased"
EXPIRED = "audit.payload-expired"
ACTIONS = (ERASED, EXPIRED)

# Sorted, disjoint and inclusive: (first entry id, last entry id).
Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Erasure:
    """One erasure: the entry that says it, when, why in words, which payloads; `certificate` is its key, or empty."""

    entry: int
    at: dt.datetime
    action: str
    why: str
    certificate: str
    ranges: Ranges


def merged(pairs: Iterable[tuple[int, int]]) -> Ranges:
    """Ranges in order, those that touch or overlap as one."""
    out: list[tuple[int, int]] = []
    for first, last in sorted(pairs):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return tuple(out)


def covers(ranges: Ranges, entry_id: int) -> bool:
    """True when an erasure took the payload of `entry_id`."""
    place = bisect_right(ranges, entry_id, key=lambda pair: pair[0])
    return place > 0 and entry_id <= ranges[place - 1][1]


def erasures(using: str | None = None) -> Iterator[Erasure]:
    """Every erasure, oldest first. One whose payload cannot be read covers nothing: verification names that payload."""
    rows = (
        Entry.objects.using(using or DEFAULT_DB_ALIAS)
        .filter(action__in=ACTIONS)
        .order_by("id")
        .values_list("id", "at", "action", "payload__body")
    )
    for entry, at, action, body in rows.iterator(chunk_size=500):
        yield _erasure(entry, at, action, body)


def erased_ranges(using: str | None = None) -> Ranges:
    """All that was ever erased."""
    return merged(pair for erasure in erasures(using) for pair in erasure.ranges)


def erased_on(entry_ids: Collection[int], using: str | None = None) -> dict[int, Erasure]:
    """For each of `entry_ids` whose payload was erased: by which erasure (the first that names it)."""
    found: dict[int, Erasure] = {}
    if not entry_ids:
        return found
    for erasure in erasures(using):
        for entry_id in entry_ids:
            if entry_id not in found and covers(erasure.ranges, entry_id):
                found[entry_id] = erasure
    return found


def _erasure(entry: int, at: dt.datetime, action: str, body: str | None) -> Erasure:
    try:
        detail = detail_of(body)
        ranges = merged((int(first), int(last)) for first, last in detail["entries"])
        return Erasure(entry, at, action, str(detail.get("why", "")), str(detail.get("certificate", "")), ranges)
    except (ValueError, KeyError, TypeError):
        return Erasure(entry, at, action, "", "", ())
