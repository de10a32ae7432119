"""The health of the audit trail: page, interface, the nightly verification and what it tells."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit import tasks
from audit.log.verifying import last_failed, last_verified
from audit.models import Entry
from portal import check_notices
from portal.models import Person
from tests.audit.tampering import tamper
from tests.cast import Api, Cast
from tests.services import Database

SignIn = Callable[[Person], Client]


def test_health__page__shows_lag_growth_room_and_the_last_verification(
    cast: Cast, log: Database, sealed: Callable[[int], int], sign_in: SignIn
) -> None:
    empty = sign_in(cast.tom).get("/audit/health").content.decode()
    assert "Nothing has been sealed yet" in empty
    assert "It has not been verified by itself yet" in empty
    sealed(3)
    tasks.verify()
    page = sign_in(cast.tom).get("/audit/health")
    text = page.content.decode()
    assert page.status_code == 200
    assert len(page.content) < 120_000
    for words in ("Seal lag now", "Sealed a day", "audit_payload", "Partitions ahead", "verifies", '<rect x="0.00"'):
        assert words in text, words


def test_health__number_of_queries__does_not_grow_with_the_log(
    cast: Cast, log: Database, sealed: Callable[[int], int], sign_in: SignIn
) -> None:
    counts = []
    client = sign_in(cast.tom)
    for _ in range(2):
        sealed(3)
        with CaptureQueriesContext(
            connection,
        ) as seen:
            client.get("/audit/health")
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_health__administrator__sees_how_it_does_and_no_entry(
    cast: Cast, log: Database, sealed: Callable[[int], int], sign_in: SignIn
) -> None:
    sealed(1)
    text = sign_in(cast.sam).get("/audit/health").content.decode()
    assert "Seal lag now" in text
    assert "/audit/entries" not in text
    assert sign_in(cast.jo).get("/audit/health").status_code == 403


def test_health__api__says_the_same(cast: Cast, log: Database, sealed: Callable[[int], int], api: Callable[..., Api]) -> None:
    size = sealed(3)
    body = api(cast.tom, "audit:read").get("/api/v1/audit/health").json()
    assert body["sealed_size"] == size
    assert body["batches"][-1]["entries"] == size
    assert body["batches"][-1]["lag_seconds"] >= 0
    assert sum(day["entries"] for day in body["entries_by_day"]) == size
    assert body["partitions_ahead"] == 2
    assert body["last_verification"] is None
    assert {"audit_entry", "audit_leaf", "audit_payload"} <= {table["table"] for table in body["tables"]}


def test_verify_task__good__is_an_entry_and_no_notice(cast: Cast, log: Database, sealed: Callable[[int], int]) -> None:
    size = sealed(3)
    tasks.verify()
    last = last_verified()
    assert last is not None
    assert (last.counts["entries"], last.findings, last.first) == (size, 0, [])
    assert last_failed() is None
    assert list(check_notices.due(dt.datetime.now(dt.UTC))) == []


def test_verify_task__tampered__is_an_entry_a_log_line_and_a_notice_to_compliance(
    cast: Cast, log: Database, sealed: Callable[[int], int], sign_in: SignIn, caplog: pytest.LogCaptureFixture
) -> None:
    sealed(1)
    tamper(log, f"update portal_unit set country = 'FR' where id = {cast.harbour.pk}")
    tasks.verify()
    assert Entry.objects.filter(action="audit.verified").count() == 1
    assert f"portal.unit {cast.harbour.pk} (row of portal_unit), field country" in caplog.text
    told = list(check_notices.due(dt.datetime.now(dt.UTC)))
    assert [(draft.recipient, draft.subject, draft.url) for draft in told] == [
        (cast.tom, "The audit trail does not verify: 1 finding", "/audit/health")
    ]
    assert "does not verify" in sign_in(cast.tom).get("/audit/health").content.decode()
    assert "field country" not in sign_in(cast.sam).get("/audit/health").content.decode()
