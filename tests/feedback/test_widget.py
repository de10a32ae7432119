"""The widget's way in: a key for pages, bound to origins; a token for one person; nothing else with either."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from audit.models import Entry
from feedback.bursts import Burst
from feedback.models import Intake, Item, Outcome, Recommendation
from feedback.models.recommendations import Reason
from feedback.services import intake, widget
from portal import clock
from portal.models import ApiKey, CacheEntry
from portal.origins import read_origin
from portal.services import keys
from tests import factories
from tests.feedback.told import send, shown

HOST = "https://planner.example"


@pytest.fixture
def browser_key(cast: Any) -> str:
    with factories.by_test():
        return keys.issue_for_browser(actor=cast.sam, system=cast.system, label="Planner", origins=[HOST]).text


def token(system_key: Any, cast: Any, person: str = "NF-117") -> str:
    answer = system_key(cast.system, "widget:sessions").post("/api/v1/widget/sessions", {"person": person})
    assert answer.status_code == 201, answer.content
    made: str = answer.json()["token"]
    return made


def page(key: str, token: str = "", *, origin: str = HOST) -> Any:
    """A caller like a page: `call(path, body)`; without a body it reads."""

    def call(path: str, body: Any = None, method: str = "", **more: str) -> Any:
        headers = {"Origin": origin, "Authorization": f"Bearer {key}", "Widget-Token": token} | more
        data = b"" if body is None else json.dumps(body)
        way = method or ("GET" if body is None else "POST")
        return Client().generic(way, f"/api/v1/widget/{path}", data, content_type="application/json", headers=headers)

    return call


def nameless(body: Any, *, origin: str = HOST) -> Any:
    return Client().post("/anonymous/widget", json.dumps(body), content_type="application/json", headers={"Origin": origin})


ITEM = {"kind": "wrong_answer", "text": "The dock is closed on Fridays"}


def test_item__with_a_token__is_the_persons_own(cast: Any, system_key: Any, browser_key: str, api: Any) -> None:
    send(system_key(cast.system), shown("AL-1"))
    call = page(browser_key, token(system_key, cast))
    answer = call("items", {**ITEM, "recommendation": "AL-1"})
    assert answer.status_code == 201, answer.content
    item = Item.objects.get()
    assert (item.ref, item.author, item.channel, item.identity) == (answer.json()["ref"], cast.jo, "widget", "named")
    assert item.recommendation is not None
    entry = Entry.objects.filter(model="feedback.item").latest("id")
    assert entry.on_behalf == cast.jo.pk != entry.actor
    assert api(cast.jo).get(f"/api/v1/items/{item.ref}").status_code == 200


def test_item__sent_twice_with_one_key__is_one(cast: Any, system_key: Any, browser_key: str) -> None:
    call, once = page(browser_key, token(system_key, cast)), str(uuid.uuid4())
    refs = {call("items", ITEM, **{"Idempotency-Key": once}).json()["ref"] for _ in range(3)}
    assert refs == {Item.objects.get().ref}


def test_concern__is_confidential__and_no_row_of_the_widget_names_its_author(cast: Any, system_key: Any, browser_key: str) -> None:
    call = page(browser_key, token(system_key, cast))
    answer = call("items", {"kind": "concern", "text": "It sends me past the school"}, **{"Idempotency-Key": str(uuid.uuid4())})
    assert answer.status_code == 201, answer.content
    assert Item.objects.get().identity == "confidential"
    with connection.cursor() as cursor:
        cursor.execute("SELECT principal, convert_from(body, 'utf8') FROM portal_idempotencykey")
        kept = str(cursor.fetchall())
        cursor.execute("SELECT * FROM portal_cache")
        kept += str(cursor.fetchall())
    assert cast.jo.staff_number not in kept
    assert str(cast.jo.pk) not in kept


def test_frustration__needs_no_words(cast: Any, system_key: Any, browser_key: str) -> None:
    call = page(browser_key, token(system_key, cast))
    assert call("items", {"kind": "friction", "text": ""}).status_code == 201
    assert Item.objects.get().text == "I am just frustrated with this screen."
    assert call("items", {"kind": "idea", "text": " "}).status_code == 422


def test_override__with_a_reason__is_in_force_once(cast: Any, system_key: Any, browser_key: str) -> None:
    send(system_key(cast.system), shown("AL-1"))
    call, once = page(browser_key, token(system_key, cast)), str(uuid.uuid4())
    body = {"recommendation": "AL-1", "outcome": "overridden", "reason": "local_knowledge", "text": "Shut at night"}
    for _ in range(2):
        answer = call("outcomes", body, **{"Idempotency-Key": once})
        assert (answer.status_code, answer.json()) == (201, {"outcome": "overridden"})
    row = Recommendation.objects.get()
    assert (row.outcome, row.reason) == ("overridden", "local_knowledge")
    assert Outcome.objects.count() == 2  # the decision, and its reason
    adjusted = call("outcomes", {"recommendation": "AL-1", "outcome": "adjusted"})
    assert adjusted.status_code == 422
    assert call("outcomes", {"recommendation": "AL-1", "outcome": "adjusted", "after": "Stop 5 first"}).status_code == 201
    assert call("outcomes", {"recommendation": "AL-1", "outcome": "eaten"}).status_code == 422
    assert call("outcomes", {**body, "text": "x"}, **{"Idempotency-Key": "no uuid"}).status_code == 422


def test_explanation__of_ones_own__says_why_and_never_what_was_decided(cast: Any, system_key: Any, browser_key: str) -> None:
    send(system_key(cast.system), shown("AL-1"))
    call = page(browser_key, token(system_key, cast))
    call("outcomes", {"recommendation": "AL-1", "outcome": "overridden", "reason": "unsafe"})
    answer = call("recommendations/AL-1")
    assert answer.json() == {
        "recommendation": "AL-1",
        "why": "Based on 92 % of similar mornings.",
        "sure": "68%",
        "version": "2.4.0",
        "reason_required": False,
    }
    assert answer["Access-Control-Allow-Origin"] == HOST
    assert answer["Cache-Control"] == "no-store"
    other = page(browser_key, token(system_key, cast, cast.colleagues[0].staff_number))
    assert other("recommendations/AL-1").status_code == 404
    assert other("outcomes", {"recommendation": "AL-1", "outcome": "overridden"}).status_code == 404


def test_token__forged_expired_of_another_system_or_revoked__speaks_for_nobody(
    cast: Any, system_key: Any, browser_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = token(system_key, cast)
    assert page(browser_key, good)("items", ITEM).status_code == 201
    other = factories.system("planner", cast.company)
    theirs = system_key(other, "widget:sessions").post("/api/v1/widget/sessions", {"person": "NF-117"}).json()["token"]
    mark, _, body = good.partition(".")
    elsewhere = token(system_key, cast, cast.colleagues[0].staff_number)
    for bad in (
        "",
        "x",
        "x.y:z",
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        f"{'0' * 16}.{body}",
        theirs,
        f"{mark}.{elsewhere.partition('.')[2]}",
    ):
        answer = page(browser_key, bad)("items", ITEM)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid"), bad
    now = clock.now()
    with monkeypatch.context() as later:
        later.setattr("portal.clock.now", lambda: now + dt.timedelta(minutes=61))
        assert page(browser_key, good)("items", ITEM).status_code == 401
    ApiKey.objects.filter(scopes=["widget:sessions"], system=cast.system).update(revoked_at=now)
    assert page(browser_key, good)("items", ITEM).status_code == 401
    assert Item.objects.count() == 1


def test_token__of_somebody_who_left__ends(cast: Any, system_key: Any, browser_key: str) -> None:
    good = token(system_key, cast)
    with factories.by_test():
        cast.jo.is_active = False
        cast.jo.save(update_fields=["is_active"])
    assert page(browser_key, good)("items", ITEM).status_code == 401
    refused = system_key(cast.system, "widget:sessions").post("/api/v1/widget/sessions", {"person": "NF-117"})
    assert refused.json()["code"] == "person_unknown"


def test_sessions__need_the_scope__which_no_page_and_no_person_has(cast: Any, system_key: Any, browser_key: str, api: Any) -> None:
    body = {"person": "NF-117"}
    assert system_key(cast.system, "items:write").post("/api/v1/widget/sessions", body).status_code == 403
    assert api(cast.jo).post("/api/v1/widget/sessions", body).status_code == 403
    assert page(browser_key)("sessions", body).status_code == 401


@pytest.mark.parametrize("origin", ["", "null", "https://evil.example", "http://planner.example", f"{HOST}.evil.example", f"{HOST}:8443"])
def test_origin__of_another_site__gets_nothing(cast: Any, system_key: Any, browser_key: str, origin: str) -> None:
    call = page(browser_key, token(system_key, cast), origin=origin)
    for answer in (call("items", ITEM), nameless({**ITEM, "key": browser_key}, origin=origin)):
        assert answer.status_code == 401
        assert not answer.has_header("Access-Control-Allow-Origin")
        assert "Origin" in answer["Vary"]
    for path in ("/api/v1/widget/items", "/anonymous/widget"):
        assert not Client().options(path, headers={"Origin": origin}).has_header("Access-Control-Allow-Origin")
    assert not Item.objects.exists()
    assert not Intake.objects.exists()


def test_preflight__from_an_allowed_site__is_answered_without_credentials(cast: Any, browser_key: str) -> None:
    for path in ("/api/v1/widget/items", "/api/v1/widget/recommendations/AL-1", "/anonymous/widget"):
        answer = Client().options(path, headers={"Origin": HOST, "Access-Control-Request-Method": "POST"})
        assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (204, HOST)
        assert {"Widget-Token", "Idempotency-Key"} <= set(answer["Access-Control-Allow-Headers"].split(", "))
        assert not answer.has_header("Access-Control-Allow-Credentials")
        assert not answer.cookies
    ApiKey.objects.filter(kind="browser").update(revoked_at=clock.now())
    assert not Client().options("/api/v1/widget/items", headers={"Origin": HOST}).has_header("Access-Control-Allow-Origin")


def test_browser_key__opens_nothing_else(cast: Any, browser_key: str, sign_in: Any) -> None:
    with_key = {"Authorization": f"Bearer {browser_key}", "Origin": HOST}
    for path in ("/api/v1/items", "/api/v1/systems", "/api/v1/recommendations/AL-1", "/api/v1/audit/entries"):
        answer = Client().get(path, headers=with_key)
        assert (answer.status_code, answer.json()["code"]) == (401, "key_invalid")
    for path in ("/api/v1/events", "/api/v1/items", "/ofrep/v1/evaluate/flags"):
        assert Client().post(path, "{}", content_type="application/json", headers=with_key).status_code == 401
    # A session is no way in either: the widget knows no cookie.
    signed_in = sign_in(cast.jo)
    answer = signed_in.post("/api/v1/widget/items", json.dumps(ITEM), content_type="application/json", headers={"Origin": HOST})
    assert answer.status_code == 401


def test_anonymous__gets_a_receipt_once_and_leaves_no_time(cast: Any, browser_key: str) -> None:
    CacheEntry.objects.all().delete()
    body = {**ITEM, "key": browser_key, "id": str(uuid.uuid4())}
    first, again = nameless(body), nameless(body)
    assert (first.status_code, first["Access-Control-Allow-Origin"]) == (201, HOST)
    assert first.json() == again.json()
    assert Intake.objects.get().text == ITEM["text"]
    assert intake.by_receipt(first.json()["receipt"]) is None
    assert not CacheEntry.objects.exists()
    used = ApiKey.objects.get(kind="browser").last_used_at
    assert used is not None
    assert (used.hour, used.minute, used.second, used.microsecond) == (0, 0, 0, 0)
    assert nameless({**body, "kind": "eaten"}).status_code == 422
    assert nameless([]).status_code == 400
    assert nameless({**body, "key": "lm_x"}).status_code == 401


def test_limits__too_many_with_one_key__is_429(cast: Any, system_key: Any, browser_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widget, "A_MINUTE", 2)
    monkeypatch.setattr(widget, "_anonymous", Burst(1))
    call = page(browser_key, token(system_key, cast))
    assert [call("items", {"kind": "friction"}).status_code for _ in range(3)] == [201, 201, 429]
    assert call("items", ITEM)["Access-Control-Allow-Origin"] == HOST
    answers = [nameless({"kind": "friction", "text": "", "key": browser_key}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 429]


def test_set_up__makes_a_key_once__and_lights_up(cast: Any, sign_in: Any, system_key: Any) -> None:
    browser, here = sign_in(cast.sam), f"/systems/{cast.system.slug}/widget"
    assert "No event yet" not in browser.get(here).content.decode()
    wrong = browser.post(here, {"label": "Planner", "origins": "https://planner.example/path", "days": "366"})
    assert wrong.status_code == 422
    made = browser.post(here, {"label": "Planner", "origins": f"{HOST}\nhttp://localhost:8010", "days": "366"})
    text = next(
        part for part in made.content.decode().replace("<", " ").replace(">", " ").split() if part.startswith("lm_") and len(part) > 50
    )
    again = browser.get(here).content.decode()
    assert text not in again
    assert "No event yet" in again
    assert page(text, token(system_key, cast))("items", ITEM).status_code == 201
    assert "First event received" in browser.get(here).content.decode()
    key = ApiKey.objects.get(kind="browser")
    assert browser.post(f"{here}/{key.pk}/origins", {"origins": "https://other.example"}).status_code == 302
    assert page(text, token(system_key, cast))("items", ITEM).status_code == 401
    browser.post(f"{here}/{key.pk}/revoke")
    assert "Revoked" in browser.get(here).content.decode()
    models = list(Entry.objects.filter(model="portal.apikey", object=str(key.pk)).values_list("actor", flat=True))
    assert models == [cast.sam.pk] * 3  # made, other origins, revoked


def test_key__for_pages__over_the_api(cast: Any, api: Any) -> None:
    path = f"/api/v1/systems/{cast.system.slug}/keys"
    made = api(cast.sam).post(path, {"label": "Planner", "origins": [HOST]})
    assert made.status_code == 201, made.content
    assert (made.json()["kind"], made.json()["origins"], made.json()["scopes"]) == ("browser", [HOST], ["widget"])
    assert api(cast.sam).post(path, {"label": "Planner", "origins": []}).status_code == 422
    assert api(cast.sam).post(path, {"label": "Planner"}).status_code == 422
    assert api(cast.jo).post(path, {"label": "Planner", "origins": [HOST]}).status_code == 403


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://Planner.example/", HOST),
        ("https://planner.example:443", HOST),
        ("https://planner.example:8443", f"{HOST}:8443"),
        ("http://localhost:8010", "http://localhost:8010"),
        ("http://[::1]:8010", "http://[::1]:8010"),
        *(
            (bad, None)
            for bad in ("http://planner.example", "https://*.example", "*", "null", "planner.example", "https://", "https://a@b")
        ),
        *((bad, None) for bad in (f"{HOST}/x", f"{HOST}?x", f"{HOST}#x", f"{HOST}:x", "javascript:alert(1)", "ftp://a", "https://[::1")),
    ],
)
def test_origin__is_read_as_a_browser_names_it(text: str, kept: str | None) -> None:
    assert read_origin(text) == kept


@given(st.text())
def test_origin__whatever_is_typed__is_an_origin_or_none(text: str) -> None:
    found = read_origin(text)
    assert found is None or read_origin(found) == found


def test_reasons__of_the_file__are_those_of_the_portal() -> None:
    from tests.browser.host import WIDGET

    source = WIDGET.read_text()
    for reason, word in Reason.choices:
        assert f'{reason}: "{word}"' in source
