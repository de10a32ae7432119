"""Records as they stood: the versions of one, the one in force at an instant, lists of all, and what differs between two.

In force at an instant is the last version that had been written by then. Versions of one record are numbered in the order
in which they were written, so a clock that went back, or stood still, changes nothing.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.explore.entries import LIMIT, NAMES, Change, NoSuchRecord, labels, people_in, show
from audit.explore.search import instant_or_none
from audit.explore.worddiff import Part, compare, shortened
from audit.history import governs, version_model
from audit.keeping.erased import Erasure, erased_on
from audit.models import Entry

# A list shows this many columns; a record shows all.
COLUMNS = 6
_SHORT = (models.CharField, models.ForeignKey, models.DateField, models.BooleanField, models.IntegerField, models.DecimalField)


@dataclass(frozen=True)
class Version:
    """One version of a record: its number, entry, time, and the recorded values by field, in the model's order.

    `erased` says that its content was erased since, and by what: the values are then what was left, or nothing.
    """

    ver: int
    entry_id: int
    at: dt.datetime
    action: str
    values: dict[str, Any]
    shown: dict[str, str] = field(compare=False)
    erased: Erasure | None = field(default=None, compare=False)

    @property
    def deleted(self) -> bool:
        return self.action == "deleted"

    @property
    def missing(self) -> bool:
        """Its content is not there, and no erasure says why: somebody took it who had no right to."""
        return not self.values and self.erased is None


@dataclass(frozen=True)
class Difference(Change):
    """One field that differs, with `parts`: what was removed and added, word by word."""

    parts: Sequence[Part] = ()

    @property
    def old_parts(self) -> list[Part]:
        return [part for part in self.parts if part.kind != "added"]

    @property
    def new_parts(self) -> list[Part]:
        return [part for part in self.parts if part.kind != "removed"]


@dataclass(frozen=True)
class Listed:
    """One record of a list: its key, its cells by column, its last change."""

    key: str
    cells: dict[str, str]
    at: dt.datetime
    erased: Erasure | None
    name: str = ""

    @property
    def labelled(self) -> list[tuple[str, str]]:
        return list(self.cells.items())


@dataclass(frozen=True)
class Listing:
    """Records of one kind as they stood, by key, and the cursor of the page after them."""

    columns: list[str]
    rows: list[Listed]
    next: str | None


def past_or_none(text: str) -> dt.datetime | None:
    """The instant of `?at=`, None where none was given; raises ValidationError for what is no time, or still to come."""
    at = instant_or_none(text)
    if at is not None and at > timezone.now() + dt.timedelta(minutes=1):
        raise ValidationError(_("This time is still to come (times are UTC). Choose one that has passed."), code="at_in_future")
    return at


def model_called(name: str) -> type[models.Model] | None:
    """The governed model `app.model`, or None."""
    try:
        model = apps.get_model(name)
    except (LookupError, ValueError):
        return None
    return model if governs(model) else None


def governed(name: str) -> type[models.Model]:
    """The same; raises NoSuchRecord."""
    model = model_called(name)
    if model is None:
        raise NoSuchRecord(f"{name} is not a kind of record with versions.")
    return model


def words_of(model: type[models.Model], *, plural: bool = False) -> str:
    """What such a record is called."""
    words = str(model._meta.verbose_name_plural if plural else model._meta.verbose_name)
    return words[:1].upper() + words[1:]


def name_of(model: str, object_id: str, values: Mapping[str, Any]) -> str:
    """A record by kind and name, by its key where it has no name."""
    name = next((str(values[one]) for one in NAMES if values.get(one)), "") or show(object_id, labels(people_in([object_id])))
    return f"{words_of(governed(model))} {name}"


def versions(model: str, object_id: str) -> models.QuerySet[Any]:
    """The version rows of one record, oldest first; raises NoSuchRecord for what is not governed or never was."""
    found = governed(model)
    rows: models.QuerySet[Any] = version_model(found)._base_manager.filter(**{found._meta.pk.attname: key_of(found, object_id)})
    return rows.order_by("history_id")


def key_of(model: type[models.Model], object_id: str) -> Any:
    """A record's key from its text; raises NoSuchRecord for text that can be none."""
    return _value(model, model._meta.pk, object_id)


def _value(model: type[models.Model], column: models.Field[Any, Any], text: str) -> Any:
    target: Any = column.target_field if isinstance(column, models.ForeignKey) else column
    try:
        value = target.to_python(text)
        if isinstance(target, models.IntegerField) and not -(2**63) <= int(value) < 2**63:
            raise ValueError(text)
    except (ValidationError, ValueError, TypeError) as error:
        raise NoSuchRecord(f"{text} names no {model._meta.label_lower}.") from error
    return value


