"""What the home page asks the other apps, joined by dotted path: what waits for this person, and their panels."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from portal.models import Person

WAITING = [
    "feedback.selectors.waiting.for_person",
    "governance.selectors.waiting.for_person",
]
PANELS = [
    "feedback.selectors.home.panels",
    "governance.selectors.home.panels",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Waiting:
    """One thing that waits for a person: what it is, where to do it, the word on the button, and by when."""

    what: str
    url: str
    action: str
    note: str = ""
    due_at: dt.datetime | None = None


@dataclass(frozen=True)
class Row:
    """A line of a panel. With `said` it is shown as a pair: what people said, and `answer`, what was done."""

    title: str
    url: str = ""
    note: str = ""
    state: str = ""
    tone: str = ""
    said: str = ""
    answer: str = ""


@dataclass(frozen=True)
class Panel:
    """A titled list on the home page; `empty` says what to do when there are no rows."""

    title: str
    empty: str
    rows: list[Row] = field(default_factory=list)
    more: str = ""
    more_url: str = ""


def waiting_for(person: Person) -> list[Waiting]:
    """Everything that waits for `person`, most urgent first; things without a date come last."""
    found: list[Waiting] = _ask(WAITING, person)
    return sorted(found, key=lambda thing: (thing.due_at is None, thing.due_at or dt.datetime.max.replace(tzinfo=dt.UTC)))


def panels_for(person: Person) -> list[Panel]:
    """What became of their own items, their unit's pilots, and whatever else an app shows at home."""
    found: list[Panel] = _ask(PANELS, person)
    return found


def _ask(names: list[str], person: Person) -> list[T]:
    found: list[T] = []
    for name in names:
        ask: Callable[[Person], list[T]] = import_string(name)
        found.extend(ask(person))
    return found
