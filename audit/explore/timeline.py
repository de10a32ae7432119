"""The timeline of a pilot, a request, an item or a person: entries of several kinds of record in one list, by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _

from audit.explore.entries import LIMIT, Row, page_of
from audit.explore.stood import governed, words_of
from audit.subjects import Subject, person_acts

ACTS = "acts"


@dataclass(frozen=True)
class Day:
    """What was recorded on one day (UTC), newest first."""

    day: dt.date
    rows: Sequence[Row]


@dataclass(frozen=True)
class Timeline:
    """One page of it, and the cursor of the page after."""

    days: Sequence[Day]
    next: str | None
    hidden: int | None = 0

    @property
    def rows(self) -> list[Row]:
        return [row for day in self.days for row in day.rows]


def timeline(subject: Subject, *, kind: str = "", cursor: str = "", limit: int = LIMIT, looks: bool = True) -> Timeline:
    """Everything recorded about a subject, newest first; `kind` is one of kinds_of(). A constant number of queries.

    Without `looks`, looks at the trail and notices are left out.

    Raises ValidationError(kind_unknown, cursor_invalid).
    """
    found = subject.entries()
    if kind:
        if kind not in dict(kinds_of(subject)):
            raise ValidationError(_("This timeline has no such kind of entry."), code="kind_unknown")
        found = found.filter(Q(ver=None) if kind == ACTS else Q(model=kind, ver__isnull=False))
    page = page_of(found, cursor=cursor, limit=limit, looks=looks)
    days = [Day(day, list(rows)) for day, rows in groupby(page.rows, key=lambda row: row.entry.at.astimezone(dt.UTC).date())]
    return Timeline(days, page.next, page.hidden)


def kinds_of(subject: Subject) -> list[tuple[str, str]]:
    """The kinds that a timeline can be narrowed to, with their words: records by kind, and acts that change none."""
    models = list(dict.fromkeys(model for model, _key in subject.records))
    if subject.person is not None:
        models += [act.model for act in person_acts() if act.model and act.model not in models]
    words = {ACTS: _("Exports, restores, reviews") if subject.person else _("Looks, refusals, exports")}
    return [(model, words_of(governed(model), plural=True)) for model in dict.fromkeys(models)] + list(words.items())
