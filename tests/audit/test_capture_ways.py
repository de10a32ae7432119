"""A1 over every governed model: each way to write leaves exactly one entry for each changed row, whatever the model."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.core.management import call_command
from django.db import connection, models, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat

from audit.context import acting
from audit.history import governed_models, governs, version_model
from audit.models import Entry
from tests.services import Database

WRITER = uuid.UUID("11111111-2222-4333-8444-555555555555")
MODELS = {model._meta.label_lower: model for model in governed_models()}
VALUES: dict[str, Callable[[int], Any]] = {
    "ArrayField": lambda _n: [],
    "BinaryField": lambda n: bytes([n % 256]),
    "BooleanField": lambda n: n % 2 == 0,
    "DateField": lambda n: dt.date(2026, 1, 1) + dt.timedelta(days=n),
    "DateTimeField": lambda n: dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=n),
    "DecimalField": lambda n: Decimal(n % 90),
    "FloatField": float,
    "JSONField": lambda n: {"n": n},
    "TimeField": lambda n: dt.time(n % 24),
    "UUIDField": lambda n: uuid.UUID(int=n),
}


def value(field: models.Field[Any, Any], number: int) -> Any:
    """A value for a column, another for each number."""
    if isinstance(field, models.ForeignKey):
        return value(field.target_field, number)
    kind = field.get_internal_type()
    if kind in VALUES:
        return VALUES[kind](number)
    if "Integer" in kind or "Auto" in kind:
        return number
    return f"{number}-{field.name}"[: field.max_length or 40]


def fresh(model: type[models.Model], number: int) -> Any:
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    own = [field for field in fields if not (field.primary_key and "Auto" in field.get_internal_type())]
    return model(**{field.attname: value(field, number) for field in own})


def to_change(model: type[models.Model]) -> models.Field[Any, Any]:
    """A recorded column that takes any value; a text where there is one, for F()."""
    recorded = {field.name for field in version_model(model).tracked_fields}
    plain = [f for f in model._meta.concrete_fields if f.name in recorded and not f.primary_key]
    texts = [f for f in plain if f.get_internal_type() in ("CharField", "TextField", "SlugField")]
    return max(texts, key=lambda field: field.max_length or 10_000) if texts else plain[0]


class Rows:
    """Writes to one model in the nine ways, each told as (action, object) of the entries it should leave."""

    def __init__(self, model: type[models.Model], folder: Path) -> None:
        self.model, self.folder = model, folder
        self.field = to_change(model)
        self.number = 100
        self.rows = model._base_manager

    def make(self) -> Any:
        self.number += 1
        return fresh(self.model, self.number)

    def other(self, row: Any) -> Any:
        self.number += 1
        setattr(row, self.field.attname, value(self.field, self.number))
        return row

    def stored(self) -> Any:
        row = self.make()
        models.Model.save_base(row, force_insert=True)
        return row

    def save(self) -> list[tuple[str, Any]]:
        row = self.stored()
        models.Model.save_base(self.other(row))
        return [("created", row.pk), ("changed", row.pk)]

    def create(self) -> list[tuple[str, Any]]:
        row = self.make()
        values = {
            f.attname: getattr(row, f.attname) for f in self.model._meta.concrete_fields if not f.generated and f.attname in row.__dict__
        }
        if row.pk is None:
            values.pop(self.model._meta.pk.attname)
        return [("created", models.QuerySet.create(self.rows.all(), **values).pk)]

    def update(self) -> list[tuple[str, Any]]:
        row = self.stored()
        self.number += 1
        assert self.rows.filter(pk=row.pk).update(**{self.field.attname: value(self.field, self.number)}) == 1
        return [("created", row.pk), ("changed", row.pk)]

    def bulk_create(self) -> list[tuple[str, Any]]:
        return [("created", row.pk) for row in self.rows.bulk_create([self.make(), self.make(), self.make()])]

    def bulk_update(self) -> list[tuple[str, Any]]:
        rows = self.rows.bulk_create([self.make(), self.make()])
        self.rows.bulk_update([self.other(row) for row in rows], [self.field.name])
        return [(action, row.pk) for action in ("created", "changed") for row in rows]

    def f_expression(self) -> list[tuple[str, Any]]:
        row = self.stored()
        if isinstance(value(self.field, 1), str):
            changed: Any = Concat(F(self.field.attname), Value("x"))
        elif isinstance(value(self.field, 1), int):
            changed = F(self.field.attname) + 1
        else:
            return [("created", row.pk)]
        self.rows.filter(pk=row.pk).update(**{self.field.attname: changed})
        return [("created", row.pk), ("changed", row.pk)]

    def raw_sql(self) -> list[tuple[str, Any]]:
        row, after = self.stored(), self.make()
        quote = connection.ops.quote_name
        sql = f"update {quote(self.model._meta.db_table)} set {quote(str(self.field.column))} = %s where {quote(str(self.model._meta.pk.column))} = %s"
        with connection.cursor() as cursor:
            cursor.execute(sql, [self.field.get_db_prep_save(getattr(after, self.field.attname), connection), row.pk])
            assert cursor.rowcount == 1
        return [("created", row.pk), ("changed", row.pk)]

    def delete(self) -> list[tuple[str, Any]]:
        row = self.stored()
        self.rows.filter(pk=row.pk)._raw_delete(connection.alias)  # without what hangs on it: there is nothing
        return [("created", row.pk), ("deleted", row.pk)]

    def loaddata(self) -> list[tuple[str, Any]]:
        row = self.stored()
        fixture = self.folder / f"{self.model._meta.label_lower}.json"
        fixture.write_text(serializers.serialize("json", [self.other(row)]), encoding="utf-8")
        call_command("loaddata", str(fixture), verbosity=0)
        return [("created", row.pk), ("changed", row.pk)]


WAYS = [
    Rows.save,
    Rows.create,
    Rows.update,
    Rows.bulk_create,
    Rows.bulk_update,
    Rows.f_expression,
    Rows.raw_sql,
    Rows.delete,
    Rows.loaddata,
]


@pytest.fixture
def bare(committed_db: Database) -> Database:
    """A database in which only the audit trail refuses: no foreign keys, no checks, no rules of other apps."""
    with committed_db.connect("postgres") as superuser:
        for table, name in superuser.execute(
            "select conrelid::regclass::text, conname from pg_constraint"
            " where contype in ('f', 'c', 'x') and connamespace = 'public'::regnamespace and not coninhcount > 0"
        ).fetchall():
            superuser.execute(f'alter table {table} drop constraint "{name}"')
        for table, name in superuser.execute(
            "select tgrelid::regclass::text, tgname from pg_trigger"
            " where not tgisinternal and tgname not in ('audit_created', 'audit_changed', 'audit_deleted') and tgparentid = 0"
        ).fetchall():
            superuser.execute(f'alter table {table} disable trigger "{name}"')
        for model in MODELS.values():
            superuser.execute(f"grant select, insert, update, delete on {model._meta.db_table} to lm_app")
        superuser.execute("grant update on all sequences in schema public to lm_app")  # loaddata sets them
    return committed_db


def test_capture__every_way_to_write_every_governed_model__leaves_one_entry_a_row(bare: Database, tmp_path: Path) -> None:
    assert len(MODELS) > 15
    wrong = []
    for label, model in MODELS.items():
        rows = Rows(model, tmp_path)
        for way in WAYS:
            last = Entry.objects.order_by("-id").values_list("id", flat=True).first() or 0
            with acting(WRITER, channel="command"):
                wanted = sorted((action, str(key)) for action, key in way(rows))
            fresh_ones = Entry.objects.filter(id__gt=last)
            found = sorted(fresh_ones.values_list("action", "object"))
            versions = version_model(model).objects.filter(history_id__gt=last).count()
            if found != wanted or set(fresh_ones.values_list("model", "actor")) != {(label, WRITER)} or versions != len(wanted):
                wrong.append(f"{label}.{way.__name__}: {found}, not {wanted}")
            with transaction.atomic(), acting(WRITER):
                way(rows)
                transaction.set_rollback(True)
            if Entry.objects.filter(id__gt=last).count() != len(wanted):
                wrong.append(f"{label}.{way.__name__}: a rollback left entries")
    assert wrong == []


def test_capture__every_many_to_many_relation__is_governed_through_its_rows() -> None:
    """Of our own apps; also that no governed model has one that Django would write by itself."""
    ours = {"portal", "governance", "feedback", "audit", "scratch"}
    for model in apps.get_models():
        if model._meta.app_label in ours:
            for relation in model._meta.local_many_to_many:
                through = relation.remote_field.through
                assert through is not None
                assert not through._meta.auto_created, f"{model._meta.label}.{relation.name} needs an explicit through model"
                assert governs(through), f"{through._meta.label} is not governed"


def test_governed_models__keys__fit_into_an_entry() -> None:
    """Entries are sealed as leaves of at most 65,535 bytes."""
    for model in MODELS.values():
        assert (model._meta.pk.max_length or 0) <= 200, model._meta.label
        assert model._meta.pk.get_internal_type() != "TextField", model._meta.label
