"""A1, A2, A4: every committed row change has exactly one entry, one version and one payload, whatever made it."""

from __future__ import annotations

import datetime as dt
import io
import json
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from audit.context import acting, because
from audit.models import Entry, Payload
from tests.audit.scratch.models import Book, Shelf, Tag, Tagging

pytestmark = pytest.mark.django_db
WRITER = uuid.UUID("11111111-2222-4333-8444-555555555555")


@pytest.fixture(autouse=True)
def writer() -> Iterator[None]:
    with acting(WRITER, channel="page", request_id="request-1"):
        yield


def entries(model: str = "scratch.book") -> list[tuple[str, str, int | None]]:
    return [(entry.action, entry.object, entry.ver) for entry in Entry.objects.filter(model=model).order_by("id")]


def make(**values: Any) -> Book:
    return Book.objects.create(**{"title": "Dispatch", **values})


def _save() -> list[tuple[str, Book]]:
    book = Book(title="Dispatch")
    book.save()
    book.pages = 7
    book.save()
    return [("created", book), ("changed", book)]


def _create() -> list[tuple[str, Book]]:
    return [("created", make())]


def _update() -> list[tuple[str, Book]]:
    one, two = make(), make()
    assert Book.objects.filter(pk__in=[one.pk, two.pk]).update(pages=9) == 2
    return [("created", one), ("created", two), ("changed", one), ("changed", two)]


def _bulk_create() -> list[tuple[str, Book]]:
    made = Book.objects.bulk_create([Book(title=str(n)) for n in range(5)])
    assert [Book.objects.get(title=book.title).pk for book in made] == [book.pk for book in made]
    return [("created", book) for book in made]


def _bulk_update() -> list[tuple[str, Book]]:
    made = [make(), make()]
    for book in made:
        book.pages = 3
    assert Book.objects.bulk_update(made, ["pages"]) == 2
    return [("created", book) for book in made] + [("changed", book) for book in made]


def _f_expression() -> list[tuple[str, Book]]:
    book = make(pages=1)
    assert Book.objects.filter(pk=book.pk).update(pages=F("pages") + 1) == 1
    return [("created", book), ("changed", book)]


def _raw_sql() -> list[tuple[str, Book]]:
    book = make()
    with connection.cursor() as cursor:
        cursor.execute("update scratch_book set title = title || '%%' where id = %s", [book.pk])
        assert cursor.rowcount == 1
    return [("created", book), ("changed", book)]


def _delete() -> list[tuple[str, Book]]:
    book = make()
    kept = Book(pk=book.pk)
    assert book.delete() == (1, {"scratch.Book": 1})
    return [("created", kept), ("deleted", kept)]


def _cascade() -> list[tuple[str, Book]]:
    shelf = Shelf.objects.create(label="A")
    made = [make(shelf=shelf), make(shelf=shelf)]
    kept = [Book(pk=book.pk) for book in made]
    shelf.delete()
    assert [action for action, *_ in entries("scratch.shelf")] == ["created", "deleted"]
    return [("created", book) for book in kept] + [("deleted", book) for book in kept]


def _loaddata() -> list[tuple[str, Book]]:
    book = make(title="loaded")
    text = io.StringIO()
    call_command("dumpdata", "scratch.book", stdout=text)
    kept = Book(pk=book.pk)
    book.delete()
    from django.core import serializers

    for found in serializers.deserialize("json", text.getvalue()):
        found.save()  # what loaddata does for each object of a fixture
    return [("created", kept), ("deleted", kept), ("created", kept)]


WAYS = [_save, _create, _update, _bulk_create, _bulk_update, _f_expression, _raw_sql, _delete, _cascade, _loaddata]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.strip("_"))
def test_capture__every_way_to_write__leaves_one_entry_version_and_payload_a_row(way: Callable[[], list[tuple[str, Book]]]) -> None:
    wanted = [(action, str(book.pk)) for action, book in way()]
    found = list(Entry.objects.filter(model="scratch.book").order_by("id"))
    assert sorted((entry.action, entry.object) for entry in found) == sorted(wanted)
    assert {entry.actor for entry in found} == {WRITER}
    ids = [entry.id for entry in found]
    assert sorted(Book.history.values_list("history_id", flat=True)) == ids
    assert sorted(Payload.objects.filter(entry__in=ids).values_list("entry_id", flat=True)) == ids
    kinds = {"created": "+", "changed": "~", "deleted": "-"}
    assert {v.history_id: v.history_type for v in Book.history.all()} == {entry.id: kinds[entry.action] for entry in found}


def test_capture__many_to_many__is_rows_of_the_through_model() -> None:
    book, word = make(), Tag.objects.create(word="route")
    book.tags.add(word)
    book.tags.remove(word)
    book.tags.set([word])
    book.tags.clear()
    assert [action for action, *_ in entries("scratch.tagging")] == ["created", "deleted", "created", "deleted"]
    assert not Tagging.objects.exists()


def test_capture__upsert__has_an_entry_for_each_row_as_it_went() -> None:
    make(pk=50, title="old")
    Book.objects.bulk_create(
        [Book(pk=50, title="new"), Book(pk=51, title="fresh")], update_conflicts=True, unique_fields=["id"], update_fields=["title"]
    )
    assert sorted(entries()) == [("changed", "50", 2), ("created", "50", 1), ("created", "51", 1)]


