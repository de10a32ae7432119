"""What the explorer shows: pages of entries, and one entry with its change. Versions are in audit/explore/stood.py."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.utils.translation import gettext as _

from audit.explore.finding import STRETCH, count_actions, find
from audit.explore.lexemes import ACTION, Clause, Condition, Phrase, facet
from audit.explore.search import Query
from audit.log.bodies import body_of
from audit.models import UNATTRIBUTED, Actor, Entry, Leaf
from audit.subjects import said
from audit.verbs import ROW_VERBS, declared, quiet

LIMIT, MOST = 50, 200
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# What of a new record is worth a glance in the list, in this order.
_TELLING = ("name", "title", "label", "slug", "kind", "status", "role", "decision", "text", "subject")
NAMES = ("name", "title", "label", "slug")
_LONGEST_NAME = 40
_KEYS = frozenset({"id", "ID"})


class NoSuchRecord(LookupError):
    """Nothing is recorded about this."""


@dataclass(frozen=True)
class Change:
    """One field of a change. `before` is None where there was none, as is `after`."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Row:
    """One entry as a list or a page shows it. `seq` is its place in the log, None until it is sealed; `said` is plain words, or empty."""

    entry: Entry
    seq: int | None
    hash: str
    actor: str
    on_behalf: str
    words: str
    said: str
    record: str
    reason: str
    changes: Sequence[Change]
    erased: bool
    values: Mapping[str, Any]

    @property
    def readable(self) -> list[Change]:
        """The changes in the words of their model: a field by what it is called, a choice by its label."""
        return [_in_words(self.entry, change) for change in self.changes]

    @property
    def glance(self) -> list[Change]:
        """The first changes, for a list. A record's own key tells nothing that its link does not say."""
        return [change for change in self.readable if change.field not in _KEYS][:2]

    @property
    def more(self) -> int:
        """How many changes the list leaves out."""
        return max(0, sum(change.field not in _KEYS for change in self.changes) - 2)

    @property
    def has_before(self) -> bool:
        """Whether anything was there before: not of what was created, nor of an act."""
        return any(change.before is not None for change in self.changes)


@dataclass(frozen=True)
class Page:
    """Rows, newest first, and the cursor of the page after them.

    `waiting` entries are not searchable yet; `gave_up` says that the following page has to look further back. `hidden` looks
    and notices on the stretch of this page were left out; None where they were and nobody counted.
    """

    rows: list[Row]
    next: str | None
    waiting: int = 0
    gave_up: bool = False
    hidden: int | None = 0


def entries(query: Query, *, cursor: str = "", limit: int = LIMIT, looks: bool = True) -> Page:
    """One page of the entries that fit; the same number of database queries, however many rows.

    Without `looks`, looks at the trail and notices are left out, unless the query asks for actions itself.
    """
    if any(term.qualifier == "action" for term in query.terms):
        looks = True
    if looks and not query.terms:
        return page_of(Entry.objects.all(), cursor=cursor, limit=limit)
    asked, below = query.condition if query.terms else Condition(), _place(cursor)
    condition = asked if looks else replace(asked, clauses=(*asked.clauses, _not_quiet()))
    found = find(condition, below=below, most=limit)
    if found.waiting and not query.terms:
        # The index is far behind: better all of it, looks and all, than a list that leaves entries out.
        return page_of(Entry.objects.all(), cursor=cursor, limit=limit)
    rows = Entry.objects.filter(pk__in=found.ids).select_related("payload").order_by("-id")
    hidden = 0 if looks else count_actions(asked, quiet(), found.next or 0, below)
    return Page(_rows(list(rows)), None if found.next is None else str(found.next), found.waiting, found.gave_up, hidden)


def _not_quiet() -> Clause:
    return Clause(tuple((Phrase((facet(ACTION, name),)),) for name in quiet()), negated=True)


def entries_of(model: str, object_id: str, *, cursor: str = "", limit: int = LIMIT, looks: bool = True) -> Page:
    """Everything recorded about one record, newest first."""
    return page_of(Entry.objects.filter(model=model, object=object_id), cursor=cursor, limit=limit, looks=looks)


def entry_at(seq: int) -> tuple[Row, Leaf]:
    """The entry at a place of the log, and its sealed leaf; raises NoSuchRecord."""
    leaf = Leaf.objects.filter(seq=seq).first() if 0 <= seq < 2**63 else None
    entry = Entry.objects.select_related("payload").filter(pk=leaf.entry_id).first() if leaf else None
    if leaf is None or entry is None:
        raise NoSuchRecord(f"There is no entry {seq} in the log.")
    return _rows([entry])[0], leaf


def limit_of(text: str) -> int:
    """A page size from a query string; raises ValidationError(limit_invalid)."""
    if not text:
        return LIMIT
    if not re.fullmatch(r"[0-9]{1,3}", text, re.ASCII) or not 1 <= int(text) <= MOST:
        raise ValidationError(_("Ask for 1 to %(most)s rows.") % {"most": MOST}, code="limit_invalid")
    return int(text)


