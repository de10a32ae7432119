"""What every scene of the demonstration stands on: the company, and acts that several scenes share.

Everything is done by the services that the pages call, by the person who would do it. What people do is recorded as of
now, because that is when it is done. Only events carry their own time, in the weeks before.
"""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from audit.context import acting
from audit.services import system_actor
from feedback.models import Item
from feedback.services import answers, intake, items, voices
from feedback.services import events as event_intake
from governance.demo import cast, events, words
from governance.demo.figures import figure
from governance.models import ExpansionRequest
from governance.selectors import signing
from governance.services import signatures
from portal import clock
from portal.models import AISystem, Person, Unit
from portal.services import keys, people, systems, units
from portal.stepup import StepUp

BATCH = 1000
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike on a phone


@dataclass
class Scene:
    """What a scene has made so far. Units (by slug), people and passwords (by staff number) are the company's, shared by all."""

    name: str
    now: dt.datetime
    units: dict[str, Unit] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    members: Sequence[cast.Member] = ()
    pilots: list[str] = field(default_factory=list)
    key: str = ""
    browser_key: str = ""
    system: AISystem = field(init=False)

    @property
    def today(self) -> dt.date:
        return self.now.astimezone(events.ZONE).date()

    def follow(self, name: str, members: Sequence[cast.Member]) -> Scene:
        """Another scene of the same company, at the same moment."""
        return Scene(name, self.now, self.units, self.people, self.passwords, members)

    @contextmanager
    def does(self, member: cast.Member | str) -> Iterator[Person]:
        """`with scene.does(cast.MARA) as mara:` everything inside is hers, in the log too."""
        person = self.people[member if isinstance(member, str) else member.staff_number]
        with acting(person.pk, channel="demo"):
            yield person

    def evening(self, days: int) -> dt.datetime:
        """Five o'clock where the company is, so many days ahead."""
        return dt.datetime.combine(self.today + dt.timedelta(days=days), dt.time(17), events.ZONE)


def company(say: Callable[[str], None]) -> Scene:
    """The company with those who work for all of it, by the command itself: there is nobody else yet."""
    say("The company and its people")
    scene = Scene(cast.COMPANY.slug, clock.now())
    with acting(system_actor("demonstration"), channel="demo"):
        scene.units[cast.COMPANY.slug] = units.create(actor=None, name=cast.COMPANY.name, slug=cast.COMPANY.slug, **cast.CALENDAR)
    hire(scene, cast.COMPANY_STAFF)
    return scene


def place(scene: Scene, where: cast.Place, *, below: cast.Place) -> None:
    """A unit of the company."""
    with acting(system_actor("demonstration"), channel="demo"):
        scene.units[where.slug] = units.create(actor=None, name=where.name, slug=where.slug, parent=scene.units[below.slug])


def hire(scene: Scene, members: Iterable[cast.Member]) -> None:
    """People, their passwords and roles; whoever is there already stays as they are."""
    with acting(system_actor("demonstration"), channel="demo"):
        for member in members:
            if member.staff_number in scene.people:
                continue
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


def register(
    scene: Scene,
    system: dict[str, Any],
    unit: cast.Place,
    *,
    releases: Sequence[cast.Release],
    key: str,
    deployed_on: Callable[[cast.Release, dt.date], dt.date],
) -> None:
    """The administrator registers the system with its versions and makes the key that it signs in with."""
    with scene.does(cast.SAM) as sam:
        scene.system = systems.register(actor=sam, unit=scene.units[unit.slug], **system)
        for release in releases:
            deployed = dt.datetime.combine(deployed_on(release, scene.today), dt.time(4), events.ZONE)
            systems.declare_version(scene.system, actor=sam, label=release.label, notes=release.notes, deployed_at=deployed)
        scene.key = keys.issue(actor=sam, label=key, scopes=list(keys.SYSTEM_SCOPES), system=scene.system, days=366).text


def sign(scene: Scene, request: ExpansionRequest, member: cast.Member, reason: str, *, decision: str = "approve") -> None:
    """Decide on what stands there now. The way of confirming is written down as what it is: the demonstration's."""
    with scene.does(member) as person:
        request = ExpansionRequest.objects.get(pk=request.pk)
        digest = signing.live_digest(request)
        confirmed = StepUp("demonstration", clock.now(), digest)
        signatures.sign(actor=person, request=request, decision=decision, digest=digest, step_up=confirmed, reason=reason)


def receive(scene: Scene, happened: list[events.CloudEvent]) -> None:
    """Through the intake of `POST /api/v1/events`, in batches, as the system itself."""
    with acting(system_actor(f"system:{scene.system.slug}"), channel="demo"):
        for begin in range(0, len(happened), BATCH):
            raws = [msgspec.json.encode(event) for event in happened[begin : begin + BATCH]]
            refused = [result for result in event_intake.accept(scene.system, raws) if result.status != "accepted"]
            if refused:
                raise RuntimeError(f"{len(refused)} events were not accepted; the first: {refused[0]}")


def filed(scene: Scene, said: words.Said) -> Item:
    """What somebody says, in the suggestion box."""
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
