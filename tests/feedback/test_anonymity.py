"""File as a canary, then search everything that was written for it."""

from __future__ import annotations

import datetime as dt
import json
import logging
import uuid
from typing import Any

import pytest
from django.db import connection

from feedback import receipts
from feedback.models import Intake, Item, Receipt
from feedback.services import intake
from portal import clock
from tests.feedback.told import send, shown

CODE = 19  # sixteen characters and three hyphens
NIGHT = dt.datetime(2026, 11, 25, 2, 20, tzinfo=dt.UTC)


def post(client: Any, path: str, body: Any, **headers: str) -> Any:
    return client.post(path, data=json.dumps(body), content_type="application/json", headers=headers)


def filing(**fields: Any) -> dict[str, Any]:
    return {"system": "route-optimiser", "kind": "friction", "text": "The screen is too dark", "id": str(uuid.uuid4())} | fields


def everything() -> dict[str, set[str]]:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind = 'r' AND has_table_privilege(c.oid, 'SELECT')"
        )
        tables = [row[0] for row in cursor.fetchall()]
        found: dict[str, set[str]] = {}
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {table} t")
            found[table] = {row[0] for row in cursor.fetchall()}
    return found


def new_rows(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, set[str]]:
    return {table: rows - before.get(table, set()) for table, rows in after.items() if rows - before.get(table, set())}


@pytest.fixture
def canary(cast: Any, api: Any, sign_in: Any) -> dict[str, Any]:
    """Jo's own browser, signed in, that says who it is in every way a request can."""
    browser = sign_in(cast.jo)
    browser.get("/items")
    key = api(cast.jo).key
    headers = {
        "User-Agent": "CanaryPhone/7",
        "X-Forwarded-For": "203.0.113.77",
        "Authorization": f"Bearer {key}",
        "Referer": "http://testserver/canary-page",
        "X-Request-ID": "canary-request-id",
        "Cookie-Canary": "crumb",
    }
    client_id = str(uuid.uuid4())
    marks = [
        str(cast.jo.pk), cast.jo.pk.hex, "Okafor", "NF-117", "CanaryPhone", "203.0.113.77", "198.51.100.9", "canary", key.split("_")[1],
        browser.session.session_key, client_id, client_id.replace("-", ""),
    ]  # fmt: skip
    return {"browser": browser, "headers": headers, "id": client_id, "marks": marks, "jo": cast.jo}


