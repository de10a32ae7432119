"""Which places of the log go into a pack, and their entries, read a chunk at a time."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.translation import gettext as _

from audit.explore.finding import every
from audit.explore.search import parse
from audit.models import Leaf, Pack
from audit.subjects import NoSuchSubject, subject_of
from audit.verifier import verify

CHUNK = 1_000

_READ = """
    select l.seq, convert_from(l.data, 'UTF8'), encode(p.salt, 'hex'), p.body
      from audit_leaf l left join audit_payload p on p.entry_id = l.entry_id
"""


@dataclass(frozen=True)
class Choice:
    """What was asked for. `whole`: every version of each record in it is in it."""

    kind: str
    query: str = ""
    subject_kind: str = ""
    subject_key: str = ""

    @property
    def whole(self) -> bool:
        return self.kind != Pack.Kind.QUERY and self.subject_kind != "person"

    @property
    def title(self) -> str:
        """In words, as the pack itself says it (in English, whatever the reader's language)."""
        if self.kind == Pack.Kind.ALL:
            return "Everything"
        if self.kind == Pack.Kind.QUERY:
            return f"Entries that fit the query: {self.query}"
        return f"Dossier: {subject_of(self.subject_kind, self.subject_key).title} ({self.subject_kind} {self.subject_key})"


def checked(choice: Choice) -> Choice:
    """The same, once it can be meant; raises ValidationError with what to write instead."""
    if choice.kind == Pack.Kind.QUERY:
        query = parse(choice.query)
        if not query.terms:
            raise ValidationError({"query": [_("Write what to look for, or choose everything.")]})
        query.condition  # noqa: B018 - raises for what cannot be meant
        return Choice(choice.kind, query=str(query))
    if choice.kind == Pack.Kind.SUBJECT:
        try:
            subject_of(choice.subject_kind, choice.subject_key)
        except NoSuchSubject as error:
            raise ValidationError({"subject_key": [_("There is no such pilot, request or person.")]}) from error
        return Choice(choice.kind, subject_kind=choice.subject_kind, subject_key=choice.subject_key)
    return Choice(Pack.Kind.ALL)


def places(choice: Choice, size: int) -> Sequence[int]:
    """The places below `size` that were asked for, in order. Eight bytes each, or next to nothing for everything."""
    if choice.kind == Pack.Kind.ALL:
        return range(size)
    if choice.kind == Pack.Kind.QUERY:
        ids: Iterator[int] = every(parse(choice.query).condition)
    else:
        subject = subject_of(choice.subject_kind, choice.subject_key)
        ids = subject.entries().order_by().values_list("pk", flat=True).iterator(chunk_size=5_000)
    found = array("q")
    chunk: list[int] = []
    for entry_id in ids:
        chunk.append(entry_id)
        if len(chunk) == 5 * CHUNK:
            found.extend(_places_of(chunk, size))
            chunk = []
    found.extend(_places_of(chunk, size))
    return array("q", sorted(found))


def _places_of(ids: list[int], size: int) -> list[int]:
    return list(Leaf.objects.filter(entry_id__in=ids, seq__lt=size).order_by().values_list("seq", flat=True))


def lines(wanted: Sequence[int]) -> Iterator[tuple[verify.Entry, str]]:
    """Each entry with its line of entries.ndjson."""
    for at in range(0, len(wanted), CHUNK):
        chunk = wanted[at : at + CHUNK]
        with connection.cursor() as cursor:
            if isinstance(chunk, range):
                cursor.execute(f"{_READ} where l.seq >= %s and l.seq < %s order by l.seq", [chunk.start, chunk.stop])
            else:
                cursor.execute(f"{_READ} where l.seq = any(%s) order by l.seq", [list(chunk)])
            rows = cursor.fetchall()
        for seq, leaf, salt, body in rows:
            kept = salt is not None and body is not None
            line = verify.entry_line(seq, leaf, salt if kept else None, body if kept else None)
            yield verify.read_entry(line), line


def as_ranges(wanted: Sequence[int], most: int) -> list[list[int]] | None:
    """The places as inclusive ranges; None when there are more than `most` of them."""
    if isinstance(wanted, range):
        return [[wanted.start, wanted.stop - 1]] if wanted else []
    ranges: list[list[int]] = []
    for seq in wanted:
        if ranges and ranges[-1][1] == seq - 1:
            ranges[-1][1] = seq
        else:
            ranges.append([seq, seq])
            if len(ranges) > most:
                return None
    return ranges
