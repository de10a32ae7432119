"""Events and outcomes as the database keeps them, also against SQL as the application's role."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from feedback.models import Event, EventBatch, Outcome, Recommendation
from tests.feedback.told import outcome, send, shown


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE feedback_event SET subject = 'x'",
        "UPDATE feedback_event SET body = NULL",
        "UPDATE feedback_event SET body = 'x', salt = NULL",
        "DELETE FROM feedback_event",
        "UPDATE feedback_outcome SET kind = 'accepted'",
        "UPDATE feedback_outcome SET recommendation_id = NULL",
        "DELETE FROM feedback_outcome",
        "UPDATE feedback_eventbatch SET accepted = 9",
        "DELETE FROM feedback_eventbatch",
        """UPDATE feedback_recommendation SET proposal = '"x"'""",
        """UPDATE feedback_recommendation SET outcome = 'accepted', proposal = '"x"'""",
        "UPDATE feedback_recommendation SET confidence = 0.99",
        "UPDATE feedback_recommendation SET person_id = (SELECT id FROM portal_person WHERE name = 'Mara Lindqvist')",
        "DELETE FROM feedback_recommendation",
    ],
)
def test_events__changed_by_sql__are_refused(cast: Any, system_key: Any, statement: str) -> None:
    send(system_key(cast.system), shown("AL-1"), outcome("AL-1", "overridden"))
    with pytest.raises(DatabaseError, match=r"append-only|never changed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Event.objects.count() == 2
    assert Outcome.objects.get().kind == "overridden"
    kept = Recommendation.objects.get()
    assert (kept.person, kept.outcome, kept.proposal) == (cast.jo, "overridden", {"text": "Swap stop 4 and stop 6, saves 11 minutes"})


def test_recommendations__outcome_settled_again__is_let_through(cast: Any, system_key: Any) -> None:
    key = system_key(cast.system)
    send(key, shown("AL-1"), outcome("AL-1", "overridden", reason="unsafe"))
    send(key, outcome("AL-1", "accepted"))
    assert (Recommendation.objects.get().outcome, Recommendation.objects.get().reason) == ("accepted", "")


def test_event__erased__keeps_its_proof(cast: Any, system_key: Any) -> None:
    send(system_key(cast.system), shown("AL-1"))
    before = Event.objects.get()
    Event.objects.update(body=None, salt=None)
    after = Event.objects.get()
    assert (after.body, after.salt) == (None, None)
    assert bytes(after.commitment) == bytes(before.commitment)


@pytest.mark.slow
def test_events__the_same_call_ten_times_at_once__count_once(committed_db: Any, cast: Any, system_key: Any) -> None:
    key = system_key(cast.system)
    events = [shown("AL-1"), outcome("AL-1", "overridden")]
    ready, answers = threading.Barrier(10), []

    def call() -> None:
        ready.wait()
        try:
            answers.append(send(type(key)(key.key), *events).json())
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((answer["accepted"], answer["duplicate"]) for answer in answers) == [(0, 2)] * 9 + [(2, 0)]
    assert (Event.objects.count(), EventBatch.objects.count(), Outcome.objects.count()) == (2, 1, 1)


@pytest.mark.slow
def test_events__recommendations_and_their_outcomes_at_once__all_meet(committed_db: Any, cast: Any, system_key: Any) -> None:
    key = system_key(cast.system)
    names = [f"AL-{number}" for number in range(12)]
    calls = [[shown(name)] for name in names] + [[outcome(name, "accepted")] for name in names]
    ready = threading.Barrier(len(calls))

    def call(events: list[dict[str, Any]]) -> None:
        ready.wait()
        try:
            send(type(key)(key.key), *events)
        finally:
            connection.close()

    threads = [threading.Thread(target=call, args=(events,)) for events in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(Recommendation.objects.values_list("outcome", flat=True)) == {"accepted"}
    assert not Outcome.objects.filter(recommendation=None).exists()
