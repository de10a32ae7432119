"""Verification passes on an honest log, and names record, field and place of every dishonest change."""

from __future__ import annotations

import io
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import DatabaseError

from audit import selectors
from audit.context import acting
from audit.log import sealing
from audit.log.verification import Finding, Report, verify
from audit.log.verifying import last_verified
from audit.models import Entry, Payload
from audit.services import name_actor, system_actor
from portal.models import Unit
from tests import factories
from tests.audit.tampering import tamper
from tests.services import Database

Sealed = Callable[[int], int]


@pytest.fixture
def depot(log: Database) -> Unit:
    """A governed record with three versions, and two others."""
    company = factories.unit("brightline", name="Brightline")
    depot = factories.unit("northfield", company, name="Northfield")
    factories.unit("harbour", company, name="Harbour")
    for name in ("Northfield depot", "Northfield hub"):
        with acting(system_actor("tests"), channel="command", reason="Renamed", reason_code="renamed"):
            depot.name = name
            depot.save()
    sealing.seal()
    assert verify().good
    return depot


def found(report: Report, **about: object) -> list[Finding]:
    return [finding for finding in report.findings if all(getattr(finding, name) == value for name, value in about.items())]


def last_entry(unit: Unit) -> int:
    return Entry.objects.filter(model="portal.unit", object=str(unit.pk)).order_by("-ver").values_list("id", flat=True)[0]


def test_verify__honest_log__passes_and_counts(depot: Unit, sealed: Sealed) -> None:
    size = sealed(300)
    report = verify()
    assert report.findings == []
    assert report.entries == size
    assert report.checkpoints == 2
    assert report.records >= 5
    assert report.waiting == 0


def test_verify__entries_wait_for_the_sealer__is_no_finding(depot: Unit, act: Callable[..., int]) -> None:
    act()
    report = verify()
    assert report.good
    assert report.waiting == 1


COLUMNS = {
    "at": ("at + interval '1 second'", "time"),
    "actor": ("gen_random_uuid()", "actor"),
    "on_behalf": ("gen_random_uuid()", "on behalf of"),
    "channel": ("'api'", "channel"),
    "request_id": ("'another'", "request"),
    "reason_code": ("'better'", "reason code"),
    "action": ("'deleted'", "action"),
    "model": ("'portal.other'", "model"),
    "object": ("'999'", "object"),
    "ver": ("77", "version number"),
    "prev": ("1", "change before"),
    "fields": ("array['unit']", "changed fields"),
    "data_class": ("'act'", "data class"),
    "db_role": ("'postgres'", "database role"),
    "xid": ("'3'::xid8", "transaction"),
}


def versions_of(unit: Unit, count: int) -> list[int]:
    """Seal `count` more versions of a record; answers their entries."""
    before = last_entry(unit)
    with acting(system_actor("tests"), channel="command", reason="Renamed", reason_code="renamed"):
        for number in range(count):
            unit.name = f"Depot {number}"
            unit.save()
    sealing.seal()
    return list(Entry.objects.filter(model="portal.unit", object=str(unit.pk), pk__gt=before).order_by("id").values_list("id", flat=True))


def test_verify__one_field_of_an_entry_edited__names_it(log: Database, depot: Unit) -> None:
    """Every column of an entry, each edited in an entry of its own."""
    entries = dict(zip(COLUMNS, versions_of(depot, len(COLUMNS)), strict=True))
    tamper(log, *(f"update audit_entry set {column} = {COLUMNS[column][0]} where id = {entry}" for column, entry in entries.items()))
    report = verify()
    for column, entry in entries.items():
        word = COLUMNS[column][1]
        named = found(report, entry=entry, model="portal.unit", object=str(depot.pk), field=word)
        assert len(named) == 1, (column, [str(finding) for finding in report.findings])
        assert word in str(named[0])
        assert f"portal.unit {depot.pk}, entry " in str(named[0])


def test_verify__every_column_of_an_entry__is_covered(db: None) -> None:
    assert {field.column for field in Entry._meta.concrete_fields} == {*COLUMNS, "id"}


VERSION_COLUMNS = {
    "name": "'Other'",
    "history_user_id": "gen_random_uuid()",
    "history_date": "now()",
    "history_type": "'-'",
    "history_change_reason": "'Better'",
}


