"""The explorer and its interface for programs: search, pages, proofs, versions; and looking leaves an entry."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.context import acting
from audit.explore import indexing
from audit.log import sealing
from audit.models import Entry
from audit.services import record, system_actor
from portal.models import Unit
from tests.audit.independent_reader import Reader
from tests.cast import Api, Cast
from tests.services import Database

SignIn = Callable[[Any], Client]


@pytest.fixture
def depot(cast: Cast) -> Unit:
    """A record with three versions; the last two by Mara, with a reason."""
    depot = cast.northfield
    for name in ("Northfield hub", "Northfield yard"):
        with acting(cast.mara.pk, channel="page", reason="The sign changed", reason_code="renamed"):
            depot.name = name
            depot.save()
    return depot


def acts(action: str) -> list[Any]:
    return list(Entry.objects.filter(action=action).order_by("id").values("actor", "model", "object"))


def test_entries__compliance__sees_who_what_when_and_the_change(cast: Cast, depot: Unit, sign_in: SignIn) -> None:
    page = sign_in(cast.tom).get("/audit").content.decode()
    assert "Mara Lindqvist" in page
    assert "<del>Northfield hub</del> → <ins>Northfield yard</ins>" in re.sub(r"\s+", " ", page)
    assert f'href="/audit/records/portal.unit/{depot.pk}"' in page
    assert "Not sealed yet" in page


@pytest.mark.parametrize("path", ["/audit", "/audit/entries/0", "/audit/entries/0/proof", "/audit/records/portal.unit/1"])
def test_pages__others__may_not_read(cast: Cast, sign_in: SignIn, path: str) -> None:
    assert Client().get(path).status_code == 302
    for person in (cast.jo, cast.mara, cast.helen, cast.sam):
        assert sign_in(person).get(path).status_code == 403


SEARCHES = [
    ("actor:mara", 2),
    ('actor:"Mara Lindqvist"', 2),
    ("actor:nobody", 0),
    ("action:changed", 2),
    ("action:changed action:created actor:mara", 2),
    ("object:portal.unit/{pk}", 3),
    ("object:unit action:changed", 2),
    ("object:portal.unit actor:mara", 2),
    ("unit changed", 2),
    ("after:2020-01-01 actor:mara", 2),
    ("before:2020-01-01", 0),
    ("after:2026-01-01T10:00 before:2100-01-01 actor:mara", 2),
    ("actor:mara zebra", 0),
    ("'; drop table audit_entry; --", 0),
]


@pytest.mark.parametrize(("query", "count"), SEARCHES)
def test_entries__query__narrows(cast: Cast, depot: Unit, sign_in: SignIn, query: str, count: int) -> None:
    query = query.format(pk=depot.pk)
    page = sign_in(cast.tom).get("/audit", {"q": query})
    assert page.status_code == 200
    assert page.content.decode().count("<tr>") == (count + 1 if count else 0)
    if not count:
        assert "No entry fits" in page.content.decode()


def test_entries__chip__takes_its_term_away(cast: Cast, depot: Unit, sign_in: SignIn) -> None:
    page = sign_in(cast.tom).get("/audit", {"q": 'actor:"Mara Lindqvist" action:changed'}).content.decode()
    assert 'href="?q=action%3Achanged"' in page
    assert f'href="?q={quote("actor:").replace("%3A", "%3A")}%22Mara+Lindqvist%22"' in page


@pytest.mark.parametrize("query", ["after:yesterday", "before:2026-13-45", "after:2026-02-30", "x" * 401, "after:9999999999999"])
def test_entries__query_that_cannot_be_read__says_so(cast: Cast, sign_in: SignIn, query: str) -> None:
    page = sign_in(cast.tom).get("/audit", {"q": query})
    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.content.decode()


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "9" * 30, "٣"])
def test_entries__cursor_of_somewhere_else__is_refused(cast: Cast, sign_in: SignIn, api: Callable[..., Api], cursor: str) -> None:
    assert sign_in(cast.tom).get("/audit", {"cursor": cursor}).status_code == 422
    answer = api(cast.tom, "audit:read").get(f"/api/v1/audit/entries?cursor={quote(cursor)}")
    assert answer.status_code == 422
    assert answer.json()["code"] == "cursor_invalid"


def test_entries__pages__by_key_without_gap_or_double(cast: Cast, sign_in: SignIn) -> None:
    with acting(system_actor("tests")):
        for number in range(120):
            record("audit.backup-made", model="tests.thing", object_id=str(number))
    client, url, seen = sign_in(cast.tom), "/audit?q=object:tests.thing", []
    while url:
        page = client.get(url).content.decode()
        seen += re.findall(r"/audit/records/tests\.thing/(\d+)", page)
        found = re.search(r'href="([^"]*)" rel="next"', page)
        url = "/audit" + found[1].replace("&amp;", "&") if found else ""
    assert seen == [str(number) for number in reversed(range(120))]


def test_entries__many_rows__same_number_of_queries(cast: Cast, depot: Unit, sign_in: SignIn) -> None:
    client = sign_in(cast.tom)
    client.get("/audit")
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as counted:
            client.get("/audit")
        counts.append(len(counted))
        for _ in range(30):
            with acting(cast.mara.pk):
                depot.name = f"{depot.name}!"
                depot.save()
    assert counts[0] == counts[1]
    assert counts[0] <= 26


def test_lists__looks_and_notices__hidden_counted_and_shown_on_request(
    log: Database, cast: Cast, depot: Unit, sign_in: SignIn, api: Callable[..., Api]
) -> None:
    with acting(system_actor("tests")):
        for number in range(3):
            record("portal.notice-sent", model="portal.unit", object_id=str(depot.pk), detail={"n": number})
    record_page, client = f"/audit/records/portal.unit/{depot.pk}", sign_in(cast.tom)
    client.get(record_page)  # a look, the fourth to be hidden
    for stage in ("new", "indexed"):
        for address in ("/audit", "/audit?q=kind:unit", record_page):
            page = client.get(address).content.decode()
            assert "portal.notice-sent" not in page.partition("<tbody>")[2]
            assert "audit.record-read" not in page.partition("<tbody>")[2]
            chip = re.search(r'href="\?[^"]*looks=show">.*?(\d+) looks and notices hidden', page, re.DOTALL)
            assert chip, (stage, address, page.count("looks=show"), page.count("hidden"))
            assert int(chip[1]) >= 4
        shown = client.get("/audit?q=kind:unit&looks=show").content.decode()
        assert shown.count(">portal.notice-sent<") == 3
        assert "Hide looks and notices" in shown
        assert client.get("/audit?q=action:notice-sent").content.decode().count(">portal.notice-sent<") == 3
        sealing.seal()
        indexing.index()
    key = api(cast.tom, "audit:read")

    def told(address: str) -> list[str]:
        return [entry["action"] for entry in key.get(f"/api/v1/audit/entries?kind=unit{address}").json()["results"]]

    assert told("").count("portal.notice-sent") == 3
    assert set(told("&looks=hide")) == {"created", "changed"}
    assert key.get("/api/v1/audit/entries?looks=maybe").status_code == 422


def test_lists__nothing_but_looks__says_so(cast: Cast, sign_in: SignIn) -> None:
    with acting(cast.tom.pk):
        record("audit.trust-read", model="tests.thing", object_id="1")
    client = sign_in(cast.tom)
    page = client.get("/audit", {"q": "object:tests.thing/1"}).content.decode()
    assert "1 look or notice hidden: show it" in page
    assert "audit.trust-read" in client.get("/audit/records/tests.thing/1").content.decode()


def test_entries__index_far_behind__shows_everything(cast: Cast, depot: Unit, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.explore.finding.NEAR", 1)
    page = sign_in(cast.tom).get("/audit").content.decode()
    assert page.count(f"/audit/records/portal.unit/{depot.pk}") == 3


def test_record__compared_with_a_version_that_is_not_there__says_which_are(cast: Cast, depot: Unit, sign_in: SignIn) -> None:
    client, here = sign_in(cast.tom), f"/audit/records/portal.unit/{depot.pk}"
    assert client.get(here, {"a": 1, "b": 99}).content.decode().count("It has versions 1 to 3. Choose two of them.") == 1
    assert "one version twice" in client.get(here, {"a": 2, "b": 2}).content.decode()
    assert client.get(here, {"at": "never"}).content.decode().count("is not a date") == 1


def test_record__timeline_state_and_reason(cast: Cast, depot: Unit, sign_in: SignIn) -> None:
    page = sign_in(cast.tom).get(f"/audit/records/portal.unit/{depot.pk}").content.decode()
    assert "Version 3" in page
    assert "Northfield yard" in page
    assert acts("audit.record-read") == [{"actor": cast.tom.pk, "model": "portal.unit", "object": str(depot.pk)}]


def test_record__as_it_stood__shows_that_version_read_only(cast: Cast, depot: Unit, sign_in: SignIn) -> None:
    moments = list(Entry.objects.filter(model="portal.unit", object=str(depot.pk)).order_by("ver").values_list("at", flat=True))
    client = sign_in(cast.tom)
    for number, (moment, name) in enumerate(zip(moments, ("Northfield depot", "Northfield hub", "Northfield yard"), strict=True), start=1):
        page = client.get(f"/audit/records/portal.unit/{depot.pk}", {"at": moment.isoformat()}).content.decode()
        assert "As it stood on" in page
        assert f"<h2>Version {number}</h2>" in page
        assert f'<dd class="words">{name}</dd>' in page
    before = client.get(f"/audit/records/portal.unit/{depot.pk}", {"at": (moments[0] - dt.timedelta(seconds=1)).isoformat()})
    assert "did not exist then" in before.content.decode()


def test_record__two_versions__differ_field_by_field(cast: Cast, depot: Unit, sign_in: SignIn) -> None:
    for first, second in ((1, 3), (3, 1)):
        page = sign_in(cast.tom).get(f"/audit/records/portal.unit/{depot.pk}", {"a": first, "b": second}).content.decode()
        assert "Version 1 against version 3" in page
        assert re.search(r'Northfield <del><span class="vh">removed: </span>depot<span', page)
        assert re.search(r'Northfield <ins><span class="vh">added: </span>yard<span', page)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("portal.unit/999999", 404),
        ("portal.unit/x", 404),
        ("portal.unit/" + "9" * 40, 404),
        ("portal.unit/{pk}?at=never", 422),
        ("portal.unit/{pk}?a=1", 422),
        ("portal.unit/{pk}?a=0&b=x", 422),
        ("portal.unit/{pk}?a=1&b=99", 422),
        ("portal.unit/{pk}?a=2&b=2", 422),
        ("nothing/1", 404),
        ("auth.user/1", 404),
    ],
)
def test_record__unknown_or_malformed__is_refused(cast: Cast, depot: Unit, sign_in: SignIn, address: str, status: int) -> None:
    assert sign_in(cast.tom).get("/audit/records/" + address.format(pk=depot.pk)).status_code == status


def test_search__recorded__with_its_words_once(cast: Cast, depot: Unit, sign_in: SignIn) -> None:
    client = sign_in(cast.tom)
    client.get("/audit")
    assert acts("audit.searched") == []
    client.get("/audit", {"q": "actor:mara"})
    assert [act["actor"] for act in acts("audit.searched")] == [cast.tom.pk]
    page = client.get("/audit", {"q": "action:audit.searched"}).content.decode()
    assert "<ins>actor:mara</ins>" in page


def test_entry__sealed__has_change_reason_and_proof_that_verifies(
    log: Database, cast: Cast, sign_in: SignIn, api: Callable[..., Api]
) -> None:
    depot = cast.northfield
    with acting(cast.mara.pk, channel="page", reason="The sign changed", reason_code="renamed"):
        depot.name = "Northfield hub"
        depot.save()
    sealing.seal()
    client = sign_in(cast.tom)
    listed = client.get("/audit", {"q": "actor:mara action:changed"}).content.decode()
    found = re.search(r"/audit/entries/(\d+)", listed)
    assert found
    assert "Sealed here only" in listed
    seq = int(found[1])
    page = client.get(f"/audit/entries/{seq}").content.decode()
    for words in (
        "<del>Northfield depot</del>",
        "<ins>Northfield hub</ins>",
        "The sign changed",
        "renamed",
        "Mara Lindqvist",
        "Take the proof",
    ):
        assert words in page
    assert acts("audit.entry-read")[0]["actor"] == cast.tom.pk

    reader = Reader(lambda path: bytes(Client().get(f"/log/{path}").content), Client().get("/log/vkey").content.decode())
    reader.read_everything()
    key = api(cast.tom, "audit:read")
    body = key.get(f"/api/v1/audit/entries/{seq}").json()
    assert body["changes"] == [{"field": "name", "before": "Northfield depot", "after": "Northfield hub"}]
    assert (body["actor"]["label"], body["reason"], body["seq"]) == ("Mara Lindqvist", "The sign changed", seq)
    for proof in (client.get(f"/audit/entries/{seq}/proof"), key.get(f"/api/v1/audit/entries/{seq}/proof")):
        assert reader.check_proof(bytes(proof.content), body["leaf"].encode()) == seq
    with pytest.raises(AssertionError):
        reader.check_proof(bytes(proof.content).replace(f"index {seq}".encode(), f"index {seq - 1}".encode()), body["leaf"].encode())
    for path in (f"/audit/entries/{10**6}", f"/audit/entries/{10**30}", f"/audit/entries/{10**6}/proof"):
        assert client.get(path).status_code == 404
        assert key.get("/api/v1" + path).status_code == 404


def test_api__entries__filters_and_pages(cast: Cast, depot: Unit, api: Callable[..., Api]) -> None:
    client = api(cast.tom, "audit:read")
    first = client.get("/api/v1/audit/entries?actor=mara&limit=1").json()
    assert [entry["object"] for entry in first["results"]] == [str(depot.pk)]
    assert first["results"][0]["ver"] == 3
    assert first["results"][0]["seq"] is None
    second = client.get(f"/api/v1/audit/entries?actor=mara&limit=1&cursor={first['next']}").json()
    assert second["results"][0]["ver"] == 2
    assert second["next"] is None
    assert client.get("/api/v1/audit/entries?q=actor:mara+changed&after=2020-01-01").json()["results"]
    for wrong in ("limit=0", "limit=201", "limit=x", "after=x"):
        assert client.get(f"/api/v1/audit/entries?{wrong}").status_code == 422


def test_api__versions__all_and_as_it_stood(cast: Cast, depot: Unit, api: Callable[..., Api]) -> None:
    client = api(cast.tom, "audit:read")
    base = f"/api/v1/audit/objects/portal.unit/{depot.pk}/versions"
    every = client.get(base).json()["results"]
    assert [(version["ver"], version["action"], version["values"]["name"]) for version in every] == [
        (1, "created", "Northfield depot"),
        (2, "changed", "Northfield hub"),
        (3, "changed", "Northfield yard"),
    ]
    then = client.get(f"{base}?at={every[1]['at']}").json()["results"]
    assert [version["ver"] for version in then] == [2]
    assert client.get(f"{base}?at=2020-01-01").json()["results"] == []
    assert client.get(f"{base}?at=x").status_code == 422
    assert client.get("/api/v1/audit/objects/portal.nothing/1/versions").status_code == 404


def test_api__others__may_not_read(cast: Cast, api: Callable[..., Api], system_key: Callable[..., Api]) -> None:
    assert Client().get("/api/v1/audit/entries").status_code == 401
    assert api(cast.mara, "audit:read").get("/api/v1/audit/entries").status_code == 403
    assert api(cast.tom, "write").get("/api/v1/audit/entries").status_code == 403
    assert api(cast.tom).get("/api/v1/audit/entries").status_code == 200
    assert system_key(cast.system).get("/api/v1/audit/entries").status_code == 403
