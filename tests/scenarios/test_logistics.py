"""Scene 1, from the register to the lessons: walked over HTTP alone, as its people and its system would."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from dataclasses import dataclass

import pytest
from django.test import Client

from portal import clock
from portal.models import Role
from tests import factories
from tests.cast import Api
from tests.scenarios.walk import FIRST_PASSWORD, Browser, Gate, said_by
from tests.services import Database

SYSTEM, PILOT = "route-optimiser", "route-optimiser-northfield"
PEOPLE = {
    "jo": ("NF-117", "Jo Okafor", "Northfield depot", ""),
    "ada": ("NF-108", "Ada Novak", "Northfield depot", ""),
    "mara": ("NF-102", "Mara Lindqvist", "Northfield depot", "lead"),
    "ruth": ("NF-104", "Ruth Adeyemi", "Northfield depot", ""),
    "ivy": ("HB-210", "Ivy Chen", "Harbour depot", ""),
    "priya": ("BL-009", "Priya Raman", "Brightline Logistics", "sponsor"),
    "helen": ("BL-001", "Helen Castellan", "Brightline Logistics", "executive"),
    "tom": ("BL-014", "Tom Brandt", "Brightline Logistics", "compliance"),
}


@dataclass
class Company:
    """Everybody's browser by first name, and the system with its key."""

    browsers: dict[str, Browser]
    system: Api
    gate: Gate

    def __getitem__(self, name: str) -> Browser:
        return self.browsers[name]


@pytest.fixture
def company(log: Database) -> Company:
    """A company that has an administrator and nothing else; he makes the rest on his pages."""
    unit = factories.unit("brightline", name="Brightline Logistics")
    sam_ = factories.person("Sam Whitlock", unit, staff_number="BL-003")
    factories.role(sam_, Role.ADMINISTRATOR, unit)
    sam = Browser("BL-003")
    assert sam.client.post("/account/sign-in", {"login": "BL-003", "password": factories.PASSWORD}).status_code == 302
    organise(sam)
    key = register(sam)
    browsers = {name: Browser(number).sign_in() for name, (number, *_rest) in PEOPLE.items()}
    return Company({"sam": sam, **browsers}, Api(key), Gate(Api(key)))


def organise(sam: Browser) -> None:
    for slug, name in (("northfield", "Northfield depot"), ("harbour", "Harbour depot")):
        sam.send("/units/new", parent=sam.option("/units/new", "Brightline Logistics"), slug=slug, name=name)
    for number, name, unit_name, role in PEOPLE.values():
        unit = sam.option("/people/new", unit_name)
        page = sam.send("/people/new", staff_number=number, name=name, unit=unit, password=FIRST_PASSWORD)
        if role:
            sam.send(f"{sam.link(page, name)}/roles", role=role, unit=unit)


def register(sam: Browser) -> str:
    """The system, its version, and the key that is shown once."""
    page = sam.send(
        "/systems/new",
        slug=SYSTEM,
        name="Route optimiser",
        unit=sam.option("/systems/new", "Brightline Logistics"),
        purpose="Proposes the order of stops; the driver decides.",
        risk_tier="minimal",
        version_rule="exact",
    )
    sam.send(f"{page}/versions", label="v14")
    fields = {"label": "Kestrel console", "scopes": ["events:write", "gate:read"], "days": 90}
    shown = re.search(r"lm_[\w-]+", sam.client.post(f"{page}/keys", fields).content.decode())
    assert shown
    assert shown[0] not in sam.read(f"{page}/keys")
    return shown[0]


def in_days(days: int) -> str:
    return (clock.now().date() + dt.timedelta(days=days)).isoformat()


def test_logistics__the_whole_scene__opens_and_closes_the_ai_for_exactly_that_cohort(company: Company) -> None:
    propose(company)
    start_with_one_driver(company)
    override_and_say_why(company)
    ref = tell_what_is_wrong(company)
    answer(company, ref)
    request = freeze_the_brief(company)
    sign(company, request)
    stop(company)
    end_with_lessons(company)
    prove(company)


