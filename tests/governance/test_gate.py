"""The gate, as clients see it: OFREP's answers and errors, P2, and what it does not touch."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from audit.context import acting
from governance.models import GateClient, Pilot
from governance.selectors import pages, receipts
from governance.services import ending, leaving, pilots, stopping
from portal import clock
from portal.models import AISystem, Person
from tests import factories
from tests.cast import Api, Cast
from tests.governance import scene

FLAGS = "/ofrep/v1/evaluate/flags"
KEY = "route-optimiser-northfield"


@pytest.fixture
def gate(cast: Cast, system_key: Callable[..., Api]) -> Api:
    return system_key(cast.system, "gate:read")


def ask(gate: Api, person: Person | str, key: str = KEY, **attributes: Any) -> dict[str, Any]:
    target = person if isinstance(person, str) else person.staff_number
    response = gate.post(f"{FLAGS}/{key}", {"context": {"targetingKey": target, **attributes}})
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = json.loads(response.content)
    return answer


def test_single__a_member__gets_true(cast: Cast, gate: Api) -> None:
    scene.started(cast)
    answer = ask(gate, cast.jo)
    assert answer["metadata"].pop("grant").startswith("G-")
    assert answer == {
        "key": KEY,
        "value": True,
        "reason": "TARGETING_MATCH",
        "variant": "on",
        "metadata": {"stage": "One driver", "why": "in the cohort"},
    }


@pytest.mark.parametrize("who", ["nobody@nowhere.example", "T0", "x" * 300])
def test_p2__whoever_is_unknown__gets_false(cast: Cast, gate: Api, who: str) -> None:
    scene.started(cast)
    assert ask(gate, who) == {
        "key": KEY,
        "value": False,
        "reason": "STATIC",
        "variant": "off",
        "metadata": {"grant": "", "stage": "One driver", "why": "outside the cohort"},
    }


def test_p2__the_reason__does_not_tell_who_works_here(cast: Cast, gate: Api) -> None:
    scene.started(cast)
    assert ask(gate, cast.outsider) == ask(gate, "T0")


def test_p2__an_outsider__gets_false_whatever_attributes_are_sent(cast: Cast, gate: Api) -> None:
    scene.widened(cast)
    claims: dict[str, Any] = {
        "unit": "/brightline/northfield/",
        "role": "lead",
        "email": "jo@brightline.example",
        "grant": "G-1",
        "stage": "Fleet",
        "value": True,
    }
    answer = ask(gate, cast.outsider, **claims)
    assert (answer["value"], answer["reason"]) == (False, "STATIC")


def test_p2__an_attribute__may_narrow(cast: Cast, gate: Api) -> None:
    scene.started(cast)
    assert ask(gate, cast.jo, version="2.4.0")["value"] is True
    assert ask(gate, cast.jo, version="2.5.0")["value"] is False


def test_single__by_email_in_any_case__is_the_same_person(cast: Cast, gate: Api) -> None:
    scene.widened(cast)
    assert ask(gate, "ADA@brightline.example")["value"] is True


@pytest.mark.parametrize("how", ["stopped", "ended", "lapsed"])
def test_single__stopped_ended_or_lapsed__is_disabled_for_ever(cast: Cast, gate: Api, how: str) -> None:
    pilot, _grant = scene.widened(cast)
    words = {"outcome": "ended_early", "cause": "c", "lessons": "l", "told_objectors": "t"}
    with acting(cast.helen.pk, channel="page"):
        if how == "stopped":
            stopping.stop(actor=cast.helen, pilot=pilot)
        elif how == "ended":
            ending.end(actor=cast.helen, pilot=pilot, **words)
    later = scene.in_days(400 if how != "stopped" else 1)
    key = factories.key(system=cast.system, scopes=["gate:read"])
    with clock.at(later):
        answer = ask(Api(key), cast.jo)
    assert (answer["value"], answer["reason"], answer["variant"], answer["metadata"]["why"]) == (False, "DISABLED", "stopped", how)


def test_single__held_with_a_full_ceiling__nobody_loses_it_to_a_newcomer(cast: Cast, gate: Api) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot, ceiling=8)
    for person in (cast.priya, cast.helen):
        scene.sign(person, request)
    last = factories.person("Nina Late", cast.northfield, joined_on=dt.date(2026, 11, 1))
    assert ask(gate, last)["value"] is True
    with acting(cast.tom.pk, channel="page"):
        stopping.hold(actor=cast.tom, pilot=pilot, reason="Late replies")
    earlier = factories.person("Olaf Early", cast.northfield, joined_on=dt.date(2010, 1, 1))
    assert ask(gate, last)["value"] is True
    assert ask(gate, earlier)["value"] is False


def test_single__held__is_unchanged(cast: Cast, gate: Api) -> None:
    pilot, _grant = scene.widened(cast)
    with acting(cast.tom.pk, channel="page"):
        stopping.hold(actor=cast.tom, pilot=pilot, reason="Late replies")
    assert ask(gate, cast.jo)["value"] is True
    newcomer = factories.person("New Driver", cast.northfield)
    assert ask(gate, newcomer)["reason"] == "STATIC"


def test_single__someone_who_left__gets_false_at_once(cast: Cast, gate: Api) -> None:
    pilot, _grant = scene.widened(cast)
    with acting(cast.jo.pk, channel="page"):
        leaving.leave(actor=cast.jo, pilot=pilot)
    assert ask(gate, cast.jo)["value"] is False


def test_shadow__has_a_key_of_its_own(cast: Cast, gate: Api) -> None:
    pilot = scene.propose(cast, slug="in-shadow", stages=pilots.DEFAULT_LADDER)
    scene.sign(cast.helen, scene.ask_to_start(cast, pilot))
    assert ask(gate, cast.jo, "in-shadow")["value"] is False
    assert ask(gate, cast.jo, "in-shadow.shadow")["value"] is True


# --- Errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "TARGETING_KEY_MISSING"),
        ({"context": {}}, "TARGETING_KEY_MISSING"),
        ({"context": {"targetingKey": ""}}, "TARGETING_KEY_MISSING"),
        ({"context": {"targetingKey": 7}}, "TARGETING_KEY_MISSING"),
        ({"context": []}, "INVALID_CONTEXT"),
        ([], "INVALID_CONTEXT"),
    ],
)
def test_errors__what_is_wrong__is_named_in_ofrep_words(cast: Cast, gate: Api, body: Any, code: str) -> None:
    single, bulk = gate.post(f"{FLAGS}/{KEY}", body), gate.post(FLAGS, body)
    assert (single.status_code, bulk.status_code) == (400, 400)
    assert json.loads(single.content).keys() == {"key", "errorCode", "errorDetails"}
    assert json.loads(bulk.content).keys() == {"errorCode", "errorDetails"}
    assert json.loads(single.content)["errorCode"] == json.loads(bulk.content)["errorCode"] == code


def test_errors__no_json__is_a_parse_error(gate: Api) -> None:
    response = gate.client.generic(
        "POST", f"{FLAGS}/{KEY}", b"{", content_type="application/json", headers={"Authorization": f"Bearer {gate.key}"}
    )
    assert (response.status_code, json.loads(response.content)["errorCode"]) == (400, "PARSE_ERROR")


def test_errors__unknown_flag__is_404_json(cast: Cast, gate: Api) -> None:
    response = gate.post(f"{FLAGS}/no-such", {"context": {"targetingKey": "x"}})
    assert response.status_code == 404
    assert json.loads(response.content)["errorCode"] == "FLAG_NOT_FOUND"
    assert json.loads(response.content)["key"] == "no-such"


def test_errors__the_key_of_another_system__finds_nothing(cast: Cast, system_key: Callable[..., Api]) -> None:
    scene.started(cast)
    other: AISystem = factories.system("line-vision", cast.company)
    response = system_key(other, "gate:read").post(f"{FLAGS}/{KEY}", {"context": {"targetingKey": "x"}})
    assert response.status_code == 404


@pytest.mark.parametrize("scopes", [["events:write"], ["items:write"]])
def test_errors__a_key_without_the_scope__is_403(cast: Cast, system_key: Callable[..., Api], scopes: list[str]) -> None:
    assert system_key(cast.system, *scopes).post(f"{FLAGS}/{KEY}", {}).status_code == 403


def test_errors__nobody_and_a_personal_key__are_refused(cast: Cast, api: Callable[..., Api]) -> None:
    assert Client().post(f"{FLAGS}/{KEY}", b"{}", content_type="application/json").status_code == 401
    assert api(cast.sam).post(f"{FLAGS}/{KEY}", {}).status_code == 403


def test_x_api_key__is_taken_too(cast: Cast, gate: Api) -> None:
    scene.started(cast)
    body = json.dumps({"context": {"targetingKey": cast.jo.staff_number}})
    response = Client().post(f"{FLAGS}/{KEY}", body, content_type="application/json", headers={"X-API-Key": gate.key})
    assert response.status_code == 200, response.content
    assert json.loads(response.content)["value"] is True


def test_cors__a_preflight__names_the_headers_of_clients(db: None) -> None:
    response = Client().options(FLAGS, headers={"Origin": "https://dispatch.example", "Access-Control-Request-Method": "POST"})
    assert response.status_code == 204
    assert response["Access-Control-Allow-Headers"] == "Content-Type, If-None-Match, Authorization, X-API-Key"
    assert response["Access-Control-Expose-Headers"] == "ETag, Retry-After"


# --- Bulk -------------------------------------------------------------------------------------------------------------


def bulk(gate: Api, person: Person, tag: str = "") -> Any:
    headers = {"If_None_Match": tag} if tag else {}
    return gate.post(FLAGS, {"context": {"targetingKey": person.staff_number}}, **headers)


def test_bulk__every_pilot_of_the_system__is_answered(cast: Cast, gate: Api) -> None:
    scene.started(cast)
    scene.propose(cast, slug="second")
    flags = {flag["key"]: flag["value"] for flag in json.loads(bulk(gate, cast.jo).content)["flags"]}
    assert flags == {KEY: True, f"{KEY}.shadow": False, "second": False, "second.shadow": False}


def test_bulk__the_same_answer__is_304_weakly_compared(cast: Cast, gate: Api) -> None:
    scene.started(cast)
    tag = bulk(gate, cast.jo)["ETag"]
    for sent in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = bulk(gate, cast.jo, sent)
        assert (again.status_code, again.content) == (304, b"")


def test_bulk__the_same_person_at_another_site__gets_another_tag(cast: Cast, gate: Api) -> None:
    scene.widened(cast)
    tag = bulk(gate, cast.colleagues[0])["ETag"]
    with factories.by_test():
        Person.objects.filter(pk=cast.colleagues[0].pk).update(unit=cast.harbour)
    answer = bulk(gate, cast.colleagues[0], tag)
    assert answer.status_code == 200
    assert json.loads(answer.content)["flags"][0]["value"] is False


def test_bulk__after_a_stop__the_tag_is_another(cast: Cast, gate: Api) -> None:
    pilot = scene.started(cast)
    tag = bulk(gate, cast.outsider)["ETag"]
    with acting(cast.helen.pk, channel="page"):
        stopping.stop(actor=cast.helen, pilot=pilot)
    assert bulk(gate, cast.outsider, tag).status_code == 200


# --- Receipts, and what it costs ---------------------------------------------------------------------------------------


def test_receipt__of_a_stop__counts_the_programs_that_have_seen_it(cast: Cast, gate: Api, system_key: Callable[..., Api]) -> None:
    pilot, grant = scene.widened(cast)
    other = system_key(cast.system, "gate:read")
    assert pages.verified(grant.request) is False
    ask(gate, cast.jo)
    ask(other, cast.jo)
    assert pages.verified(grant.request) is True
    with acting(cast.helen.pk, channel="page"):
        pilot = stopping.stop(actor=cast.helen, pilot=pilot)
    assert receipts.receipt(pilot, pilot.halt_version or 0).seen == 0
    ask(gate, cast.jo)
    found = receipts.receipt(pilot, pilot.halt_version or 0)
    assert (found.seen, found.keys, found.confirmed) == (1, 2, False)
    ask(other, cast.jo)
    assert receipts.receipt(pilot, pilot.halt_version or 0).confirmed


def test_queries__ten_pilots_and_three_grants__cost_what_one_costs(
    cast: Cast, gate: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    scene.widened(cast)
    bulk(gate, cast.jo)
    with django_assert_num_queries(6):  # key, its actor (once a process outside tests), pilots, person, cohorts, receipt
        bulk(gate, cast.jo)
    for number in range(9):
        scene.propose(cast, slug=f"another-{number}")
    bulk(gate, cast.jo)
    with django_assert_num_queries(6):
        bulk(gate, cast.jo)
    assert GateClient.objects.count() == Pilot.objects.count()


def test_gate__without_any_session_table__still_answers(cast: Cast, gate: Api, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    scene.started(cast)
    ask(gate, cast.jo)
    with django_assert_num_queries(6) as seen:
        ask(gate, cast.jo)
    assert not any("django_session" in query["sql"] for query in seen.captured_queries)
