"""The logistics scene, acted out: everything is done by the services that the pages call, by the person who would do it.

What people do is recorded as of now, because that is when it is done. Only events carry their own time, in the weeks before.
"""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

import msgspec

from audit.context import acting
from audit.services import system_actor
from feedback.models import Item
from feedback.services import answers, intake, items, voices
from feedback.services import events as event_intake
from governance.demo import cast, events, words
from governance.demo.figures import figure
from governance.models import ExpansionRequest, Pilot
from governance.selectors import signing
from governance.services import ending, light, pilots, requests, signatures
from governance.services.pilots import ActionDraft, PromiseDraft, RuleDraft, StageDraft
from portal import clock
from portal.models import AISystem, Person, Unit
from portal.services import keys, people, systems, units
from portal.stepup import StepUp

BATCH = 1000
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike on a phone


@dataclass
class Scene:
    """What has been made so far: people by staff number, units by slug, and what goes into demo.json."""

    now: dt.datetime
    units: dict[str, Unit] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    pilots: list[str] = field(default_factory=list)
    key: str = ""
    system: AISystem = field(init=False)

    @property
    def today(self) -> dt.date:
        return self.now.astimezone(events.ZONE).date()

    @contextmanager
    def does(self, member: cast.Member | str) -> Iterator[Person]:
        """`with scene.does(cast.MARA) as mara:` everything inside is hers, in the log too."""
        person = self.people[member if isinstance(member, str) else member.staff_number]
        with acting(person.pk, channel="demo"):
            yield person

    def evening(self, days: int) -> dt.datetime:
        """Five o'clock in the depot, so many days ahead."""
        return dt.datetime.combine(self.today + dt.timedelta(days=days), dt.time(17), events.ZONE)


def load(say: Callable[[str], None]) -> Scene:
    """Act the whole scene. The caller holds the transaction; `say` is told what happens."""
    scene = Scene(now=clock.now())
    say("The company, its depots and its people")
    organisation(scene)
    registry(scene)
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
    return scene


def organisation(scene: Scene) -> None:
    """Units, people and roles, by the command itself: there is nobody else yet."""
    with acting(system_actor("demonstration"), channel="demo"):
        company = units.create(actor=None, name=cast.COMPANY.name, slug=cast.COMPANY.slug, **cast.CALENDAR)
        scene.units[company.slug] = company
        for place in cast.DEPOTS:
            scene.units[place.slug] = units.create(actor=None, name=place.name, slug=place.slug, parent=company)
        for member in cast.EVERYONE:
            unit = scene.units[member.unit]
            if member.signs_in:
                scene.passwords[member.staff_number] = password()
            person = people.add(
                actor=None,
                staff_number=member.staff_number,
                name=member.name,
                unit=unit,
                email=member.email,
                password=scene.passwords.get(member.staff_number, ""),
                chosen_by_holder=True,  # whoever looks at the demonstration signs at once
            )
            scene.people[member.staff_number] = person
            if member.role:
                people.give_role(person, actor=None, role=member.role, unit=unit)


def password() -> str:
    """Twelve letters in threes: 59 bits, and typed on a phone without a mistake."""
    return "-".join("".join(secrets.choice(LETTERS) for _letter in range(4)) for _group in range(3))


def registry(scene: Scene) -> None:
    """The administrator registers the system with its versions and makes the key that it signs in with."""
    with scene.does(cast.SAM) as sam:
        scene.system = systems.register(actor=sam, unit=scene.units[cast.COMPANY.slug], **cast.SYSTEM)
        for release in cast.RELEASES:
            deployed = dt.datetime.combine(events.deployed_on(release, scene.today), dt.time(4), events.ZONE)
            systems.declare_version(scene.system, actor=sam, label=release.label, notes=release.notes, deployed_at=deployed)
        issued = keys.issue(actor=sam, label="Kestrel console", scopes=list(keys.SYSTEM_SCOPES), system=scene.system, days=366)
        scene.key = issued.text


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


def sign(scene: Scene, request: ExpansionRequest, member: cast.Member, reason: str) -> None:
    """Approve what stands there now. The way of confirming is written down as what it is: the demonstration's."""
    with scene.does(member) as person:
        request = ExpansionRequest.objects.get(pk=request.pk)
        digest = signing.live_digest(request)
        confirmed = StepUp("demonstration", clock.now(), digest)
        signatures.sign(actor=person, request=request, decision="approve", digest=digest, step_up=confirmed, reason=reason)


def receive(scene: Scene, happened: list[events.CloudEvent]) -> None:
    """Through the intake of `POST /api/v1/events`, in batches, as the system itself."""
    with acting(system_actor(f"system:{scene.system.slug}"), channel="demo"):
        for begin in range(0, len(happened), BATCH):
            raws = [msgspec.json.encode(event) for event in happened[begin : begin + BATCH]]
            refused = [result for result in event_intake.accept(scene.system, raws) if result.status != "accepted"]
            if refused:
                raise RuntimeError(f"{len(refused)} events were not accepted; the first: {refused[0]}")


def suggestion_box(scene: Scene) -> None:
    """Items of all three kinds of identity, voices, and answers with words."""
    for said in words.BOX:
        answer(scene, filed(scene, said), said)
    flagged = Item.objects.get(flag__isnull=False, text=words.FLAG_ANSWERED.text)
    answer(scene, flagged, words.FLAG_ANSWERED)


def filed(scene: Scene, said: words.Said) -> Item:
    if said.identity == Item.Identity.ANONYMOUS:
        intake.file(client_id=uuid.uuid4(), system=scene.system.slug, kind=said.kind, text=said.text)
        intake.admit()
        return Item.objects.get(identity=Item.Identity.ANONYMOUS, text=said.text)
    with scene.does(said.by) as person:
        return items.file(
            actor=person,
            system=scene.system,
            kind=said.kind,
            text=said.text,
            identity=said.identity,
            severity=said.severity,
            recommendation_uid=said.about,
        )


def answer(scene: Scene, item: Item, said: words.Said) -> None:
    """Others say "me too"; then comes the answer, and where the item stands now."""
    for number in said.voices:
        with scene.does(number) as person:
            voices.add(item, actor=person)
    if not said.status:
        return
    with scene.does(said.answered_by) as person:
        answers.reply(item, actor=person, text=said.answer)
        answers.move(item, actor=person, to=said.status, words=said.moved)


def whole(name: str) -> int:
    """A figure of the table that is one whole number."""
    return round(figure(name).middle)
