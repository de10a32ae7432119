"""simple-history's own interface over versions that triggers wrote."""

from __future__ import annotations

import datetime as dt

import pytest

from audit.explore import stood
from tests.audit.scratch.models import Book, Shelf
from tests.audit.tampering import tamper
from tests.services import Database


def test_versions__as_of__breaks_ties_by_the_later_version(committed_db: Database) -> None:
    shelf = Shelf.objects.create(label="one")
    first = Shelf.history.get()
    # Two versions of one instant, as a coarse clock may give them: only the owner can put one there.
    with committed_db.connect("postgres") as owner:
        owner.execute(
            "insert into scratch_historicalshelf (id, label, history_id, history_date, history_type) values (%s, 'two', %s, %s, '~')",
            [shelf.pk, first.history_id + 1, first.history_date],
        )
    assert [version.label for version in Shelf.history.latest_of_each()] == ["two"]
    assert [found.label for found in Shelf.history.as_of(first.history_date)] == ["two"]
    assert shelf.history.as_of(first.history_date).label == "two"


def test_versions__clock_went_back__the_later_entry_counts_as_on_the_pages(committed_db: Database) -> None:
    """A12: version two is dated a minute before version one. From version one's time on it is two that stood."""
    shelf = Shelf.objects.create(label="one")
    first = Shelf.history.get()
    shelf.label = "two"
    shelf.save()
    second = Shelf.history.get(label="two")
    earlier = first.history_date - dt.timedelta(minutes=1)
    tamper(committed_db, f"update audit_entry set at = '{earlier.isoformat()}' where id = {second.pk}")
    tamper(committed_db, f"update scratch_historicalshelf set history_date = '{earlier.isoformat()}' where history_id = {second.pk}")
    for moment in (earlier, first.history_date):
        assert [found.label for found in Shelf.history.as_of(moment)] == ["two"]
        assert shelf.history.as_of(moment).label == "two"
        stood_then = stood.as_it_stood("scratch.shelf", str(shelf.pk), moment)
        assert stood_then is not None
        assert stood_then.values["label"] == "two"
    assert [version.label for version in Shelf.history.latest_of_each()] == ["two"]
    assert (Shelf.history.latest().label, shelf.history.most_recent().label) == ("two", "two")


@pytest.mark.django_db
def test_versions__simple_history_interface__works_on_rows_that_triggers_wrote() -> None:
    book = Book.objects.create(title="one", pages=1)
    seen = Book.history.latest().history_date
    book.title = "two"
    book.save()
    first, second = book.history.order_by("history_id")
    assert [change.field for change in second.diff_against(first).changes] == ["title"]
    assert book.history.as_of(seen).title == "one"
    assert second.prev_record == first
    assert first.next_record == second
    assert second.prev_record.prev_record is None
    assert first.instance.title == "one"
    assert book.history.most_recent().title == "two"
    book.delete()
    assert not Book.history.as_of(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)).exists()