def recorded(model: str, object_id: str) -> models.QuerySet[Entry]:
    """The entries of one record's changes, oldest first: one for each version, also where the version's content is gone."""
    return Entry.objects.filter(model=model, object=object_id, ver__isnull=False).order_by("ver")


def version_list(model: str, object_id: str) -> list[Version]:
    """Every version of one record, oldest first; raises NoSuchRecord when there is none."""
    return _read(model, object_id, list(recorded(model, object_id)))


def as_it_stood(model: str, object_id: str, at: dt.datetime | None = None) -> Version | None:
    """The version in force at an instant (None: the newest); None before the first. Raises NoSuchRecord."""
    versions(model, object_id)
    found = recorded(model, object_id)
    entry = (found if at is None else found.filter(at__lte=at)).last()
    return _read(model, object_id, [entry])[0] if entry is not None else None


def numbered(model: str, object_id: str, *numbers: int) -> list[Version]:
    """The versions with these numbers, in the order asked for; raises NoSuchRecord unless all are there."""
    by_number = {entry.ver: entry for entry in recorded(model, object_id).filter(ver__in=numbers)}
    try:
        return _read(model, object_id, [by_number[number] for number in numbers])
    except KeyError as error:
        raise NoSuchRecord(f"{model} {object_id} has no such version.") from error


def around(model: str, object_id: str, version: Version | None) -> tuple[dt.datetime | None, dt.datetime | None]:
    """When the versions before and after this one were written; before the first there is only one after."""
    here = version.ver if version else 0
    times = recorded(model, object_id).values_list("at", flat=True)
    return times.filter(ver__lt=here).last(), times.filter(ver__gt=here).first()


def around_of(records: Q, at: dt.datetime) -> tuple[dt.datetime | None, dt.datetime | None]:
    """When any of several records (a filter on entries) changed before and after the state of `at`.

    A step is what one actor wrote in one go: a transaction, or a part of one in which several act (a script).
    """
    changes = Entry.objects.filter(records, ver__isnull=False)
    here = changes.filter(at__lte=at).order_by("-id").first()
    next_ = changes.filter(at__gt=at).order_by("id").first()
    before = changes.filter(id__lt=here.pk).exclude(_in_one_go(here)).order_by("-id").first() if here else None
    if next_ is None:
        return before.at if before else None, None
    other = changes.filter(id__gt=next_.pk).exclude(_in_one_go(next_)).order_by("id").first()
    last = changes.filter(id__gte=next_.pk, **({"id__lt": other.pk} if other else {})).order_by("-id").first() or next_
    return before.at if before else None, last.at


def _in_one_go(entry: Entry) -> Q:
    return Q(xid=entry.xid, actor=entry.actor, request_id=entry.request_id)


def difference(old: Version | None, new: Version) -> list[Difference]:
    """Field by field, and word by word, what differs between two versions."""
    before = old.shown if old else {}
    return [
        Difference(name, before.get(name), new.shown.get(name), shortened(compare(_text(old, name), _text(new, name))))
        for name in {**before, **new.shown}
        if before.get(name) != new.shown.get(name)
    ]


def in_force(model: type[models.Model], at: dt.datetime, **belongs: Any) -> models.QuerySet[Any]:
    """The version rows of `model` in force at an instant, deleted records left out; those that fit `belongs` then.

    A record whose version of then has expired since is left out, too: an older version was not in force any more.
    """
    key = model._meta.pk.attname
    later = Entry.objects.filter(
        model=model._meta.label_lower,
        object=Cast(OuterRef(key), models.TextField()),
        ver__isnull=False,
        id__gt=OuterRef("history_id"),
        at__lte=at,
    )
    rows: models.QuerySet[Any] = version_model(model)._base_manager.filter(~Exists(later), history_date__lte=at, **belongs)
    return rows.exclude(history_type="-")


