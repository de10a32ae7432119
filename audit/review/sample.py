r"""Which entries a random review looks at: decided by the log itself, so that anybody can draw the same sample again.

    seed = SHA-256("lastmile review v1\n" || root || place)      root: 32 bytes, place: 8 bytes, most significant first
    rank = SHA-256(seed || seq)                                   seq: 8 bytes, most significant first
    sample = the n places of the period with the smallest ranks, in the order of their ranks

`root` is that of the first checkpoint over the entry with which the review began, `place` that entry's. Pure.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterable, Sequence

DOMAIN = b"lastmile review v1\n"


def seed_of(root: bytes, place: int) -> bytes:
    """The seed of the review whose first entry stands at `place`, under the checkpoint with `root`."""
    return hashlib.sha256(DOMAIN + root + place.to_bytes(8, "big")).digest()


def rank(seed: bytes, seq: int) -> bytes:
    """What decides whether a place is drawn: the smaller, the sooner."""
    return hashlib.sha256(seed + seq.to_bytes(8, "big")).digest()


def draw(seed: bytes, places: Iterable[int], count: int) -> list[int]:
    """`count` of the places (all of them where there are fewer), in the order of the draw."""
    return heapq.nsmallest(count, places, key=lambda seq: rank(seed, seq))


def digest_of(content: dict[str, object]) -> str:
    """SHA-256 of what is signed, as JSON with sorted keys, without spaces, in UTF-8."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def uncovered(size: int, periods: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The gaps that (first, stop) periods leave in places 0 to `size`, as (first, stop)."""
    gaps, at = [], 0
    for first, stop in sorted(periods):
        if first > at:
            gaps.append((at, min(first, size)))
        at = max(at, stop)
    return [*gaps, (at, size)] if at < size else gaps
