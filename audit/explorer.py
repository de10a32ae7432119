"""What the explorer shows: pages of entries, one entry with its change, a record with its versions as it stood."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from audit.history import governs, version_model
from audit.models import UNATTRIBUTED, Actor, Entry, Leaf
from audit.search import Query
from audit.verbs import declared

LIMIT, MOST = 50, 200
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# What of a new record is worth a glance in the list, in this order.
_TELLING = ("name", "title", "label", "slug", "kind", "status", "role", "decision", "text", "subject")
_NAMES = ("name", "title", "label", "slug")
_LONGEST_NAME = 40


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
    """One entry as a list or a page shows it. `seq` is its place in the log, None until it is sealed."""

    entry: Entry
    seq: int | None
    hash: str
    actor: str
    on_behalf: str
    words: str
    record: str
    reason: str
    changes: Sequence[Change]
    erased: bool

    @property
    def glance(self) -> Sequence[Change]:
        """The first changes, for a list."""
        return self.changes[:2]

    @property
    def more(self) -> int:
        """How many changes the list leaves out."""
        return max(0, len(self.changes) - 2)


@dataclass(frozen=True)
class Page:
    """Rows, newest first, and the cursor of the page after them."""

    rows: list[Row]
    next: str | None


def entries(query: Query, *, cursor: str = "", limit: int = LIMIT) -> Page:
    """One page of the entries that fit. Five database queries, however many rows."""
    return _page(Entry.objects.filter(query.filter()), cursor=cursor, limit=limit)


def entries_of(model: str, object_id: str, *, cursor: str = "", limit: int = LIMIT) -> Page:
    """Everything recorded about one record, newest first."""
    return _page(Entry.objects.filter(model=model, object=object_id), cursor=cursor, limit=limit)


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


@dataclass(frozen=True)
class Version:
    """One version of a record: its number, entry, time, and the recorded values by field, in the model's order."""

    ver: int
    entry_id: int
    at: dt.datetime
    action: str
    values: dict[str, Any]
    shown: dict[str, str] = field(compare=False)

    @property
    def deleted(self) -> bool:
        return self.action == "deleted"


def model_called(name: str) -> type[models.Model] | None:
    """The governed model `app.model`, or None."""
    try:
        model = apps.get_model(name)
    except (LookupError, ValueError):
        return None
    return model if governs(model) else None


def versions(model: str, object_id: str) -> models.QuerySet[Any]:
    """The version rows of one record, oldest first; raises NoSuchRecord for what is not governed or never was."""
    found = model_called(model)
    if found is None:
        raise NoSuchRecord(f"{model} is not a kind of record with versions.")
    key = found._meta.pk
    try:
        value = key.to_python(object_id)
        if isinstance(key, models.IntegerField) and not -(2**63) <= int(value) < 2**63:
            raise ValueError(object_id)
    except (ValidationError, ValueError, TypeError) as error:
        raise NoSuchRecord(f"{object_id} names no {model}.") from error
    rows: models.QuerySet[Any] = version_model(found)._base_manager.filter(**{key.attname: value}).order_by("history_id")
    return rows


def version_list(model: str, object_id: str) -> list[Version]:
    """Every version of one record, oldest first; raises NoSuchRecord when there is none."""
    return _versions(model, object_id, list(versions(model, object_id)))


def as_it_stood(model: str, object_id: str, at: dt.datetime) -> Version | None:
    """The version in force at an instant; None before the first. Raises NoSuchRecord."""
    row = versions(model, object_id).filter(history_date__lte=at).order_by("history_date", "history_id").last()
    return _versions(model, object_id, [row])[0] if row is not None else None


