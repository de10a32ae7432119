"""The demonstration: loads once into an empty database, leaves a trail that verifies, and says the same each time."""

from __future__ import annotations

import datetime as dt
import io
import json
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from feedback.ingest import OUTCOME
from governance.demo import cast, events, logistics, risk_cast, risk_events, risk_words, words
from governance.demo.figures import LOGISTICS, RISK_SCORING, acceptance, as_markdown, figure
from governance.demo.stage import Scene
from portal.models import Person, Unit
from tests.cast import Api
from tests.portal.running import ROOT
from tests.scenarios.walk import Browser, Gate, said_by
from tests.services import Database

DAYS = [dt.date(2026, 11, 16) + dt.timedelta(days=number) for number in range(7)] + [dt.date(2027, 1, 1)]


@pytest.fixture
def data(log: Database, settings: Settings, tmp_path: Path) -> Path:
    """The data folder of an empty portal whose log can be sealed."""
    settings.DATA_DIR = tmp_path / "data"
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    return tmp_path / "data"


def test_demo__empty_database__loads_once_and_verifies(data: Path) -> None:
    printed = said_by("demo")
    file = data / "demo.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    said = json.loads(file.read_text())
    assert said["url"] == "http://127.0.0.1:8000"
    assert {person["role"] for person in said["people"]} == {"administrator", "employee", "lead", "compliance", "sponsor", "executive"}
    assert all(person["login"] in printed and person["password"] in printed for person in said["people"])
    assert [(pilot["scene"], pilot["slug"]) for pilot in said["pilots"]] == [
        ("logistics", "route-optimiser-first-try"),
        ("logistics", "route-optimiser-harbour"),
        ("logistics", "route-optimiser-northfield"),
        ("risk-scoring", "credit-score-trade-accounts"),
    ]
    assert "Sealed" in said_by("seal")
    assert "The audit trail verifies" in said_by("verify_audit")
    assert "Capture is in order" in said_by("audit_check")
    with pytest.raises(CommandError, match="not empty"):
        call_command("demo")
    assert json.loads(file.read_text()) == said
    a_newcomer_can_walk_the_loop(said)


def test_demo__killed_between_database_and_file__is_finished_by_the_next_run(data: Path) -> None:
    said_by("demo")
    file = data / "demo.json"
    file.rename(data / "demo.json.new")
    assert "Sign in at" in said_by("demo")
    assert json.loads(file.read_text())["people"]


