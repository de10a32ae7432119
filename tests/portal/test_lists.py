"""Every list of portal takes the same number of queries for few rows and for many."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.models import Person
from portal.services import notices
from tests import factories
from tests.cast import Api, Cast


def fill(cast: Cast) -> None:
    for number in range(25):
        system = factories.system(f"planner-{number}", cast.company)
        factories.version(system)
        factories.key(system=cast.system, scopes=["gate:read"])
        factories.key(person=cast.sam, scopes=["read"])
        factories.version(cast.system, f"3.{number}")
        factories.role(factories.person(f"Driver {number}", cast.northfield, email=None), "lead", cast.northfield)
        factories.unit(f"bay-{number}", cast.northfield)
        for person in (cast.sam, cast.jo):
            notices.tell(kind="tests", recipient=person, dedupe_key=f"tests:{number}", subject=f"News {number}", channels=("app",))


PAGES = ["/units", "/people", "/systems", "/systems/route-optimiser", "/systems/route-optimiser/keys", "/notices", "/keys", "/kept"]
LISTS = ["/api/v1/systems", "/api/v1/systems/route-optimiser/versions", "/api/v1/systems/route-optimiser/keys"]


def queries_of(get: Callable[[], object]) -> int:
    get()
    with CaptureQueriesContext(
        connection,
    ) as captured:
        get()
    return len(captured)


@pytest.mark.parametrize("path", PAGES)
def test_page__many_rows__same_queries(cast: Cast, sign_in: Callable[[Person], Client], path: str) -> None:
    client = sign_in(cast.sam)
    before = queries_of(lambda: client.get(path))
    fill(cast)
    assert queries_of(lambda: client.get(path)) == before


@pytest.mark.parametrize("path", LISTS)
def test_list__many_rows__same_queries(cast: Cast, api: Callable[[Person], Api], path: str) -> None:
    caller = api(cast.sam)
    before = queries_of(lambda: caller.get(path))
    fill(cast)
    assert queries_of(lambda: caller.get(path)) == before
    assert len(caller.get(path).json()["results"]) > 20


def test_unit_page__many_roles__same_queries(cast: Cast, sign_in: Callable[[Person], Client]) -> None:
    client = sign_in(cast.sam)
    path = f"/units/{cast.northfield.pk}"
    before = queries_of(lambda: client.get(path))
    fill(cast)
    assert queries_of(lambda: client.get(path)) == before
