"""Kiosks: set up, enrol once, file without a name or with a staff number, print, revoke; and codes that people guess."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from audit.models import Entry
from feedback.models import Intake, Item, Kiosk
from feedback.services import intake, kiosks
from portal import clock
from portal.models import CacheEntry, Notice
from portal.services import limits
from tests import factories
from tests.feedback.test_anonymity import everything, new_rows


@pytest.fixture
def kiosk(cast: Any, api: Any) -> Kiosk:
    body = {"name": "Dock 4", "unit": "/brightline/northfield/", "system": "route-optimiser", "staff_numbers": True}
    made = api(cast.mara).post("/api/v1/kiosks", body)
    assert made.status_code == 201, made.content
    return Kiosk.objects.get(pk=made.json()["id"])


@pytest.fixture
def device(cast: Any, sign_in: Any, kiosk: Kiosk) -> Client:
    return enrolled(sign_in(cast.mara), kiosk)


def enrolled(keeper: Client, kiosk: Kiosk) -> Client:
    shown = keeper.post(f"/kiosks/{kiosk.pk}/code")
    assert shown["Cache-Control"] == "no-store"
    code = shown.content.decode().partition('class="secret">')[2][:9]
    device = Client(enforce_csrf_checks=True)
    done = device.post("/kiosk/enrol", {"code": code.lower()})
    assert (done.status_code, done["Location"]) == (302, "/kiosk/")
    return device


def send(device: Client, **fields: str) -> Any:
    return device.post("/kiosk/file", {"id": str(uuid.uuid4()), "kind": "idea", "text": "Larger letters"} | fields)


def test_enrolment__works_once_and_leaves_one_cookie(cast: Any, sign_in: Any, kiosk: Kiosk) -> None:
    keeper = sign_in(cast.mara)
    first = enrolled(keeper, kiosk)
    cookie = first.cookies["kiosk"]
    assert list(first.cookies) == ["kiosk"]
    assert (cookie["path"], cookie["samesite"], bool(cookie["httponly"])) == ("/kiosk/", "Strict", True)
    assert "Dock 4 · How was Route optimiser today?" in first.get("/kiosk/").content.decode()
    code = keeper.post(f"/kiosks/{kiosk.pk}/code").content.decode().partition('class="secret">')[2][:9]
    assert Client().post("/kiosk/enrol", {"code": code}).status_code == 302
    assert Client().post("/kiosk/enrol", {"code": code}).status_code == 422
    assert "This device is no kiosk" in first.get("/kiosk/").content.decode()
    assert {"feedback.kiosk-code-made", "feedback.kiosk-enrolled"} <= set(Entry.objects.values_list("action", flat=True))


def test_enrolment__half_an_hour_later__is_refused(cast: Any, kiosk: Kiosk) -> None:
    with clock.at(clock.now() - dt.timedelta(minutes=31)), factories.by_test():
        code = kiosks.one_time_code(kiosk, actor=cast.mara)
    assert Client().post("/kiosk/enrol", {"code": code}).status_code == 422


def test_nameless__filed_once__and_nothing_tells_who_or_when(cast: Any, device: Client, sign_in: Any) -> None:
    device.get("/kiosk/")
    # The same device, on which somebody is also signed in to the portal.
    for name, morsel in sign_in(cast.jo).cookies.items():
        device.cookies[name] = morsel.value
    before = everything()
    given = {"id": str(uuid.uuid4())}
    with clock.at(clock.now().replace(hour=9, minute=41, second=17)):
        first = send(device, **given)
        again = send(device, **given)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content.decode().partition('class="secret">')[2][:19] == again.content.decode().partition('class="secret">')[2][:19]
    assert not first.cookies
    assert first["Cache-Control"] == "no-store"
    text = "\n".join(row for rows in new_rows(before, everything()).values() for row in rows)
    assert ":41:" not in text
    for mark in (str(cast.jo.pk), cast.jo.staff_number, "127.0.0.1"):
        assert mark not in text
    assert intake.admit() == 1
    item = Item.objects.get()
    assert (item.identity, item.author, item.unit, item.filed_at) == ("anonymous", None, cast.system.unit, None)


def test_staff_number__files_in_their_name_once__and_they_may_withdraw_it(cast: Any, device: Client, sign_in: Any) -> None:
    given = {"id": str(uuid.uuid4()), "staff_number": "nf-117"}
    first, again = send(device, **given), send(device, **given)
    item = Item.objects.get()
    assert item.ref in first.content.decode()
    assert item.ref in again.content.decode()
    assert (item.author, item.channel, item.identity, item.unit) == (cast.jo, "kiosk", "named", cast.northfield)
    assert set(Notice.objects.filter(kind="feedback.filed-for-you").values_list("recipient", flat=True)) == {cast.jo.pk}
    entry = Entry.objects.get(model="feedback.item", action="created")
    assert entry.on_behalf == cast.jo.pk
    assert entry.actor != cast.jo.pk
    jo = sign_in(cast.jo)
    page = jo.get(f"/items/{item.ref}").content.decode()
    assert "Filed in your name" in page
    assert jo.post(f"/items/{item.ref}/withdraw", {"words": "I never said so"}).status_code == 302
    item.refresh_from_db()
    assert (item.status, item.status_changes.get().words) == ("declined", "I never said so")


@pytest.mark.parametrize("number", ["NF-000", "mara@brightline.example", "'--"])
def test_staff_number__unknown_or_an_address__is_refused(cast: Any, device: Client, number: str) -> None:
    answer = send(device, staff_number=number)
    assert answer.status_code == 422
    assert "not known here" in answer.content.decode()
    assert not Item.objects.exists()
    assert not Intake.objects.exists()


def test_staff_number__of_somebody_who_never_sees_the_system__is_refused(cast: Any, device: Client) -> None:
    elsewhere = factories.person("Out Sider", factories.unit("other-firm"), email=None)
    assert send(device, staff_number=elsewhere.staff_number).status_code == 422


def test_staff_number__where_the_kiosk_takes_none__stays_unread(cast: Any, api: Any, sign_in: Any) -> None:
    made = api(cast.mara).post("/api/v1/kiosks", {"name": "Hall", "unit": "/brightline/northfield/", "system": "route-optimiser"})
    device = enrolled(sign_in(cast.mara), Kiosk.objects.get(pk=made.json()["id"]))
    assert "staff_number" not in device.get("/kiosk/?kind=idea").content.decode()
    assert send(device, staff_number="NF-117").status_code == 201
    assert not Item.objects.exists()
    assert Intake.objects.count() == 1


@pytest.mark.parametrize(
    "wrong", [{"kind": "concern"}, {"kind": "x"}, {"text": " "}, {"text": "x" * 4001}, {"id": "1"}, {"text": "a\x00b"}]
)
def test_file__what_is_wrong__is_said_and_nothing_kept(cast: Any, device: Client, wrong: dict[str, str]) -> None:
    assert send(device, **wrong).status_code == 422
    assert not Intake.objects.exists()


def test_file__without_a_device__is_refused(cast: Any, kiosk: Kiosk) -> None:
    assert send(Client()).status_code == 403
    stranger = Client()
    stranger.cookies["kiosk"] = "x" * 43
    assert send(stranger).status_code == 403
    assert not Intake.objects.exists()


def test_revoke__ends_device_and_code(cast: Any, api: Any, kiosk: Kiosk, device: Client) -> None:
    assert api(cast.mara).delete(f"/api/v1/kiosks/{kiosk.pk}").json()["enrolled"] is False
    assert send(device).status_code == 403
    assert "This device is no kiosk" in device.get("/kiosk/").content.decode()
    assert Client().get(f"/f/{kiosk.code}").status_code == 404
    assert api(cast.mara).post(f"/api/v1/kiosks/{kiosk.pk}/code").json()["code"] == "kiosk_revoked"
    assert api(cast.mara).delete(f"/api/v1/kiosks/{kiosk.pk}").status_code == 200


def test_filings__more_than_a_day_takes__are_refused(cast: Any, device: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kiosks, "FILINGS_A_DAY", 2)
    assert [send(device).status_code for _ in range(3)] == [201, 201, 429]
    assert "filed here today" in send(device).content.decode()
    with clock.at(clock.now() + dt.timedelta(days=1)):
        assert send(device).status_code == 201


def test_keeping__of_another_unit__is_nobodys_business(cast: Any, api: Any, sign_in: Any, kiosk: Kiosk) -> None:
    harbour = factories.person("Hal Lead", cast.harbour, email=None)
    factories.role(harbour, "lead", cast.harbour)
    caller, browser = api(harbour), sign_in(harbour)
    assert caller.get("/api/v1/kiosks").json() == []
    assert caller.delete(f"/api/v1/kiosks/{kiosk.pk}").status_code == 404
    assert caller.post(f"/api/v1/kiosks/{kiosk.pk}/code").status_code == 404
    body = {"name": "Ours", "unit": "/brightline/northfield/", "system": "route-optimiser"}
    assert caller.post("/api/v1/kiosks", body).json()["errors"][0]["pointer"] == "/unit"
    for path in (f"/kiosks/{kiosk.pk}", f"/kiosks/{kiosk.pk}/sheet", f"/kiosks/{2**70}"):
        assert browser.get(path).status_code == 404
    for path in (f"/kiosks/{kiosk.pk}/code", f"/kiosks/{kiosk.pk}/revoke"):
        assert browser.post(path).status_code == 404
    assert api(cast.sam).get("/api/v1/kiosks").json()[0]["name"] == "Dock 4"


def test_pages__set_up_print_and_revoke_by_hand(cast: Any, sign_in: Any) -> None:
    mara = sign_in(cast.mara)
    assert "No kiosk yet" in mara.get("/kiosks").content.decode()
    made = mara.post("/kiosks/new", {"name": "Hall", "unit": cast.northfield.pk, "system": "route-optimiser"})
    assert made.status_code == 302, made.content
    page = made["Location"]
    code = Kiosk.objects.get().code
    sheet = mara.get(f"{page}/sheet").content.decode()
    assert f"/f/{code}" in sheet
    assert "<svg" in sheet
    assert "style=" not in sheet.partition("<main")[2]
    assert "Printed code only" in mara.get("/kiosks").content.decode()
    assert mara.post("/kiosks/new", {"name": "", "unit": cast.harbour.pk, "system": "route-optimiser"}).status_code == 422
    assert mara.post(f"{page}/revoke").status_code == 302
    assert mara.get(f"{page}/sheet").status_code == 404


def test_short_address__signed_in_or_not__opens_the_right_form(cast: Any, sign_in: Any, kiosk: Kiosk) -> None:
    assert sign_in(cast.jo).get(f"/f/{kiosk.code}")["Location"] == "/feedback/new?system=route-optimiser"
    typed = f"{kiosk.code[:3].lower()}-{kiosk.code[3:]}"
    answer = Client().get(f"/f/{typed}", follow=True)
    assert answer.redirect_chain[0][0] == "/anonymous/new?system=route-optimiser"
    assert '<option value="route-optimiser" selected>' in answer.content.decode()


def test_short_address__guessed__is_refused_for_a_while_and_keeps_no_address(cast: Any, kiosk: Kiosk) -> None:
    wrong = [f"ZZZZ{one}{two}" for one in "ABCDE" for two in "FGHJ"]
    assert [Client().get(f"/f/{code}").status_code for code in wrong] == [404] * 20
    assert Client().get(f"/f/{kiosk.code}").status_code == 429
    assert Client().post("/kiosk/enrol", {"code": "AAAA-AAAA"}).status_code == 429
    assert Client(REMOTE_ADDR="192.0.2.9").get(f"/f/{kiosk.code}").status_code == 302
    assert not any("127.0.0.1" in row.cache_key for row in CacheEntry.objects.all())
    with clock.at(clock.now() + dt.timedelta(minutes=11)):
        assert Client().get(f"/f/{kiosk.code}").status_code == 302


@pytest.mark.parametrize("code", ["A", "A" * 200, "%00", "ÿÿÿÿÿÿ", "../../etc", "'; --"])
def test_short_address__nonsense__is_404(cast: Any, code: str) -> None:
    assert Client().get(f"/f/{code}").status_code in {400, 404}


@pytest.mark.slow
def test_count__from_twenty_threads__misses_none(committed_db: Any) -> None:
    until = clock.now() + dt.timedelta(minutes=5)
    found: list[int] = []

    def add() -> None:
        found.extend(limits.count("tests", until=until) for _ in range(10))
        connections.close_all()

    threads = [threading.Thread(target=add) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(1, 201))


@pytest.mark.slow
def test_staff_number__the_same_filing_ten_times_at_once__is_one_item(committed_db: Any, cast: Any, sign_in: Any, kiosk: Kiosk) -> None:
    device = enrolled(sign_in(cast.mara), kiosk)
    token, given = device.cookies["kiosk"].value, {"id": str(uuid.uuid4()), "staff_number": "NF-117"}
    found: list[int] = []

    def once() -> None:
        twin = Client()
        twin.cookies["kiosk"] = token
        found.append(send(twin, **given).status_code)
        connections.close_all()

    threads = [threading.Thread(target=once) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [201] * 10
    assert Item.objects.count() == 1