def numbered(model: str, object_id: str, *numbers: int) -> list[Version]:
    """The versions with these numbers, in the order asked for; raises NoSuchRecord unless all are there."""
    by_number = dict(Entry.objects.filter(model=model, object=object_id, ver__in=numbers).values_list("ver", "id"))
    rows = {row.history_id: row for row in versions(model, object_id).filter(history_id__in=by_number.values())}
    try:
        return _versions(model, object_id, [rows[by_number[number]] for number in numbers])
    except KeyError as error:
        raise NoSuchRecord(f"{model} {object_id} has no such version.") from error


def difference(old: Version | None, new: Version) -> list[Change]:
    """Field by field what differs between two versions."""
    before = old.shown if old else {}
    return [
        Change(name, before.get(name), new.shown.get(name)) for name in {**before, **new.shown} if before.get(name) != new.shown.get(name)
    ]


def _page(found: models.QuerySet[Entry], *, cursor: str, limit: int) -> Page:
    if cursor:
        if not re.fullmatch(r"[0-9]{1,18}", cursor, re.ASCII):
            raise ValidationError(_("This cursor is not one that this list handed out. Start again without it."), code="cursor_invalid")
        found = found.filter(id__lt=int(cursor))
    rows = list(found.select_related("payload").order_by("-id")[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(_rows(rows), str(rows[-1].pk) if more else None)


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
        | _people_in([*bodies, *before.values(), *(entry.object for entry in found)])
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
                record=_record(entry, body, names),
                reason=str(body.get("reason", "")),
                changes=_changes(entry, body, before.get(entry.prev or 0, {}), names),
                erased=not body,
            )
        )
    return rows


def labels(people: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Labels of pseudonyms; one without a label is missing."""
    return dict(Actor.objects.filter(pk__in=set(people)).values_list("id", "label")) | {UNATTRIBUTED: _("unattributed")}


def _body(entry: Entry) -> dict[str, Any]:
    try:
        body: dict[str, Any] = json.loads(entry.payload.body, parse_float=str)
    except (Entry.payload.RelatedObjectDoesNotExist, ValueError):
        return {}
    return body


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


def _people_in(values: Iterable[Any]) -> set[uuid.UUID]:
    found: set[uuid.UUID] = set()
    for value in values:
        if isinstance(value, str):
            if _UUID.fullmatch(value):
                found.add(uuid.UUID(value))
        elif isinstance(value, dict):
            found |= _people_in(value.values())
        elif isinstance(value, list):
            found |= _people_in(value)
    return found


def _record(entry: Entry, body: dict[str, Any], names: dict[uuid.UUID, str]) -> str:
    """What an entry is about, by its own name where the recorded values hold one."""
    if not entry.model:
        return ""
    values = body.get("values", {})
    name = next((str(values[telling]) for telling in _NAMES if values.get(telling)), "") or show(entry.object, names)
    return f"{_called(entry.model)} {name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + '…'}".strip()


def _called(model: str) -> str:
    try:
        name = str(apps.get_model(model)._meta.verbose_name)
    except (LookupError, ValueError):
        return model
    return name[:1].upper() + name[1:]


def _versions(model: str, object_id: str, rows: Sequence[Any]) -> list[Version]:
    if not rows:
        raise NoSuchRecord(f"Nothing is recorded about {model} {object_id}.")
    found = {entry.pk: entry for entry in Entry.objects.filter(pk__in=[row.history_id for row in rows])}
    columns = [column.attname for column in rows[0].tracked_fields]
    recorded = [{name: _plain(getattr(row, name)) for name in columns} for row in rows]
    names = labels(_people_in(recorded))
    kinds = {"+": "created", "~": "changed", "-": "deleted"}
    return [
        Version(
            ver=(found[row.history_id].ver or 0) if row.history_id in found else 0,
            entry_id=row.history_id,
            at=row.history_date,
            action=kinds[row.history_type],
            values=values,
            shown={name: show(value, names) for name, value in values.items()},
        )
        for row, values in zip(rows, recorded, strict=True)
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    return value if value is None or isinstance(value, (bool, int, str, list, dict)) else str(value)
