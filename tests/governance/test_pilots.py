"""Pilots: the invariants P1-P7 and P11, P12, each by its name."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction

from audit.context import acting
from governance.models import ExpansionRequest, Grant, Pilot, Transition
from governance.selectors import cohort
from governance.services import ending, leaving, pilots, requests, revoking, stopping
from governance.services.pilots import RuleDraft
from portal import clock
from portal.errors import Conflict
from portal.models import Person, Role
from tests import factories
from tests.cast import Cast
from tests.governance import scene


def fresh(pilot: Pilot) -> Pilot:
    return Pilot.objects.get(pk=pilot.pk)


def people_on(pilot: Pilot) -> set[Any]:
    return cohort.exposed_people(fresh(pilot))


# --- Proposing, readiness, the light lane ---------------------------------------------------------------------------


def test_propose__someone_who_leads_nothing__is_refused(cast: Cast) -> None:
    with pytest.raises(PermissionDenied), acting(cast.jo.pk, channel="page"):
        pilots.propose(
            actor=cast.jo,
            slug="x",
            name="X",
            system=cast.system,
            unit=cast.northfield,
            sponsor=cast.priya,
            overseers=[cast.jo],
            purpose="x",
            fall_back="x",
            ends_at=scene.in_days(3),
        )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"overseers": []}, "overseers"),
        ({"stages": ()}, "stages"),
        ({"slug": "Has Spaces"}, "slug"),
        ({"slug": "x.shadow"}, "slug"),
        ({"slug": "new"}, "slug"),
    ],
)
def test_propose__something_missing__names_the_field(cast: Cast, change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        scene.propose(cast, **change)
    assert field in wrong.value.message_dict


def test_propose__lead_as_sponsor__is_refused(cast: Cast) -> None:
    factories.role(cast.mara, Role.SPONSOR, cast.northfield)
    with pytest.raises(ValidationError, match="two people"):
        scene.propose(cast, sponsor=Person.objects.get(pk=cast.mara.pk))


def test_light_lane__one_signature__starts_the_volunteers(cast: Cast) -> None:
    pilot = scene.started(cast)
    assert (pilot.condition, pilot.lane, pilot.stage.name if pilot.stage else "") == ("active", "light", "One driver")
    assert people_on(pilot) == {cast.jo.pk}


def test_light_lane__six_volunteers__are_too_many(cast: Cast) -> None:
    pilot = scene.propose(cast)
    with pytest.raises(ValidationError, match="one to 5"):
        scene.ask_to_start(cast, pilot, cast.jo, *cast.colleagues)


def test_light_lane__more_than_thirty_days__is_refused(cast: Cast) -> None:
    pilot = scene.propose(cast, ends_at=scene.in_days(31))
    with pytest.raises(ValidationError, match="30 days"):
        scene.ask_to_start(cast, pilot)


def test_light_lane__limited_risk__is_refused_unless_shadow(cast: Cast) -> None:
    with factories.by_test():
        cast.system.risk_tier = "limited"
        cast.system.save()
    with pytest.raises(ValidationError, match="minimal risk"):
        scene.ask_to_start(cast, scene.propose(cast))
    shadow = scene.propose(cast, slug="in-shadow", stages=pilots.DEFAULT_LADDER)
    assert scene.ask_to_start(cast, shadow).state == "submitted"


def test_p6__without_a_stop_rule__nobody_is_exposed(cast: Cast) -> None:
    pilot = scene.propose(cast, stop_rules=[])
    with pytest.raises(ValidationError, match="stop rule"):
        scene.ask_to_start(cast, pilot)


def test_p6__before_the_second_stage__success_criteria_are_due(cast: Cast) -> None:
    pilot = scene.started(cast)
    request = scene.ask_to_widen(cast, pilot)
    scene.sign(cast.priya, request)
    scene.sign(cast.helen, request)
    assert ExpansionRequest.objects.get(pk=request.pk).state == "approved"
    assert people_on(pilot) == {cast.jo.pk}


def test_p6__rules_that_were_signed__are_not_edited(cast: Cast) -> None:
    pilot, _grant = scene.widened(cast)
    with pytest.raises(Conflict), acting(cast.mara.pk, channel="page"):
        pilots.complete(
            actor=cast.mara, pilot=pilot, stop_rules=[RuleDraft(name="x", figure="incidents", comparator="gt", threshold=Decimal(3))]
        )
    with pytest.raises(IntegrityError), transaction.atomic(), factories.by_test():
        pilot.criteria.update(threshold=99)


def test_full_lane__complete__goes_through_two_signatures(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.propose(cast, ends_at=scene.in_days(90)))
    with acting(cast.mara.pk, channel="page"):
        pilots.make_ready(actor=cast.mara, pilot=pilot, lane="full")
    request = scene.ask_to_widen(cast, fresh(pilot), units=[], people=[cast.jo], ends_at=scene.in_days(90))
    scene.sign(cast.priya, request)
    assert people_on(pilot) == set()
    scene.sign(cast.helen, request)
    assert people_on(pilot) == {cast.jo.pk}


def test_p5__a_request__raises_the_stage_by_one_at_most(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    with pytest.raises(ValidationError, match="by one"):
        scene.ask_to_widen(cast, pilot, stage=pilot.stages.get(place=3))


def in_order(people: set[Any]) -> list[Any]:
    """As a ceiling admits them: by the day they joined, then by key."""
    return [person.pk for person in sorted(Person.objects.filter(pk__in=people), key=lambda one: (one.joined_on, one.pk))]


# --- P1: who has it --------------------------------------------------------------------------------------------------


class Books:
    """An oracle that keeps its own books of one pilot: rules with who was listed and their ceilings, leavers, condition."""

    def __init__(self, cast: Cast, seed: int) -> None:
        self.cast, self.dice = cast, random.Random(seed)
        self.everyone = [cast.jo, *cast.colleagues, cast.outsider]
        self.pilot = scene.complete(cast, scene.propose(cast, slug=f"seed-{seed}"))
        scene.sign(cast.helen, scene.ask_to_start(cast, self.pilot))
        self.rules: list[tuple[set[Any], set[Any], int]] = [({cast.jo.pk}, {cast.jo.pk}, 1)]
        self.gone: set[Any] = set()
        self.held: set[Any] | None = None
        self.condition = "active"

    def expected(self) -> set[Any]:
        found: set[Any] = set()
        for rule, listed, ceiling in self.rules if self.condition != "stopped" else []:
            found |= set((in_order(listed - self.gone) + in_order(rule - listed - self.gone))[:ceiling])
        return found if self.held is None else found & self.held

    def widen(self) -> None:
        named, ceiling = self.dice.sample(self.everyone, 3), self.dice.choice([2, 5, 20])
        units = [self.cast.northfield] if self.dice.random() < 0.4 else []
        second = fresh(self.pilot).stages.get(place=2)
        request = scene.ask_to_widen(self.cast, fresh(self.pilot), stage=second, people=named, units=units, ceiling=ceiling)
        for person in (self.cast.priya, self.cast.helen):
            scene.sign(person, request)
        rule = {person.pk for person in named} | {person.pk for person in Person.objects.filter(unit__in=units)}
        self.rules.append((rule, set(in_order(rule - self.gone)[:ceiling]), ceiling))

    def leave(self) -> None:
        person = self.dice.choice(self.everyone)
        inside = any(person.pk in rule for rule, _listed, _ceiling in self.rules)
        with acting(person.pk, channel="page"), contextlib.nullcontext() if inside else pytest.raises(Conflict):
            leaving.leave(actor=person, pilot=self.pilot)
        if inside:
            self.gone.add(person.pk)

    def hold(self) -> None:
        self.held, self.condition = people_on(self.pilot), "held"
        with acting(self.cast.tom.pk, channel="page"):
            stopping.hold(actor=self.cast.tom, pilot=self.pilot, reason="To look closer")

    def stop(self) -> None:
        self.condition = "stopped"
        with acting(self.cast.tom.pk, channel="page"):
            stopping.stop(actor=self.cast.tom, pilot=self.pilot)

    def revoke(self) -> None:
        place = self.dice.randrange(len(self.rules))
        grant = self.pilot.grants.order_by("id")[place]
        if grant.revoked_at is not None:
            return
        with acting(self.cast.helen.pk, channel="page"):
            revoking.revoke_grant(actor=self.cast.helen, grant=grant, reason="Not these people")
        self.rules[place] = (set(), set(), 1)

    def resume(self) -> None:
        if all(not rule for rule, _listed, _ceiling in self.rules):
            return
        self.condition, self.held = "active", None
        with acting(self.cast.mara.pk, channel="page"):
            draft = requests.prepare_resume(actor=self.cast.mara, pilot=self.pilot, cause="A wrong map", fix="Map of the week")
            request = requests.submit(actor=self.cast.mara, request=draft)
        for person in (self.cast.colleagues[0], self.cast.helen):
            scene.sign(person, request)


POSSIBLE = {
    "active": ["widen", "widen", "leave", "hold", "stop", "revoke"],
    "held": ["leave", "stop", "resume", "revoke"],
    "stopped": ["leave", "resume"],
}


@pytest.mark.parametrize("seed", range(6))
def test_p1__random_sequences__exposed_people_are_the_union_of_grants_minus_leavers(cast: Cast, seed: int) -> None:
    books = Books(cast, seed)
    for _step in range(8):
        act = books.dice.choice(POSSIBLE[books.condition])
        getattr(books, act)()
        assert people_on(books.pilot) == books.expected(), act


def test_p1__beyond_the_ceiling__joiners_do_not_get_it(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot, ceiling=8)
    scene.sign(cast.priya, request)
    scene.sign(cast.helen, request)
    before = people_on(pilot)
    first = factories.person("Early Joiner", cast.northfield, joined_on=dt.date(2020, 1, 1))
    second = factories.person("Late Joiner", cast.northfield)
    assert people_on(pilot) == before | {first.pk}
    assert second.pk not in people_on(pilot)


def test_p1__someone_who_moves_away__loses_it(cast: Cast) -> None:
    pilot, _grant = scene.widened(cast)
    with factories.by_test():
        Person.objects.filter(pk=cast.colleagues[1].pk).update(unit=cast.harbour)
    assert cast.colleagues[1].pk not in people_on(pilot)


# --- P3, P4, P7, P11, P12 --------------------------------------------------------------------------------------------


def test_p3__stop__commits_with_a_new_gate_version(cast: Cast) -> None:
    pilot, _grant = scene.widened(cast)
    with acting(cast.colleagues[0].pk, channel="page"):
        stopping.stop(actor=cast.colleagues[0], pilot=pilot)
    assert people_on(pilot) == set()
    assert (fresh(pilot).eval_version, fresh(pilot).halt_version) == (pilot.eval_version + 1, pilot.eval_version + 1)


def test_stop__a_driver_who_oversees_nothing__is_refused(cast: Cast) -> None:
    pilot, _grant = scene.widened(cast)
    with pytest.raises(PermissionDenied), acting(cast.jo.pk, channel="page"):
        stopping.stop(actor=cast.jo, pilot=pilot)


def test_stop__reason__may_follow(cast: Cast) -> None:
    pilot, _grant = scene.widened(cast)
    with acting(cast.helen.pk, channel="page"):
        stopping.stop(actor=cast.helen, pilot=pilot)
        assert fresh(pilot).reason_due_at is not None
        stopping.give_reason(actor=cast.helen, pilot=pilot, reason="Two vans sent to one dock.")
    assert fresh(pilot).halt_reason == "Two vans sent to one dock."
    assert fresh(pilot).reason_due_at is None


def test_hold__the_cohort_keeps_it__and_nobody_new_gets_it(cast: Cast) -> None:
    pilot, _grant = scene.widened(cast)
    before = people_on(pilot)
    with acting(cast.mara.pk, channel="page"):
        stopping.hold(actor=cast.mara, pilot=pilot, reason="Replies are late.")
    newcomer = factories.person("New Driver", cast.northfield)
    assert people_on(pilot) == before
    assert newcomer.pk not in people_on(pilot)


def test_resume__whoever_stopped_it__does_not_sign(cast: Cast) -> None:
    pilot, _grant = scene.widened(cast)
    with acting(cast.helen.pk, channel="page"):
        stopping.stop(actor=cast.helen, pilot=pilot, reason="Wrong docks")
    with acting(cast.mara.pk, channel="page"), pytest.raises(Conflict) as refused:
        requests.submit(actor=cast.mara, request=requests.prepare_resume(actor=cast.mara, pilot=pilot, cause="Map", fix="New map"))
    assert refused.value.code == "nobody_for_slot"


def test_resume__overseer_and_executive_sign__the_same_people_have_it_again(cast: Cast) -> None:
    pilot, _grant = scene.widened(cast)
    before = people_on(pilot)
    with acting(cast.tom.pk, channel="page"):
        stopping.stop(actor=cast.tom, pilot=pilot, reason="Wrong docks")
    with acting(cast.mara.pk, channel="page"):
        draft = requests.prepare_resume(actor=cast.mara, pilot=pilot, cause="An old map", fix="The map of this week")
        request = requests.submit(actor=cast.mara, request=draft)
    scene.sign(cast.colleagues[0], request)
    assert people_on(pilot) == set()
    scene.sign(cast.helen, request)
    assert people_on(pilot) == before
    assert Grant.objects.filter(pilot=pilot).count() == 2


@pytest.mark.parametrize(
    "change", ["condition = 'active'", "stage_id = (select max(id) from governance_stage)", "ends_at = ends_at + interval '1 year'"]
)
def test_p4__sql__cannot_widen_a_pilot(cast: Cast, change: str) -> None:
    pilot, _grant = scene.widened(cast)
    with acting(cast.tom.pk, channel="page"):
        stopping.stop(actor=cast.tom, pilot=pilot, reason="x")
    with pytest.raises(IntegrityError, match="only an applied request"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"update governance_pilot set {change} where id = %s", [pilot.pk])


def test_p4__sql__cannot_edit_or_invent_a_grant(cast: Cast) -> None:
    pilot, grant = scene.widened(cast)
    with pytest.raises(IntegrityError, match="only revoked"), transaction.atomic(), factories.by_test():
        Grant.objects.filter(pk=grant.pk).update(ceiling=5000)
    draft = scene.ask_to_widen(cast, pilot)
    forged = Grant(
        request=draft,
        pilot=pilot,
        stage=draft.stage,
        units=draft.cohort["units"],
        ceiling=draft.ceiling,
        starts_at=clock.now(),
        ends_at=draft.ends_at,
        version_rule=draft.version_rule,
        version=draft.version,
        digest=draft.digest,
        gate_version=99,
    )
    with pytest.raises(IntegrityError, match="applied request"), transaction.atomic(), factories.by_test():
        forged.save()
    with pytest.raises(IntegrityError, match="does not go"), transaction.atomic(), factories.by_test():
        ExpansionRequest.objects.filter(pk=draft.pk).update(state="applied", applied_at=clock.now())


def test_p4__an_administrator__widens_nothing(cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    with acting(cast.sam.pk, channel="page"), pytest.raises(PermissionDenied):
        requests.prepare_widen(actor=cast.sam, pilot=pilot, recommendation="x", units=[cast.northfield])


def test_p7__after_the_end_date__nobody_has_it_though_no_job_ran(cast: Cast) -> None:
    pilot, _grant = scene.widened(cast)
    with clock.at(scene.in_days(59)):
        assert people_on(pilot)
    with clock.at(scene.in_days(61)):
        assert people_on(pilot) == set()
        assert fresh(pilot).shown_condition == "lapsed"


def test_p11__an_illegal_move__is_refused_and_leaves_nothing(cast: Cast) -> None:
    pilot = scene.propose(cast)
    with pytest.raises(Conflict) as refused, acting(cast.tom.pk, channel="page"):
        stopping.stop(actor=cast.tom, pilot=pilot)
    assert refused.value.code == "illegal_move"
    assert fresh(pilot).condition == "proposed"
    assert Transition.objects.filter(pilot=pilot).count() == 1


def test_p11__each_transition__records_who_why_and_on_which_digest(cast: Cast) -> None:
    _pilot, grant = scene.widened(cast)
    opened = Transition.objects.get(request=grant.request)
    assert (opened.actor, opened.from_condition, opened.to_condition) == (cast.helen, "active", "active")
    assert opened.digest == grant.digest
    assert opened.reason == "Widen to the depot: drivers use it."


def test_p12__a_member__leaves_at_once_and_stays_out(cast: Cast) -> None:
    pilot, _grant = scene.widened(cast)
    with acting(cast.jo.pk, channel="page"):
        leaving.leave(actor=cast.jo, pilot=pilot)
        leaving.leave(actor=cast.jo, pilot=pilot)
    assert cast.jo.pk not in people_on(pilot)
    assert fresh(pilot).eval_version == pilot.eval_version + 1
    assert fresh(pilot).base_version == pilot.base_version


def test_end__cause_and_lessons__are_part_of_it(cast: Cast) -> None:
    pilot, _grant = scene.widened(cast)
    words = {
        "outcome": "ended_early",
        "cause": "No fuel was saved.",
        "lessons": "Ask the drivers first.",
        "told_objectors": "You were right.",
    }
    with acting(cast.helen.pk, channel="page"):
        with pytest.raises(ValidationError):
            ending.end(actor=cast.helen, pilot=pilot, **{**words, "lessons": " "})
        with pytest.raises(ValidationError, match="has not lapsed"):
            ending.end(actor=cast.helen, pilot=pilot, **{**words, "outcome": "lapsed"})
        ending.end(actor=cast.helen, pilot=pilot, **words)
    assert people_on(pilot) == set()
    with pytest.raises(Conflict), acting(cast.helen.pk, channel="page"):
        ending.end(actor=cast.helen, pilot=pilot, **words)
    again = scene.propose(cast, slug="second-try", follows=fresh(pilot))
    assert scene.ask_to_start(cast, again).brief["lessons"][0]["lessons"] == "Ask the drivers first."
