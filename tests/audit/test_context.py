"""The context reaches the trigger with the first write that needs it, and never reaches another's."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from audit.context import acting, announce, because, become, current
from audit.middleware import ActingMiddleware
from audit.models import UNATTRIBUTED, Actor, Entry, Payload
from audit.services import NobodyActs, UndeclaredVerb, name_actor, record, refused, system_actor
from tests import factories
from tests.audit.scratch.models import Book, Shelf
from tests.services import Database

ANN = uuid.UUID("aaaaaaaa-0000-4000-8000-000000000001")
BEN = uuid.UUID("bbbbbbbb-0000-4000-8000-000000000002")


def actors() -> list[uuid.UUID]:
    return list(Entry.objects.filter(model="scratch.book").order_by("id").values_list("actor", flat=True))


def make(title: str = "Dispatch") -> Book:
    return Book.objects.create(title=title)


def take_back(title: str) -> None:
    """Write in a transaction (or savepoint) that is rolled back."""
    with transaction.atomic():
        make(title)
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_context__first_write__keeps_primary_key_and_row_count() -> None:
    with acting(ANN):
        book = make("50% 'quoted' %s")
    assert Book.objects.get(pk=book.pk).title == "50% 'quoted' %s"
    with acting(BEN, reason="100% sure, isn't it? \x00"):
        assert Book.objects.filter(pk=book.pk).update(title="x") == 1
    with acting(ANN), connection.cursor() as cursor:
        cursor.execute("insert into scratch_tag (word) values ('100%') returning id, word")
        assert cursor.fetchone()[1] == "100%"
        assert cursor.rowcount == 1
    with acting(BEN), connection.cursor() as cursor:
        cursor.execute("  -- a note\n update scratch_tag set word = 'other'")
        assert cursor.rowcount == 1
    assert actors() == [ANN, BEN]
    assert list(Entry.objects.filter(model="scratch.tag").order_by("id").values_list("actor", flat=True)) == [ANN, BEN]


@pytest.mark.django_db
def test_context__write_under_a_context__is_one_query() -> None:
    with acting(ANN), CaptureQueriesContext(connection) as queries:
        make()
    assert len(queries) == 1


@pytest.mark.django_db
def test_context__two_actors_in_one_transaction__each_keep_their_own() -> None:
    with transaction.atomic():
        with acting(ANN):
            make()
            with acting(BEN):
                make()
            make()
        make()
        with acting(BEN):
            make()
    assert actors() == [ANN, BEN, ANN, UNATTRIBUTED, BEN]


@pytest.mark.django_db
def test_context__savepoint_rolled_back__is_sent_again() -> None:
    with transaction.atomic(), acting(ANN):
        take_back("first write of all")
        make()
        with acting(BEN):
            take_back("another's")
        with acting(BEN):
            make()
    assert actors() == [ANN, BEN]


@pytest.mark.django_db
def test_context__savepoint_by_hand__is_followed_too() -> None:
    with transaction.atomic(), acting(ANN):
        make()
        point = transaction.savepoint()
        with acting(BEN):
            make("taken back")
            transaction.savepoint_rollback(point)
            make()
        point = transaction.savepoint()
        with acting(BEN):
            make()
        transaction.savepoint_commit(point)
        make()
    assert actors() == [ANN, BEN, BEN, ANN]


@pytest.mark.django_db
def test_context__reason__belongs_to_its_block() -> None:
    with acting(ANN):
        with because("too late", code="late"):
            make()
        make()
        with acting(BEN):
            make()
    codes = list(Entry.objects.filter(model="scratch.book").order_by("id").values_list("reason_code", flat=True))
    assert codes == ["late", "", ""]


@pytest.mark.django_db
def test_context__block_within_a_request__inherits_its_request_unless_told_none() -> None:
    with acting(ANN, channel="page", request_id="request-1"):
        with acting(BEN):
            make()
        with acting(BEN, channel="task", request_id=""):
            make()
    found = Entry.objects.filter(model="scratch.book").order_by("id").values_list("channel", "request_id", "on_behalf")
    assert list(found) == [("page", "request-1", None), ("task", "", None)]


@pytest.mark.django_db
def test_context__executemany__is_attributed_and_counts() -> None:
    with acting(ANN), connection.cursor() as cursor:
        cursor.executemany("insert into scratch_tag (word) values (%s)", [["a"], ["b"], ["c%"]])
        assert cursor.rowcount == 3
    assert set(Entry.objects.filter(model="scratch.tag").values_list("actor", flat=True)) == {ANN}


@pytest.mark.django_db
def test_context__copy__is_attributed_when_announced() -> None:
    with acting(ANN), transaction.atomic(), connection.cursor() as cursor:
        announce()
        with cursor.copy("copy scratch_tag (word) from stdin") as copy:
            copy.write_row(["copied"])
    assert list(Entry.objects.filter(model="scratch.tag").values_list("actor", flat=True)) == [ANN]


def test_context__commits_on_one_connection__do_not_leak(committed_db: Database) -> None:
    with acting(ANN):
        make()  # autocommit
        Book.objects.update(pages=1)
    make()
    with acting(ANN), transaction.atomic():
        Book.objects.count()
        make()
    with transaction.atomic():
        make()
    with acting(BEN), transaction.atomic():
        Book.objects.count()
        make()
    with acting(BEN):
        take_back("a whole transaction")
    with acting(BEN), transaction.atomic():
        make()
    with acting(ANN), connection.cursor() as cursor:
        cursor.executemany("update scratch_book set pages = %s where title = %s", [[2, "nobody"], [3, "Dispatch"]])
    connection.close()
    with acting(BEN), transaction.atomic():
        make()
    found = actors()
    assert found[:6] == [ANN, ANN, UNATTRIBUTED, ANN, UNATTRIBUTED, BEN]
    assert found[6] == BEN
    assert set(found[7:-1]) == {ANN}
    assert found[-1] == BEN


def test_context__threads__do_not_share_an_actor(committed_db: Database) -> None:
    ready = threading.Barrier(2)

    def write(actor: uuid.UUID) -> None:
        with acting(actor):
            ready.wait()
            for _ in range(20):
                make(str(actor))
        connection.close()

    threads = [threading.Thread(target=write, args=[actor]) for actor in (ANN, BEN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(book.title, str(book.history.get().history_user_id)) for book in Book.objects.all()} == {
        (str(ANN), str(ANN)),
        (str(BEN), str(BEN)),
    }


def test_context__one_object_written_by_two_at_once__versions_follow_the_commits(committed_db: Database) -> None:
    with acting(ANN):
        book = make()
    start = threading.Barrier(4)

    def write(number: int) -> None:
        start.wait()
        for turn in range(10):
            with acting(ANN), transaction.atomic():
                Book.objects.filter(pk=book.pk).update(pages=number * 1000 + turn + 1)
        connection.close()

    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = list(Entry.objects.about(book).order_by("id").values_list("ver", "id", "prev"))
    assert [ver for ver, _, _ in found] == list(range(1, 42))
    assert [prev for _, _, prev in found][1:] == [entry for _, entry, _ in found][:-1]
    book.refresh_from_db()
    assert book.pages == book.history.latest().pages


@pytest.mark.django_db
def test_record__act__is_one_entry_with_its_detail() -> None:
    with acting(ANN, channel="command", request_id="r-1"), because("asked for", code="asked"):
        shelf = Shelf.objects.create(label="A")
        entry = Entry.objects.get(pk=record("audit.backup-made", obj=shelf, detail={"b": 1, "a": "é"}))
    assert (entry.actor, entry.action, entry.model, entry.object, entry.ver) == (
        ANN,
        "audit.backup-made",
        "scratch.shelf",
        str(shelf.pk),
        None,
    )
    assert Payload.objects.get(entry=entry).body == '{"detail":{"a":"é","b":1},"reason":"asked for"}'
    assert (entry.channel, entry.request_id, entry.reason_code) == ("command", "r-1", "asked")


@pytest.mark.django_db
def test_record__act_between_changes__leaves_their_count_alone() -> None:
    with acting(ANN):
        shelf = Shelf.objects.create(label="A")
        record("audit.backup-made", obj=shelf)
        shelf.label = "B"
        shelf.save()
    assert list(Entry.objects.about(shelf).order_by("id").values_list("ver", flat=True)) == [1, None, 2]


@pytest.mark.django_db
@pytest.mark.parametrize(("action", "actor", "error"), [("audit.nonsense", ANN, UndeclaredVerb), ("audit.backup-made", None, NobodyActs)])
def test_record__undeclared_verb_or_nobody__raises(action: str, actor: uuid.UUID | None, error: type[Exception]) -> None:
    with acting(actor), pytest.raises(error):
        record(action)
    assert not Entry.objects.exists()


def test_refused__after_the_rollback__is_all_that_is_left(committed_db: Database) -> None:
    with acting(ANN):
        take_back("what was not allowed")
        refused("POST /pilots/1/stop", code="forbidden", status=403, model="governance.pilot", object_id="1")
    entry = Entry.objects.get()
    assert (entry.actor, entry.action, entry.object) == (ANN, "audit.refused", "1")
    assert not Book.history.exists()


@pytest.mark.django_db
def test_system_actor__same_name__is_one_labelled_actor() -> None:
    assert system_actor("reminders") == system_actor("reminders") != system_actor("other")
    assert Actor.objects.get(pk=system_actor("reminders")).label == "reminders"


@pytest.mark.django_db
def test_name_actor__again__renames() -> None:
    ann = factories.person("Ann", factories.unit("brightline"))
    with acting(ann.pk):
        book = make()
        assert book.history.get().history_user == "Ann"
        with pytest.raises(DatabaseError, match="name in that person's record"), transaction.atomic():
            name_actor(ann.pk, "person", "Ann Lee")
        ann.name = "Ann Lee"
        ann.save()
    name_actor(ann.pk, "person", "Ann Lee")
    assert book.history.get().history_user == "Ann Lee"
    assert Actor.objects.filter(kind="person").count() == 1


@pytest.mark.django_db
def test_versions__writer__cannot_be_set() -> None:
    with acting(ANN):
        version = make().history.get()
    with pytest.raises(Exception, match="written by the database"):
        version.history_user = "somebody"


class _User:
    pk = ANN
    is_authenticated = True


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "channel"), [("/pilots", "page"), ("/api/v1/pilots", "api"), ("/ofrep/v1/evaluate/flags", "api")])
def test_middleware__request__names_actor_channel_and_request(path: str, channel: str, rf: RequestFactory) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        make()
        return HttpResponse()

    response = _through(view, rf.get(path, headers={"X-Request-ID": "abc-12345"}), _User())
    entry = Entry.objects.get()
    assert (entry.actor, entry.channel, entry.request_id) == (ANN, channel, "abc-12345")
    assert response["X-Request-ID"] == "abc-12345"
    assert current().actor is None


@pytest.mark.django_db
def test_middleware__key_resolved_within_the_request__takes_over_until_its_end(rf: RequestFactory) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        become(BEN, on_behalf=ANN)
        make()
        return HttpResponse()

    response = _through(view, rf.get("/api/v1/x", headers={"X-Request-ID": "bad id\t"}), None)
    entry = Entry.objects.get()
    assert (entry.actor, entry.on_behalf) == (BEN, ANN)
    assert len(response["X-Request-ID"]) == 32
    assert current().actor is None


def _through(view: Callable[[HttpRequest], HttpResponse], request: HttpRequest, user: Any) -> HttpResponse:
    if user is not None:
        request.user = user
    return ActingMiddleware(view)(request)