def test_anonymous__filed_by_a_signed_in_browser__leaves_no_trace_of_who(
    committed_db: Any, canary: dict[str, Any], api: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    before = everything()
    browser = canary["browser"]
    browser.get("/anonymous/new?system=route-optimiser", headers=canary["headers"], REMOTE_ADDR="198.51.100.9")
    body = json.dumps(filing(id=canary["id"]))
    response = browser.post(
        "/anonymous/items", data=body, content_type="application/json", headers=canary["headers"], REMOTE_ADDR="198.51.100.9"
    )
    assert response.status_code == 201, response.content
    code = response.json()["receipt"]
    assert not response.cookies
    for header in ("X-Request-ID", "Vary"):
        assert "ookie" not in response.headers.get(header, "")
    assert "X-Request-ID" not in response.headers

    filed = new_rows(before, everything())
    assert set(filed) == {"feedback_intake"}
    post(browser, "/anonymous/receipts", {"code": code, "reply": "And too bright at night"}, **canary["headers"])
    post(browser, "/anonymous/items", filing(text="Another"))
    for _admission in range(2):
        intake.admit()
    written = new_rows(before, everything())
    assert "feedback_item" in written
    assert "feedback_historicalitem" in written
    assert "audit_entry" in written
    text = "\n".join(row for rows in written.values() for row in rows) + "\n".join(record.getMessage() for record in caplog.records)
    for mark in [*canary["marks"], code, code.replace("-", "")]:
        assert mark not in text, mark
    assert not Intake.objects.exists()


def test_anonymous__rows_and_entries__hold_no_time_of_filing(committed_db: Any, canary: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_name IN"
            " ('feedback_intake', 'feedback_intakereply', 'feedback_receipt') AND (data_type LIKE 'time%' OR data_type LIKE 'date%'"
            " OR is_identity = 'YES' OR column_default LIKE 'nextval%')"
        )
        assert cursor.fetchall() == []
    with clock.at(NIGHT - dt.timedelta(hours=9)):
        post(canary["browser"], "/anonymous/items", filing())
    with clock.at(NIGHT):
        assert intake.admit_tonight(NIGHT) == 1
    item = Item.objects.get()
    assert (item.filed_on, item.filed_at, item.author) == (NIGHT.date(), None, None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT request_id, channel, actor::text FROM audit_entry WHERE model LIKE 'feedback.%'")
        [(request_id, channel, actor)] = cursor.fetchall()
        assert (request_id, channel) == ("", "task")
        cursor.execute("SELECT label FROM audit_actor WHERE id::text = %s", [actor])
        assert cursor.fetchone()[0] == "anonymous-intake"


def test_anonymous__order__is_not_kept(cast: Any, client: Any) -> None:
    texts = [f"number {number}" for number in range(30)]
    for text in texts:
        post(client, "/anonymous/items", filing(text=text))
    intake.admit()
    assert sorted(Item.objects.values_list("text", flat=True)) == sorted(texts)
    assert list(Item.objects.order_by("pk").values_list("text", flat=True)) != texts


def test_anonymous__receipt__works_at_once_and_after_the_night(cast: Any, client: Any, api: Any) -> None:
    answer = post(client, "/anonymous/items", filing()).json()
    assert answer["visible"] == "tomorrow"
    assert len(answer["receipt"]) == CODE
    assert post(client, "/anonymous/receipts", {"code": answer["receipt"]}).json()["status"] == "received"
    assert api(cast.mara).get("/api/v1/items").json()["results"] == []
    intake.admit()
    found = post(client, "/anonymous/receipts", {"code": answer["receipt"].lower().replace("-", " ")}).json()
    assert found["status"] == "new"
    listed = api(cast.mara).get("/api/v1/items").json()["results"]
    assert [(item["ref"], item["identity"], item["author"]) for item in listed] == [(found["ref"], "anonymous", None)]
    api(cast.mara).post(f"/api/v1/items/{found['ref']}/replies", {"text": "It gets a night mode."})
    told = post(client, "/anonymous/receipts", {"code": answer["receipt"], "reply": "Thank you"}).json()
    assert told["replies"][0]["text"] == "It gets a night mode."
    intake.admit()
    assert [reply["side"] for reply in post(client, "/anonymous/receipts", {"code": answer["receipt"]}).json()["replies"]] == [
        "answer",
        "author",
    ]


def test_anonymous__receipt__only_its_keyed_hash_is_stored(cast: Any, client: Any) -> None:
    code = receipts.read(post(client, "/anonymous/items", filing()).json()["receipt"])
    assert code is not None
    intake.admit()
    stored = bytes(Receipt.objects.get().digest)
    assert len(stored) == 32
    assert stored != receipts.digest_of(code, pepper=b"another")


@pytest.mark.parametrize("code", ["", "0000-0000-0000-0000", "short", "U" * 16, "ÿ" * 16])
def test_anonymous__unknown_code__is_404(cast: Any, client: Any, code: str) -> None:
    assert post(client, "/anonymous/receipts", {"code": code}).status_code == 404


def test_anonymous__same_client_id__files_once_with_the_same_receipt(cast: Any, client: Any) -> None:
    body = filing()
    first = post(client, "/anonymous/items", body).json()["receipt"]
    assert post(client, "/anonymous/items", body).json()["receipt"] == first
    intake.admit()
    assert post(client, "/anonymous/items", body).json()["receipt"] == first
    intake.admit()
    assert Item.objects.count() == 1


def test_anonymous__by_form__needs_no_cookie_token_or_script(cast: Any, client: Any) -> None:
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    page = browser.get("/anonymous/new?system=route-optimiser")
    assert page.status_code == 200
    assert "csrfmiddlewaretoken" not in page.content.decode()
    assert not browser.cookies
    wrong = browser.post("/anonymous/items", {"system": "route-optimiser", "kind": "idea", "text": ""})
    assert wrong.status_code == 422
    done = browser.post("/anonymous/items", {"id": str(uuid.uuid4()), "system": "route-optimiser", "kind": "idea", "text": "Quieter"})
    assert done.status_code == 201
    code = done.content.decode().partition('class="secret">')[2][:CODE]
    assert "tonight" in browser.post("/anonymous/receipts", {"code": code}).content.decode()
    intake.admit()
    assert "Quieter" in browser.post("/anonymous/receipts", {"code": code, "reply": "Please"}).content.decode()
    assert browser.post("/anonymous/receipts", {"code": "ABCD"}).status_code == 404
    assert not browser.cookies


@pytest.mark.parametrize("body", [b"[", b"[]", b'{"text": 3}', b'"x"', b"x" * 70_000])
def test_anonymous__unreadable__says_so(cast: Any, client: Any, body: bytes) -> None:
    response = client.post("/anonymous/items", data=body, content_type="application/json")
    assert response.status_code in {400, 422}
    assert response["Content-Type"] == "application/problem+json"


def test_anonymous__about_a_recommendation__keeps_its_class_and_only_where_many_received_it(
    cast: Any, client: Any, system_key: Any
) -> None:
    from tests import factories

    key = system_key(cast.system)
    send(key, shown("AL-1"))
    post(client, "/anonymous/items", filing(recommendation="AL-1"))
    assert Intake.objects.get().about is None
    Intake.objects.all().delete()
    people = [factories.person(f"Driver {number}", cast.northfield, email=None) for number in range(19)]
    send(key, *[shown(f"AL-{person.staff_number}", person=person.staff_number) for person in people])
    post(client, "/anonymous/items", filing(recommendation="AL-1"))
    assert Intake.objects.get().about == {"kind": "resequence", "version": "2.4.0", "explanation_class": "figures"}


def test_anonymous__incident_after_the_warning__enters_at_once(cast: Any, client: Any, api: Any) -> None:
    assert post(client, "/anonymous/items", filing(kind="incident")).json()["visible"] == "tomorrow"
    assert not Item.objects.exists()
    assert post(client, "/anonymous/items", filing(kind="incident", at_once=True)).json()["visible"] == "now"
    assert Item.objects.get().severity == "serious"
    assert Intake.objects.count() == 1
    assert post(client, "/anonymous/items", filing(kind="idea", at_once=True)).json()["visible"] == "tomorrow"


def test_admission__by_day_or_twice_a_night__lets_nothing_in(cast: Any, client: Any) -> None:
    post(client, "/anonymous/items", filing())
    noon = NIGHT.replace(hour=12)
    assert intake.admit_tonight(noon) == 0
    assert intake.admit_tonight(NIGHT) == 1
    post(client, "/anonymous/items", filing())
    assert intake.admit_tonight(NIGHT + dt.timedelta(minutes=50)) == 0
    assert intake.admit_tonight(NIGHT + dt.timedelta(days=1)) == 1
    assert Item.objects.count() == 2


def test_anonymous__concern__goes_to_compliance_alone(cast: Any, client: Any, api: Any) -> None:
    post(client, "/anonymous/items", filing(kind="concern"))
    intake.admit()
    assert api(cast.mara).get("/api/v1/items").json()["results"] == []
    assert len(api(cast.tom).get("/api/v1/items").json()["results"]) == 1
