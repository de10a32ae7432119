"""Every page and every list takes the same number of queries for a few rows and for many: all routes of the table, no list to keep."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.context import acting
from audit.explore import saved
from audit.keeping import erasure, holds
from audit.models import Judgement, Pack, Review
from audit.selectors import log_size
from feedback.models import Item
from feedback.services import answers, items, kiosks, voices
from governance.models import ExpansionRequest, Pilot
from governance.services import pilots, requests
from governance.services.pilots import ActionDraft
from portal import clock
from portal.services import notices
from tests import factories
from tests.governance import scene as governance
from tests.test_permissions import ROLES, World, address, caller, rows, world

__all__ = ["world"]

FEW, MANY = 2, 9
# Who looks: those who are shown most come first.
READERS = ("compliance", "lead", "administrator", "executive", "employee", "personal key")
# These have no rows, or as many of them as the address says.
WITHOUT_ROWS = ("api/v1/schema", "log/", "account/", "mail-off/")
_numbers = itertools.count(1)


def grow(world: World, count: int) -> None:
    """Add `count` of everything that a list can show."""
    for _ in range(count):
        number = next(_numbers)
        people(world, number)
        box(world, number)
        recommendation(world, number)
        pilot(world, number)
        request(world)
        trail(world, number)


def people(world: World, number: int) -> None:
    cast = world.cast
    system = factories.system(f"planner-{number}", cast.company)
    factories.version(system)
    factories.version(cast.system, f"3.{number}")
    factories.unit(f"bay-{number}", cast.northfield)
    driver = factories.person(f"Driver {number}", cast.northfield, email=None)
    factories.role(driver, "lead", cast.northfield)
    factories.role(cast.jo, "lead", factories.unit(f"yard-{number}", cast.harbour))
    factories.key(system=cast.system, scopes=["gate:read"])
    for person in (cast.jo, cast.mara, cast.helen, cast.tom, cast.sam):
        factories.key(person=person, scopes=["read"])
        with factories.by_test():
            notices.tell(
                kind="tests", recipient=person, dedupe_key=f"tests:{number}:{person.pk}", subject=f"News {number}", channels=("app",)
            )


def box(world: World, number: int) -> None:
    cast = world.cast
    author = cast.colleagues[number % 5]
    for person, kind, identity in ((cast.jo, "idea", "named"), (author, "problem", "named"), (author, "concern", "confidential")):
        with acting(person.pk, channel="page"):
            item = items.file(actor=person, system=cast.system, kind=kind, text=f"Dock {number} is closed", identity=identity)
    with acting(cast.jo.pk, channel="page"):
        voices.add(item, actor=cast.jo)
    with acting(cast.mara.pk, channel="page"):
        kiosks.make(actor=cast.mara, name=f"Dock {number}", unit=cast.northfield, system=cast.system)
    known = Item.objects.by_ref(str(world.values["items/"]["ref"])).get()
    with acting(cast.mara.pk, channel="page"):
        answers.reply(known, actor=cast.mara, text=f"Answer {number}")


def recommendation(world: World, number: int) -> None:
    cast = world.cast
    sent = {
        "specversion": "1.0",
        "id": f"q-{number}",
        "source": "route-optimiser",
        "type": "ai.lastmile.recommendation.shown.v1",
        "subject": f"rec-q-{number}",
        "time": clock.now().isoformat(),
        "data": {"person": cast.jo.staff_number, "kind": "route", "version": "2.4.0", "proposal": "Turn left", "confidence": 0.7},
    }
    answer = caller(None, factories.key(system=cast.system, scopes=["events:write"]), "application/cloudevents+json")(
        "POST", "/api/v1/events", sent
    )
    assert answer.status_code == 200, answer.content


def pilot(world: World, number: int) -> None:
    """Two more pilots: one running with a request that waits, one proposed."""
    cast = world.cast
    running = governance.propose(
        cast, slug=f"trial-{number}", name=f"Trial {number}", system=factories.system(f"trial-{number}", cast.company, risk_tier="minimal")
    )
    factories.version(running.system)
    governance.sign(cast.helen, governance.ask_to_start(cast, running))
    governance.ask_to_widen(cast, governance.complete(cast, Pilot.objects.get(pk=running.pk)))
    later = factories.system(f"later-{number}", cast.company)
    factories.version(later)
    governance.propose(cast, slug=f"later-{number}", name=f"Later {number}", system=later)
    own = Pilot.objects.get(slug=world.values["pilots/"]["slug"])
    with acting(cast.mara.pk, channel="page"):
        today = clock.now().date()
        pilots.complete(
            actor=cast.mara, pilot=own, actions=[ActionDraft(kind="briefing", what=f"Brief shift {number}", owner=cast.mara, due_on=today)]
        )


def request(world: World) -> None:
    """One more revision, with a signature that no longer counts, of the request that pages name; it waits again afterwards."""
    cast = world.cast
    known = ExpansionRequest.objects.get(pk=str(world.values["requests/"]["pk"]))
    governance.sign(cast.priya, known, decision="request_changes", reason="Say why")
    known = ExpansionRequest.objects.get(pk=known.pk)
    with acting(cast.mara.pk, channel="page"):
        requests.submit(actor=cast.mara, request=requests.revise(actor=cast.mara, request=known, recommendation="Widen: drivers use it."))


def trail(world: World, number: int) -> None:
    """One more review, judgement, saved view, pack, hold and erasure."""
    tom = world.cast.tom.pk
    person = factories.person(f"Gone {number}", world.cast.harbour, email=None)
    second = factories.person(f"Keeper {number}", world.cast.company, email=None)
    with acting(tom, channel="page"):
        size, drawn = log_size(), list(range(number))
        begun = {"reviewer": second.pk, "first": 0, "stop": size, "begun_at": clock.now(), "size": size, "root": "0" * 64, "seed": "0" * 64}
        review = Review.objects.create(purpose=f"Sample {number}", sample=number, drawn=drawn, **begun)
        Judgement.objects.bulk_create(
            Judgement(review=review, seq=seq, verdict="question", note="Who?", by=second.pk, at=clock.now()) for seq in drawn
        )
        world.values["audit/review/"] = world.values["audit/reviews/"] = {"pk": review.pk}
        hold = holds.place(actor=tom, kind="person", what=person.staff_number, reason=f"Case {number}")
        holds.ask_release(hold, actor=tom, reason="Over")
        erasure.ask(actor=tom, person=person.staff_number, why="asked")
        Pack.objects.create(kind="all", title=f"Pack {number}", asked_by=second.pk, asked_at=clock.now(), state="cancelled")
    for owner in (tom, second.pk):
        with acting(owner, channel="page"):
            kept = saved.save_view(actor=owner, name=f"View {number}", query=f"actor:jo object:portal.unit/{number}", shared=owner != tom)
            saved.subscribe(kept, actor=tom, every="day", now=clock.now())


def shown() -> Iterator[tuple[str, str]]:
    """(route, role) of every GET with rows, for the two roles that see most of it."""
    for row, statuses in rows().items():
        method, _, route = row.partition(" ")
        if method != "GET" or route.startswith(WITHOUT_ROWS):
            continue
        got = dict(zip(ROLES, statuses, strict=True))
        yield from ((route, role) for role in [role for role in READERS if got[role] == 200][:2])


def queries(world: World, route: str, role: str) -> list[str]:
    """The statements of one request, after one that fills the process's own caches; what it wrote is taken back."""
    path = address(world, route)
    with transaction.atomic():
        world.clients[role]("GET", path, {})
        with CaptureQueriesContext(connection) as captured:
            answer = world.clients[role]("GET", path, {})
        assert answer.status_code == 200, path
        transaction.set_rollback(True)
    return [query["sql"] for query in captured.captured_queries]


def test_every_get__many_rows__no_more_queries_than_for_few(world: World) -> None:
    grow(world, FEW)
    few = {place: queries(world, *place) for place in shown()}
    assert len(few) > 60, "the table is not read"
    grow(world, MANY)
    many = {place: queries(world, *place) for place in few}
    grew = {place: (len(few[place]), len(many[place])) for place in few if len(many[place]) > len(few[place])}
    assert grew == {}
