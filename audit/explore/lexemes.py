"""What of an entry can be searched: its words and facets as lexemes, and conditions on them. No database here.

The same functions make the index (audit/explore/indexing.py), the condition that the database evaluates on it, and the answer for
entries that are not indexed yet, so all three agree. A facet is a letter, a colon and a value (`x:created`); a word never
holds a colon. Words keep their places, so that quoted words are found next to each other.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

ACTOR, ACTION, KIND, RECORD, KEY, CHANNEL, ROLE, REQUEST, FIELD, REASON, VIEW = "axkoicdqfrv"
LONGEST_WORD, LONGEST_FACET, MOST_BYTES = 80, 200, 500_000
# The limits of tsvector: later places and repetitions are found as words, and not as part of quoted words.
LAST_PLACE, MOST_PLACES = 16_000, 200
_BEHIND = 2**63
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_WORD = re.compile(rf"{_UUID}|[^\W_]+", re.IGNORECASE)
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d[\d.]*(?:Z|[+-]\d\d:?\d\d)?")

Lexemes = Mapping[str, Sequence[int]]


class Searched(NamedTuple):
    """An entry as far as it is searched; `body` is None where the content was erased. `seq` is None until it is sealed."""

    id: int
    seq: int | None
    at: dt.datetime
    actor: uuid.UUID
    action: str
    model: str
    object: str
    channel: str
    db_role: str
    request_id: str
    reason_code: str
    fields: Sequence[str]
    body: str | None


COLUMNS = "e.at, e.actor, e.action, e.model, e.object, e.channel, e.db_role, e.request_id, e.reason_code, e.fields, p.body"


@dataclass(frozen=True)
class Phrase:
    """Lexemes next to each other; of the last one only the beginning where `begins` says so."""

    lexemes: tuple[str, ...]
    begins: bool = False

    def __str__(self) -> str:
        parts = ["'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'" for lexeme in self.lexemes]
        return "(" + " <-> ".join(parts) + (":*" if self.begins else "") + ")"

    def fits(self, found: Lexemes) -> bool:
        end = self.lexemes[-1]
        lasts = [lexeme for lexeme in found if lexeme.startswith(end)] if self.begins else [end]
        return any(self._fits(found, (*self.lexemes[:-1], last)) for last in lasts)

    @staticmethod
    def _fits(found: Lexemes, lexemes: tuple[str, ...]) -> bool:
        if any(lexeme not in found for lexeme in lexemes):
            return False
        if len(lexemes) == 1:
            return True
        starts = [{place - ahead for place in found[lexeme]} for ahead, lexeme in enumerate(lexemes)]
        return bool(set.intersection(*starts))


@dataclass(frozen=True)
class Clause:
    """True where all phrases of at least one alternative are there; the other way round when `negated`."""

    alternatives: tuple[tuple[Phrase, ...], ...]
    negated: bool = False

    def __str__(self) -> str:
        text = " | ".join("(" + " & ".join(map(str, phrases)) + ")" for phrases in self.alternatives)
        return f"!({text})" if self.negated else f"({text})"

    def fits(self, found: Lexemes) -> bool:
        return any(all(phrase.fits(found) for phrase in phrases) for phrases in self.alternatives) is not self.negated


@dataclass(frozen=True)
class Condition:
    """What a query asks for: clauses that all hold, a time from and before, places in the log from and to."""

    clauses: tuple[Clause, ...] = ()
    after: dt.datetime | None = None
    before: dt.datetime | None = None
    first: int | None = None
    last: int | None = None

    @property
    def tsquery(self) -> str | None:
        """For the database; None when no clause asks for anything."""
        return " & ".join(map(str, self.clauses)) or None

    @property
    def positive(self) -> bool:
        """Whether something must be there: an inverted index cannot look for what is absent."""
        return any(not clause.negated for clause in self.clauses)

    def fits(self, row: Searched) -> bool:
        """The same, for an entry that is not indexed yet."""
        if (self.after and row.at < self.after) or (self.before and row.at >= self.before):
            return False
        # What is not sealed has no place yet: it is behind every place.
        place = _BEHIND if row.seq is None else row.seq
        if (self.first is not None and place < self.first) or (self.last is not None and place > self.last):
            return False
        if not self.clauses:
            return True
        found = lexemes_of(row)
        return all(clause.fits(found) for clause in self.clauses)


def words_of(text: str) -> list[str]:
    """The words of a text as they are indexed: letters and digits, in small letters; a UUID is one word."""
    return [word.casefold()[:LONGEST_WORD] for word in _WORD.findall(text)]


def facet(kind: str, value: str) -> str:
    """The lexeme of a facet. A long value is told by its digest."""
    if len(value) > LONGEST_FACET:
        value = hashlib.sha256(value.encode()).hexdigest()
    return f"{kind}:{value}"


def lexemes_of(row: Searched) -> dict[str, list[int]]:
    """Everything by which an entry is found, each with its places (none for facets and for what is no running text)."""
    found: dict[str, list[int]] = {lexeme: [] for lexeme in _facets(row)}
    for text in (row.action, row.model, row.object, row.reason_code):
        for word in words_of(text):
            found.setdefault(word, [])
    if row.body is None:
        return found
    body = _parsed(row.body)
    if isinstance(body, dict):
        for word in words_of(str(body.get("reason") or "")):
            found.setdefault(facet(REASON, word), [])
        detail = body.get("detail")
        view = detail.get("view") if isinstance(detail, dict) else None
        if isinstance(view, int):
            found[facet(VIEW, str(view))] = []
    _add_words(found, _texts(body))
    return found


def tsvector(found: Lexemes) -> str:
    """The text form of lexemes with their places."""
    parts = []
    for lexeme, places in found.items():
        quoted = "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
        parts.append(quoted + (":" + ",".join(map(str, places)) if places else ""))
    return " ".join(parts)


def _facets(row: Searched) -> Iterator[str]:
    yield facet(ACTOR, str(row.actor))
    yield facet(ACTION, row.action)
    yield facet(ROLE, row.db_role)
    if row.model:
        yield facet(KIND, row.model)
        yield facet(KIND, row.model.rpartition(".")[2])
    if row.object:
        yield facet(RECORD, f"{row.model}/{row.object}")
        yield facet(KEY, row.object)
    if row.channel:
        yield facet(CHANNEL, row.channel)
    if row.request_id:
        yield facet(REQUEST, row.request_id)
    for name in row.fields:
        yield facet(FIELD, name)
    for word in words_of(row.reason_code):
        yield facet(REASON, word)


def _parsed(body: str) -> Any:
    """The payload's values; one that is no JSON (nothing of ours) is searched as the text it is."""
    try:
        return json.loads(body, parse_float=str)
    except (ValueError, RecursionError):
        return body


def _texts(value: Any) -> Iterator[str]:
    """The texts and numbers in a value, in order; of an instant the day alone."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(reversed(value.values()))
        elif isinstance(value, list):
            waiting.extend(reversed(value))
        elif isinstance(value, str):
            instant = _INSTANT.fullmatch(value)
            yield instant[1] if instant else value
        elif isinstance(value, int) and not isinstance(value, bool):
            yield str(value)[:LONGEST_WORD]


def _add_words(found: dict[str, list[int]], texts: Iterator[str]) -> None:
    place, bytes_left = 0, MOST_BYTES
    for text in texts:
        place += 1  # so that the end of one value is not next to the beginning of another
        for word in words_of(text):
            place += 1
            places = found.setdefault(word, [])
            bytes_left -= len(word.encode()) + 4
            if bytes_left < 0:
                return
            if place <= LAST_PLACE and len(places) < MOST_PLACES:
                places.append(place)
