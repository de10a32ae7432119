"""A whole pilot as it stood: what is rebuilt from versions is what stood there, at any instant of a random history (A6)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, models, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.context import acting
from audit.models import Entry
from feedback.models import Item
from feedback.services import answers, items, voices
from governance.models import ExpansionRequest, Pilot
from governance.selectors import as_it_stood
from governance.services import ending, leaving, pilots, requests, stopping
from governance.services.pilots import ActionDraft
from portal.errors import DomainError
from portal.models import Person
from portal.services import systems, units
from tests import factories
from tests.cast import Api, Cast
from tests.governance import scene

SignIn = Callable[[Person], Client]
SLUG = "route-optimiser-northfield"
MICRO = dt.timedelta(microseconds=1)


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def now() -> dt.datetime:
    """The database's clock, which versions are dated by."""
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        moment: dt.datetime = cursor.fetchone()[0]
    return moment


def live(model: type[models.Model], **belongs: Any) -> list[Any]:
    """The rows as they are now: what a page read at that moment."""
    return list(model._default_manager.filter(**belongs).order_by("pk"))


def kind(row: Any) -> str:
    return type(row).__name__.removeprefix("Historical")


def seen(found: as_it_stood.StoodPilot | None) -> Any:
    """What stands on the page, without the rows themselves (their values are in `records`)."""
    if found is None:
        return None
    told = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    return {name: told[name] for name in ("word", "system", "unit", "lead", "sponsor", "overseers", "missing", "departures")} | {
        "records": found.records,
        "ladder": [
            (rung.stage.pk if hasattr(rung.stage, "pk") else 0, rung.stage.id, rung.here, rung.past, rung.since, rung.signed_by)[1:]
            for rung in found.ladder
        ],
        "requests": [(one.row.id, one.word, one.requester, one.stage, [mark.id for mark in one.signatures]) for one in found.requests],
        "grants": [(grant.id, stage, in_force) for grant, stage, in_force in found.grants],
        "items": [
            (
                item.row.id,
                item.author,
                item.voices,
                [(type(one).__name__.removeprefix("Historical"), one.id, who) for one, who in item.said],
            )
            for item in found.items
        ],
        "shown": (found.item_count, found.shown),
    }


