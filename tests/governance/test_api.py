"""Pilots and expansion requests over the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from governance.models import ExpansionRequest, Grant, Pilot, Signature
from portal.models import Person, Role
from tests import factories
from tests.cast import Api, Cast
from tests.factories import PASSWORD
from tests.governance import scene

SLUG = "route-optimiser-northfield"
Caller = Callable[..., Api]
SignIn = Callable[[Person], Client]


def read(response: Any) -> Any:
    return json.loads(response.content)


def proposal(cast: Cast) -> dict[str, Any]:
    return {
        "slug": SLUG,
        "name": "Route optimiser, Northfield",
        "system": "route-optimiser",
        "unit": "/brightline/northfield/",
        "sponsor": cast.priya.email,
        "overseers": [cast.colleagues[0].staff_number],
        "purpose": "Plans the order of stops.",
        "fall_back": "Last week's fixed routes.",
        "ends_at": scene.in_days(25).isoformat(),
        "stages": [{"kind": "person", "name": "One driver", "size": 5}, {"kind": "team", "name": "Depot", "size": 20}],
        "stop_rules": [{"name": "No incident", "figure": "incidents", "comparator": "gt", "threshold": "0"}],
    }


def test_pilots__propose_and_read__round_trip(cast: Cast, api: Caller) -> None:
    mara = api(cast.mara)
    wanted = proposal(cast)
    made = mara.post("/api/v1/pilots", wanted, Idempotency_Key="one")
    again = mara.post("/api/v1/pilots", wanted, Idempotency_Key="one")
    assert (made.status_code, again.status_code, Pilot.objects.count()) == (201, 201, 1), made.content
    found = read(mara.get(f"/api/v1/pilots/{SLUG}"))
    assert (found["condition"], found["stage"], found["people"]) == ("proposed", None, 0)
    assert found["criteria"][0]["threshold"] == "0.00"
    assert [one["slug"] for one in read(mara.get("/api/v1/pilots"))["results"]] == [SLUG]


def test_pilots__wrong_input__is_422_with_pointers(cast: Cast, api: Caller) -> None:
    answer = api(cast.mara).post("/api/v1/pilots", {**proposal(cast), "sponsor": "nobody", "slug": "Not a slug"})
    assert answer.status_code == 422
    assert [one["pointer"] for one in read(answer)["errors"]] == ["/sponsor"]


def test_pilots__a_driver__may_not_propose(cast: Cast, api: Caller) -> None:
    assert api(cast.jo).post("/api/v1/pilots", proposal(cast)).status_code == 403


def test_requests__prepare_submit_brief__then_a_key_cannot_sign(cast: Cast, api: Caller) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    mara, helen = api(cast.mara), api(cast.helen)
    wanted = {"pilot": pilot.slug, "kind": "widen", "recommendation": "Widen.", "units": ["/brightline/northfield/"]}
    made = mara.post("/api/v1/expansion-requests", {**wanted, "ends_at": scene.in_days(60).isoformat()})
    assert made.status_code == 201, made.content
    path = f"/api/v1/expansion-requests/{read(made)['id']}"
    submitted = read(mara.post(f"{path}/submit"))
    assert submitted["state"] == "submitted"
    brief = read(helen.get(f"{path}/brief"))
    assert brief["digest"] == brief["frozen_digest"] == submitted["digest"]
    answer = helen.post(f"{path}/signatures", {"decision": "approve", "digest": brief["digest"]})
    assert (answer.status_code, read(answer)["code"]) == (403, "reauthentication_required")
    assert not Signature.objects.filter(request_id=submitted["id"]).exists()


def test_r17__an_old_digest_in_a_session__is_409_with_the_changes(cast: Cast, sign_in: SignIn) -> None:
    from audit.context import acting
    from governance.services import requests

    request = scene.ask_to_widen(cast, scene.complete(cast, scene.started(cast)))
    with acting(cast.mara.pk, channel="page"):
        requests.submit(actor=cast.mara, request=requests.revise(actor=cast.mara, request=request, ceiling=19))
    helen = sign_in(cast.helen)
    answer = helen.post(
        f"/api/v1/expansion-requests/{request.pk}/signatures",
        {"decision": "approve", "digest": request.digest, "password": PASSWORD},
        content_type="application/json",
    )
    assert (answer.status_code, read(answer)["code"]) == (409, "changed")
    assert {"where": "ceiling", "was": "20", "now": "19"} in read(answer)["changes"]


def test_sign__in_a_session_with_the_password__counts(cast: Cast, sign_in: SignIn) -> None:
    request = scene.ask_to_widen(cast, scene.complete(cast, scene.started(cast)))
    path = f"/api/v1/expansion-requests/{request.pk}/signatures"
    sent = {"decision": "approve", "digest": request.digest}
    for person in (cast.priya, cast.helen):
        client = sign_in(person)
        for password, status in (("", 403), ("not mine", 422), (PASSWORD, 201)):
            assert client.post(path, {**sent, "password": password}, content_type="application/json").status_code == status
    assert ExpansionRequest.objects.get(pk=request.pk).state == "applied"
    assert Grant.objects.filter(request=request).count() == 1


def test_r1__requester_by_api__is_refused(cast: Cast, sign_in: SignIn) -> None:
    request = scene.ask_to_widen(cast, scene.complete(cast, scene.started(cast)))
    factories.role(cast.mara, Role.EXECUTIVE, cast.company)
    answer = sign_in(cast.mara).post(
        f"/api/v1/expansion-requests/{request.pk}/signatures",
        {"decision": "approve", "digest": request.digest, "password": PASSWORD},
        content_type="application/json",
    )
    assert (answer.status_code, read(answer)["code"]) == (403, "requester_cannot_sign")
    assert not Signature.objects.filter(request=request).exists()


def test_apply__not_approved__is_409(cast: Cast, api: Caller) -> None:
    request = scene.ask_to_widen(cast, scene.complete(cast, scene.started(cast)))
    answer = api(cast.mara).post(f"/api/v1/expansion-requests/{request.pk}/apply")
    assert (answer.status_code, read(answer)["code"]) == (409, "illegal_move")


def test_stop_and_hold__by_a_personal_key__work(cast: Cast, api: Caller) -> None:
    scene.widened(cast)
    assert api(cast.mara).post(f"/api/v1/pilots/{SLUG}/hold", {"reason": ""}).status_code == 422
    assert read(api(cast.mara).post(f"/api/v1/pilots/{SLUG}/hold", {"reason": "Late replies"}))["condition"] == "held"
    stopped = read(api(cast.helen).post(f"/api/v1/pilots/{SLUG}/stop", {}))
    assert (stopped["condition"], stopped["people"]) == ("stopped", 0)
    assert api(cast.jo).post(f"/api/v1/pilots/{SLUG}/stop", {}).status_code == 403


def test_end__needs_all_words(cast: Cast, api: Caller) -> None:
    scene.widened(cast)
    words = {"outcome": "ended_early", "cause": "c", "lessons": "l", "told_objectors": "t"}
    assert api(cast.helen).post(f"/api/v1/pilots/{SLUG}/end", {**words, "lessons": ""}).status_code == 422
    assert read(api(cast.helen).post(f"/api/v1/pilots/{SLUG}/end", words))["condition"] == "ended"


@pytest.mark.parametrize("path", ["", "/brief"])
def test_requests__somebody_who_answers_for_nothing__sees_none(cast: Cast, api: Caller, path: str) -> None:
    request = scene.ask_to_widen(cast, scene.complete(cast, scene.started(cast)))
    assert api(cast.jo).get(f"/api/v1/expansion-requests/{request.pk}{path}").status_code == 404
    assert read(api(cast.jo).get("/api/v1/expansion-requests"))["results"] == []
    assert len(read(api(cast.tom).get("/api/v1/expansion-requests"))["results"]) == 2


def test_system_key__reads_no_pilot(cast: Cast) -> None:
    key = Api(factories.key(system=cast.system, scopes=["events:write", "gate:read"]))
    assert key.get("/api/v1/pilots").status_code == 403
