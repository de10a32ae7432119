"""The risk scoring scene, acted out: a score that worked, a trail that nobody could check, and an ending that is worth something."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal

from governance.demo import cast as company
from governance.demo import risk_cast as cast
from governance.demo import risk_events as events
from governance.demo import risk_words as words
from governance.demo.figures import figure
from governance.demo.stage import Scene, answer, filed, hire, place, receive, register, sign, whole
from governance.models import ExpansionRequest, Pilot
from governance.services import ending, pilots, requests
from governance.services.pilots import ActionDraft, PromiseDraft, RuleDraft, StageDraft

SLUG = "credit-score-trade-accounts"


def load(scene: Scene, say: Callable[[str], None]) -> None:
    """Act the whole scene. The caller holds the transaction; `say` is told what happens."""
    say("Customer credit: two desks, their people and a score that was tried")
    place(scene, cast.CREDIT, below=company.COMPANY)
    for desk in cast.DESKS:
        place(scene, desk, below=cast.CREDIT)
    hire(scene, cast.EVERYONE)
    register(scene, cast.SYSTEM, cast.CREDIT, releases=cast.RELEASES, key="Meridian console", deployed_on=events.deployed_on)
    pilot = propose(scene)
    say("One analyst, then the desk: six months of scores")
    six_months(scene, pilot)
    say("Objections, a refusal, and an ending with its lessons")
    asked = ask(scene, pilot, words.ASK_FUEL, units=(cast.ACCOUNTS, cast.FUEL_CARDS), ceiling="ceiling_credit")
    said = [(filed(scene, each), each) for each in words.SAID]
    reason = words.REFUSED_FUEL.format(differing=whole("export_differing"), rows=whole("export_rows"))
    sign(scene, asked, cast.FARAH, reason, decision="reject")
    for item, each in said:
        answer(scene, item, each)
    end(scene, pilot)


def propose(scene: Scene) -> Pilot:
    """The lead proposes; the promise is frozen as the supplier made it."""
    ladder = (
        StageDraft(kind="person", name="One analyst", size=1),
        StageDraft(kind="team", name=cast.ACCOUNTS.name, size=whole("ceiling_trade")),
        StageDraft(kind="site", name=cast.CREDIT.name, size=whole("ceiling_credit")),
        StageDraft(kind="enterprise", name="Everybody who grants credit", size=whole("ceiling_limits")),
    )
    with scene.does(cast.ANNEKE) as anneke:
        pilot = pilots.propose(
            actor=anneke,
            slug=SLUG,
            name="Credit risk score, trade accounts",
            system=scene.system,
            unit=scene.units[cast.ACCOUNTS.slug],
            sponsor=scene.people[cast.MARCUS.staff_number],
            overseers=[scene.people[cast.PIOTR.staff_number]],
            purpose=words.PURPOSE,
            fall_back=words.FALL_BACK,
            ends_at=scene.evening(whole("light_lane_days")),
            stages=ladder,
            stop_rules=[RuleDraft(name="An incident", figure="incidents", comparator="ge", threshold=Decimal(1), effect="stop")],
            promise=PromiseDraft(
                statement=f"{whole('promised_time')} % less time to a decision",
                target=Decimal(whole("promised_time")),
                measure="% less time to a decision",
                cost=f"{figure('promised_credit_cost').middle} M GBP a year",
                source=words.PROMISE_SOURCE,
            ),
        )
    scene.pilots.append(SLUG)
    return pilot


def six_months(scene: Scene, pilot: Pilot) -> None:
    """Noor alone, then the desk, each on two signatures; on the second stands the condition that decided it in the end."""
    make_ready(scene, pilot)
    started = ask(scene, pilot, words.ASK_START, people=(cast.NOOR,), ceiling="ceiling_first")
    sign(scene, started, cast.FARAH, words.SIGNED_COMPLIANCE_START)
    sign(scene, started, cast.INGRID, words.SIGNED_EXECUTIVE_START)
    happened = events.scored(scene.today)
    desk_starts = (events.first_monday(scene.today) + dt.timedelta(weeks=events.ALONE)).isoformat()
    receive(scene, [event for event in happened if event["time"] < desk_starts])
    asked = ask(scene, pilot, words.ASK_DESK, units=(cast.ACCOUNTS,), ceiling="ceiling_trade", conditions=words.CONDITIONS_DESK)
    sign(scene, asked, cast.FARAH, words.SIGNED_COMPLIANCE_DESK)
    sign(scene, asked, cast.INGRID, words.SIGNED_EXECUTIVE_DESK)
    receive(scene, [event for event in happened if event["time"] >= desk_starts])
    measured(scene, pilot)


def make_ready(scene: Scene, pilot: Pilot) -> None:
    """What a system of high risk needs before anybody has it: the full lane."""
    owners = {"lead": cast.ANNEKE, "overseer": cast.PIOTR}
    baseline = words.BASELINE.format(days=figure("days_before").middle, cases=whole("cases_before"), write_off=figure("write_off").middle)
    with scene.does(cast.ANNEKE) as anneke:
        pilots.complete(
            actor=anneke,
            pilot=pilot,
            criteria=[
                RuleDraft(
                    name="Everything is decided",
                    figure="decided_share",
                    comparator="ge",
                    threshold=Decimal(whole("decided_wanted_credit")),
                    minimum=50,
                ),
                RuleDraft(name="Customers wait less", figure="promise", comparator="ge", threshold=Decimal(whole("time_worth_having"))),
            ],
            actions=[
                ActionDraft(kind=action.kind, what=action.what, owner=scene.people[owners[action.owner].staff_number], due_on=scene.today)
                for action in words.ACTIONS
            ],
            baseline=baseline,
            fall_back_tested_on=scene.today - dt.timedelta(days=8),
            people_informed_on=scene.today - dt.timedelta(days=12),
        )
    for row, action in zip(pilot.actions.order_by("id"), words.ACTIONS, strict=True):
        with scene.does(owners[action.owner]) as person:
            pilots.finish_action(actor=person, action=row, evidence=action.evidence)
    with scene.does(cast.ANNEKE) as anneke:
        pilots.make_ready(actor=anneke, pilot=pilot, lane=Pilot.Lane.FULL)


def ask(
    scene: Scene,
    pilot: Pilot,
    why: str,
    *,
    ceiling: str,
    units: Sequence[company.Place] = (),
    people: Sequence[company.Member] = (),
    conditions: Sequence[str] = (),
) -> ExpansionRequest:
    """Prepare and submit the request for the next stage: the brief is frozen here."""
    with scene.does(cast.ANNEKE) as anneke:
        request = requests.prepare_widen(
            actor=anneke,
            pilot=pilot,
            recommendation=why,
            units=[scene.units[unit.slug] for unit in units],
            people=[scene.people[person.staff_number] for person in people],
            ceiling=whole(ceiling),
            ends_at=scene.evening(whole("pilot_days")),
            conditions=list(conditions),
        )
        return requests.submit(actor=anneke, request=request)


def measured(scene: Scene, pilot: Pilot) -> None:
    """The promised figure over the weeks of 2.2."""
    first, last = (events.deployed_on(release, scene.today) for release in cast.RELEASES[1:])
    with scene.does(cast.ANNEKE) as anneke:
        pilots.measure(
            actor=anneke,
            pilot=pilot,
            starts_on=first,
            ends_on=last - dt.timedelta(days=1),
            value=Decimal(whole("measured_time")),
            method=words.MEASURED,
        )


def end(scene: Scene, pilot: Pilot) -> None:
    """By the executive, with everything that the next one needs to know."""
    cause = words.CAUSE.format(waited=whole("days_without_log"), measured=whole("measured_time"))
    with scene.does(cast.INGRID) as ingrid:
        ending.end(
            actor=ingrid,
            pilot=pilot,
            outcome=Pilot.Outcome.ENDED_EARLY,
            cause=cause,
            lessons=words.LESSONS,
            told_objectors=words.TOLD,
        )