class History:
    """Random steps of everybody who has to do with a pilot; each either happens as a whole or is refused."""

    def __init__(self, cast: Cast, seed: int) -> None:
        self.cast, self.random = cast, random.Random(seed)
        self.everyone = [cast.jo, *cast.colleagues]

    def step(self) -> str:
        name = self.random.choice([name for name in dir(self) if name.startswith("do_")])
        try:
            with transaction.atomic():
                getattr(self, name)()
        except (DomainError, ValidationError, PermissionDenied, IndexError):
            return f"{name} refused"
        return name

    def _as(self, person: Person) -> Any:
        return acting(person.pk, channel="page")

    def _pilot(self) -> Pilot:
        return Pilot.objects.get(slug=SLUG)

    def _item(self) -> Item:
        return self.random.choice(list(Item.objects.order_by("pk")))

    def _request(self) -> ExpansionRequest:
        return self.random.choice(list(ExpansionRequest.objects.order_by("pk")))

    def do_file(self) -> None:
        person = self.random.choice(self.everyone)
        identity = self.random.choice(["named", "confidential"])
        with self._as(person):
            items.file(actor=person, system=self.cast.system, kind="idea", text=f"Idea {self.random.random()}", identity=identity)

    def do_voice(self) -> None:
        person = self.random.choice(self.everyone)
        with self._as(person):
            voices.add(self._item(), actor=person)

    def do_unvoice(self) -> None:
        person = self.random.choice(self.everyone)
        with self._as(person):
            voices.withdraw(self._item(), actor=person)

    def do_answer(self) -> None:
        with self._as(self.cast.mara):
            answers.reply(self._item(), actor=self.cast.mara, text="We look at it.")

    def do_move(self) -> None:
        with self._as(self.cast.mara):
            to = self.random.choice(["acknowledged", "planned", "declined", "done"])
            answers.move(self._item(), actor=self.cast.mara, to=to, words="As agreed.")

    def do_start(self) -> None:
        scene.ask_to_start(self.cast, self._pilot(), *self.random.sample(self.everyone, 2))

    def do_complete(self) -> None:
        scene.complete(self.cast, self._pilot())

    def do_act(self) -> None:
        with self._as(self.cast.mara):
            action = ActionDraft(kind="training", what="Half an hour", owner=self.cast.mara, due_on=dt.date(2026, 12, 24))
            pilots.complete(actor=self.cast.mara, pilot=self._pilot(), actions=[action])

    def do_finish(self) -> None:
        action = self._pilot().actions.filter(done_at=None)[0]
        with self._as(self.cast.mara):
            pilots.finish_action(actor=self.cast.mara, action=action, evidence="Sheet of names")

    def do_widen(self) -> None:
        scene.ask_to_widen(self.cast, self._pilot())

    def do_sign(self) -> None:
        signer = self.random.choice([self.cast.helen, self.cast.priya, self.cast.tom])
        decision = self.random.choice(["approve", "approve", "approve", "request_changes"])
        scene.sign(signer, self._request(), decision, reason="Because")

    do_sign_too = do_sign_again = do_sign

    def do_withdraw(self) -> None:
        with self._as(self.cast.mara):
            requests.withdraw(actor=self.cast.mara, request=self._request(), reason="Not now")

    def do_hold(self) -> None:
        with self._as(self.cast.tom):
            stopping.hold(actor=self.cast.tom, pilot=self._pilot(), reason="Look at it")

    def do_leave(self) -> None:
        person = self.random.choice(self.everyone)
        with self._as(person):
            leaving.leave(actor=person, pilot=self._pilot())

    def do_rename_unit(self) -> None:
        with self._as(self.cast.sam):
            name = f"Northfield {self.random.randrange(100)}"
            units.change(self.cast.northfield, actor=self.cast.sam, name=name, time_zone="Europe/London", country="GB", subdivision="ENG")

    def do_move_unit(self) -> None:
        with self._as(self.cast.sam):
            units.move(self.cast.northfield, actor=self.cast.sam, parent=self.random.choice([self.cast.company, self.cast.harbour]))

    def do_rename_system(self) -> None:
        with self._as(self.cast.sam):
            systems.change(self.cast.system, actor=self.cast.sam, name=f"Optimiser {self.random.randrange(100)}")

    def do_remove_overseer(self) -> None:
        """Nobody can by a page; a script could."""
        with factories.by_test():
            self._pilot().oversights.all()[0].delete()


@pytest.mark.parametrize("seed", [20, 261])
def test_pilot__random_history__every_instant_is_rebuilt_as_it_stood(cast: Cast, seed: int) -> None:
    history = History(cast, seed)
    before = now()
    pilot = scene.propose(cast)
    frames: list[tuple[dt.datetime, str, Any]] = [(before, "before", None)]
    for _ in range(26):
        told = history.step()
        instant = now()
        frames.append((instant, told, seen(as_it_stood.assemble(pilot.pk, instant, live))))
    happened = {told for _at, told, _seen in frames if "refused" not in told}
    assert len(happened) > 6, happened
    for (instant, told, was), (later, _told, _was) in zip(frames, [*frames[1:], (now(), "", None)], strict=True):
        assert seen(as_it_stood.stood(SLUG, instant)) == was, told
        if history.random.random() < 0.25 and told != "before":
            # Up to the first write after it, nothing looks different.
            first = Entry.objects.filter(at__gt=instant, at__lte=later).order_by("at").values_list("at", flat=True).first()
            assert seen(as_it_stood.stood(SLUG, (first - MICRO) if first else later)) == was, told