def test_capture__nothing_recorded_changed__leaves_nothing() -> None:
    book = make(secret="one")
    book.secret = "two"
    book.save()
    book.save()
    Book.objects.update(title=F("title"))
    Book.objects.filter(pk=-1).update(title="nobody")
    assert entries() == [("created", str(book.pk), 1)]


def test_capture__update_of_many_rows__records_only_those_that_changed() -> None:
    same, other = make(pages=1), make(pages=2)
    Book.objects.filter(pk__in=[same.pk, other.pk]).update(pages=1)
    assert entries()[2:] == [("changed", str(other.pk), 2)]


def test_capture__excluded_field__is_nowhere() -> None:
    book = make(secret="keep-this-out")
    book.secret, book.title = "keep-this-out-too", "Other"
    book.save()
    assert not Payload.objects.filter(body__contains="keep-this-out").exists()
    assert "secret" not in {field.name for field in Book.history.model._meta.fields}
    assert Entry.objects.latest("id").fields == ["title"]


def test_capture__change__names_the_fields_and_links_the_entry_before() -> None:
    book = make()
    book.title, book.price, book.facts = "Other", Decimal("2.50"), {"a": 1}
    book.save()
    first, second = Entry.objects.filter(model="scratch.book").order_by("id")
    assert (first.fields, first.ver, first.prev) == ([], 1, None)
    assert (second.fields, second.ver, second.prev) == (["title", "price", "facts"], 2, first.id)
    assert second.at >= first.at
    assert second.db_role == connection.settings_dict["USER"]
    assert (second.channel, second.request_id, second.data_class) == ("page", "request-1", "record")


def test_capture__same_key_again_after_deletion__goes_on_counting() -> None:
    make(pk=70).delete()
    make(pk=70)
    assert entries() == [("created", "70", 1), ("deleted", "70", 2), ("created", "70", 3)]


def test_capture__payload__holds_the_values_and_the_reason_as_text() -> None:
    with because("late, and 'quoted' 100%", code="late"):
        book = make(seen_at=dt.datetime(2026, 3, 2, 10, 30, tzinfo=dt.timezone(dt.timedelta(hours=1))), cover=b"\x00\xff", weight=0.1)
    entry = Entry.objects.latest("id")
    body = json.loads(entry.payload.body)
    assert body["reason"] == "late, and 'quoted' 100%"
    assert entry.reason_code == "late"
    assert body["values"]["seen_at"] == "2026-03-02T09:30:00+00:00"
    assert (body["values"]["cover"], body["values"]["weight"]) == ("\\x00ff", 0.1)
    assert len(bytes(entry.payload.salt)) == 16
    assert book.history.get().history_change_reason == "late, and 'quoted' 100%"


def test_capture__other_session_settings__render_the_same_bytes() -> None:
    values: dict[str, Any] = {
        "seen_at": dt.datetime(2026, 7, 1, tzinfo=dt.UTC),
        "cover": b"\x01",
        "weight": 1 / 3,
        "published": dt.date(2026, 1, 2),
    }
    make(pk=80, **values)
    with connection.cursor() as cursor:
        cursor.execute("set local timezone = 'Asia/Tokyo'; set local datestyle = 'German'")
        cursor.execute("set local extra_float_digits = 0; set local bytea_output = 'escape'")
    make(pk=81, **values)
    first, second = Payload.objects.filter(entry__model="scratch.book").order_by("entry_id").values_list("body", flat=True)
    assert first.replace('"id" : 80', '"id" : 81') == second


def test_capture__rollback__leaves_nothing() -> None:
    with transaction.atomic():
        make()
        transaction.set_rollback(True)
    assert entries() == []
    assert not Book.history.exists()


def test_capture__savepoint_rollback__leaves_only_what_stays() -> None:
    with transaction.atomic():
        kept = make()
        with transaction.atomic():
            make()
            transaction.set_rollback(True)
        kept.pages = 5
        kept.save()
    assert entries() == [("created", str(kept.pk), 1), ("changed", str(kept.pk), 2)]


def test_capture__versions_of_each_object__count_without_a_gap() -> None:
    books = Book.objects.bulk_create([Book(title=str(n)) for n in range(3)])
    for round_ in range(3):
        Book.objects.update(pages=round_ + 1)
        books[0].notes = f"round {round_}"
        books[0].save(update_fields=["notes"])
    for book in books:
        vers = list(Entry.objects.about(book).order_by("id").values_list("ver", flat=True))
        assert vers == list(range(1, len(vers) + 1))


def test_capture__ten_thousand_rows_in_one_update_after_a_single_one__is_not_planned_as_a_single_one() -> None:
    Book.objects.bulk_create([Book(title=str(n)) for n in range(3000)])
    one = Book.objects.first()
    assert one is not None
    for number in range(8):  # past the point where PostgreSQL settles on a cached plan
        one.pages = number + 1
        one.save()
    began = dt.datetime.now(dt.UTC)
    Book.objects.update(weight=2.0)
    assert (dt.datetime.now(dt.UTC) - began).total_seconds() < 10
    assert Entry.objects.filter(model="scratch.book", fields=["weight"]).count() == 3000


@pytest.mark.parametrize(
    "statement",
    ["update scratch_book set id = id + 1000", "truncate scratch_book cascade"],
)
def test_capture__what_would_slip_past__is_refused(statement: str) -> None:
    make()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_capture__update_that_sets_the_key_to_itself__passes() -> None:
    book = make()
    with connection.cursor() as cursor:
        cursor.execute("update scratch_book set id = id, pages = 4 where id = %s", [book.pk])
    assert entries()[-1] == ("changed", str(book.pk), 2)
