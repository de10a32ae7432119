"""What no honest client sends: answered with what is wrong, never with 500, and never in the way of a Stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from governance.models import Pilot
from portal.models import Person
from tests.cast import Api, Cast
from tests.feedback.told import send, shown
from tests.governance import scene

SLUG = "route-optimiser-northfield"
DEEP = "[" * 20_000 + "]" * 20_000
ADDRESSES = [
    "/pilots/%00",
    "/pilots/%00/stop",
    "/pilots?condition=%00",
    "/items/%00",
    "/items?kind=%00",
    "/items?status=%00",
    "/items?system=%00",
    "/items?cursor=%00",
    "/recommendations/%00",
    "/recommendations/a%00b?system=%00",
    "/feedback/new?recommendation=%00&system=x",
    "/people?text=%00",
    "/systems/%00",
    "/audit?q=%00",
    "/audit/records/portal.unit/%00",
    "/account/sign-in?next=%00",
    "/anonymous/new?system=%00",
    "/static/%00",
    "/api/v1/pilots/%00",
    "/api/v1/pilots?condition=%00",
    "/api/v1/pilots?system=%00",
    "/api/v1/items?kind=%00",
    "/api/v1/items?status=%00",
    "/api/v1/items?system=%00",
    "/api/v1/items/%00",
    "/api/v1/recommendations/%00",
    "/api/v1/recommendations/x?system=%00",
    "/api/v1/expansion-requests?pilot=%00",
    "/api/v1/expansion-requests?state=%00",
    "/api/v1/systems/%00/versions",
    "/api/v1/audit/entries?actor=%00",
    "/api/v1/audit/entries?object=%00",
    "/api/v1/audit/objects/portal.unit/%00/versions",
    "/log/tile/%00",
]
TEXTS = [
    '"\\u0000"',
    '"a\\u0000b"',
    '"\\ud800"',
    '"\\ud83d"',
    DEEP,
    "[" * 900 + "]" * 900,
    "[" * 20_000,
    "9" * 5_000,
    "1e400",
    "[]",
    "{}",
    "null",
]
BODIES: list[tuple[str, str, dict[str, str]]] = [
    (
        "jo",
        "/api/v1/items",
        {"system": '"route-optimiser"', "kind": '"idea"', "text": '"x"', "identity": '"named"', "recommendation": '""'},
    ),
    ("mara", "/api/v1/items/{ref}/replies", {"text": '"x"'}),
    ("mara", "/api/v1/items/{ref}/status", {"status": '"planned"', "words": '"x"'}),
    (
        "mara",
        "/api/v1/pilots",
        {
            "slug": '"x-y"',
            "name": '"n"',
            "system": '"route-optimiser"',
            "unit": '"/brightline/northfield/"',
            "sponsor": '"priya.raman@brightline.example"',
            "overseers": '["NF-117"]',
            "purpose": '"p"',
            "fall_back": '"f"',
            "ends_at": '"2027-01-01T00:00:00Z"',
            "stages": '[{"kind": "person", "name": "a", "size": 1}]',
        },
    ),
    ("mara", "/api/v1/expansion-requests", {"pilot": f'"{SLUG}"', "kind": '"widen"', "recommendation": '"x"', "units": '["/brightline/"]'}),
    ("mara", f"/api/v1/pilots/{SLUG}/hold", {"reason": '"x"'}),
    ("sam", "/api/v1/systems", {"slug": '"z-z"', "name": '"n"', "unit": '"/brightline/"', "purpose": '"p"'}),
    ("gate", f"/ofrep/v1/evaluate/flags/{SLUG}", {"context": '{"targetingKey": "NF-117"}'}),
    ("gate", "/ofrep/v1/evaluate/flags", {"context": '{"targetingKey": "NF-117"}'}),
    ("nobody", "/anonymous/items", {"system": '"route-optimiser"', "kind": '"idea"', "text": '"x"', "id": '"x"', "recommendation": '""'}),
    ("nobody", "/anonymous/receipts", {"code": '"ABCD"', "reply": '"x"'}),
]
FORMS: list[tuple[str, str, dict[str, str]]] = [
    ("jo", "/feedback/new", {"system": "\x00", "kind": "idea", "text": "a\x00", "identity": "named", "recommendation": "\x00"}),
    ("jo", "/recommendations/AL-1", {"do": "adjusted", "after": "a\x00", "once": "\x00"}),
    ("jo", "/recommendations/AL-1", {"do": "overridden\x00"}),
    ("mara", f"/pilots/{SLUG}/hold", {"reason": "a\x00"}),
    ("mara", f"/pilots/{SLUG}/expand", {"recommendation": "x" * 30, "units": "\x00", "people": "a\x00", "excluded": "\x00"}),
    ("mara", "/pilots/new", {"name": "\x00", "system": "\x00", "sponsor": "\x00", "overseers": "\x00", "stages": "person, On\x00e, 3"}),
    ("mara", "/pilots/new", {"name": "x", "stages": "person, One, ²"}),
    ("mara", "/pilots/new", {"name": "x", "stages": "person, One, " + "9" * 5_000}),
    ("sam", "/people/new", {"staff_number": "\x00", "name": "\x00", "unit": "\x00"}),
    ("nobody", "/account/sign-in", {"login": "a\x00", "password": "\x00"}),
    ("nobody", "/anonymous/items", {"system": "\x00", "kind": "\x00", "text": "a\x00", "id": "\x00", "recommendation": "\x00"}),
    ("nobody", "/anonymous/receipts", {"code": "\x00", "reply": "\x00"}),
]


@pytest.fixture
def callers(cast: Cast, api: Callable[..., Api], system_key: Callable[..., Api]) -> dict[str, Api]:
    """By name, with a pilot, an item and a recommendation to be asked about; no exception reaches the test."""
    scene.started(cast)
    key = system_key(cast.system)
    send(key, shown("AL-1"))
    found = {name: api(getattr(cast, name)) for name in ("jo", "mara", "sam", "tom", "helen")}
    found |= {"gate": key, "nobody": Api("")}
    for one in found.values():
        one.client = Client(raise_request_exception=False)
    return found


def browser(person: Person) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person, backend="portal.backends.RoleBackend")
    return client


@pytest.mark.parametrize("path", ADDRESSES)
def test_address__with_nul__400(cast: Cast, path: str) -> None:
    assert browser(cast.tom).get(path).status_code == 400
    answer = Client(raise_request_exception=False).get(path)
    assert answer.status_code == 400
    if path.startswith("/api/"):
        assert answer.json()["code"] == "address_unreadable"


def test_address__with_nul_under_the_gate__400(callers: dict[str, Api]) -> None:
    assert callers["gate"].post("/ofrep/v1/evaluate/flags/%00", {"context": {"targetingKey": "NF-117"}}).status_code == 400


def test_cookie__with_nul__400(db: None) -> None:
    answer = Client(raise_request_exception=False).get("/", headers={"Cookie": 'sessionid="aaaaaaaaaa\\000"'})
    assert answer.status_code == 400


@pytest.mark.parametrize("limit", ["9" * 4_500, "²", "-1", "0", "201", "1e2", "0050"])
@pytest.mark.parametrize("path", ["/api/v1/items", "/api/v1/pilots", "/api/v1/systems"])
def test_limit__no_number_of_rows__422(cast: Cast, api: Callable[..., Api], path: str, limit: str) -> None:
    assert api(cast.jo).get(f"{path}?limit={limit}").status_code == 422


@pytest.mark.parametrize(("who", "path", "fields"), BODIES, ids=[path for _who, path, _fields in BODIES])
def test_json__of_any_kind__is_answered(callers: dict[str, Api], who: str, path: str, fields: dict[str, str]) -> None:
    given = {"system": "route-optimiser", "kind": "problem", "text": "Dock 7", "identity": "named"}
    path = path.format(ref=callers["jo"].post("/api/v1/items", given).json()["ref"])
    sent = [fields | {name: bad} for name in fields for bad in TEXTS]
    bodies = ["{" + ",".join(f'"{name}":{text}' for name, text in values.items()) + "}" for values in sent]
    broken = []
    for body in [*bodies, *TEXTS, "", "{", '{"\\u0000": 1}', '{"\\ud800": 1}', "\ufeff{}"]:
        headers = {"Authorization": f"Bearer {callers[who].key}"} if callers[who].key else {}
        answer = callers[who].client.generic("POST", path, body.encode(), content_type="application/json", headers=headers)
        if answer.status_code >= 500:
            broken.append((answer.status_code, body[:120]))
    assert broken == []


@pytest.mark.parametrize("text", ['"\\u0000"', '"\\ud800"', DEEP])
def test_json__that_cannot_be_stored__400_problem(callers: dict[str, Api], text: str) -> None:
    headers = {"Authorization": f"Bearer {callers['jo'].key}"}
    body = f'{{"system": "route-optimiser", "kind": "idea", "text": {text}}}'
    answer = callers["jo"].client.generic("POST", "/api/v1/items", body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(("who", "path", "fields"), FORMS, ids=[f"{path}-{place}" for place, (_who, path, _fields) in enumerate(FORMS)])
def test_form__with_nul__is_answered(cast: Cast, callers: dict[str, Api], who: str, path: str, fields: dict[str, str]) -> None:
    client = callers["nobody"].client if who == "nobody" else browser(getattr(cast, who))
    assert client.post(path, fields).status_code < 500


# Stop


@pytest.mark.parametrize("reason", ["\x00", "Wrong turns\x00", "x" * 20_000])
def test_stop__by_page_with_any_reason__stops(cast: Cast, callers: dict[str, Api], reason: str) -> None:
    assert browser(cast.mara).post(f"/pilots/{SLUG}/stop", {"reason": reason}).status_code == 302
    pilot = Pilot.objects.get(slug=SLUG)
    assert (pilot.condition, pilot.halt_reason) == ("stopped", reason.replace("\x00", ""))


@pytest.mark.parametrize("text", [*TEXTS, '"x"'])
def test_stop__by_key_with_any_reason__stops(callers: dict[str, Api], text: str) -> None:
    headers = {"Authorization": f"Bearer {callers['helen'].key}"}
    body = f'{{"reason": {text}}}'
    path = f"/api/v1/pilots/{SLUG}/stop"
    assert callers["helen"].client.generic("POST", path, body, content_type="application/json", headers=headers).status_code == 200
    pilot = Pilot.objects.get(slug=SLUG)
    assert (pilot.condition, pilot.halt_reason) == ("stopped", "x" if text == '"x"' else pilot.halt_reason)


def test_stop__by_key_with_a_form__stops(callers: dict[str, Api]) -> None:
    headers: dict[str, Any] = {"Authorization": f"Bearer {callers['helen'].key}"}
    assert callers["helen"].client.post(f"/api/v1/pilots/{SLUG}/stop", {"reason": "x"}, headers=headers).status_code == 200
    assert Pilot.objects.get(slug=SLUG).condition == "stopped"


def test_net__a_text_that_the_database_refuses__422(db: None) -> None:
    from portal.refusals import refusal_of

    with pytest.raises(Exception, match="NUL") as caught:
        Pilot.objects.filter(slug="\x00").exists()
    with pytest.raises(UnicodeEncodeError) as half:
        "\ud800".encode()
    for error in (caught.value, half.value):
        refusal = refusal_of(error)
        assert refusal is not None
        assert (refusal.status, refusal.code) == (422, "text_invalid")
    assert refusal_of(ValueError("NUL")) is None