@pytest.fixture
def lived(cast: Cast) -> tuple[Pilot, dt.datetime]:
    """A pilot with a wide history, and the instant at which it had one person, no request open, and one item with a voice."""
    pilot = scene.started(cast)
    with acting(cast.jo.pk, channel="page"):
        item = items.file(actor=cast.jo, system=cast.system, kind="idea", text="Group the stops by street", identity="named")
    with acting(cast.colleagues[1].pk, channel="page"):
        voices.add(item, actor=cast.colleagues[1])
        hidden = items.file(actor=cast.colleagues[1], system=cast.system, kind="problem", text="It skips my break", identity="confidential")
        assert hidden.author is None
        items.file(actor=cast.colleagues[1], system=cast.system, kind="concern", text="It watches us", identity="confidential")
    then = now()
    request = scene.ask_to_widen(cast, scene.complete(cast, pilot))
    scene.sign(cast.priya, request)
    with acting(cast.mara.pk, channel="page"):
        answers.move(item, actor=cast.mara, to="planned", words="In December.")
    with acting(cast.tom.pk, channel="page"):
        stopping.stop(actor=cast.tom, pilot=pilot, reason="An incident at stop 9")
    return Pilot.objects.get(pk=pilot.pk), then


def test_page__then_and_now__read_only_and_marked(cast: Cast, lived: tuple[Pilot, dt.datetime], sign_in: SignIn) -> None:
    _pilot, then = lived
    client = sign_in(cast.tom)
    page = text(client.get(f"/pilots/{SLUG}", {"at": then.isoformat()}))
    assert "As it stood on" in page
    assert "Read only. It may be different now." in page
    for told in ("Active", "Helen Castellan", "G-", "Group the stops by street", "1 voice added", "Jo Okafor", "Write down the figures"):
        assert told in page, told
    for later in ("In December.", "An incident at stop 9", "Widen to the depot", "12 % less fuel"):
        assert later not in page, later
    assert "Confidential" in page
    assert "It watches us" not in page
    main = page.partition("<main")[2].partition("</main>")[0]
    assert "<button" not in main.replace('<button class="btn">Show</button>', "")
    assert 'method="post"' not in main
    today = text(client.get(f"/pilots/{SLUG}?at="))
    for told in ("Stopped", "In December.", "An incident at stop 9", "Widen to the depot", "12 % less fuel", "Priya Raman"):
        assert told in today, told
    acts = Entry.objects.filter(action="audit.pilot-read")
    assert [(act.actor, act.model) for act in acts] == [(cast.tom.pk, "governance.pilot")] * 2


def test_page__after_its_end__no_grant_is_in_force(cast: Cast, lived: tuple[Pilot, dt.datetime], sign_in: SignIn) -> None:
    pilot, _then = lived
    with acting(cast.mara.pk, channel="page"):
        ending.end(
            actor=cast.helen,
            pilot=pilot,
            outcome="ended_early",
            cause="It added stops.",
            lessons="Ask sooner.",
            told_objectors="We stopped it.",
        )
    page = text(sign_in(cast.tom).get(f"/pilots/{SLUG}?at="))
    assert "In force" not in page
    assert "Ended" in page.partition("<h1")[2].partition("All times on this page")[0]


def test_page__who_filed_a_confidential_item__is_never_there(cast: Cast, lived: tuple[Pilot, dt.datetime], sign_in: SignIn) -> None:
    """Ben Osei added a voice and filed two confidential items: his name stands nowhere on the page."""
    author = cast.colleagues[1]
    for at in (lived[1].isoformat(), ""):
        body = sign_in(cast.tom).get(f"/pilots/{SLUG}", {"at": at}).content.decode()
        assert author.name not in body
        assert str(author.pk) not in body


def test_page__before_it_was_there__says_so_and_leads_to_the_first_change(
    cast: Cast, lived: tuple[Pilot, dt.datetime], sign_in: SignIn
) -> None:
    page = text(sign_in(cast.tom).get(f"/pilots/{SLUG}", {"at": "2026-01-01"}))
    assert "did not exist then" in page
    assert "Change after" in page