def test_verify__version_row_edited__names_row_and_field(log: Database, depot: Unit) -> None:
    entries = dict(zip(VERSION_COLUMNS, versions_of(depot, len(VERSION_COLUMNS)), strict=True))
    tamper(
        log,
        *(
            f"update portal_historicalunit set {column} = {VERSION_COLUMNS[column]} where history_id = {entry}"
            for column, entry in entries.items()
        ),
    )
    report = verify()
    for column, entry in entries.items():
        named = found(report, entry=entry, field=column, model="portal.unit", object=str(depot.pk))
        assert named, (column, [str(finding) for finding in report.findings])
        assert "version row was edited" in named[0].words
        assert f"row {entry} of portal_historicalunit" in named[0].where


def test_verify__label_of_a_person_changed__is_named(log: Database, depot: Unit) -> None:
    """The serving role may name actors, so it could put one person's name on what another did."""
    mara, helen = factories.person(unit=depot, name="Mara Lindqvist"), factories.person(unit=depot, name="Helen Castellan")
    assert verify().good
    stranger, part = uuid.uuid4(), system_actor("reminders")
    with pytest.raises(DatabaseError, match="the name in that person's record"):
        name_actor(mara.pk, "person", helen.name)
    with log.connect("postgres") as superuser:
        superuser.execute("update audit_actor set label = %s where id in (%s, %s)", [helen.name, mara.pk, part])
        superuser.execute("insert into audit_actor (id, kind, label) values (%s, 'person', 'Nobody Known')", [stranger])
        superuser.execute("update audit_actor set external_id = 'helen@example.org' where id = %s", [helen.pk])
    found = {(finding.object, finding.field): str(finding) for finding in verify().findings}
    assert found.keys() == {(str(mara.pk), "label"), (str(part), "label"), (str(stranger), "label"), (str(helen.pk), "external_id")}
    assert "label differs" in found[str(mara.pk), "label"]
    assert "a part of Lastmile was renamed" in found[str(part), "label"]
    assert "no such person is recorded" in found[str(stranger), "label"]


def test_verify__reason_of_null_in_the_setting__is_no_reason(log: Database, depot: Unit) -> None:
    with log.connect("lm_app") as raw, raw.transaction():
        raw.execute("""set local audit.ctx = '{"reason": null}'""")
        raw.execute("update portal_unit set name = 'Other' where id = %s", [depot.pk])
    assert "reason" not in Payload.objects.get(entry_id=last_entry(depot)).body
    assert verify().good


def test_verify__proof_of_another_index__does_not_fit(depot: Unit) -> None:
    proof = str(selectors.proof(2))
    assert verify(receipt=proof).good
    assert not verify(receipt=proof.replace("index 2", "index 3")).good
    assert not verify(receipt=proof[:-20]).good
    assert not verify(receipt="nothing").good


def test_verify__everything_is_wrong__stops_at_what_a_person_can_use(log: Database, sealed: Sealed) -> None:
    sealed(400)
    tamper(log, "update audit_entry set channel = 'api'")
    report = verify()
    assert len(report.findings) == 200
    assert not report.complete


def test_command__good_and_bad__says_so_in_words_and_exit_code(
    log: Database, depot: Unit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = io.StringIO()
    kept = tmp_path / "kept.tlog-proof"
    kept.write_text(str(selectors.proof(0)), encoding="utf-8")
    call_command("verify_audit", str(kept), "--key", selectors.log_key(), stdout=out)
    assert "The audit trail verifies" in out.getvalue()
    assert "Your file fits" in out.getvalue()
    assert last_verified() is None, "what is checked against a file of one's own is nobody else's finding"
    tamper(log, f"update portal_unit set country = 'FR' where id = {depot.pk}")
    with pytest.raises(SystemExit) as stopped:
        call_command("verify_audit", stdout=out)
    assert stopped.value.code == 1
    assert "does NOT verify: 1 findings" in out.getvalue()
    assert f"portal.unit {depot.pk} (row of portal_unit), field country" in out.getvalue()
    kept_of_it = last_verified()
    assert kept_of_it is not None
    assert (kept_of_it.findings, Entry.objects.get(pk=kept_of_it.entry).channel) == (1, "command")


def test_command__database_that_only_reads__verifies_and_leaves_no_entry(log: Database, sealed: Sealed) -> None:
    sealed(3)
    told = subprocess.run(
        [sys.executable, "-m", "django", "verify_audit"],
        env=log.environment | {"PGOPTIONS": "-c default_transaction_read_only=on", "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert last_verified() is None


def test_command_seal__says_what_it_did(log: Database, act: Callable[..., int]) -> None:
    act()
    out = io.StringIO()
    call_command("seal", stdout=out)
    assert out.getvalue() == "Sealed 1 new entries. The log has 1.\n"
