"""The logistics scene, acted out (see governance/demo/stage.py for how)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial

from feedback.models import Item
from governance.demo import cast, events, screen, words
from governance.demo.figures import figure
from governance.demo.stage import Scene, answer, filed, hire, place, receive, register, sign, whole
from governance.models import ExpansionRequest, Pilot
from governance.services import ending, light, pilots, requests
from governance.services.pilots import ActionDraft, PromiseDraft, RuleDraft, StageDraft
from portal.models import Unit
from portal.services import keys


def load(scene: Scene, say: Callable[[str], None]) -> None:
    """Act the whole scene. The caller holds the transaction; `say` is told what happens."""
    say("Logistics: the depots, their people and the route optimiser")
    for depot in cast.DEPOTS:
        place(scene, depot, below=cast.COMPANY)
    hire(scene, cast.EVERYONE)
    register(scene, cast.SYSTEM, cast.COMPANY, releases=cast.RELEASES, key="Kestrel console", deployed_on=events.deployed_on)
    with scene.does(cast.SAM) as sam:
        scene.browser_key = keys.issue_for_browser(actor=sam, label="Driver's screen", system=scene.system, origins=screen.ORIGINS).text
    say("A first try, ended with its lessons")
    first_try(scene)
    say("Harbour depot: one driver, then all of them")
    harbour(scene)
    say("Northfield depot: one driver, and what he says")
    northfield(scene)
    say("The suggestion box: said, answered, done")
    suggestion_box(scene)
    say("Two requests that wait for signatures")
    open_request(scene)
    next_request(scene)


def first_try(scene: Scene) -> None:
    """An earlier pilot at Harbour, ended early and well."""
    slug, name = "route-optimiser-first-try", "Route optimiser, first try at Harbour"
    pilot = propose(scene, cast.OWEN, cast.LENA, slug=slug, name=name)
    start(scene, pilot, cast.PAUL, words.ASK_FIRST_TRY)
    with scene.does(cast.HELEN) as helen:
        ending.end(
            actor=helen,
            pilot=pilot,
            outcome=Pilot.Outcome.ENDED_EARLY,
            cause=words.FIRST_TRY_CAUSE,
            lessons=words.FIRST_TRY_LESSONS,
            told_objectors=words.FIRST_TRY_TOLD,
        )


def harbour(scene: Scene) -> None:
    """One driver on the evidence of her own weeks, then the depot, and what happened there."""
    before = Pilot.objects.get(slug="route-optimiser-first-try")
    pilot = propose(scene, cast.OWEN, cast.LENA, slug="route-optimiser-harbour", name="Route optimiser, Harbour", follows=before)
    start(scene, pilot, cast.IVY, words.ASK_HARBOUR_START)
    happened = events.harbour(scene.today)
    receive(scene, [event for event in happened if event["data"]["person"] == cast.IVY])
    make_ready_to_widen(scene, pilot)
    measured(scene, pilot, "fuel_measured_v12", weeks=(1, 4), method=words.MEASURED_DEPOT)
    request = ask_for_depot(scene, pilot, words.ASK_HARBOUR_DEPOT)
    sign(scene, request, cast.PRIYA, words.SIGNED_SPONSOR_HARBOUR)
    sign(scene, request, cast.HELEN, words.SIGNED_EXECUTIVE_HARBOUR)
    receive(scene, [event for event in happened if event["data"]["person"] != cast.IVY])
    measured(scene, pilot, "fuel_measured_v14", weeks=(7, 8), method=words.MEASURED_DEPOT)


def northfield(scene: Scene) -> None:
    """Jo alone, in the light lane; his weeks, and what waits for him now."""
    pilot = propose(scene, cast.MARA, cast.RUTH, slug="route-optimiser-northfield", name="Route optimiser, Northfield")
    start(scene, pilot, cast.JO.staff_number, words.ASK_NORTHFIELD_START)
    receive(scene, events.northfield(scene.today) + events.waiting_for_jo(scene.now))


def open_request(scene: Scene) -> None:
    """Northfield asks for its depot: the sponsor has signed, the executive has not."""
    pilot = Pilot.objects.get(slug="route-optimiser-northfield")
    make_ready_to_widen(scene, pilot)
    measured(scene, pilot, "fuel_measured_jo", weeks=(6, 8), method=words.MEASURED_LORRY)
    request = ask_for_depot(scene, pilot, words.ASK_NORTHFIELD_DEPOT, words.CONDITIONS_NORTHFIELD)
    sign(scene, request, cast.PRIYA, words.SIGNED_SPONSOR_NORTHFIELD)


def next_request(scene: Scene) -> None:
    """Harbour asks for its neighbour, on the evidence of a whole depot: nobody has signed yet."""
    pilot = Pilot.objects.get(slug="route-optimiser-harbour")
    ask(
        scene,
        pilot,
        words.ASK_WESTGATE,
        units=[pilot.unit, scene.units[cast.WESTGATE.slug]],
        ceiling=whole("ceiling_westgate"),
        conditions=words.CONDITIONS_WESTGATE,
    )


# --- Acts that several pilots share ---------------------------------------------------------------------------------


def propose(scene: Scene, lead: cast.Member, overseer: cast.Member, *, slug: str, name: str, follows: Pilot | None = None) -> Pilot:
    depot = cast.NORTHFIELD if lead.unit == cast.NORTHFIELD.slug else cast.HARBOUR
    ladder = (
        StageDraft(kind="person", name="One driver", size=1),
        StageDraft(kind="team", name=depot.name, size=whole(f"ceiling_{depot.slug}")),
        StageDraft(kind="site", name="Region", size=whole("ceiling_region")),
        StageDraft(kind="enterprise", name="Fleet", size=whole("ceiling_fleet")),
    )
    with scene.does(lead) as person:
        pilot = pilots.propose(
            actor=person,
            slug=slug,
            name=name,
            system=scene.system,
            unit=scene.units[depot.slug],
            sponsor=scene.people[cast.PRIYA.staff_number],
            overseers=[scene.people[overseer.staff_number]],
            purpose=words.PURPOSE,
            fall_back=words.FALL_BACK,
            ends_at=scene.evening(whole("light_lane_days")),
            stages=ladder,
            stop_rules=[RuleDraft(name="An incident", figure="incidents", comparator="ge", threshold=Decimal(1), effect="stop")],
            promise=PromiseDraft(
                statement=f"{whole('promised_fuel')} % less fuel",
                target=Decimal(whole("promised_fuel")),
                measure="% less fuel per 100 km",
                cost=f"{figure('promised_cost').middle} M GBP over three years",
                source=words.PROMISE_SOURCE,
            ),
            follows=follows,
        )
    scene.pilots.append(slug)
    return pilot


def start(scene: Scene, pilot: Pilot, volunteer: str, why: str) -> None:
    """The light lane: one volunteer, one signature."""
    with scene.does(pilot.lead.staff_number) as person:
        request = light.ask(actor=person, pilot=pilot, volunteers=[scene.people[volunteer]], recommendation=why)
    sign(scene, request, cast.TOM, words.SIGNED_LIGHT)


def make_ready_to_widen(scene: Scene, pilot: Pilot) -> None:
    """What is due before the second stage: criteria, baseline, a tested way back, people informed, readiness actions done."""
    overseer = pilot.oversights.select_related("person").get().person
    owners = {"lead": pilot.lead, "overseer": overseer}
    criterion = partial(RuleDraft, comparator="ge", window_days=28)
    baseline = words.BASELINE.format(litres=figure(f"fuel_baseline_{pilot.unit.slug}").middle, late=figure("late_deliveries").middle)
    with scene.does(pilot.lead.staff_number) as person:
        pilot = pilots.complete(
            actor=person,
            pilot=pilot,
            criteria=[
                criterion(name="Drivers answer", figure="decided_share", threshold=Decimal(whole("decided_wanted")), minimum=100),
                criterion(name="Proposals fit", figure="acceptance_rate", threshold=Decimal(whole("acceptance_wanted")), minimum=100),
                criterion(name="Fuel goes down", figure="promise", threshold=Decimal(whole("fuel_worth_having"))),
                criterion(name="Nobody waits for an answer", figure="late_items", comparator="le", threshold=Decimal(0)),
            ],
            actions=[
                ActionDraft(kind=action.kind, what=action.what, owner=owners[action.owner], due_on=scene.today) for action in words.ACTIONS
            ],
            baseline=baseline,
            fall_back_tested_on=scene.today - dt.timedelta(days=6),
            people_informed_on=scene.today - dt.timedelta(days=9),
        )
    for done, action in zip(pilot.actions.order_by("id"), words.ACTIONS, strict=True):
        with scene.does(owners[action.owner].staff_number) as person:
            pilots.finish_action(actor=person, action=done, evidence=action.evidence)


def measured(scene: Scene, pilot: Pilot, name: str, *, weeks: tuple[int, int], method: str) -> None:
    """The promised figure over some weeks of the scene (first and last)."""
    monday = events.first_monday(scene.today)
    starts_on, ends_on = monday + dt.timedelta(weeks=weeks[0] - 1), monday + dt.timedelta(weeks=weeks[1], days=-1)
    value = Decimal(str(figure(name).middle))
    with scene.does(pilot.lead.staff_number) as person:
        pilots.measure(
            actor=person,
            pilot=pilot,
            starts_on=starts_on,
            ends_on=min(ends_on, scene.today - dt.timedelta(days=1)),
            value=value,
            method=method,
        )


def ask_for_depot(scene: Scene, pilot: Pilot, why: str, conditions: Sequence[str] = ()) -> ExpansionRequest:
    return ask(scene, pilot, why, units=[pilot.unit], ceiling=whole(f"ceiling_{pilot.unit.slug}"), conditions=conditions)


def ask(scene: Scene, pilot: Pilot, why: str, *, units: Sequence[Unit], ceiling: int, conditions: Sequence[str] = ()) -> ExpansionRequest:
    """Prepare and submit a request for drivers of `units`: the brief is frozen here. Who leads and oversees drives no lorry."""
    office = [person for person in scene.people.values() if person.unit_id == pilot.unit_id and person.email]
    with scene.does(pilot.lead.staff_number) as person:
        request = requests.prepare_widen(
            actor=person,
            pilot=pilot,
            recommendation=why,
            units=units,
            excluded=office,
            ceiling=ceiling,
            ends_at=scene.evening(whole("pilot_days")),
            conditions=list(conditions),
        )
        return requests.submit(actor=person, request=request)


def suggestion_box(scene: Scene) -> None:
    """Items of all three kinds of identity, voices, and answers with words."""
    for said in words.BOX:
        answer(scene, filed(scene, said), said)
    flagged = Item.objects.get(flag__isnull=False, text=words.FLAG_ANSWERED.text)
    answer(scene, flagged, words.FLAG_ANSWERED)
