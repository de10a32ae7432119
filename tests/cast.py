"""The cast: the people of the logistics scene, and clients that act as them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from portal.models import AISystem, Person, Role, SystemVersion, Unit
from tests import factories

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer


@dataclass(frozen=True)
class Cast:
    """Everyone by first name; `colleagues` are drivers of Jo's depot, `outsider` drives for the other one."""

    company: Unit
    northfield: Unit
    harbour: Unit
    system: AISystem
    version: SystemVersion
    jo: Person
    mara: Person
    priya: Person
    helen: Person
    tom: Person
    sam: Person
    outsider: Person
    colleagues: list[Person]


class Api:
    """A client that sends and reads JSON with a key."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.client = Client()

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.send("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self.send("DELETE", path, **headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """`headers` by their names with underscores: `Idempotency_Key="x"`."""
        sent = {"Authorization": f"Bearer {self.key}"} | {name.replace("_", "-"): value for name, value in headers.items()}
        data = b"" if body is None else json.dumps(body).encode()
        return self.client.generic(method, path, data, content_type="application/json", headers=sent)


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> None:
    """The database the cast stands on: a rolled-back one, or the test's own where it asks for `committed_db`."""
    request.getfixturevalue("committed_db" if "committed_db" in request.fixturenames else "db")


@pytest.fixture
def cast(stage: None) -> Cast:
    return assemble()


def assemble() -> Cast:
    """The people and the system of the scene, as rows."""
    company = factories.unit("brightline", name="Brightline Logistics")
    northfield = factories.unit("northfield", company, name="Northfield depot")
    harbour = factories.unit("harbour", company, name="Harbour depot")
    system = factories.system(
        "route-optimiser", company, name="Route optimiser", purpose="Plans the day's delivery routes to save fuel.", risk_tier="minimal"
    )
    people = {
        "jo": factories.person("Jo Okafor", northfield, email=None, staff_number="NF-117"),
        "mara": factories.person("Mara Lindqvist", northfield),
        "priya": factories.person("Priya Raman", company),
        "helen": factories.person("Helen Castellan", company),
        "tom": factories.person("Tom Brandt", company),
        "sam": factories.person("Sam Whitlock", company),
        "outsider": factories.person("Ivy Chen", harbour),
    }
    factories.role(people["mara"], Role.LEAD, northfield)
    factories.role(people["priya"], Role.SPONSOR, company)
    factories.role(people["helen"], Role.EXECUTIVE, company)
    factories.role(people["tom"], Role.COMPLIANCE, company)
    factories.role(people["sam"], Role.ADMINISTRATOR, company)
    colleagues = [factories.person(name, northfield) for name in ("Ada Novak", "Ben Osei", "Carla Ruiz", "Dan Weir", "Eve Popov")]
    return Cast(company, northfield, harbour, system, factories.version(system), colleagues=colleagues, **people)


@pytest.fixture
def sign_in(stage: None) -> Callable[[Person], Client]:
    """A browser in which `person` is signed in."""

    def signed_in(person: Person) -> Client:
        client = Client()
        client.force_login(person, backend="portal.backends.RoleBackend")
        return client

    return signed_in


@pytest.fixture
def api(stage: None) -> Callable[..., Api]:
    """`api(person)`: a client with a personal key (`read` and `write` unless scopes are given)."""

    def caller(person: Person, *scopes: str) -> Api:
        return Api(factories.key(person=person, scopes=list(scopes) or ["read", "write"]))

    return caller


@pytest.fixture
def system_key(stage: None) -> Callable[..., Api]:
    """`system_key(system, *scopes)`: a client with a key of that system (all scopes unless some are given)."""

    def caller(system: AISystem, *scopes: str) -> Api:
        return Api(factories.key(system=system, scopes=list(scopes) or ["events:write", "gate:read", "items:write"]))

    return caller
