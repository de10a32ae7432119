"""A poke after the commit: never before, never when rolled back, and never the caller's trouble."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from celery import current_app
from django.db import transaction

from audit.nudge import nudge, settled
from tests.services import Database


def test_nudge__broker_away__fails_nobody(
    committed_db: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("nobody listens")

    monkeypatch.setattr(current_app, "send_task", away)
    with transaction.atomic():
        nudge("portal.deliver", 7)
    settled()
    assert "portal.deliver was not nudged" in caplog.text


def test_nudge__transaction__sends_after_commit_only(committed_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, tuple[Any, ...]]] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, *, args, **_: sent.append((name, args)))
    with transaction.atomic():
        nudge("portal.deliver", 7)
        assert sent == []
    settled()
    assert sent == [("portal.deliver", (7,))]
    with transaction.atomic():
        nudge("portal.deliver", 8)
        transaction.set_rollback(True)
    settled()
    assert len(sent) == 1


def test_nudge__broker_takes_the_call_and_never_answers__delays_nobody(committed_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr(current_app, "send_task", lambda *_, **__: answered.wait(30))
    for number in range(150):  # more than are kept waiting
        nudge("portal.deliver", number)
    answered.set()
    settled()


def test_nudge__any_thread__finds_our_celery_app() -> None:
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(lambda: current_app.main).result() == "lastmile"