def page_of(found: models.QuerySet[Entry], *, cursor: str = "", limit: int = LIMIT, looks: bool = True) -> Page:
    """One page of these entries, newest first; raises ValidationError(cursor_invalid). Without `looks` as in entries()."""
    if (below := _place(cursor)) is not None:
        found = found.filter(id__lt=below)
    listed = found if looks else found.exclude(action__in=quiet())
    rows = list(listed.select_related("payload").order_by("-id")[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    hidden = 0 if looks else found.filter(action__in=quiet(), id__gt=rows[-1].pk if more else 0).order_by()[:STRETCH].count()
    return Page(_rows(rows), str(rows[-1].pk) if more else None, hidden=hidden)


def _place(cursor: str) -> int | None:
    if not cursor:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", cursor, re.ASCII):
        raise ValidationError(_("This cursor is not one that this list handed out. Start again without it."), code="cursor_invalid")
    return int(cursor)


def _rows(found: Sequence[Entry]) -> list[Row]:
    leaves = {
        leaf.entry_id: leaf for leaf in Leaf.objects.filter(entry_id__in=[entry.pk for entry in found]).only("seq", "entry_id", "hash")
    }
    before = {
        entry.pk: _body(entry).get("values", {})
        for entry in Entry.objects.filter(pk__in=[entry.prev for entry in found if entry.prev]).select_related("payload")
    }
    bodies = [_body(entry) for entry in found]
    names = labels(
        {entry.actor for entry in found}
        | {entry.on_behalf for entry in found if entry.on_behalf}
        | people_in([*bodies, *before.values(), *(entry.object for entry in found)])
    )
    rows = []
    for entry, body in zip(found, bodies, strict=True):
        leaf = leaves.get(entry.pk)
        rows.append(
            Row(
                entry=entry,
                seq=leaf.seq if leaf else None,
                hash=bytes(leaf.hash).hex() if leaf else "",
                actor=names.get(entry.actor, str(entry.actor)),
                on_behalf=names.get(entry.on_behalf, str(entry.on_behalf)) if entry.on_behalf else "",
                words=declared().get(entry.action, entry.action),
                said=said(entry.model, entry.action, body.get("values", {}), before.get(entry.prev or 0, {})) or "",
                record=_record(entry, body, names),
                reason=str(body.get("reason", "")),
                changes=_changes(entry, body, before.get(entry.prev or 0, {}), names),
                erased=_text(entry) is None,
                values=body.get("values", {}),
            )
        )
    return rows


def labels(people: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Labels of pseudonyms; one without a label is missing."""
    return dict(Actor.objects.filter(pk__in=set(people)).values_list("id", "label")) | {UNATTRIBUTED: _("unattributed")}


def _body(entry: Entry) -> dict[str, Any]:
    return body_of(_text(entry))


def _text(entry: Entry) -> str | None:
    return getattr(getattr(entry, "payload", None), "body", None)


def _changes(entry: Entry, body: dict[str, Any], before: dict[str, Any], names: dict[uuid.UUID, str]) -> list[Change]:
    if "detail" in body:
        return [Change(name, None, show(value, names)) for name, value in body["detail"].items()]
    values: dict[str, Any] = body.get("values", {})
    if entry.action == "created":
        telling = [name for name in _TELLING if values.get(name)] + [name for name in values if name not in _TELLING]
        return [Change(name, None, show(values[name], names)) for name in telling if values[name] not in (None, "", [], {})]
    if entry.action == "deleted":
        return [Change(name, show(value, names), None) for name, value in values.items() if value not in (None, "", [], {})]
    return [Change(name, show(before[name], names) if name in before else None, show(values.get(name), names)) for name in entry.fields]


def show(value: Any, names: dict[uuid.UUID, str]) -> str:
    """A recorded value as text; a pseudonym as its label."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, str):
        return names.get(uuid.UUID(value), value) if _UUID.fullmatch(value) else value
    return json.dumps(value, ensure_ascii=False)


def people_in(values: Iterable[Any]) -> set[uuid.UUID]:
    """Every pseudonym among recorded values, however deep."""
    found: set[uuid.UUID] = set()
    for value in values:
        if isinstance(value, str):
            if _UUID.fullmatch(value):
                found.add(uuid.UUID(value))
        elif isinstance(value, dict):
            found |= people_in(value.values())
        elif isinstance(value, list):
            found |= people_in(value)
    return found


def _in_words(entry: Entry, change: Change) -> Change:
    if entry.action not in ROW_VERBS:
        return change
    try:
        column = apps.get_model(entry.model)._meta.get_field(change.field.removesuffix("_id"))
    except (FieldDoesNotExist, LookupError, ValueError):
        return change
    labels_ = {str(value): str(label) for value, label in getattr(column, "flatchoices", None) or ()}
    called = str(getattr(column, "verbose_name", change.field))
    before = change.before if change.before is None else labels_.get(change.before, change.before)
    return Change(called, before, change.after if change.after is None else labels_.get(change.after, change.after))


def _record(entry: Entry, body: dict[str, Any], names: dict[uuid.UUID, str]) -> str:
    """What an entry is about, by its own name where the recorded values hold one."""
    if not entry.model:
        return ""
    values = body.get("values", {})
    name = next((str(values[telling]) for telling in NAMES if values.get(telling)), "") or show(entry.object, names)
    return f"{_called(entry.model)} {name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + '…'}".strip()


def _called(model: str) -> str:
    try:
        name = str(apps.get_model(model)._meta.verbose_name)
    except (LookupError, ValueError):
        return model
    return name[:1].upper() + name[1:]