def propose(company: Company) -> None:
    """The lead proposes; nobody has the AI by that."""
    mara = company["mara"]
    page = mara.send(
        "/pilots/new",
        name="Route optimiser, Northfield",
        slug=PILOT,
        system=mara.option("/pilots/new", "Route optimiser"),
        unit=mara.option("/pilots/new", "Northfield depot"),
        sponsor=mara.option("/pilots/new", "Priya Raman"),
        overseers="NF-104",
        purpose="The order of stops. Not for comparing drivers.",
        fall_back="The printed round lies in every cab.",
        ends_on=in_days(28),
        ends_hour="17:00",
        stages="person, One driver, 1\nteam, Northfield depot, 12\nsite, Region, 60",
        rule_name="An incident",
        figure="incidents",
        comparator="ge",
        threshold="1",
    )
    assert page == f"/pilots/{PILOT}"
    assert "Proposed" in mara.read(page)
    assert company.gate.ask(PILOT, "NF-117") == (False, "STATIC")


def start_with_one_driver(company: Company) -> None:
    """The light lane: one volunteer, one signature; then the gate knows Jo and nobody else."""
    request = company["mara"].send(f"/pilots/{PILOT}/start", volunteers="NF-117")
    company["mara"].refused(f"{request}/sign", 403, **company["mara"].signature(request))
    company["tom"].sign(request)
    assert company.gate.ask(PILOT, "NF-117") == (True, "TARGETING_MATCH")
    assert company.gate.ask(PILOT, "NF-108") == (False, "STATIC")


def override_and_say_why(company: Company) -> None:
    """The system shows a recommendation; Jo overrides it with one tap and says why afterwards."""
    event = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "kestrel",
        "type": "ai.lastmile.recommendation.shown.v1",
        "subject": "mill-lane",
        "data": {
            "person": "NF-117",
            "kind": "road",
            "version": "v14",
            "proposal": "Take Mill Lane to Tollgate Garden Centre.",
            "confidence": 0.77,
            "explanation": {"text": "Faster than the bypass on 79 % of 131 similar mornings."},
        },
    }
    first = company.system.post("/api/v1/events", event)
    again = company.system.post("/api/v1/events", event)
    assert (first.status_code, json.loads(first.content)["accepted"]) == (200, 1), first.content
    assert (again.status_code, json.loads(again.content)["duplicate"]) == (200, 1), again.content
    jo = company["jo"]
    assert "Mill Lane" in jo.read("/recommendations")
    page = jo.send("/recommendations/mill-lane?system=route-optimiser", do="overridden", once=str(uuid.uuid4()))
    jo.send(page, do="reason", reason="unsafe", text="The bridge is lower than my lorry.", once=str(uuid.uuid4()))
    assert "The bridge is lower than my lorry." in jo.read("/recommendations/mill-lane?system=route-optimiser")
    assert company["mara"].client.get("/recommendations/mill-lane?system=route-optimiser").status_code == 404


def tell_what_is_wrong(company: Company) -> str:
    """Jo files it with the recommendation frozen on it; Ada says the same without a name."""
    filed = company["jo"].send(
        "/feedback/new", system=SYSTEM, recommendation="mill-lane", kind="wrong_answer", text="The bridge is 3.3 m.", identity="named"
    )
    ref = filed.split("/")[2]
    assert ref in company["jo"].read(filed)
    company["ada"].send(f"/items/{ref}/voice")
    nobody = Client()
    given = {"system": SYSTEM, "kind": "problem", "text": "It plans no time for the queue at the dock."}
    answer = nobody.post("/anonymous/items", json.dumps(given), content_type="application/json")
    assert answer.status_code == 201
    asked = {"code": json.loads(answer.content)["receipt"]}
    known = nobody.post("/anonymous/receipts", json.dumps(asked), content_type="application/json")
    assert json.loads(known.content)["status"] == "received"
    return ref


def answer(company: Company, ref: str) -> None:
    """You said, we did."""
    mara, jo = company["mara"], company["jo"]
    page = mara.read(f"/items/{ref}")
    assert "Mill Lane" in page, "the recommendation stands on the item"
    mara.send(f"/items/{ref}/reply", text="Since v14 the map knows the height of each lorry.")
    mara.send(f"/items/{ref}/status", status="done", words="Mill Lane is closed to lorries.")
    told = jo.read(f"/items/{ref}")
    assert "Since v14 the map knows" in told
    assert "Mill Lane is closed to lorries." in told
    jo.refused(f"/items/{ref}/status", 403, status="reopened", words="No.")


