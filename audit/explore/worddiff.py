"""Two texts compared word by word, in a time that no text can stretch. Pure: no Django, no database."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

SAME, REMOVED, ADDED = "same", "removed", "added"
# What difflib may be asked to compare, as (pieces on one side) x (pieces on the other). Beyond it: coarser pieces.
_MOST = 160_000
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
# A stretch without a change that is longer than this is shown by its ends alone.
_LONG, _ENDS = 400, 160


@dataclass(frozen=True)
class Part:
    """A stretch of text that is in both, only in the old one (`removed`) or only in the new one (`added`)."""

    kind: str
    text: str


def compare(old: str, new: str) -> list[Part]:
    """What became of `old`, in order: without the added parts it is `old`, without the removed ones it is `new`.

    Words are compared; where there are too many, lines; where there are still too many, the whole stretch counts as changed.
    """
    return list(_joined(_compare(old, new, (_words, _lines))))


def shortened(parts: Sequence[Part]) -> list[Part]:
    """The same with long stretches that did not change left out in their middle, marked by an ellipsis."""
    return [
        Part(SAME, f"{part.text[:_ENDS]} […] {part.text[-_ENDS:]}") if part.kind == SAME and len(part.text) > _LONG else part
        for part in parts
    ]


def _compare(old: str, new: str, cuts: Sequence[Callable[[str], list[str]]]) -> Iterator[Part]:
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    # Whole words only: half a word marked reads badly.
    while head and _inside_word(old, head, new):
        head -= 1
    while tail and _inside_word(old, len(old) - tail, new, len(new) - tail):
        tail -= 1
    yield Part(SAME, old[:head])
    yield from _middle(old[head : len(old) - tail], new[head : len(new) - tail], cuts)
    yield Part(SAME, old[len(old) - tail :] if tail else "")


def _middle(old: str, new: str, cuts: Sequence[Callable[[str], list[str]]]) -> Iterator[Part]:
    cut = next((cut for cut in cuts if len(cut(old)) * len(cut(new)) <= _MOST), None)
    if cut is None:
        yield from (Part(REMOVED, old), Part(ADDED, new))
        return
    left, right = cut(old), cut(new)
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            yield Part(SAME, "".join(left[a:b]))
        elif cut is _lines and tag == "replace":
            # Lines that changed are few now: their words can be compared, without going to lines again.
            yield from _compare("".join(left[a:b]), "".join(right[c:d]), (_words,))
        else:
            yield from (Part(REMOVED, "".join(left[a:b])), Part(ADDED, "".join(right[c:d])))


def _joined(parts: Iterator[Part]) -> Iterator[Part]:
    """Without empty parts; a lone space between two changes belongs to them; within a change what was removed comes first."""
    removed, added, same = "", "", ""
    for part in parts:
        if not part.text:
            continue
        if part.kind == SAME:
            same += part.text
            continue
        if same and (removed or added) and same.isspace() and "\n" not in same:
            removed, added = removed + same, added + same
        elif same:
            yield from _change(removed, added)
            yield Part(SAME, same)
            removed = added = ""
        same = ""
        if part.kind == REMOVED:
            removed += part.text
        else:
            added += part.text
    yield from _change(removed, added)
    if same:
        yield Part(SAME, same)


def _change(removed: str, added: str) -> Iterator[Part]:
    if removed:
        yield Part(REMOVED, removed)
    if added:
        yield Part(ADDED, added)


def _common(old: str, new: str) -> int:
    """How many letters both begin with."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _inside_word(old: str, place: int, new: str, other: int | None = None) -> bool:
    """Whether a cut at `place` of `old` (at `other` of `new`) goes through a word."""
    other = place if other is None else other
    return any(0 < at < len(text) and _is_word(text[at - 1]) and _is_word(text[at]) for text, at in ((old, place), (new, other)))


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def _words(text: str) -> list[str]:
    return _WORDS.findall(text)


def _lines(text: str) -> list[str]:
    return _LINES.findall(text)
