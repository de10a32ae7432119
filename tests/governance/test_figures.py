"""Plain figures: what is counted, and whose decisions are never to be read from them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from audit.context import acting
from governance.models import Pilot
from governance.selectors import figures, pages
from governance.services import pilots
from portal import clock
from portal.models import Person
from tests.cast import Api, Cast
from tests.feedback import told
from tests.governance import scene

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=1)


@pytest.fixture
def tell(cast: Cast, system_key: Callable[..., Api]) -> Callable[..., None]:
    """`tell(person, "overridden", at, reason=...)`: one recommendation shown, and what became of it ("" for nothing)."""
    key = system_key(cast.system, "events:write")
    number = iter(range(10_000))

    def one(person: Person, kind: str, at: dt.datetime, **data: Any) -> None:
        uid = f"r-{next(number)}"
        events = [{**told.shown(uid, person.staff_number), "time": at.isoformat()}]
        if kind:
            events.append({**told.outcome(uid, kind, person.staff_number, **data), "time": (at + dt.timedelta(minutes=3)).isoformat()})
        answer = key.send("POST", "/api/v1/events", events, Content_Type="application/cloudevents-batch+json")
        assert answer.status_code == 200, answer.content

    return one


@pytest.fixture
def pilot(cast: Cast) -> Pilot:
    with clock.at(NOW - dt.timedelta(days=20)):
        return scene.propose(cast)


def test_counts__one_volunteer__shows_what_the_machine_did_and_nothing_of_hers(cast: Cast, pilot: Pilot, tell: Callable[..., None]) -> None:
    for day in range(3):
        tell(cast.jo, "overridden", NOW - dt.timedelta(days=day), reason="unsafe")
    with clock.at(LATER):
        seen = figures.counts(pilot)
        assert (seen.shown, seen.decided, seen.overridden, seen.suppressed) == (3, None, None, True)
        assert figures.override_reasons(pilot) == []
        assert figures.statements(pilot, since=None, until=NOW) == []


def test_counts__a_week_of_one_person__cannot_be_had_by_subtraction(cast: Cast, pilot: Pilot, tell: Callable[..., None]) -> None:
    for _time in range(4):
        tell(cast.jo, "overridden", NOW - dt.timedelta(days=14), reason="unsafe")
    for person in [cast.jo, *cast.colleagues]:
        tell(person, "accepted", NOW)
        tell(person, "", NOW)
    with clock.at(LATER):
        seen = figures.counts(pilot)
        weeks = figures.weeks(pilot)
        reasons = figures.override_reasons(pilot)
    assert (seen.shown, seen.counted, seen.decided, seen.accepted, seen.overridden, seen.people) == (16, 12, 6, 6, 0, 6)
    assert [week.decided_share and float(week.decided_share) for week in weeks] == [None, None, 50.0]
    assert reasons == []


def test_reasons__of_few_people__stand_together(cast: Cast, pilot: Pilot, tell: Callable[..., None]) -> None:
    for person in [cast.jo, *cast.colleagues]:
        tell(person, "overridden", NOW, reason="local_knowledge")
    tell(cast.jo, "overridden", NOW, reason="unsafe")
    tell(cast.jo, "overridden", NOW, reason="already_handled")
    with clock.at(LATER):
        assert [(one.code, one.count) for one in figures.override_reasons(pilot)] == [("local_knowledge", 6), ("", 2)]


def test_judge__no_data__is_not_known(cast: Cast, pilot: Pilot, tell: Callable[..., None]) -> None:
    scene.complete(cast, pilot)
    with clock.at(LATER):
        assert [(one.rule.kind, one.met) for one in figures.judge(pilot)] == [("success", "unknown"), ("stop", "no")]
        for person in [cast.jo, *cast.colleagues]:
            for _time in range(4):
                tell(person, "accepted", NOW - dt.timedelta(hours=2))
        assert [(one.met, float(one.value or 0)) for one in figures.judge(pilot)] == [("yes", 100.0), ("no", 0.0)]


def test_brief__promise__stands_beside_what_was_measured(cast: Cast, pilot: Pilot) -> None:
    scene.complete(cast, pilot)
    with acting(cast.mara.pk, channel="page"):
        for value in ("3.5", "6.2"):
            pilots.measure(
                actor=cast.mara,
                pilot=pilot,
                starts_on=dt.date(2026, 10, 1),
                ends_on=dt.date(2026, 10, 31),
                value=Decimal(value),
                method="Fuel cards",
            )
    request = scene.ask_to_start(cast, pilot)
    assert (request.brief["promise"]["target"], request.brief["promise"]["measured"]) == ("12", "6.2")
    assert json.loads(json.dumps(request.brief)) == request.brief
    assert pages.brief_page(request, cast.helen).chart is None