def freeze_the_brief(company: Company) -> str:
    """What is due before the depot, then the request; submitting freezes its brief."""
    mara = company["mara"]
    mara.send(
        f"/pilots/{PILOT}/complete",
        baseline="25.2 litres / 100 km over 13 weeks",
        fall_back_tested_on=in_days(-6),
        people_informed_on=in_days(-9),
        statement="12 % less fuel",
        target="12",
        measure="% less fuel",
        cost="1.2 M GBP",
        rule_name="Drivers answer",
        figure="decided_share",
        comparator="ge",
        threshold="75",
    )
    depot = mara.option("/pilots/new", "Northfield depot")
    request = mara.send(
        f"/pilots/{PILOT}/expand",
        recommendation="Widen to the depot: the height limits are in.",
        units=[depot],
        excluded="NF-102\nNF-104",
        ceiling="12",
        ends_on=in_days(90),
        ends_hour="17:00",
        conditions="Every driver has had the briefing.",
    )
    assert company.gate.ask(PILOT, "NF-108") == (False, "STATIC")
    mara.send(f"{request}/submit")
    brief = company["helen"].read(request)
    for words in ("12 % less fuel", "The bridge is 3.3 m.", "Since v14 the map knows", "Every driver has had the briefing."):
        assert words in brief, words
    return request


def sign(company: Company, request: str) -> None:
    """Two slots, two people, each with a password, and neither of them the requester."""
    mara, priya, helen = company["mara"], company["priya"], company["helen"]
    mara.refused(f"{request}/sign", 403, **mara.signature(request))
    helen.refused(f"{request}/sign", 422, **(helen.signature(request) | {"password": "not my password"}))
    helen.refused(f"{request}/sign", 409, **(helen.signature(request) | {"digest": "0" * 64}))
    priya.sign(request, reason="The drivers' points were answered.")
    assert company.gate.ask(PILOT, "NF-108") == (False, "STATIC"), "one signature is not two"
    company["jo"].client.get(request)
    assert company["jo"].client.post(f"{request}/sign", priya.signature(request)).status_code in {403, 404}
    helen.sign(request, reason="I want the fuel figure after six weeks.")
    assert company.gate.ask(PILOT, "NF-108") == (True, "TARGETING_MATCH")
    assert company.gate.ask(PILOT, "NF-117") == (True, "TARGETING_MATCH")
    assert company.gate.all_for("NF-108")[PILOT] is True
    for outsider in ("HB-210", "NF-102", "nobody@brightline.example"):
        assert company.gate.ask(PILOT, outsider) == (False, "STATIC"), outsider


def stop(company: Company) -> None:
    """One person, one act, no approval: nobody has the AI."""
    helen = company["helen"]
    assert "The printed round lies in every cab." in helen.read(f"/pilots/{PILOT}/stop")
    company["ada"].refused(f"/pilots/{PILOT}/stop", 403)
    helen.send(f"/pilots/{PILOT}/stop", reason="A lorry stood under the bridge.")
    for person in ("NF-117", "NF-108", "HB-210"):
        assert company.gate.ask(PILOT, person) == (False, "DISABLED"), person


def end_with_lessons(company: Company) -> None:
    """An ending is a result: cause, lessons, what objectors were told; the gate says no for ever."""
    helen = company["helen"]
    ending = {"outcome": "ended_early", "cause": "The map is not ours to correct.", "lessons": "Heights before the first round."}
    helen.refused(f"/pilots/{PILOT}/end", 422, **ending, told_objectors="")
    helen.send(f"/pilots/{PILOT}/end", **ending, told_objectors="Jo was told that he had been right.")
    page = company["mara"].read(f"/pilots/{PILOT}")
    assert "Heights before the first round." in page
    assert "Jo was told that he had been right." in page
    assert company.gate.ask(PILOT, "NF-108") == (False, "DISABLED")


def prove(company: Company) -> None:
    """Every step is a sealed entry, for compliance to read and for anybody to verify."""
    assert "Sealed" in said_by("seal")
    assert "The audit trail verifies" in said_by("verify_audit")
    assert "Capture is in order" in said_by("audit_check")
    checkpoint = Client().get("/log/checkpoint")
    assert checkpoint.status_code == 200
    assert int(checkpoint.content.split(b"\n")[1]) > 60
    trail = company["tom"].read("/audit")
    assert "Helen Castellan" in trail
    assert company["helen"].client.get("/audit").status_code == 403
