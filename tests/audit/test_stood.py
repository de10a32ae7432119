"""Records and lists as they stood: at any instant, over HTTP, by pages and by the interface for programs."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.context import acting
from audit.explore import stood
from audit.models import Entry
from portal.models import ApiKey, RoleAssignment, Unit
from tests import factories
from tests.cast import Api, Cast
from tests.services import Database

SignIn = Callable[[Any], Client]
SECOND = dt.timedelta(seconds=1)


def versions_at(model: str, key: object) -> list[dt.datetime]:
    return list(Entry.objects.filter(model=model, object=str(key), ver__isnull=False).order_by("ver").values_list("at", flat=True))


def rename(unit: Unit, *names: str) -> None:
    for name in names:
        with factories.by_test():
            unit.name = name
            unit.save()


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def test_record__steps__lead_to_the_change_before_and_after(cast: Cast, sign_in: SignIn) -> None:
    rename(cast.northfield, "Northfield hub", "Northfield yard")
    first, second, third = versions_at("portal.unit", cast.northfield.pk)
    client, here = sign_in(cast.tom), f"/audit/records/portal.unit/{cast.northfield.pk}"
    page = text(client.get(here, {"at": second.isoformat()}))
    steps = re.findall(r'href="[^"]*\?at=([^"]+)">Change (before|after)', page)
    assert [(name, value.replace("%3A", ":").replace("%2B", "+")) for value, name in steps] == [
        ("before", first.isoformat()),
        ("after", third.isoformat()),
    ]
    assert "Northfield hub" in page
    assert 'value="Northfield' not in page
    assert "Change after" in text(client.get(here, {"at": (first - SECOND).isoformat()}))


def test_record__refers_to_others__by_the_name_they_had_then(cast: Cast, sign_in: SignIn) -> None:
    then = versions_at("portal.person", cast.jo.pk)[-1]
    rename(cast.northfield, "Northfield hub")
    here = f"/audit/records/portal.person/{cast.jo.pk}"
    assert f"Northfield depot ({cast.northfield.pk})" in text(sign_in(cast.tom).get(here, {"at": then.isoformat()}))
    assert f"Northfield hub ({cast.northfield.pk})" in text(sign_in(cast.tom).get(here))


def test_record__clock_went_back__the_later_version_is_in_force(committed_db: Database, cast: Cast) -> None:
    """The last one that had been written counts, whatever its clock said."""
    rename(cast.northfield, "Northfield hub", "Northfield yard")
    key = str(cast.northfield.pk)
    first, second, third = Entry.objects.filter(model="portal.unit", object=key).order_by("ver")
    with committed_db.connect("postgres") as superuser:
        for table, number, moment in (("audit_entry", "id", "at"), ("portal_historicalunit", "history_id", "history_date")):
            superuser.execute(f"alter table {table} disable trigger user")
            superuser.execute(f"update {table} set {moment} = %s where {number} = %s", [first.at - SECOND, third.pk])
    found = stood.as_it_stood("portal.unit", key, second.at)
    assert found is not None
    assert found.values["name"] == "Northfield yard"
    assert [row.name for row in stood.in_force(Unit, second.at, id=cast.northfield.pk)] == ["Northfield yard"]


@pytest.mark.parametrize("at", ["2999-01-01", "2999-01-01T00:00Z", "never", "2026-13-01", "2026-11-31T25:00", "0000-00-00"])
@pytest.mark.parametrize("page", ["/audit/records/portal.unit/{unit}", "/audit/lists", "/audit/lists/portal.unit"])
def test_at__to_come_or_no_time__is_refused_with_words(cast: Cast, sign_in: SignIn, page: str, at: str) -> None:
    answer = sign_in(cast.tom).get(page.format(unit=cast.northfield.pk), {"at": at})
    assert answer.status_code == 422
    assert "UTC" in text(answer)


def test_list__roles__as_they_stood(cast: Cast, sign_in: SignIn) -> None:
    given = factories.role(cast.colleagues[0], "lead", cast.harbour)
    key = given.pk
    with factories.by_test():
        RoleAssignment.objects.filter(pk=given.pk).update(ends_on=dt.date(2026, 11, 30))
        given.delete()
    made, ended, deleted = versions_at("portal.roleassignment", key)
    client = sign_in(cast.tom)

    def row(at: dt.datetime) -> str:
        page = text(client.get("/audit/lists/portal.roleassignment", {"at": at.isoformat()}))
        found = re.search(rf'<tr> <th scope="row"><a href="[^"]*/{key}\?at=.*?</tr>', page)
        return found[0] if found else ""

    assert row(made - SECOND) == ""
    assert "Ada Novak" in row(made)
    assert "Harbour depot" in row(made)
    assert "2026-11-30" not in row(made)
    assert "2026-11-30" in row(ended)
    assert row(deleted) == ""


def test_list__many_rows__paged_by_key_in_a_constant_number_of_queries(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.tom)

    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get("/audit/lists/portal.unit").status_code == 200
        return len(queries)

    few = count()
    for number in range(60):
        factories.unit(f"depot-{number:02d}", cast.company)
    assert count() == few <= 16
    first = text(client.get("/audit/lists/portal.unit"))
    cursor = re.search(r"\?cursor=(\d+)", first)
    assert cursor
    second = text(client.get("/audit/lists/portal.unit", {"cursor": cursor[1]}))
    keys = [int(key) for page in (first, second) for key in re.findall(r'<th scope="row"><a href="[^"]*/(\d+)"', page)]
    assert keys == sorted(Unit.objects.values_list("pk", flat=True))
    assert Entry.objects.filter(action="audit.list-read").count() == 3  # a further page is the same look


def test_list__narrowed__by_what_it_refers_to(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.tom)
    page = text(client.get("/audit/lists/portal.person", {"unit_id": cast.harbour.pk}))
    assert "Ivy Chen" in page
    assert "Jo Okafor" not in page
    assert f'<input type="hidden" name="unit_id" value="{cast.harbour.pk}">' in page
    assert client.get("/audit/lists/portal.person", {"name": "Jo"}).status_code == 422
    assert client.get("/audit/lists/portal.person", {"unit_id": "x"}).status_code == 404
    assert "None existed then" in text(client.get("/audit/lists/portal.person", {"at": "2020-01-01"}))


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/audit/lists/portal.nothing", 404),
        ("/audit/lists/auth.user", 404),
        ("/audit/lists/feedback.itemauthor", 404),
        ("/audit/lists/portal.unit?cursor=x", 422),
        ("/audit/lists/portal.unit?cursor=" + "9" * 40, 422),
        ("/audit/lists/portal.person?cursor=1", 422),
        ("/api/v1/audit/lists/portal.nothing", 404),
        ("/api/v1/audit/lists/portal.unit?limit=0", 422),
        ("/api/v1/audit/lists/portal.unit?of=parent_id", 404),
        ("/api/v1/audit/lists/portal.unit?of=name:x", 422),
        ("/api/v1/audit/objects/portal.unit/{unit}/compare", 422),
        ("/api/v1/audit/objects/portal.unit/{unit}/compare?a=1&b=9", 404),
    ],
)
def test_malformed__is_refused(cast: Cast, sign_in: SignIn, address: str, status: int) -> None:
    assert sign_in(cast.tom).get(address.format(unit=cast.northfield.pk)).status_code == status


def test_api__list_and_comparison(cast: Cast, api: Callable[..., Api]) -> None:
    rename(cast.northfield, "Northfield yard")
    client = api(cast.tom, "audit:read")
    body = client.get("/api/v1/audit/lists/portal.unit?limit=2").json()
    assert [row["cells"]["name"] for row in body["results"]] == ["Brightline Logistics", "Northfield yard"]
    rest = client.get(f"/api/v1/audit/lists/portal.unit?limit=2&cursor={body['next']}").json()
    assert [row["cells"]["name"] for row in rest["results"]] == ["Harbour depot"]
    assert rest["next"] is None
    assert client.get(f"/api/v1/audit/lists/portal.unit?of=parent_id:{cast.company.pk}").json()["results"][0]["cells"]["parent_id"] == (
        "Brightline Logistics"
    )
    body = client.get(f"/api/v1/audit/objects/portal.unit/{cast.northfield.pk}/compare?a=2&b=1").json()
    assert (body["old"]["ver"], body["new"]["ver"]) == (1, 2)
    assert body["differences"] == [
        {
            "field": "name",
            "before": "Northfield depot",
            "after": "Northfield yard",
            "parts": [
                {"kind": "same", "text": "Northfield "},
                {"kind": "removed", "text": "depot"},
                {"kind": "added", "text": "yard"},
            ],
        }
    ]


def test_difference__lists_and_objects__marked_inside(cast: Cast, sign_in: SignIn) -> None:
    """A structured value is compared piece by piece, not as one long line."""
    factories.key(system=cast.system, scopes=["events:write", "gate:read"])
    key = ApiKey.objects.get()
    with acting(cast.sam.pk, channel="page"):
        key.scopes = ["events:write", "items:write"]
        key.save()
    old, new = stood.numbered("portal.apikey", str(key.pk), 1, 2)
    (change,) = stood.difference(old, new)
    assert [(part.kind, part.text) for part in change.parts if part.kind != "same"] == [
        ("removed", "gate"),
        ("added", "items"),
        ("removed", "read"),
        ("added", "write"),
    ]
    assert "removed:" in text(sign_in(cast.tom).get(f"/audit/records/portal.apikey/{key.pk}?a=1&b=2"))
