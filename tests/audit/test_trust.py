"""The trust page, its twin in the API, the weekly mail, and a person's confirmation that what was mailed still fits."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from audit import tasks
from audit.log import sealing
from audit.log.notes import SignerKey
from audit.log.tlog import TreeHead
from audit.models import Confirmation, Entry
from portal import clock
from portal.models import Notice
from portal.services import notices
from tests.cast import Api, Cast
from tests.services import Database

Sealed = Callable[[int], int]
Page = Callable[..., Client]


def line_now() -> str:
    text = Client().get("/log/checkpoint").content.decode()
    return " ".join(text.split("\n")[:3])


def test_page__sealed_here_only__says_so_and_what_is_weak(sealed: Sealed, cast: Cast, sign_in: Page) -> None:
    sealed(2)
    page = sign_in(cast.tom).get("/audit/trust").content.decode()
    for words in ("Sealed here only", "Sealed every", "Longest in 30 days", "superuser", "holds the database and the key", "/log/keys",
                  Client().get("/log/vkey").content.decode().strip(), "verify_audit"):  # fmt: skip
        assert words in page, words
    # The tests sign in as lm_app, and run in the process that holds the key.
    assert "One role serves" not in page
    assert "It can read the file of the signing key" in page
    assert Entry.objects.filter(action="audit.trust-read").count() == 1


def test_page__key_out_of_reach_or_one_role_for_all__is_told_as_it_is(
    sealed: Sealed, cast: Cast, sign_in: Page, settings: Settings, log: Database, tmp_path: Any
) -> None:
    sealed(1)
    tom = sign_in(cast.tom)
    settings.LOG_KEY_FILE = tmp_path / "elsewhere" / "log.key"
    assert "It can read the file of the signing key" not in tom.get("/audit/trust").content.decode()
    with log.connect("postgres") as link:
        link.execute("grant insert on audit_leaf to lm_app")
    assert "One role serves" in tom.get("/audit/trust").content.decode()


def test_page__longest_wait__is_measured(
    sealed: Sealed, act: Callable[..., int], cast: Cast, api: Callable[..., Api], log: Database
) -> None:
    with log.connect("postgres") as link:
        act()
        link.execute("alter table audit_entry disable trigger audit_no_update")
        link.execute("update audit_entry set at = at - interval '90 seconds'")
    sealing.seal()
    window = json.loads(api(cast.tom, "audit:read").get("/api/v1/audit/trust").content)["window"]
    assert 90 < window["longest_seconds_30_days"] < 200
    assert window["late_batches_30_days"] == 1
    assert window["every_seconds"] == 5


def test_page__more_entries__costs_no_more_queries(sealed: Sealed, cast: Cast, sign_in: Page) -> None:
    tom = sign_in(cast.tom)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert tom.get("/audit/trust").status_code == 200
        return len(seen)

    sealed(2)
    tom.get("/audit/trust")
    few = queries()
    sealed(40)
    assert queries() == few
    assert few <= 28


def test_weekly_mail__to_compliance__holds_the_line_once_and_it_fits(sealed: Sealed, cast: Cast, sign_in: Page) -> None:
    notices.raise_due(clock.now())
    assert not [each for each in mail.outbox if "audit trail" in each.subject]
    size = sealed(3)
    line = line_now()
    for _ in range(2):
        notices.raise_due(clock.now())
        notices.deliver()
    (sent,) = [each for each in mail.outbox if "audit trail" in each.subject]
    assert sent.to == [cast.tom.email]
    assert line in sent.body
    sealed(5)
    tom = sign_in(cast.tom)
    # As a mail program quotes it.
    answer = tom.post("/audit/trust", {"text": f"Hello,\r\n> {line}\r\n> Later"}, follow=True)
    assert f"Your checkpoint of {size} entries fits the log" in answer.content.decode()
    assert "Anchored outside at" in answer.content.decode()
    assert cast.tom.name in answer.content.decode()
    confirmed = Entry.objects.get(action="audit.checkpoint-confirmed")
    assert (confirmed.actor, confirmed.object) == (cast.tom.pk, str(size))
    assert "Anchored outside at" in tom.get("/audit").content.decode()


def test_weekly_mail__next_week__comes_again(sealed: Sealed, cast: Cast) -> None:
    sealed(1)
    for week in range(2):
        notices.raise_due(clock.now() + dt.timedelta(days=7 * week))
        notices.deliver()
    assert Entry.objects.filter(action="portal.notice-sent").exists()
    assert Notice.objects.filter(kind="portal.checkpoint", channel="mail").count() == 2


def test_confirmation__whole_file__fits(sealed: Sealed, cast: Cast, api: Callable[..., Api]) -> None:
    size = sealed(2)
    kept = Client().get("/log/checkpoint").content.decode()
    sealed(2)
    answer = api(cast.tom, "write", "read").post("/api/v1/audit/trust/confirmations", {"text": kept})
    assert answer.status_code == 201, answer.content
    assert json.loads(answer.content)["size"] == size
    assert json.loads(answer.content)["mailed"] is False
    trust = json.loads(api(cast.tom, "audit:read").get("/api/v1/audit/trust").content)
    assert trust["anchor"] is None, "what anybody fetches from here says nothing about outside"
    assert trust["confirmations"][0]["size"] == size


def test_confirmation__of_what_is_served_now__never_turns_the_banner_green(sealed: Sealed, cast: Cast, sign_in: Page) -> None:
    sealed(3)
    tom = sign_in(cast.tom)
    answer = tom.post("/audit/trust", {"text": Client().get("/log/checkpoint").content.decode()}, follow=True).content.decode()
    assert "fits the log" in answer
    for address in ("/audit/trust", "/audit", "/audit/health"):
        page = tom.get(address).content.decode()
        assert "Anchored outside" not in page, address
        assert "Sealed here only" in page, address
        assert f"by {cast.tom.name} with a copy kept by hand" in page, address


def test_confirmation__mailed_but_the_newest__is_no_anchor_yet(sealed: Sealed, cast: Cast, sign_in: Page) -> None:
    sealed(3)
    line = line_now()
    notices.raise_due(clock.now())
    notices.deliver()
    assert "Anchored outside" not in sign_in(cast.tom).post("/audit/trust", {"text": line}, follow=True).content.decode()


def wrong(line: str) -> dict[str, str]:
    name, size, root = line.split(" ")
    return {
        "another root": f"{name} {size} {'A' * 43}=",
        "another size": f"{name} {int(size) - 1} {root}",
        "larger than the log": f"{name} {int(size) + 100} {root}",
        "another log": f"other.example/log {size} {root}",
        "of nothing": f"{name} 0 {'A' * 43}=",
    }


def test_confirmation__that_does_not_fit__is_refused_and_an_entry(sealed: Sealed, cast: Cast, sign_in: Page) -> None:
    sealed(3)
    tom = sign_in(cast.tom)
    for number, (name, text) in enumerate(wrong(line_now()).items(), start=1):
        answer = tom.post("/audit/trust", {"text": text})
        assert answer.status_code == 422, name
        assert Entry.objects.filter(action="audit.checkpoint-differs").count() == number, name
    assert not Confirmation.objects.exists()


def test_difference__warns_on_every_page_until_words_clear_it_up(
    sealed: Sealed, cast: Cast, sign_in: Page, api: Callable[..., Api]
) -> None:
    sealed(3)
    line = line_now()
    notices.raise_due(clock.now())
    notices.deliver()
    sealed(2)
    tom = sign_in(cast.tom)
    tom.post("/audit/trust", {"text": line})
    assert "Anchored outside" in tom.get("/audit").content.decode()
    tom.post("/audit/trust", {"text": wrong(line)["another root"]})
    tom.post("/audit/trust", {"text": line})
    for address in ("/audit/trust", "/audit", "/audit/health"):
        page = tom.get(address).content.decode()
        assert "A kept checkpoint does not fit this log" in page, address
        assert f"{cast.tom.name} compared a checkpoint of {line.split()[1]} entries" in page, address
        assert "Anchored outside" not in page, "a later one that fits clears nothing up"
    assert json.loads(api(cast.tom, "audit:read").get("/api/v1/audit/trust").content)["differs"]["by"] == cast.tom.name
    assert tom.post("/audit/trust/clear-up", {"words": " "}).status_code == 422
    assert "does not fit this log" in tom.get("/audit").content.decode()
    assert tom.post("/audit/trust/clear-up", {"words": "A line of our test server."}).status_code == 302
    assert "Anchored outside" in tom.get("/audit").content.decode()
    assert Entry.objects.filter(action="audit.checkpoint-cleared", actor=cast.tom.pk).count() == 1
    assert tom.post("/audit/trust/clear-up", {"words": "Again."}).status_code == 409
    assert api(cast.tom, "write").post("/api/v1/audit/trust/clearings", {"words": "Again."}).status_code == 409
    tom.post("/audit/trust", {"text": wrong(line)["another root"]})
    assert api(cast.tom, "write").post("/api/v1/audit/trust/clearings", {"words": "Again."}).status_code == 204
    assert "does not fit this log" not in tom.get("/audit").content.decode()


def test_administrator__sees_the_warning__without_a_name_or_a_link_that_refuses(sealed: Sealed, cast: Cast, sign_in: Page) -> None:
    sealed(3)
    sign_in(cast.tom).post("/audit/trust", {"text": wrong(line_now())["another root"]})
    page = sign_in(cast.sam).get("/audit/health").content.decode()
    assert "A kept checkpoint does not fit this log" in page
    assert cast.tom.name not in page
    assert "/audit/trust" not in page


def test_verify_now__is_done_by_the_worker__and_its_result_is_on_the_page(
    sealed: Sealed, cast: Cast, sign_in: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    poked: list[str] = []
    monkeypatch.setattr("audit.log.verifying.nudge", poked.append)
    sealed(3)
    tom = sign_in(cast.tom)
    assert "Being verified" in tom.post("/audit/trust/verify", follow=True).content.decode()
    assert poked == ["audit.verify"]
    tom.post("/audit/trust/verify")
    assert poked == ["audit.verify"], "one at a time"
    assert "HX-Refresh" not in tom.get("/audit/trust", headers={"HX-Request": "true"}).headers
    connection.close()
    tasks.verify()
    assert tom.get("/audit/trust", headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    page = tom.get("/audit/trust").content.decode()
    assert "Being verified" not in page
    assert "in order" in page
    assert Entry.objects.filter(action="audit.verification-asked", actor=cast.tom.pk).count() == 1


def test_first_seal__is_followed_by_a_check_and_a_verification_once(
    log: Database, act: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    poked: list[str] = []
    monkeypatch.setattr("audit.tasks.nudge", poked.append)
    for _ in range(2):
        act()
        connection.close()
        tasks.seal()
    assert poked == ["audit.check", "audit.verify"]


def test_confirmation__unreadable__is_said_and_no_entry(sealed: Sealed, cast: Cast, sign_in: Page) -> None:
    sealed(2)
    tom = sign_in(cast.tom)
    line = line_now()
    name, size, root = line.split(" ")
    forged = SignerKey(name, bytes(32)).sign(str(TreeHead(name, int(size), bytes(32))))
    for text in ("", "hello", forged, f"{line}\n{name} 1 {'A' * 43}=", f"{name} 0{size} {root}", f"{name} {2**63} {root}", f"{name} {size} {root[:-2]}",
                 "x" * 20_001, "\x00", f"{name} {size} {root[:42]}B=", "— — —", Client().get("/log/checkpoint").content.decode()[:-9]):  # fmt: skip
        answer = tom.post("/audit/trust", {"text": text})
        assert answer.status_code == 422, text
    assert not Entry.objects.filter(action__in=["audit.checkpoint-differs", "audit.checkpoint-confirmed"]).exists()
