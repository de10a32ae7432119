"""The query box of the explorer: `actor:tom action:signed after:2026-11-01 "free words"`, read into terms and a filter."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from audit.models import Actor

QUALIFIERS = ("actor", "action", "object", "after", "before")
MOST_LETTERS = 400
_TERM = re.compile(r'(?:(?P<qualifier>[a-z]+):)?(?:"(?P<quoted>[^"]*)"|(?P<word>\S+))')


@dataclass(frozen=True)
class Term:
    """One part of a query; `qualifier` is empty for a free word."""

    qualifier: str
    value: str

    def __str__(self) -> str:
        value = f'"{self.value}"' if re.search(r"\s", self.value) else self.value
        return f"{self.qualifier}:{value}" if self.qualifier else value


@dataclass(frozen=True)
class Query:
    """A parsed query. Terms narrow each other; several actors, actions or objects are alternatives."""

    terms: tuple[Term, ...]

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def without(self, term: Term) -> Query:
        """The query with one term taken away, for its chip."""
        return Query(tuple(other for other in self.terms if other is not term))

    def filter(self) -> Q:
        """As a filter on entries; raises ValidationError(query_invalid) for a date that is none."""
        found = Q()
        for name in QUALIFIERS[:3]:
            values = [term.value for term in self.terms if term.qualifier == name]
            if values:
                alternatives = Q()
                for value in values:
                    alternatives |= _FILTERS[name](value)
                found &= alternatives
        for term in self.terms:
            if term.qualifier == "after":
                found &= Q(at__gte=instant(term.value))
            elif term.qualifier == "before":
                found &= Q(at__lt=instant(term.value))
            elif not term.qualifier:
                found &= Q(action__icontains=term.value) | Q(model__icontains=term.value) | Q(object__icontains=term.value)
        return found


def parse(text: str) -> Query:
    """Read a query. An unknown qualifier is a free word; raises ValidationError(query_invalid) for one that is too long."""
    text = text.replace("\x00", "").strip()
    if len(text) > MOST_LETTERS:
        raise ValidationError(_("A query has at most %(most)s letters.") % {"most": MOST_LETTERS}, code="query_invalid")
    terms = []
    for found in _TERM.finditer(text):
        qualifier = found["qualifier"] or ""
        value = found["quoted"] if found["quoted"] is not None else found["word"]
        if qualifier and qualifier not in QUALIFIERS:
            qualifier, value = "", found[0].replace('"', "")
        if value:
            terms.append(Term(qualifier, value))
    query = Query(tuple(terms))
    for term in terms:
        if term.qualifier in {"after", "before"}:
            instant(term.value)
    return query


def query_of(**values: str) -> Query:
    """A query from separate parameters (the API); `q` holds free words and may hold qualifiers."""
    terms = [Term(name, value) for name, value in values.items() if name in QUALIFIERS and value]
    return Query((*terms, *parse(values.get("q", "")).terms))


def instant(text: str) -> dt.datetime:
    """A date or time as UTC: `2026-11-22`, `2026-11-22T09:41`, with a zone or without. Raises ValidationError(query_invalid)."""
    try:
        moment = parse_datetime(text.strip().replace(" ", "+") if "T" in text else text.strip())
        if moment is None:
            day = parse_date(text.strip())
            moment = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC) if day else None
        if moment is not None:
            return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        pass
    raise ValidationError(
        _("“%(text)s” is not a date. Write 2026-11-22 or 2026-11-22T09:41 (UTC).") % {"text": text[:40]}, code="query_invalid"
    )


def instant_or_none(text: str) -> dt.datetime | None:
    """The same, None where nothing was given."""
    return instant(text) if text else None


def _actor(value: str) -> Q:
    try:
        return Q(actor=uuid.UUID(value.removeprefix("p:")))
    except ValueError:
        return Q(actor__in=Actor.objects.filter(label__icontains=value).values("id"))


def _object(value: str) -> Q:
    model, slash, key = value.rpartition("/")
    if slash:
        return Q(model=model.lower(), object=key)
    if "." in value:
        return Q(model=value.lower()) | Q(object=value)
    return Q(object=value) | Q(model__endswith=f".{value.lower()}")


def _action(value: str) -> Q:
    return Q(action__icontains=value)


_FILTERS = {"actor": _actor, "action": _action, "object": _object}
