"""A1, A2, A4, A6 and A12 over random histories, against a model of what should be there."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.capture import triggers
from audit.context import acting
from audit.log import sealing
from audit.log.records_check import capture_of, check_records
from audit.models import Entry, Payload
from audit.models.log import Leaf
from tests.audit.scratch.models import Book, Shelf
from tests.services import Database

WRITER = uuid.UUID("11111111-2222-4333-8444-555555555555")
PLACES = [uuid.UUID(int=number) for number in (1, 2, 3)]
WORDS = st.sampled_from(["a", "b", "c"])
STEP = st.one_of(
    st.tuples(st.just("make"), st.sampled_from(PLACES), WORDS),
    st.tuples(st.just("save"), st.sampled_from(PLACES), WORDS),
    st.tuples(st.just("update"), st.just(None), WORDS),
    st.tuples(st.just("bulk"), st.just(None), WORDS),
    st.tuples(st.just("upsert"), st.just(None), WORDS),
    st.tuples(st.just("drop"), st.sampled_from(PLACES), st.just("")),
)
# A step, and whether the savepoint around it is rolled back.
HISTORY = st.lists(st.tuples(STEP, st.booleans()), min_size=1, max_size=12)


def take(step: tuple[str, Any, str], state: dict[uuid.UUID, str]) -> list[tuple[str, uuid.UUID]]:
    """Do it in the database and to `state`; answers the entries it should leave."""
    kind, place, word = step
    if kind == "make" and place not in state:
        Shelf.objects.create(pk=place, label=word)
        state[place] = word
        return [("created", place)]
    if kind == "save" and place in state:
        Shelf(pk=place, label=word).save(force_update=True)
        before, state[place] = state[place], word
        return [("changed", place)] if before != word else []
    if kind == "drop" and place in state:
        Shelf.objects.filter(pk=place).delete()
        del state[place]
        return [("deleted", place)]
    if kind == "upsert":
        rows = [Shelf(pk=place, label=word) for place in PLACES]
        Shelf.objects.bulk_create(rows, update_conflicts=True, unique_fields=["id"], update_fields=["label"])
        left = [("changed" if p in state else "created", p) for p in PLACES if state.get(p) != word]
        state.update(dict.fromkeys(PLACES, word))
        return left
    if kind == "bulk":
        Shelf.objects.bulk_update([Shelf(pk=place, label=word) for place in state], ["label"])
    if kind in ("update", "bulk"):
        if kind == "update":
            Shelf.objects.update(label=word)
        left = [("changed", place) for place, before in state.items() if before != word]
        state.update(dict.fromkeys(state, word))
        return left
    return []


def now() -> dt.datetime:
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        found: dt.datetime = cursor.fetchone()[0]
    return found


def entries() -> list[tuple[str, uuid.UUID, int | None]]:
    return [
        (a, uuid.UUID(o), v)
        for a, o, v in Entry.objects.filter(model="scratch.shelf").order_by("id").values_list("action", "object", "ver")
    ]


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(history=HISTORY)
def test_capture__any_history__is_told_whole_and_rebuilds_every_moment(history: list[tuple[tuple[str, Any, str], bool]]) -> None:
    state: dict[uuid.UUID, str] = {}
    wanted: list[tuple[str, uuid.UUID]] = []
    moments: list[tuple[dt.datetime, dict[uuid.UUID, str]]] = []
    with transaction.atomic(), acting(WRITER):
        for step, undone in history:
            trial = dict(state)
            with transaction.atomic():
                left = take(step, trial)
                transaction.set_rollback(undone)
            if not undone:
                state = trial
                wanted += sorted(left)
            moments.append((now(), dict(state)))
        found = entries()
        # A1, A2: what stayed is told once, what was undone is not, and in the order of the writes
        assert [(action, place) for action, place, _ in found] == _as_written(wanted, found)
        for place in PLACES:  # A4
            vers = [ver for _, one, ver in found if one == place]
            assert vers == list(range(1, len(vers) + 1))
        for moment, then in moments:  # A6
            assert {shelf.pk: shelf.label for shelf in Shelf.history.as_of(moment)} == then
        assert Payload.objects.filter(entry__model="scratch.shelf").count() == len(found)
        transaction.set_rollback(True)


def _as_written(wanted: list[tuple[str, uuid.UUID]], found: list[tuple[str, uuid.UUID, int | None]]) -> list[tuple[str, uuid.UUID]]:
    """The wanted entries; those of one object are in order, and several of one statement come in any."""
    assert sorted(wanted) == sorted((action, place) for action, place, _ in found)
    for place in PLACES:
        assert [a for a, p in wanted if p == place] == [a for a, p, _ in found if p == place]
    return [(action, place) for action, place, _ in found]


@pytest.fixture
def own_clock(log: Database) -> Database:
    """A log whose capture reads the time from the setting `test.clock`."""
    sql = triggers.install(capture_of(Shelf), triggers.VERSION).replace("clock_timestamp()", "current_setting('test.clock')::timestamptz")
    with log.connect("lm_owner") as owner:
        owner.execute(sql)
    return log


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [[5, 4, 3, 2, 1], [3, 3, 3], [1, 9, 2, 8, 0, 7]], ids=["backwards", "stopped", "jumping"])
def test_capture__clock_going_backwards__reorders_nothing(own_clock: Database, minutes: list[int]) -> None:
    """A12: numbers and places follow the writes, not the clock; so does what is verified."""
    shelf = Shelf(pk=PLACES[0], label="-")
    for at, minute in enumerate(minutes):
        with acting(WRITER), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("set local test.clock = %s", [f"2026-03-02 09:{minute:02}:00+00"])
            shelf.label = str(at)
            shelf.save(force_insert=at == 0)
        if at == 1:
            sealing.seal()
    sealing.seal()
    about = list(Entry.objects.about(shelf).order_by("id"))
    assert [entry.at.minute for entry in about] == minutes
    assert [entry.ver for entry in about] == list(range(1, len(minutes) + 1))
    assert [entry.prev for entry in about] == [None, *(entry.id for entry in about[:-1])]
    places = dict(Leaf.objects.values_list("entry_id", "seq"))
    assert [places[entry.id] for entry in about] == sorted(places[entry.id] for entry in about)
    labels = [version.label for version in Shelf.history.order_by("history_id")]
    assert labels == [str(at) for at in range(len(minutes))]
    found: list[Any] = []
    check_records("default", lambda **parts: found.append(parts), set())
    assert found == []


@pytest.mark.django_db
def test_capture__values_that_are_equal_and_read_differently__are_a_change() -> None:
    """1 and 1.0 are equal in jsonb, and not the same text: unrecorded, the record would no longer be its last version."""
    with acting(WRITER):
        book = Book.objects.create(title="Dispatch", facts={"a": 1})
        with connection.cursor() as cursor:
            cursor.execute("update scratch_book set facts = '{\"a\": 1.0}' where id = %s", [book.pk])
    assert list(Entry.objects.about(book).order_by("id").values_list("action", "fields")) == [("created", []), ("changed", ["facts"])]
