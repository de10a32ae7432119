"""Saved views: kept, shared, changed by their owner alone; and who is told, once, when something new fits."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.context import acting
from audit.explore import indexing, saved
from audit.log import sealing
from audit.models import Entry, SavedView, Subscription
from audit.services import record, system_actor
from portal.models import Notice, Person, Role
from portal.services import notices
from tests import factories
from tests.cast import Api, Cast
from tests.services import Database

SignIn = Callable[[Any], Client]
MONDAY = dt.datetime(2026, 11, 23, 9, 30, tzinfo=dt.UTC)


@pytest.fixture
def ida(cast: Cast) -> Person:
    """A second person in compliance."""
    person = factories.person("Ida Berg", cast.company)
    factories.role(person, Role.COMPLIANCE, cast.company)
    return person


def save(client: Client, **changes: str) -> Any:
    return client.post("/audit/views", {"name": "What Mara does", "query": "actor:mara"} | changes)


def test_view__saved__listed_opened_and_an_entry(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.tom)
    assert "No view yet" in client.get("/audit/views").content.decode()
    assert save(client).status_code == 302
    view = SavedView.objects.get()
    page = client.get("/audit/views").content.decode()
    assert f'href="/audit?view={view.pk}"' in page
    opened = client.get(f"/audit?view={view.pk}").content.decode()
    assert "<h1>What Mara does</h1>" in opened
    assert 'value="actor:mara"' in opened
    assert list(Entry.objects.filter(model="audit.savedview").values_list("action", "actor")) == [("created", cast.tom.pk)]
    search = Entry.objects.select_related("payload").get(action="audit.searched")
    assert f'"view":{view.pk}' in search.payload.body


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": ""}, "required"),
        ({"name": "x" * 81}, "at most 80"),
        ({"query": ""}, "required"),
        ({"query": "nope:1"}, "is not known"),
        ({"query": "x" * 401}, "at most 400"),
        ({"query": '""'}, "Write what to look for"),
        ({"name": "a\x00b"}, "Null characters"),
    ],
)
def test_view__that_cannot_be__says_why_and_keeps_nothing(cast: Cast, sign_in: SignIn, changes: dict[str, str], says: str) -> None:
    answer = save(sign_in(cast.tom), **changes)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not SavedView.objects.exists()


def test_view__name_taken__only_among_ones_own(cast: Cast, ida: Person, sign_in: SignIn) -> None:
    assert [save(sign_in(person)).status_code for person in (cast.tom, cast.tom, ida)] == [302, 422, 302]


def test_view__of_another__hidden_until_shared_and_never_changed(cast: Cast, ida: Person, sign_in: SignIn, api: Callable[..., Api]) -> None:
    tom, other, key = sign_in(cast.tom), sign_in(ida), api(ida)
    save(tom)
    view = SavedView.objects.get()
    page, change = f"/audit/views/{view.pk}", {"name": "Mine now", "query": "actor:tom"}

    def tries() -> list[int]:
        return [
            other.get(page).status_code,
            other.post(page, change).status_code,
            other.post(f"{page}/delete").status_code,
            other.post(f"{page}/mail", {"every": "day"}).status_code,
            other.get(f"/audit?view={view.pk}").status_code,
            key.get(f"/api/v1{page}").status_code,
            key.put(f"/api/v1{page}", change).status_code,
            key.delete(f"/api/v1{page}").status_code,
            key.put(f"/api/v1{page}/subscription", {"every": "day"}).status_code,
        ]

    assert tries() == [404] * 9
    assert tom.post(page, {"name": view.name, "query": view.query, "shared": "on"}).status_code == 302
    assert tries() == [200, 403, 403, 302, 200, 200, 403, 403, 200]
    assert SavedView.objects.get().name == "What Mara does"
    assert "Tom Brandt" in other.get("/audit/views").content.decode()
    # No longer shared: who was told through it is not told any more.
    assert Subscription.objects.filter(subscriber=ida.pk).exists()
    tom.post(page, {"name": view.name, "query": view.query})
    assert not Subscription.objects.exists()
    assert tries() == [404] * 9


def test_view__deleted__gone_with_its_subscriptions(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.tom)
    save(client)
    view = SavedView.objects.get()
    client.post(f"/audit/views/{view.pk}/mail", {"every": "hour"})
    assert client.post(f"/audit/views/{view.pk}/delete").status_code == 302
    assert not SavedView.objects.exists()
    assert not Subscription.objects.exists()
    assert client.get(f"/audit?view={view.pk}").status_code == 404
    assert client.get("/audit?view=x").status_code == 404
    assert client.get("/audit?view=" + "9" * 18).status_code == 404


def test_api__views__as_the_pages(cast: Cast, api: Callable[..., Api]) -> None:
    key = api(cast.tom)
    made = key.post("/api/v1/audit/views", {"name": "Zebras", "query": 'zebra "at night"', "shared": True})
    assert (made.status_code, made["Location"]) == (201, f"/api/v1/audit/views/{made.json()['id']}")
    path = made["Location"]
    assert key.get("/api/v1/audit/views").json() == {"results": [made.json()], "next": None}
    assert (made.json()["own"], made.json()["owner"], made.json()["every"]) == (True, "Tom Brandt", "")
    assert key.put(path, {"name": "Zebras", "query": "zebra"}).json()["shared"] is False
    assert key.put(f"{path}/subscription", {"every": "week"}).json()["every"] == "week"
    assert key.put(f"{path}/subscription", {"every": "minute"}).status_code == 422
    assert key.delete(f"{path}/subscription").status_code == 204
    bodies: list[Any] = [{}, {"name": "x", "query": "after:x"}, {"name": "x", "query": "x" * 401}, {"name": "Zebras", "query": ""}, []]
    for body in bodies:
        assert key.post("/api/v1/audit/views", body).status_code in {400, 422}
    taken = key.post("/api/v1/audit/views", {"name": "Zebras", "query": "x"})
    assert taken.status_code == 422
    assert key.delete(path).status_code == 204
    assert key.get(path).status_code == 404
    assert api(cast.tom, "audit:read").post("/api/v1/audit/views", {"name": "x", "query": "x"}).status_code == 403


def test_views__many__same_number_of_queries(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.tom)
    save(client)
    client.get("/audit/views")
    counts = []
    for turn in range(2):
        with CaptureQueriesContext(connection) as counted:
            client.get("/audit/views")
        counts.append(len(counted))
        SavedView.objects.bulk_create(SavedView(owner=cast.tom.pk, name=f"v{turn}-{number}", query="x") for number in range(20))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("every", "now", "then"),
    [
        ("hour", MONDAY, dt.datetime(2026, 11, 23, 10, 0, tzinfo=dt.UTC)),
        ("day", MONDAY, dt.datetime(2026, 11, 24, 6, 0, tzinfo=dt.UTC)),
        ("day", MONDAY.replace(hour=5), dt.datetime(2026, 11, 23, 6, 0, tzinfo=dt.UTC)),
        ("week", MONDAY, dt.datetime(2026, 11, 30, 6, 0, tzinfo=dt.UTC)),
        ("week", MONDAY.replace(hour=5), dt.datetime(2026, 11, 23, 6, 0, tzinfo=dt.UTC)),
        ("week", MONDAY + dt.timedelta(days=5), dt.datetime(2026, 11, 30, 6, 0, tzinfo=dt.UTC)),
    ],
)
def test_next_time__by_period(every: str, now: dt.datetime, then: dt.datetime) -> None:
    assert saved.next_time(every, now) == then


# Being told


@pytest.fixture
def told(log: Database, cast: Cast) -> Callable[..., list[Notice]]:
    """Seal, index, and let the rules run at a time; answers the notices by mail so far."""

    def run(now: dt.datetime) -> list[Notice]:
        connection.close()
        sealing.seal()
        indexing.index()
        notices.raise_due(now)
        return list(Notice.objects.filter(kind=saved.NOTICE, channel="mail").order_by("id"))

    return run


def happens(times: int = 1, action: str = "audit.backup-made") -> None:
    with acting(system_actor("tests")):
        for _time in range(times):
            record(action, model="tests.thing", object_id="1", detail={"note": "a secret zebra"})


def watch(person: Person, query: str, every: str = "day", *, shared: bool = False) -> SavedView:
    with acting(person.pk):
        view = saved.save_view(actor=person.pk, name=f"Watch {query}"[:80], query=query, shared=shared)
        saved.subscribe(view, actor=person.pk, every=every, now=MONDAY)
    return view


def test_news__one_mail_a_period__count_and_link_no_value(cast: Cast, told: Callable[..., list[Notice]], sign_in: SignIn) -> None:
    happens(2)
    told(MONDAY)
    view = watch(cast.tom, "kind:thing")
    assert told(MONDAY) == []
    happens(3)
    assert told(MONDAY + dt.timedelta(hours=1)) == [], "not before its time"
    tuesday = MONDAY + dt.timedelta(days=1)
    assert len(told(tuesday)) == 1
    for _again in range(3):
        happens()
        assert len(told(tuesday + dt.timedelta(hours=1))) == 1, "one a period"
    found = told(tuesday + dt.timedelta(days=4))
    assert [notice.subject.split()[0] for notice in found] == ["3", "3"], "what came meanwhile, once, after days without a worker"
    notices.deliver()
    sent = [message for message in mail.outbox if "fit" in message.subject]
    assert len(sent) == 2
    for message in sent:
        html = message.alternatives[0][0]  # type: ignore[attr-defined]
        for text in (message.body, html):
            assert f"/audit?view={view.pk}&" in text.replace("&amp;", "&")
            assert "zebra" not in text
    link = re.search(r"/audit\?view=\S+", str(sent[1].body))
    assert link
    page = sign_in(cast.tom).get(link[0]).content.decode()
    assert page.count("data-row") == 3


def test_news__same_moment_twice__told_once(cast: Cast, told: Callable[..., list[Notice]]) -> None:
    watch(cast.tom, "kind:thing", "hour")
    happens()
    later = MONDAY + dt.timedelta(hours=2)
    told(later)
    Subscription.objects.update(next_at=MONDAY)
    assert len(told(later)) == 1
    Subscription.objects.update(next_at=MONDAY, told_to=0)
    assert len(told(later)) == 1, "the outbox knows it"


@pytest.mark.parametrize("query", ["action:audit.", "action:notice-sent", "-kind:nothing"])
def test_news__reading_what_was_told__is_no_news_to_anyone(
    cast: Cast, told: Callable[..., list[Notice]], sign_in: SignIn, ida: Person, query: str
) -> None:
    clients = [sign_in(cast.tom), sign_in(ida)]
    view = watch(cast.tom, query, "hour", shared=True)
    with acting(ida.pk):
        saved.subscribe(view, actor=ida.pk, every="hour", now=MONDAY)
    Subscription.objects.update(told_to=0)
    first = told(MONDAY + dt.timedelta(hours=1))
    assert (len(first) == 2) is (query == "-kind:nothing")
    for hour in range(2, 5):
        notices.deliver()
        for client in clients:
            assert client.get(f"/audit?view={view.pk}&new=0").status_code == 200
        assert told(MONDAY + dt.timedelta(hours=hour)) == first


def test_news__own_reading_alone__never_tells(cast: Cast, told: Callable[..., list[Notice]], sign_in: SignIn) -> None:
    client = sign_in(cast.tom)
    view = watch(cast.tom, "action:audit.", "hour")
    told(MONDAY + dt.timedelta(hours=1))
    for hour in range(2, 5):
        client.get(f"/audit?view={view.pk}")
        client.get("/audit", {"q": "anything"})
        client.get("/audit/entries/1")
        client.get("/audit/records/portal.unit/1")
        notices.deliver()
        assert told(MONDAY + dt.timedelta(hours=hour)) == []


def test_news__who_left_or_may_not_read_any_more__is_not_told(cast: Cast, ida: Person, told: Callable[..., list[Notice]]) -> None:
    view = watch(cast.tom, "kind:thing", "hour", shared=True)
    with acting(ida.pk):
        saved.subscribe(view, actor=ida.pk, every="hour", now=MONDAY)
    ida.roles.all().delete()
    Person.objects.filter(pk=cast.tom.pk).update(is_active=False)
    happens()
    assert told(MONDAY + dt.timedelta(hours=1)) == []


def test_news__a_view_that_cannot_be_searched_any_more__says_so_once(cast: Cast, told: Callable[..., list[Notice]]) -> None:
    view = watch(cast.tom, "kind:thing", "day")
    SavedView.objects.filter(pk=view.pk).update(query="gone:1")
    assert [notice.url for notice in told(MONDAY + dt.timedelta(days=1))] == [f"/audit/views/{view.pk}"]


def test_news__the_subscriptions_own_book_keeping__leaves_no_entry(cast: Cast, told: Callable[..., list[Notice]]) -> None:
    watch(cast.tom, "kind:thing", "hour")
    happens()
    told(MONDAY + dt.timedelta(hours=1))
    assert list(Entry.objects.filter(model="audit.subscription").values_list("action", flat=True)) == ["created"]
