"""/audit/keeping over HTTP: retention with a preview, its floor, the nightly run, and what proves it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.context import acting
from audit.history import governed_models, governs, version_model
from audit.keeping import holds, retention
from audit.keeping.erased import EXPIRED, erased_ranges
from audit.keeping.rules import DATA_CLASSES
from audit.log import sealing
from audit.log.verification import verify
from audit.models import Entry, Payload, RetentionPolicy
from audit.services import record
from portal.models import Person
from tests.cast import Api, Cast
from tests.services import Database

PASSWORD = "a fine long passphrase"
SignIn = Callable[[Person], Client]


def given_password(person: Person) -> Person:
    person.set_password(PASSWORD)
    person.password_chosen_by_holder = True
    person.save()
    return person


@pytest.fixture
def tom(cast: Cast, sign_in: SignIn) -> Client:
    given_password(cast.tom)
    return sign_in(cast.tom)


def aged(database: Database, days: int) -> None:
    """Make every entry and version so far that old, as if time had gone by before anything was sealed."""
    guards = ("audit_no_update", "audit_no_delete", "audit_no_truncate")
    tables = {"audit_entry": "at"} | {version_model(model)._meta.db_table: "history_date" for model in governed_models()}
    with database.connect("postgres") as superuser:
        for table, column in tables.items():
            superuser.execute(f"alter table {table} disable trigger all")
            superuser.execute(f"update {table} set {column} = {column} - make_interval(days => {days})")
            for guard in guards:
                superuser.execute(f"alter table {table} enable always trigger {guard}")


def test_keeping__page__shows_every_data_class_and_is_an_entry(tom: Client) -> None:
    page = tom.get("/audit/keeping")
    assert page.status_code == 200
    for one in DATA_CLASSES:
        assert str(one.title) in page.content.decode()
    assert Entry.objects.filter(action="audit.keeping-read").exists()


def test_retention__preview_then_confirm__nothing_goes_before(erasing: Database, cast: Cast, tom: Client) -> None:
    with acting(cast.tom.pk):
        for _ in range(3):
            record("audit.backup-made")
    aged(erasing, 400)
    before = Payload.objects.count()
    page = tom.get("/audit/keeping/retention/act?days=365").content.decode()
    assert "Values of entries" in page
    assert retention.expire_all() == {}
    assert Payload.objects.count() >= before
    digest = re.findall(r'name="digest" value="([0-9a-f]{64})"', page)[0]
    wrong = tom.post("/audit/keeping/retention/act?days=365", {"digest": digest, "password": "not it"})
    assert wrong.status_code == 422
    assert not RetentionPolicy.objects.exists()
    done = tom.post("/audit/keeping/retention/act?days=365", {"digest": digest, "password": PASSWORD})
    assert done.status_code == 302, done.content
    gone = retention.expire_all()
    assert gone["act"] >= 3
    said = Entry.objects.get(action=EXPIRED)
    assert (said.data_class, said.db_role) == ("erasure", "lm_eraser")
    ranges = erased_ranges()
    missing = set(Entry.objects.filter(payload=None).values_list("id", flat=True))
    assert missing == {entry for first, last in ranges for entry in range(first, last + 1)}
    sealing.seal()
    assert [str(finding) for finding in verify().findings] == []
    assert retention.expire_all() == {"act": 0}


def test_retention__stale_preview__is_refused(cast: Cast, tom: Client) -> None:
    answer = tom.post("/audit/keeping/retention/act?days=365", {"digest": "0" * 64, "password": PASSWORD})
    assert answer.status_code == 422
    assert "has changed since you looked" in answer.content.decode()
    assert not RetentionPolicy.objects.exists()


@pytest.mark.parametrize("days", ["183", "1", "-5", "x", "99999999"])
def test_retention__ai_logs_below_six_months__are_refused(tom: Client, days: str) -> None:
    assert tom.get(f"/audit/keeping/retention/ai-log?days={days}").status_code == 422


def test_retention__floor__stands_in_the_database_too(cast: Cast) -> None:
    with acting(cast.tom.pk), pytest.raises(IntegrityError, match="retention_floor"), transaction.atomic():
        RetentionPolicy.objects.create(data_class="ai-log", keep_days=183, set_by=cast.tom.pk, set_at=dt.datetime.now(dt.UTC))


def test_retention__last_version_of_a_record__stays(erasing: Database, cast: Cast) -> None:
    with acting(cast.sam.pk):
        cast.harbour.name = "Harbour South"
        cast.harbour.save()
    aged(erasing, 400)
    with acting(cast.tom.pk):
        RetentionPolicy.objects.create(data_class="record", keep_days=30, set_by=cast.tom.pk, set_at=dt.datetime.now(dt.UTC))
    retention.expire_all()
    left = Entry.objects.about(cast.harbour).filter(ver__isnull=False).order_by("ver").values_list("ver", "payload")
    assert [payload is None for _, payload in left] == [True, False]
    assert list(cast.harbour.history.values_list("name", flat=True)) == ["Harbour South"]
    sealing.seal()
    assert [str(finding) for finding in verify().findings] == []


def test_retention__whole_partition_expired__is_dropped(erasing: Database, cast: Cast) -> None:
    with erasing.connect("postgres") as superuser:
        superuser.execute("select setval('audit_entry_id_seq', 5000100)")
        superuser.execute("select audit_make_room()")
    with acting(cast.tom.pk):
        for _ in range(4):
            record("audit.backup-made")
    aged(erasing, 400)
    with erasing.connect("postgres") as superuser:
        superuser.execute("select setval('audit_entry_id_seq', 10000100)")
        superuser.execute("select audit_make_room()")
    with acting(cast.tom.pk):
        RetentionPolicy.objects.create(data_class="act", keep_days=90, set_by=cast.tom.pk, set_at=dt.datetime.now(dt.UTC))
    retention.expire_all()
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass('audit_payload_000001') is null, to_regclass('audit_payload_000000') is null")
        assert cursor.fetchone() == (True, False)
    sealing.seal()
    assert [str(finding) for finding in verify().findings] == []


def test_keeping__api__reads_with_a_key_and_decides_with_a_session_only(cast: Cast, api: Callable[..., Api], tom: Client) -> None:
    key = api(cast.tom, "audit:read")
    table = key.get("/api/v1/audit/retention")
    assert [row["data_class"] for row in table.json()["results"]] == [one.name for one in DATA_CLASSES]
    assert key.get("/api/v1/audit/retention/act?days=365").json()["days"] == 365
    assert key.get("/api/v1/audit/retention/nothing").status_code == 404
    assert key.get("/api/v1/audit/retention/act?days=x").status_code == 422
    assert key.post("/api/v1/audit/holds", {"kind": "object", "what": "x/1", "reason": "r"}).status_code == 403
    preview = key.get("/api/v1/audit/retention/ai-log?days=184").json()
    body = {"days": 184, "digest": preview["digest"], "password": PASSWORD}
    done = tom.post("/api/v1/audit/retention/ai-log", body, content_type="application/json")
    assert (done.status_code, done.json()["keep_days"]) == (200, 184)


def test_keeping__page__needs_the_same_number_of_queries_whatever_is_there(cast: Cast, tom: Client) -> None:
    counts = []
    for _ in range(2):
        with acting(cast.tom.pk):
            for number in range(5):
                holds.place(actor=cast.tom.pk, kind="person", what=cast.jo.staff_number, reason=f"Case {number}")
        with CaptureQueriesContext(connection) as queries:
            tom.get("/audit/keeping")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_keeping__reference_page__says_what_the_table_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "retention.md").read_text(encoding="utf-8")
    rows = {
        cells[1].strip(" `"): [cell.strip() for cell in cells[2:-1]]
        for cells in (line.split("|") for line in page.splitlines())
        if len(cells) == 7
    }
    for one in DATA_CLASSES:
        assert rows[one.name][0] == str(one.holds)
        assert rows[one.name][2:] == [str(one.seen_by), str(one.erasable)]
        assert one.suggested is None or f"{one.suggested} days, at least {one.floor}" in rows[one.name][1]


def test_keeping__every_recorded_class__is_in_the_table(cast: Cast) -> None:
    used = {governs(model).data_class for model in governed_models()} | {"act", "erasure", "ai-log"}  # type: ignore[union-attr]
    assert used == {one.name for one in DATA_CLASSES}
