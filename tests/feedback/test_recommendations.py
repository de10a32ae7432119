"""The page where a person accepts, adjusts or overrides with one tap."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from feedback.models import Event, Outcome, Recommendation
from tests.feedback.told import outcome, send, shown

HERE = "/recommendations/AL-1?system=route-optimiser"


def tap(browser: Any, do: str, **more: str) -> Any:
    return browser.post(HERE, {"do": do, "once": str(uuid.uuid4()), **more})


def state() -> tuple[str, str]:
    row = Recommendation.objects.get(uid="AL-1")
    return row.outcome, row.reason


def test_page__says_what_why_how_sure_and_version(cast: Any, sign_in: Any, system_key: Any) -> None:
    send(system_key(cast.system), shown("AL-1"))
    page = sign_in(cast.jo).get("/recommendations/AL-1").content.decode()
    for words in ("Swap stop 4 and stop 6", "Based on 92 % of similar mornings.", "68%", "2.4.0", "Accept", "Override", "Adjust"):
        assert words in page
    assert "/feedback/new?recommendation=AL-1" in page


def test_page__somebody_elses__does_not_exist(cast: Any, sign_in: Any, system_key: Any, api: Any) -> None:
    send(system_key(cast.system), shown("AL-1"))
    for other in (cast.colleagues[0], cast.mara, cast.helen, cast.sam, cast.tom):
        assert sign_in(other).get("/recommendations/AL-1").status_code == 404
        assert api(other).get("/api/v1/recommendations/AL-1").status_code == 404
        assert "AL-1" not in sign_in(other).get("/recommendations").content.decode()


def test_accept__one_tap__is_in_force(cast: Any, sign_in: Any, system_key: Any) -> None:
    send(system_key(cast.system), shown("AL-1"))
    browser = sign_in(cast.jo)
    assert tap(browser, "accepted").status_code == 302
    assert state() == ("accepted", "")
    assert "Why, if you like" not in browser.get(HERE).content.decode()


def test_override__one_tap__is_in_force_before_any_reason(cast: Any, sign_in: Any, system_key: Any) -> None:
    send(system_key(cast.system), shown("AL-1"))
    browser = sign_in(cast.jo)
    tap(browser, "overridden")
    assert state() == ("overridden", "")
    decided = Recommendation.objects.get().decided_at
    asked = browser.get(HERE).content.decode()
    assert asked.count('name="reason"') == 9
    tap(browser, "reason", reason="local_knowledge", text="Dock 7 is closed on Fridays")
    assert state() == ("overridden", "local_knowledge")
    assert Recommendation.objects.get().decided_at == decided
    page = browser.get(HERE).content.decode()
    assert "I know this place" in page
    assert "Why, if you like" not in page


def test_override__reason_skipped__is_counted(cast: Any, sign_in: Any, system_key: Any) -> None:
    send(system_key(cast.system), shown("AL-1"))
    browser = sign_in(cast.jo)
    tap(browser, "overridden")
    tap(browser, "skip")
    assert state() == ("overridden", "")
    assert "Why, if you like" not in browser.get(HERE).content.decode()
    assert list(Outcome.objects.order_by("id").values_list("reason_skipped", flat=True)) == [False, True]


def test_adjust__keeps_before_and_after(cast: Any, sign_in: Any, system_key: Any) -> None:
    send(system_key(cast.system), shown("AL-1", proposal="120"))
    browser = sign_in(cast.jo)
    assert tap(browser, "adjusted", after=" ").status_code == 422
    tap(browser, "adjusted", after="90")
    told = Outcome.objects.get()
    assert (told.before, told.after) == ("120", "90")
    page = browser.get(HERE).content.decode()
    assert "<del" in page
    assert "90" in page


def test_undo__takes_it_back_and_keeps_the_record(cast: Any, sign_in: Any, system_key: Any) -> None:
    send(system_key(cast.system), shown("AL-1"))
    browser = sign_in(cast.jo)
    tap(browser, "overridden")
    tap(browser, "reason", reason="unsafe")
    tap(browser, "undo")
    assert state() == ("", "")
    assert Outcome.objects.count() == 3
    tap(browser, "accepted")
    assert state() == ("accepted", "")
    tap(browser, "undo")
    assert tap(browser, "undo").status_code == 409


def test_tap__twice_the_same_button__counts_once(cast: Any, sign_in: Any, system_key: Any) -> None:
    send(system_key(cast.system), shown("AL-1"))
    browser, once = sign_in(cast.jo), str(uuid.uuid4())
    for _turn in range(2):
        browser.post(HERE, {"do": "overridden", "once": once})
    assert Outcome.objects.count() == 1


def test_tap__leaves_no_entry_that_names_who(cast: Any, sign_in: Any, system_key: Any) -> None:
    send(system_key(cast.system), shown("AL-1"))
    tap(sign_in(cast.jo), "overridden")
    with connection.cursor() as cursor:
        cursor.execute("SELECT e::text FROM audit_entry e WHERE action = 'feedback.events-accepted' ORDER BY id")
        rows = [row[0] for row in cursor.fetchall()]
    assert len(rows) == 2
    assert not [row for row in rows if str(cast.jo.pk) in row]
    event = Event.objects.order_by("-id")[0]
    assert event.body is not None
    assert cast.jo.staff_number not in event.body


def test_tap__from_the_tool_and_the_page__the_later_counts(cast: Any, sign_in: Any, system_key: Any) -> None:
    key = system_key(cast.system)
    send(key, shown("AL-1"), outcome("AL-1", "accepted"))
    tap(sign_in(cast.jo), "overridden")
    assert state() == ("overridden", "")


def test_say_what_is_wrong__from_the_page__carries_the_recommendation(cast: Any, sign_in: Any, system_key: Any) -> None:
    send(system_key(cast.system), shown("AL-1"))
    browser = sign_in(cast.jo)
    form = browser.get("/feedback/new?recommendation=AL-1").content.decode()
    assert "Swap stop 4 and stop 6" in form
    body = {"system": "route-optimiser", "kind": "wrong_answer", "text": "Dock 7 is closed", "identity": "named", "recommendation": "AL-1"}
    done = browser.post("/feedback/new", body)
    item = browser.get(done["Location"].removesuffix("/filed")).content.decode()
    assert "AL-1" in item
    assert "68%" in item
    assert browser.get("/feedback/new?recommendation=AL-404").status_code == 404


def test_list__more_recommendations__no_more_queries(cast: Any, sign_in: Any, system_key: Any) -> None:
    key, browser = system_key(cast.system), sign_in(cast.jo)
    send(key, shown("AL-1"))
    browser.get("/recommendations")
    with CaptureQueriesContext(connection) as few:
        browser.get("/recommendations")
    send(key, *[shown(f"AL-{number}") for number in range(2, 20)])
    with CaptureQueriesContext(connection) as many:
        assert "AL-19" in browser.get("/recommendations?open=1").content.decode()
    assert len(many) == len(few)
