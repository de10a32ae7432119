"""The pages of governance, walked over HTTP by the people who use them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from audit.context import acting
from governance.models import ExpansionRequest, Grant, Pilot, Signature
from governance.selectors import cohort, signing, waiting
from governance.services import requests, stopping
from portal import clock
from portal.models import Person
from tests import factories
from tests.cast import Cast
from tests.governance import scene

SignIn = Callable[[Person], Client]
SLUG = "route-optimiser-northfield"


def test_scene__propose_start_complete_widen_stop_resume_end__over_http(cast: Cast, sign_in: SignIn) -> None:
    """Once through everything, by pages alone."""
    mara, priya, helen = sign_in(cast.mara), sign_in(cast.priya), sign_in(cast.helen)
    overseer = sign_in(cast.colleagues[0])
    propose(mara, cast)
    pilot = Pilot.objects.get()
    assert mara.get(f"/pilots/{SLUG}").status_code == 200

    answer = mara.post(f"/pilots/{SLUG}/start", {"volunteers": "nf-117"})
    request = ExpansionRequest.objects.get()
    assert answer["Location"] == f"/requests/{request.pk}"
    assert b"Waits for your signature" in helen.get("/decisions").content
    sign(helen, request)
    assert cohort.exposed_people(Pilot.objects.get()) == {cast.jo.pk}

    answer = mara.post(
        f"/pilots/{SLUG}/complete",
        {
            "baseline": "31.4 l per 100 km",
            "fall_back_tested_on": clock.now().date(),
            "people_informed_on": clock.now().date(),
            "statement": "12 % less fuel",
            "target": "12",
            "measure": "% fuel",
            "cost": "1.2 M",
            "rule_name": "Drivers decide",
            "figure": "decided_share",
            "comparator": "ge",
            "threshold": "60",
        },
    )
    assert answer.status_code == 302, errors(answer)
    assert (
        mara.post(
            f"/pilots/{SLUG}/measure", {"starts_on": "2026-10-01", "ends_on": "2026-10-31", "value": "6.2", "method": "Fuel cards"}
        ).status_code
        == 302
    )

    answer = mara.post(f"/pilots/{SLUG}/expand", widening(cast))
    request = ExpansionRequest.objects.latest("id")
    assert answer["Location"] == f"/requests/{request.pk}", errors(answer)
    assert b"A draft" in mara.get(answer["Location"]).content
    assert mara.post(f"/requests/{request.pk}/submit").status_code == 302
    page = priya.get(f"/requests/{request.pk}").content.decode()
    assert "Widen Route optimiser, Northfield from 1 to 7 people?" in page
    assert "6.2 % fuel" in page
    sign(priya, request)
    sign(helen, request)
    assert Grant.objects.filter(request=request).count() == 1
    assert b"No program has asked the gate since." in helen.get(f"/requests/{request.pk}").content

    assert b"last week&#x27;s fixed routes" in overseer.get(f"/pilots/{SLUG}/stop").content
    assert overseer.post(f"/pilots/{SLUG}/stop").status_code == 302
    assert cohort.exposed_people(Pilot.objects.get()) == set()
    assert b"Why was" in overseer.get(f"/pilots/{SLUG}/reason").content
    assert overseer.post(f"/pilots/{SLUG}/reason", {"reason": "Two vans, one dock"}).status_code == 302
    page = mara.get(f"/pilots/{SLUG}").content.decode()
    assert "Stopped by Ada Novak" in page
    assert "Two vans, one dock" in page

    with factories.by_test():
        second = factories.person("Second Overseer", cast.northfield)
        pilot.oversights.create(person=second)
    assert mara.post(f"/pilots/{SLUG}/resume", {"cause": "An old map", "fix": "A new one"}).status_code == 302
    request = ExpansionRequest.objects.latest("id")
    sign(sign_in(second), request)
    sign(helen, request)
    assert len(cohort.exposed_people(Pilot.objects.get())) == 8

    jo = sign_in(cast.jo)
    assert b"Leave this pilot" in jo.get(f"/pilots/{SLUG}").content
    assert jo.post(f"/pilots/{SLUG}/leave", {"reason": ""}).status_code == 302
    assert cast.jo.pk not in cohort.exposed_people(Pilot.objects.get())

    words = {"outcome": "ended_early", "cause": "Fuel did not move.", "lessons": "Ask drivers first.", "told_objectors": "You were right."}
    assert helen.post(f"/pilots/{SLUG}/end", {**words, "lessons": ""}).status_code == 422
    assert helen.post(f"/pilots/{SLUG}/end", words).status_code == 302
    assert b"Ask drivers first." in mara.get("/pilots?ended").content
    assert b"Ask drivers first." in jo.get(f"/pilots/{SLUG}").content


def propose(client: Client, cast: Cast) -> None:
    answer = client.post(
        "/pilots/new",
        {
            "name": "Route optimiser, Northfield",
            "slug": SLUG,
            "system": cast.system.pk,
            "unit": cast.northfield.pk,
            "sponsor": str(cast.priya.pk),
            "overseers": "ada@brightline.example",
            "purpose": "Plans the order of stops.",
            "fall_back": "Back to last week's fixed routes within one hour.",
            "ends_on": scene.in_days(25).date(),
            "ends_hour": "18:00",
            "stages": "person, One driver, 5\nteam, Northfield depot, 20\nsite, Region, 200",
            "rule_name": "No incident",
            "figure": "incidents",
            "comparator": "gt",
            "threshold": "0",
        },
    )
    assert answer.status_code == 302, errors(answer)


def widening(cast: Cast, **changes: Any) -> dict[str, Any]:
    return {
        "recommendation": "Widen to the depot: drivers use it.",
        "units": [cast.northfield.pk],
        "ceiling": 20,
        "ends_on": scene.in_days(60).date(),
        "ends_hour": "18:00",
    } | changes


def errors(answer: Any) -> Any:
    return answer.context["form"].errors if answer.context and "form" in answer.context else answer.content[:2000]


def sign(client: Client, request: ExpansionRequest, **changes: Any) -> Any:
    page = client.get(f"/requests/{request.pk}").content.decode()
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', page)
    assert digest, "the page offers no signature"
    sent = {"decision": "approve", "digest": digest[1], "password": factories.PASSWORD, "reason": ""} | changes
    answer = client.post(f"/requests/{request.pk}/sign", sent)
    if not changes:
        assert answer.status_code == 302, errors(answer)
    return answer


@pytest.fixture
def asked(cast: Cast) -> ExpansionRequest:
    return scene.ask_to_widen(cast, scene.complete(cast, scene.started(cast)))


def test_sign__wrong_password__signs_nothing(cast: Cast, asked: ExpansionRequest, sign_in: SignIn) -> None:
    answer = sign(sign_in(cast.helen), asked, password="wrong")
    assert answer.status_code == 422
    assert b"This is not your password." in answer.content
    assert not Signature.objects.filter(request=asked).exists()


def test_sign__reject_without_words__says_so(cast: Cast, asked: ExpansionRequest, sign_in: SignIn) -> None:
    answer = sign(sign_in(cast.helen), asked, decision="reject")
    assert answer.status_code == 422
    assert b"Say why" in answer.content


def test_rejected__says_who_and_leaves_no_slot_open(cast: Cast, asked: ExpansionRequest, sign_in: SignIn) -> None:
    helen = sign_in(cast.helen)
    answer = sign(helen, asked, decision="reject", reason="Mondays are not tested.")
    assert answer.status_code == 302, errors(answer)
    page = " ".join(helen.get(f"/requests/{asked.pk}").content.decode().split())
    assert f"Rejected by {cast.helen.name}, as " in page
    signatures = page.partition("<h2>Signatures</h2>")[2].partition("</section>")[0]
    assert "Rejected" in signatures
    assert ">Open<" not in signatures


def test_r1__requester_by_page__is_offered_nothing_and_refused(cast: Cast, asked: ExpansionRequest, sign_in: SignIn) -> None:
    mara = sign_in(cast.mara)
    assert b'name="password"' not in mara.get(f"/requests/{asked.pk}").content
    sent = {"decision": "approve", "digest": asked.digest, "password": factories.PASSWORD}
    assert mara.post(f"/requests/{asked.pk}/sign", sent).status_code == 403
    assert not Signature.objects.filter(request=asked).exists()


def test_r17__changed_while_reading__is_409_with_the_difference(cast: Cast, asked: ExpansionRequest, sign_in: SignIn) -> None:
    with acting(cast.mara.pk, channel="page"):
        requests.submit(actor=cast.mara, request=requests.revise(actor=cast.mara, request=asked, ceiling=19))
    answer = sign(sign_in(cast.helen), asked, digest=asked.digest)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Changed while you were reading" in page
    assert "<del>20</del>" in page
    assert "<ins>19</ins>" in page


def test_signature__on_an_earlier_version__is_shown_as_such(cast: Cast, asked: ExpansionRequest, sign_in: SignIn) -> None:
    sign(sign_in(cast.priya), asked)
    with acting(cast.mara.pk, channel="page"):
        requests.submit(actor=cast.mara, request=requests.revise(actor=cast.mara, request=asked))
    page = sign_in(cast.helen).get(f"/requests/{asked.pk}").content.decode()
    assert "Signed an earlier version" in page
    assert [slot.signature for slot in signing.slots_of(ExpansionRequest.objects.get(pk=asked.pk))] == [None, None]


def test_request__a_driver__cannot_see_it(cast: Cast, asked: ExpansionRequest, sign_in: SignIn) -> None:
    assert sign_in(cast.jo).get(f"/requests/{asked.pk}").status_code == 404
    assert sign_in(cast.sam).get(f"/requests/{asked.pk}").status_code == 404


@pytest.mark.parametrize("who", ["jo", "sam"])
def test_commands__by_people_who_do_not_answer_for_it__are_403(cast: Cast, sign_in: SignIn, who: str) -> None:
    scene.widened(cast)
    client = sign_in(getattr(cast, who))
    assert client.post(f"/pilots/{SLUG}/stop").status_code == 403
    assert client.post(f"/pilots/{SLUG}/hold", {"reason": "x"}).status_code == 403
    assert client.post(f"/pilots/{SLUG}/expand", widening(cast)).status_code == 403
    assert (
        client.post(f"/pilots/{SLUG}/end", {"outcome": "retired", "cause": "x", "lessons": "x", "told_objectors": "x"}).status_code == 403
    )
    assert Pilot.objects.get().condition == "active"


def test_take_back__by_page__takes_it_from_those_people_alone(cast: Cast, sign_in: SignIn) -> None:
    pilot, grant = scene.widened(cast)
    helen = sign_in(cast.helen)
    assert b"Take the grant back" in helen.get(f"/requests/{grant.request_id}").content
    assert helen.post(f"/requests/{grant.request_id}/take-back", {"reason": "Wrong docks"}).status_code == 302
    assert cohort.exposed_people(pilot) == {cast.jo.pk}
    assert b"taken back" in helen.get(f"/requests/{grant.request_id}").content
    assert sign_in(cast.jo).get(f"/requests/{grant.request_id}/take-back").status_code == 404
    assert sign_in(cast.priya).get(f"/requests/{grant.request_id}/take-back").status_code == 403
    assert helen.post(f"/requests/{grant.request_id}/take-back", {"reason": "Again"}).status_code == 409


def test_pilot__of_another_company__is_404(cast: Cast, sign_in: SignIn) -> None:
    scene.started(cast)
    elsewhere = factories.person("Stranger", factories.unit("elsewhere"))
    assert sign_in(elsewhere).get(f"/pilots/{SLUG}").status_code == 404
    assert b"Route optimiser, Northfield" not in sign_in(elsewhere).get("/pilots").content


def test_waiting__executive__is_told_what_to_sign(cast: Cast, asked: ExpansionRequest) -> None:
    assert [one.what for one in waiting.for_person(cast.helen)] == [asked.brief["question"]]
    assert waiting.decisions_of(cast.helen) == 1
    assert waiting.for_person(cast.jo) == []
    scene.sign(cast.helen, asked)
    assert waiting.decisions_of(cast.helen) == 0


def test_waiting__after_a_stop_without_words__asks_for_the_reason(cast: Cast) -> None:
    pilot, _grant = scene.widened(cast)
    with acting(cast.helen.pk, channel="page"):
        stopping.stop(actor=cast.helen, pilot=pilot)
    assert [one.action for one in waiting.for_person(cast.helen)] == ["Give the reason"]


@pytest.mark.parametrize("path", ["/pilots", f"/pilots/{SLUG}", "/decisions"])
def test_queries__more_pilots_and_requests__cost_no_more(
    cast: Cast, sign_in: SignIn, path: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    scene.widened(cast)
    scene.ask_to_start(cast, scene.propose(cast, slug="another"))
    client = sign_in(cast.tom)
    client.get(path)
    with django_assert_max_num_queries(60) as first:
        client.get(path)
    for number in range(3):
        scene.ask_to_start(cast, scene.propose(cast, slug=f"another-{number}"))
    with django_assert_max_num_queries(len(first)):
        client.get(path)
