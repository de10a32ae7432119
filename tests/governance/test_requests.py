"""Requests and signatures: R1-R4, R9-R11, R17, each by its name, through the pages and the services."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction

from audit.context import acting
from governance.digests import digest_of
from governance.models import ExpansionRequest, Grant, Pilot, Signature
from governance.selectors import pages, signing
from governance.services import applying, leaving, pilots, requests
from portal import clock
from portal.errors import Conflict, Forbidden
from portal.models import Person, Role
from tests import factories
from tests.cast import Cast
from tests.governance import scene


def fresh(request: ExpansionRequest) -> ExpansionRequest:
    return ExpansionRequest.objects.get(pk=request.pk)


def test_request__submitted__is_frozen_with_a_digest_of_its_content(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    assert request.state == "submitted"
    assert request.digest == signing.live_digest(fresh(request))
    assert request.brief["people"]["meant"] == 7
    assert [slot["name"] for slot in request.policy["slots"]] == ["sponsor", "executive"]
    assert "e+" not in json.dumps(request.brief)


def test_policy__limited_risk__asks_compliance_and_an_executive(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    with factories.by_test():
        cast.system.risk_tier = "limited"
        cast.system.save()
    request = scene.ask_to_widen(cast, pilot)
    assert [slot["name"] for slot in request.policy["slots"]] == ["compliance", "executive"]
    with pytest.raises(Forbidden, match="No signature"):
        scene.sign(cast.priya, request)
    scene.sign(cast.tom, request)
    scene.sign(cast.helen, request)
    assert fresh(request).state == "applied"


def test_r1__requester__cannot_sign(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    factories.role(cast.mara, Role.EXECUTIVE, cast.company)
    with pytest.raises(Forbidden) as refused:
        scene.sign(cast.mara, request)
    assert refused.value.code == "requester_cannot_sign"


def test_r1__contributor__cannot_sign(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    factories.role(cast.helen, Role.LEAD, cast.company)
    factories.role(cast.tom, Role.EXECUTIVE, cast.company)
    with acting(cast.helen.pk, channel="page"):
        requests.revise(actor=Person.objects.get(pk=cast.helen.pk), request=request, conditions=["Brief the drivers."])
        requests.submit(actor=cast.mara, request=fresh(request))
    with pytest.raises(Forbidden) as refused:
        scene.sign(cast.helen, request)
    assert refused.value.code == "contributor_cannot_sign"


@pytest.mark.parametrize("who", ["mara", "helen"])
def test_r1__sql__cannot_sign_for_requester_or_contributor(cast: Cast, who: str) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    with acting(cast.mara.pk, channel="page"):
        requests.contribute(actor=cast.helen, request=request, what="edited")
    signature = Signature(
        request=request,
        revision=1,
        digest=request.digest,
        slot="executive",
        decision="approve",
        meaning="responsibility",
        signer=getattr(cast, who),
        printed_name="x",
        signed_at=clock.now(),
        step_up_method="password",
        step_up_at=clock.now(),
    )
    with pytest.raises(IntegrityError, match="cannot sign"), transaction.atomic(), factories.by_test():
        Signature.objects.bulk_create([signature])


def test_r2__one_person__fills_one_slot_at_most(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    factories.role(cast.priya, Role.EXECUTIVE, cast.company)
    scene.sign(cast.priya, request)
    with pytest.raises(Forbidden) as refused:
        scene.sign(cast.priya, request)
    assert refused.value.code == "no_open_slot"
    assert fresh(request).state == "in_review"


def test_r3__a_brief_that_changes__is_no_longer_signed(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    signature = scene.sign(cast.priya, request)
    with acting(cast.mara.pk, channel="page"):
        requests.submit(actor=cast.mara, request=requests.revise(actor=cast.mara, request=request, ceiling=19))
    request = fresh(request)
    assert request.revision == 2
    assert [slot.signature for slot in signing.slots_of(request)] == [None, None]
    assert pages.brief_page(request, cast.helen).signatures == [(signature, False)]
    scene.sign(cast.helen, request)
    assert fresh(request).state == "in_review"
    scene.sign(cast.priya, request)
    assert fresh(request).state == "applied"


@pytest.mark.parametrize(
    ("column", "value"), [("brief", {"question": "?"}), ("ceiling", 20_000), ("recommendation", "Please."), ("policy", {"slots": []})]
)
def test_r3__sql__cannot_edit_what_was_submitted(cast: Cast, column: str, value: object) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    with pytest.raises(IntegrityError, match="not edited"), transaction.atomic(), factories.by_test():
        ExpansionRequest.objects.filter(pk=request.pk).update(**{column: value})


def test_r4__of_two_open_requests__one_applies(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    first, second = scene.ask_to_widen(cast, pilot), scene.ask_to_widen(cast, pilot, ceiling=10)
    for person in (cast.priya, cast.helen):
        scene.sign(person, first)
    assert fresh(second).stale
    assert fresh(second).shown_state == "stale"
    with pytest.raises(Conflict) as refused:
        scene.sign(cast.priya, second)
    assert refused.value.code == "stale"


def test_r4__joins_and_leaves__make_nothing_stale(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    factories.person("New Driver", cast.northfield)
    with acting(cast.jo.pk, channel="page"):
        leaving.leave(actor=cast.jo, pilot=pilot)
    assert not fresh(request).stale
    assert pages.since_then(fresh(request)) == ["1 more person would get it.", "1 person would no longer get it."]


def test_r7__a_signer_who_lost_the_role__no_longer_counts(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    scene.sign(cast.priya, request)
    with factories.by_test():
        cast.priya.roles.update(ends_on=clock.now().date())
    scene.sign(cast.helen, request)
    assert fresh(request).state == "in_review"
    assert not Grant.objects.filter(request=request).exists()


def test_r7__the_replacement__fills_the_slot_and_the_request_applies(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    after = factories.person("Nadia Holm", cast.company)
    factories.role(after, Role.EXECUTIVE, cast.company)
    lost = scene.sign(cast.helen, request)
    with factories.by_test():
        cast.helen.roles.update(ends_on=clock.now().date())
    assert pages.brief_page(fresh(request), after).signatures == [(lost, False)]
    scene.sign(after, request)
    scene.sign(cast.priya, request)
    request = fresh(request)
    assert request.state == "applied"
    names = [slot.signature.printed_name for slot in signing.slots_of(request) if slot.signature]
    assert names == ["Priya Raman", "Nadia Holm"]


def test_r7__a_signer_who_changed_roles__does_not_sign_the_same_digest_again(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    scene.sign(cast.priya, request)
    with factories.by_test():
        cast.priya.roles.update(ends_on=clock.now().date())
    factories.role(cast.priya, Role.EXECUTIVE, cast.company)
    with pytest.raises(Forbidden) as refused:
        scene.sign(cast.priya, request)
    assert refused.value.code == "no_open_slot"


def test_r8__a_slot_that_nobody_can_fill__stops_the_submission(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    with factories.by_test():
        cast.helen.roles.update(ends_on=clock.now().date())
    with pytest.raises(Conflict) as refused:
        scene.ask_to_widen(cast, pilot)
    assert refused.value.code == "nobody_for_slot"


@pytest.mark.parametrize("named", ["units", "people"])
def test_r8__a_request_beyond_the_pilots_unit__is_signed_by_those_over_everyone_in_it(cast: Cast, named: str) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    with factories.by_test():
        cast.helen.roles.update(unit=cast.northfield)
    wider = {"units": [cast.northfield, cast.harbour]} if named == "units" else {"people": [cast.outsider]}
    with pytest.raises(Conflict) as refused:
        scene.ask_to_widen(cast, pilot, **wider)
    assert refused.value.code == "nobody_for_slot"
    factories.role(cast.tom, Role.EXECUTIVE, cast.company)
    request = scene.ask_to_widen(cast, pilot, **wider)
    assert request.policy["over"] == ["/brightline/harbour/", "/brightline/northfield/"]
    with pytest.raises(Forbidden) as out_of_reach:
        scene.sign(cast.helen, request)
    assert out_of_reach.value.code == "no_open_slot"
    # A role over each of them reaches as far as one over the company.
    factories.role(cast.helen, Role.EXECUTIVE, cast.harbour)
    scene.sign(cast.helen, request)
    scene.sign(cast.priya, request)
    assert fresh(request).state == "applied"


def test_r9__apply_again__changes_nothing(cast: Cast) -> None:
    pilot, grant = scene.widened(cast)
    with acting(cast.mara.pk, channel="page"):
        applying.apply(actor=cast.mara, request=grant.request)
    assert Grant.objects.filter(pilot=pilot).count() == 2
    assert Pilot.objects.get(pk=pilot.pk).base_version == pilot.base_version


@pytest.mark.parametrize(
    "statement", ["update governance_signature set reason = 'x'", "delete from governance_signature", "truncate governance_signature"]
)
def test_r10__signatures__are_insert_only(cast: Cast, statement: str) -> None:
    scene.started(cast)
    with pytest.raises(DatabaseError, match=r"insert-only|permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_r10__a_signature__keeps_name_time_and_meaning(cast: Cast) -> None:
    scene.started(cast)
    signature = Signature.objects.get()
    assert (signature.printed_name, signature.meaning, signature.slot) == ("Helen Castellan", "approval", "approver")
    assert signature.step_up_method == "password"


@pytest.mark.parametrize("decision", ["reject", "request_changes"])
def test_r11__a_refusal__needs_a_reason(cast: Cast, decision: str) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    with pytest.raises(ValidationError, match="Say why"):
        scene.sign(cast.helen, request, decision)
    scene.sign(cast.helen, request, decision, reason="The brief says nothing about Mondays.")
    assert fresh(request).decision_reason == "The brief says nothing about Mondays."


def test_r11__after_a_rejection__the_next_request_answers_its_reasons(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    scene.sign(cast.helen, request, "reject", reason="Mondays.")
    again = scene.ask_to_widen(cast, pilot)
    assert again.answers == request
    assert again.brief["answers"] == "Mondays."


def test_r13__after_its_review_time__a_request_is_expired(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    with clock.at(scene.in_days(15)):
        assert fresh(request).shown_state == "expired"
        with pytest.raises(Conflict) as refused:
            scene.sign(cast.helen, request)
    assert refused.value.code == "expired"


def test_blockers__an_open_readiness_action__holds_an_approved_request(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    with acting(cast.mara.pk, channel="page"):
        action = pilots.ActionDraft(kind="training", what="Brief the drivers", owner=cast.mara, due_on=clock.now().date())
        pilots.complete(actor=cast.mara, pilot=pilot, actions=[action])
    request = scene.ask_to_widen(cast, pilot)
    scene.sign(cast.priya, request)
    scene.sign(cast.helen, request)
    assert fresh(request).state == "approved"
    with acting(cast.mara.pk, channel="page"):
        with pytest.raises(Conflict) as refused:
            applying.apply(actor=cast.mara, request=request)
        assert refused.value.extra["blockers"] == ["To do before it widens: Brief the drivers"]
        pilots.finish_action(actor=cast.mara, action=pilot.actions.get(), evidence="Signed list of 20 November")
        applying.apply(actor=cast.mara, request=request)
    assert fresh(request).state == "applied"


def test_r3__an_applied_request__stays_signed_when_the_pilot_goes_on(cast: Cast) -> None:
    pilot = scene.started(cast)
    request = pilot.requests.get()
    scene.complete(cast, pilot)  # adds a criterion: an open request would be out of date
    with factories.by_test():
        cast.helen.roles.update(ends_on=clock.now().date())
    request = fresh(request)
    assert [slot.signature.printed_name for slot in signing.slots_of(request) if slot.signature] == ["Helen Castellan"]
    assert signing.content_of(request) == request.submissions.get().content
    assert digest_of(signing.content_of(request)) == request.digest
