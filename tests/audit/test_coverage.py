"""The coverage report: every table in exactly one list, every trigger as it stands now, every write without an actor."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from audit.capture.ungoverned import EXCLUDED, REASONS
from audit.history import governed_models, version_model
from audit.models import Entry
from audit.review import coverage
from portal.models import Person
from tests.cast import Api, Cast
from tests.services import Database

SCRATCH = ("scratch_", "historicalbook")  # tables of the tests' own app


def ours(found: list[str]) -> list[str]:
    return [one for one in found if "scratch" not in one]


@pytest.mark.usefixtures("db")
def test_report__of_a_sound_database__gives_every_table_one_place_and_a_reason() -> None:
    found = coverage.report()
    assert ours(found.findings) == []
    governed, others = {one.table for one in found.governed}, {one.table for one in found.others}
    assert not governed & others
    assert sorted(governed | others) == coverage.tables()
    assert {model._meta.db_table for model in governed_models()} == governed
    assert all(one.reason for one in found.others if not one.table.startswith(SCRATCH))
    versions = {version_model(model)._meta.db_table for model in governed_models()}
    assert set(REASONS) == {one.table for one in found.others} - versions, "a reason for a table that is not there, or is governed"
    told = {f"{one.model}.{name}" for one in found.governed for name, _why in one.excluded}
    assert {one for one in told if not one.startswith("scratch")} == set(EXCLUDED)


def test_report__a_new_table_without_a_reason__is_a_finding(committed_db: Database) -> None:
    with committed_db.connect("lm_owner") as owner:
        owner.execute("create table portal_surprise (id bigint primary key)")
    found = coverage.report()
    assert not found.sound
    assert ours(found.findings) == ["The table portal_surprise is not governed, and nobody has said why."]


def test_report__a_trigger_disabled_and_a_write_past_the_portal__are_findings_of_that_model(committed_db: Database, cast: Cast) -> None:
    with committed_db.connect("postgres") as root:
        root.execute("alter table portal_unit disable trigger audit_changed")
    with committed_db.connect("lm_app") as app:
        app.execute("update portal_aisystem set name = 'Otherwise' where slug = 'route-optimiser'")
    found = coverage.report()
    by_table = {one.table: one for one in found.governed}
    assert any("audit_changed" in one for one in by_table["portal_unit"].wrong), found.findings
    assert by_table["portal_aisystem"].wrong == []
    assert found.unattributed_count == 1
    assert (found.unattributed[0].model, found.unattributed[0].db_role) == ("portal.aisystem", "lm_app")
    assert not found.sound


def test_pages__page_api_and_csv__say_the_same_and_leave_entries(
    cast: Cast, sign_in: Callable[[Person], Client], api: Callable[..., Api]
) -> None:
    tom = sign_in(cast.tom)
    page = tom.get("/audit/coverage").content.decode()
    told = json.loads(api(cast.tom, "audit:read").get("/api/v1/audit/coverage").content)
    rows = list(csv.DictReader(io.StringIO(tom.get("/audit/coverage.csv").content.decode())))
    persons = next(one for one in told["governed"] if one["model"] == "portal.person")
    assert "password" in {one["field"] for one in persons["excluded"]}
    assert persons["entries"] == Person.objects.count()
    assert {row["table"] for row in rows} == {one["table"] for one in [*told["governed"], *told["others"]]}
    assert all(one["table"] in page for one in told["others"])
    row = next(row for row in rows if row["table"] == "portal_person")
    assert (row["covered"], int(row["entries"])) == ("yes", persons["entries"])
    assert row["excluded"].split() == [one["field"] for one in persons["excluded"]]
    assert Entry.objects.filter(action="audit.coverage-read", actor=cast.tom.pk).count() == 3


def test_page__however_much_was_written__takes_the_same_queries(
    cast: Cast, sign_in: Callable[[Person], Client], django_assert_max_num_queries: Callable[..., Any]
) -> None:
    tom = sign_in(cast.tom)
    with django_assert_max_num_queries(30):
        assert tom.get("/audit/coverage").status_code == 200