def listing(model: str, at: dt.datetime, *, of: Mapping[str, str], cursor: str = "", limit: int = LIMIT) -> Listing:
    """All records of a kind as they stood, by key; `of` narrows by columns that refer to others (`{"system_id": "3"}`).

    Raises NoSuchRecord for a kind without versions, ValidationError(cursor_invalid, filter_invalid).
    """
    found = governed(model)
    key = found._meta.pk.attname
    refers = {column.attname: column for column in found._meta.concrete_fields if isinstance(column, models.ForeignKey)}
    wrong = ", ".join(sorted(set(of) - set(refers)))
    if wrong:
        told = {"names": wrong, "known": ", ".join(refers) or "–"}
        raise ValidationError(_("This list cannot be narrowed by %(names)s. Possible here: %(known)s.") % told, code="filter_invalid")
    rows = in_force(found, at, **{name: _value(found, refers[name], text) for name, text in of.items()}).order_by(key)
    if cursor:
        try:
            rows = rows.filter(**{f"{key}__gt": key_of(found, cursor)})
        except NoSuchRecord as error:
            raise ValidationError(
                _("This cursor is not one that this list handed out. Start again without it."), code="cursor_invalid"
            ) from error
    page = list(rows[: limit + 1])
    more, page = len(page) > limit, page[:limit]
    columns = _columns(found)
    names = names_of(found, columns, page, at)
    gone = erased_on([row.history_id for row in page])
    listed = [
        Listed(
            key=str(getattr(row, key)),
            cells={name: names.get((name, getattr(row, name))) or show(plain(getattr(row, name)), {}) for name in columns},
            at=row.history_date,
            name=str(getattr(row, _name_column(columns), "") or ""),
            erased=gone.get(row.history_id),
        )
        for row in page
    ]
    return Listing(columns, listed, str(getattr(page[-1], key)) if more else None)


def _name_column(columns: Sequence[str]) -> str:
    return next((name for name in NAMES if name in columns), "")


def _columns(model: type[models.Model]) -> list[str]:
    """What of a record is worth a glance: short values, in the model's order."""
    fields = model.history.model.tracked_fields  # type: ignore[attr-defined]
    short = [column.attname for column in fields if isinstance(column, _SHORT) and not column.primary_key]
    return short[:COLUMNS]


def names_of(model: type[models.Model], columns: Iterable[str], rows: Collection[Any], at: dt.datetime) -> dict[tuple[str, Any], str]:
    """What the records that `rows` refer to were called then, by (column, key). A query for each kind of record referred to.

    People are called by their label of now, as everywhere in the trail: without one they were erased.
    """
    wanted = set(columns)
    found: dict[tuple[str, Any], str] = {}
    for column in model._meta.concrete_fields:
        if column.attname not in wanted or not isinstance(column, models.ForeignKey):
            continue
        keys = {value for row in rows if (value := getattr(row, column.attname)) is not None}
        target: Any = column.related_model
        if not keys:
            continue
        if people_in([str(key) for key in keys]):
            known: Mapping[Any, str] = labels(keys)
        else:
            known = called(target, keys, at) if governs(target) else {}
        found |= {(column.attname, key): known[key] for key in keys if known.get(key)}
    return found


def called(model: type[models.Model], keys: Collection[Any], at: dt.datetime) -> dict[Any, str]:
    """What records were called at an instant, by key; a kind without names is left out."""
    named = {column.attname for column in model._meta.concrete_fields}
    name = next((one for one in NAMES if one in named), None)
    if name is None or not keys:
        return {}
    key = model._meta.pk.attname
    return dict(in_force(model, at, **{f"{key}__in": keys}).values_list(key, name))


def _read(model: str, object_id: str, entries: Sequence[Entry]) -> list[Version]:
    """The versions behind entries; raises NoSuchRecord for none."""
    if not entries:
        raise NoSuchRecord(f"Nothing is recorded about {model} {object_id}.")
    ids = [entry.pk for entry in entries]
    rows = {row.history_id: row for row in versions(model, object_id).filter(history_id__in=ids)}
    gone = erased_on(ids)
    values = {
        number: {column.attname: plain(getattr(row, column.attname)) for column in row.tracked_fields} for number, row in rows.items()
    }
    names = labels(people_in(values.values()))
    return [
        Version(
            ver=entry.ver or 0,
            entry_id=entry.pk,
            at=entry.at,
            action=entry.action,
            values=values.get(entry.pk, {}),
            shown={name: show(value, names) for name, value in values.get(entry.pk, {}).items()},
            erased=gone.get(entry.pk),
        )
        for entry in entries
    ]


def with_names(model: str, version: Version, at: dt.datetime) -> Version:
    """The version with what it refers to called by name."""
    found = governed(model)
    rows = list(version_model(found)._base_manager.filter(history_id=version.entry_id))
    names = names_of(found, version.values, rows, at)
    told = {name: f"{text} ({version.values[name]})" for (name, _key), text in names.items() if not people_in([version.values[name]])}
    return replace(version, shown=version.shown | told)


def _text(version: Version | None, name: str) -> str:
    """A value as text to compare: lists and the like over several lines, so that a word of them can be marked."""
    if version is None or version.values.get(name) in (None, ""):
        return ""
    value = version.values[name]
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) if isinstance(value, (list, dict)) else version.shown[name]


def plain(value: Any) -> Any:
    """A column's value as JSON can hold it."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    return value if value is None or isinstance(value, (bool, int, str, list, dict)) else str(value)