def test_page__steps__walk_through_whole_transactions(committed_db: Any, cast: Cast, sign_in: SignIn) -> None:
    pilot = scene.started(cast)
    client, words, at = sign_in(cast.tom), [], ""
    for _ in range(12):
        page = text(client.get(f"/pilots/{SLUG}?at={at}"))
        found = re.search(r'<h1>[^<]*</h1> <p>(?:<span class="tag ">(\w+)</span>)?', page)
        assert found
        words.append(found[1])
        before = re.search(r'\?at=([^"]+)">Change before', page)
        if not before:
            break
        at = before[1]
    # Proposed, asked for, and the signature that carried it out in one transaction.
    assert words[0] == "Active"
    assert "Proposed" in words
    assert words.count("Active") == 1
    assert pilot.condition == "active"


@pytest.mark.parametrize("at", ["never", "2999-01-01", "2026-13-40", "9" * 60])
def test_page__no_time__is_refused(cast: Cast, lived: tuple[Pilot, dt.datetime], sign_in: SignIn, at: str) -> None:
    assert sign_in(cast.tom).get(f"/pilots/{SLUG}", {"at": at}).status_code == 422


def test_page__others__may_not(cast: Cast, lived: tuple[Pilot, dt.datetime], sign_in: SignIn) -> None:
    for person in (cast.jo, cast.mara, cast.priya, cast.helen, cast.sam):
        client = sign_in(person)
        assert client.get(f"/pilots/{SLUG}?at=2026-11-01").status_code == 403
        assert "Audit timeline" not in text(client.get(f"/pilots/{SLUG}"))
    page = text(sign_in(cast.tom).get(f"/pilots/{SLUG}"))
    assert "Audit timeline" in page
    assert re.search(r'href="\?at=20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"', page)
    assert sign_in(cast.tom).get("/pilots/no-such-pilot?at=2026-11-01").status_code == 404


def test_page__more_of_everything__same_number_of_queries(cast: Cast, lived: tuple[Pilot, dt.datetime], sign_in: SignIn) -> None:
    client = sign_in(cast.tom)
    client.get(f"/pilots/{SLUG}?at=")

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/pilots/{SLUG}?at=").status_code == 200
        return len(queries)

    few = count()
    history = History(cast, 7)
    for _ in range(8):
        history.do_file()
        history.do_voice()
    for number in range(20):
        factories.unit(f"team-{number}", cast.northfield)
    assert count() == few <= 60


def test_api__pilot_as_it_stood(committed_db: Any, cast: Cast, lived: tuple[Pilot, dt.datetime], api: Callable[..., Api]) -> None:
    pilot, then = lived
    client = api(cast.tom, "audit:read")
    at = then.isoformat().replace("+00:00", "Z")
    body = client.get(f"/api/v1/audit/pilots/{SLUG}?at={at}").json()
    assert (body["existed"], body["word"], body["items"], body["at"]) == (True, "Active", 2, at)
    assert body["before"] < at < body["after"]
    (row,) = body["records"]["governance.pilot"]
    assert (row["condition"], row["base_version"]) == ("active", 3)
    assert len(body["records"]["governance.signature"]) == 1
    assert len(body["records"]["feedback.voice"]) == 1
    now_ = client.get(f"/api/v1/audit/pilots/{SLUG}").json()
    assert (now_["word"], len(now_["records"]["governance.signature"])) == ("Stopped", 2)
    assert client.get(f"/api/v1/audit/pilots/{SLUG}?at=2026-01-01").json()["existed"] is False
    assert client.get("/api/v1/audit/pilots/none").status_code == 404
    assert api(cast.mara).get(f"/api/v1/audit/pilots/{SLUG}").status_code == 403
    assert pilot.condition == "stopped"