def test_demo__interrupted__leaves_nothing_behind(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off(_scene: Scene) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(logistics, "open_request", cut_off)
    with pytest.raises(KeyboardInterrupt):
        call_command("demo", stdout=io.StringIO())
    assert not Unit.objects.exists()
    assert not Person.objects.exists()
    assert not data.exists()


def a_newcomer_can_walk_the_loop(said: dict[str, Any]) -> None:
    """Jo has something to decide, Mara something to answer, Helen something to sign; the gate answers by grants."""
    people = {person["role"]: person for person in said["people"] if person["scene"] == "logistics"}
    pages = {
        "employee": ("/recommendations?open=1", "Castle Retail Park"),
        "lead": ("/items?open=1", "Dock 4 at Castle Retail Park"),
        "executive": ("/decisions", "Northfield"),
        "compliance": ("/audit", "Ingrid Solberg"),
    }
    for role, (address, expected) in pages.items():
        browser = signed_in(people[role])
        assert expected in browser.get(address).content.decode(), (role, address)
    gate = Gate(Api(said["systems"][0]["key"]))
    for who, pilot, value in (
        ("NF-117", "route-optimiser-northfield", True),
        ("NF-108", "route-optimiser-northfield", False),
        ("HB-214", "route-optimiser-harbour", True),
        ("HB-201", "route-optimiser-harbour", False),
        ("WG-301", "route-optimiser-harbour", False),
        ("HB-218", "route-optimiser-first-try", False),
    ):
        assert gate.ask(pilot, who)[0] is value, (who, pilot)
    helen = Browser(people["executive"]["login"], signed_in(people["executive"]))
    request = helen.link("/decisions", "Read and sign")
    helen.sign(request, password=people["executive"]["password"])
    assert gate.ask("route-optimiser-northfield", "NF-108")[0] is True
    assert gate.ask("route-optimiser-northfield", "HB-214")[0] is False


def signed_in(person: dict[str, str]) -> Client:
    client = Client()
    answer = client.post("/account/sign-in", {"login": person["login"], "password": person["password"]})
    assert answer.status_code == 302, person["login"]
    return client


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_events__same_seed_and_day__are_the_same_and_as_the_table_says(today: dt.date) -> None:
    happened = events.harbour(today)
    assert happened == events.harbour(today)
    assert happened != events.harbour(today, seed="another")
    assert len({event["id"] for event in happened}) == len(happened)
    times = [dt.datetime.fromisoformat(event["time"]) for event in happened]
    assert max(times).date() < today
    assert all(time.astimezone(events.ZONE).weekday() != 6 for time in times), "silence on Sundays"
    for week in range(1, events.WEEKS):
        monday = events.first_monday(today) + dt.timedelta(weeks=week - 1)
        told = Counter(
            event["data"]["outcome"]
            for event, time in zip(happened, times, strict=True)
            if event["type"] == OUTCOME and monday <= time.astimezone(events.ZONE).date() < monday + dt.timedelta(weeks=1)
        )
        rate = 100 * told["accepted"] / told.total()
        assert acceptance(week).low - 0.5 <= rate <= acceptance(week).high + 0.5, week


def test_events__people_of_the_scene__are_shown_and_nobody_else() -> None:
    today = DAYS[0]
    drivers = {driver.staff_number for driver in cast.HARBOUR_DRIVERS}
    assert {event["data"]["person"] for event in events.harbour(today)} == drivers
    assert len(drivers) == figure("drivers_harbour").middle
    assert len(cast.NORTHFIELD_DRIVERS) + 1 == figure("drivers_northfield").middle
    jo = events.northfield(today)
    assert {event["data"]["person"] for event in jo} == {cast.JO.staff_number}
    assert {said.about for said in words.BOX if said.about} <= {event["subject"] for event in jo}


@pytest.mark.parametrize("today", DAYS[:2], ids=str)
def test_scores__same_seed_and_day__are_the_same_and_as_the_table_says(today: dt.date) -> None:
    happened = risk_events.scored(today)
    assert happened == risk_events.scored(today)
    assert happened != risk_events.scored(today, seed="another")
    assert len({event["id"] for event in happened}) == len(happened)
    analysts = {analyst.staff_number for analyst in risk_cast.ANALYSTS}
    assert {event["data"]["person"] for event in happened} == analysts
    assert len(analysts) == figure("analysts_trade").middle
    assert len(risk_cast.FUEL_ANALYSTS) == figure("analysts_fuel").middle
    assert {said.about for said in risk_words.SAID if said.about} <= {event["subject"] for event in happened}
    times = [dt.datetime.fromisoformat(event["time"]) for event in happened]
    assert max(times).date() < today
    version = {event["subject"]: event["data"]["version"] for event in happened if "version" in event["data"]}
    for label in ("2.1", "2.2", "2.3"):
        told = Counter(event["data"]["outcome"] for event in happened if event["type"] == OUTCOME and version[event["subject"]] == label)
        rate, row = 100 * told["accepted"] / told.total(), figure("credit_acceptance_" + label.replace(".", ""))
        assert row.low - 2 <= rate <= row.high + 2, label


def test_figures__each_row__has_a_range_and_a_reason_and_stands_in_the_documentation() -> None:
    table, page = LOGISTICS + RISK_SCORING, (ROOT / "docs/reference/demonstration.md").read_text(encoding="utf-8")
    assert all(row.low <= row.high and row.unit and len(row.why) > 20 for row in table)
    assert len({row.name for row in table}) == len(table)
    assert as_markdown(LOGISTICS) in page
    assert as_markdown(RISK_SCORING) in page
