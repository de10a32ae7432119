"""What a pilot, a request or a person consists of, for timelines and dossiers. audit imports no other app: they say it.

`settings.AUDIT_SUBJECTS` lists modules (`governance.subjects`), each with any of

- `KINDS`: kind -> function from a key to its Subject, or None when there is none: `{"pilot": pilot}`;
- `PERSON_ACTS`: Acts that stand in a person's timeline. Whatever no module lists there stays out of it;
- `about_person(person_id)`: (model, object id) of records that say what a person was given;
- `subject_key(model, object_id)`: (kind, key) of the subject whose first record this is, or None;
- `links(model, object_id, values)`: (words, address) of pages about this record outside the trail;
- `said(model, action, values, before)`: one line in plain words, or None for the general one;
- `RESTORABLE`: model -> Restorable: what of a record may be written once more from an older version (audit/explore/restoring.py);
- `NOT_RESTORABLE`: model -> what to do instead.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from audit.models import Entry
from audit.verbs import ROW_VERBS

ROWS = frozenset(ROW_VERBS)


def _nothing_to_do(row: Any) -> None:
    """The hook of a record that needs none."""


@dataclass(frozen=True)
class Restorable:
    """What of a record may be restored: `fields` by their column's name. A deleted record comes back with all of them.

    `bring_back` gives a returning row what is not recorded, `check` raises ValidationError for what does not fit today,
    `after` does what the app's own service does when such a record was saved.
    """

    fields: frozenset[str]
    bring_back: Callable[[Any], None] = _nothing_to_do
    check: Callable[[Any], None] = _nothing_to_do
    after: Callable[[Any], None] = _nothing_to_do


class NoSuchSubject(LookupError):
    """No module knows this kind, or it knows no such key."""


@dataclass(frozen=True)
class Act:
    """Entries of a kind: of `model` where given, with one of `actions`, changing one of `fields` where given.

    `objects` answers, for the actor, the only object ids that count: for what the action alone does not tell.
    """

    model: str = ""
    actions: frozenset[str] = ROWS
    fields: frozenset[str] = frozenset()
    objects: Callable[[uuid.UUID], Iterable[str]] | None = None

    def filter(self, actor: uuid.UUID) -> Q:
        """As a filter on entries, whoever acted."""
        found = Q(action__in=sorted(self.actions))
        if self.model:
            found &= Q(model=self.model)
        if self.fields:
            found &= Q(fields__overlap=sorted(self.fields))
        if self.objects is not None:
            found &= Q(object__in=list(self.objects(actor)))
        return found


# What somebody does to the trail in office. Searching it, reading it and saving a search are not acts of governance.
AUDIT_ACTS = (
    Act("audit.retentionpolicy"),
    Act("audit.legalhold"),
    Act("audit.erasurerequest"),
    Act("audit.review"),
    Act("audit.judgement"),
    Act(
        actions=frozenset(
            {
                "audit.restored",
                "audit.export-asked",
                "audit.checkpoint-confirmed",
                "audit.checkpoint-differs",
                "audit.key-rotated",
                "audit.key-replaced",
                "audit.rollback-accepted",
                "audit.backup-restored",
            }
        )
    ),
)


@dataclass(frozen=True)
class Subject:
    """A pilot, a request or a person: its records (its own first), as (`app.model`, object id).

    `person` is set for a person. Their entries are then what they did (`PERSON_ACTS`, nothing else) and what was given to
    them or taken (`records`, changes of rows only).
    """

    kind: str
    key: str
    title: str
    url: str
    records: tuple[tuple[str, str], ...]
    person: uuid.UUID | None = None

    @property
    def model(self) -> str:
        """The kind of record that it is, as `app.model`."""
        return settings.AUTH_USER_MODEL.lower() if self.person else self.records[0][0]

    @property
    def object_id(self) -> str:
        return str(self.person) if self.person else self.records[0][1]

    def filter(self) -> Q:
        """The entries of this subject, as a filter."""
        by_model: dict[str, list[str]] = {}
        for model, object_id in self.records:
            by_model.setdefault(model, []).append(object_id)
        found = Q(pk__in=[])
        for model, ids in by_model.items():
            found |= Q(model=model, object__in=ids)
        if self.person is None:
            return found
        acts = Q(pk__in=[])
        for act in person_acts():
            acts |= act.filter(self.person)
        return (found & Q(action__in=sorted(ROWS))) | ((Q(actor=self.person) | Q(on_behalf=self.person)) & acts)

    def entries(self) -> QuerySet[Entry]:
        """Everything recorded about it, newest first."""
        return Entry.objects.filter(self.filter()).order_by("-id")


def subject_of(kind: str, key: str) -> Subject:
    """The subject of a kind with this key (`pilot`, `route-optimiser`); raises NoSuchSubject."""
    find = kinds().get(kind)
    subject = find(key) if find else None
    if subject is None:
        raise NoSuchSubject(f"There is no {kind} {key}.")
    return subject


def key_of_record(model: str, object_id: str) -> tuple[str, str] | None:
    """(kind, key) of the subject that this record is the head of; None when it is part of one, or of none."""
    for module in _modules():
        found: tuple[str, str] | None = getattr(module, "subject_key", _no_key)(model, object_id)
        if found is not None:
            return found
    return None


@cache
def kinds() -> Mapping[str, Callable[[str], Subject | None]]:
    """Every kind that some module knows."""
    found: dict[str, Callable[[str], Subject | None]] = {}
    for module in _modules():
        found.update(getattr(module, "KINDS", {}))
    return found


@cache
def person_acts() -> tuple[Act, ...]:
    """What stands in a person's timeline: the allow-list of all modules."""
    return AUDIT_ACTS + tuple(act for module in _modules() for act in getattr(module, "PERSON_ACTS", ()))


def about_person(person: uuid.UUID) -> tuple[tuple[str, str], ...]:
    """Records that say what a person was given, of every module."""
    return tuple(pair for module in _modules() for pair in getattr(module, "about_person", _nothing)(person))


def said(model: str, action: str, values: Mapping[str, Any], before: Mapping[str, Any]) -> str | None:
    """An entry in plain words, where its app has some."""
    for module in _modules():
        line: str | None = getattr(module, "said", _unsaid)(model, action, values, before)
        if line is not None:
            return line
    return None


def links(model: str, object_id: str, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where the pages of this record are outside the trail, as (words, address)."""
    return [link for module in _modules() for link in getattr(module, "links", _no_links)(model, object_id, values)]


def restorable(model: str) -> Restorable | None:
    """What of such a record may be restored; None: nothing."""
    for module in _modules():
        found: Restorable | None = getattr(module, "RESTORABLE", {}).get(model)
        if found is not None:
            return found
    return None


def not_restorable(model: str) -> str:
    """Why such a record is never restored, and what to do instead."""
    for module in _modules():
        words: str | None = getattr(module, "NOT_RESTORABLE", {}).get(model)
        if words is not None:
            return str(words)
    return _("Records of this kind are never restored. Make the change where such a record is made, with a new reason.")


@cache
def _modules() -> tuple[ModuleType, ...]:
    return tuple(import_module(path) for path in settings.AUDIT_SUBJECTS)


def _nothing(person: uuid.UUID) -> tuple[tuple[str, str], ...]:
    return ()


def _unsaid(model: str, action: str, values: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    return None


def _no_links(model: str, object_id: str, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return []


def _no_key(model: str, object_id: str) -> None:
    return None
