"""`manage.py audit_check` names what is not as the migrations made it, and records that it looked."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command

from audit import tasks
from audit.context import acting
from audit.models import Entry
from audit.services import make_room, system_actor
from portal import check_notices
from portal.models import Role
from portal.schedule import BEAT, NOTICE_RULES
from tests import factories
from tests.audit.scratch.models import Shelf
from tests.services import Database


def run() -> tuple[int, str]:
    said = StringIO()
    code: object = 0
    try:
        call_command("audit_check", stdout=said)
    except SystemExit as stop:
        code = stop.code
    assert isinstance(code, int)
    return code, said.getvalue()


def test_audit_check__as_migrated__is_in_order_and_recorded(log: Database) -> None:
    code, said = run()
    assert (code, "Capture is in order" in said) == (0, True), said
    entry = Entry.objects.get(action="audit.checked")
    assert entry.actor == system_actor("audit-check")
    assert json.loads(entry.payload.body)["detail"]["findings"] == []


@pytest.mark.parametrize(
    ("tampering", "named"),
    [
        ("alter table scratch_shelf disable trigger audit_changed", "audit_changed on scratch_shelf is disabled"),
        ("alter table scratch_shelf enable trigger audit_changed", "audit_changed on scratch_shelf is disabled or not ALWAYS"),
        ("drop trigger audit_deleted on scratch_shelf", "audit_deleted on scratch_shelf is missing"),
        ("drop trigger audit_no_delete on audit_entry", "audit_no_delete on audit_entry is missing"),
        ("alter table audit_payload disable trigger audit_no_update", "audit_no_update on audit_payload is disabled"),
        ("alter table scratch_historicalshelf disable trigger all", "audit_no_update on scratch_historicalshelf is disabled"),
        (
            "create or replace function audit_capture_scratch_shelf() returns trigger language plpgsql as 'begin return null; end'",
            "function audit_capture_scratch_shelf was changed",
        ),
        ("alter function audit_capture_scratch_shelf() security invoker", "audit_capture_scratch_shelf lost its SECURITY DEFINER"),
        (
            "alter function audit_record(text, text, text, text, text, jsonb) reset all",
            "audit_record lost its SECURITY DEFINER or its search_path",
        ),
        ("alter table audit_leaf disable trigger audit_no_delete", "audit_no_delete on audit_leaf is disabled"),
        ("drop trigger audit_grows on audit_tile", "audit_grows on audit_tile is missing"),
        (
            "alter table governance_signature disable trigger governance_insert_only",
            "governance_insert_only on governance_signature is disabled",
        ),
        ("drop trigger governance_guard on governance_expansionrequest", "governance_guard on governance_expansionrequest is missing"),
        ("drop trigger audit_no_truncate on audit_payload_000000", "audit_no_truncate on audit_payload_000000 is missing"),
        ("alter table feedback_event disable trigger all", "feedback_event_kept on feedback_event is disabled"),
        ("drop trigger feedback_outcome_changed on feedback_outcome", "feedback_outcome_changed on feedback_outcome is missing"),
        ("alter function governance_insert_only() rename to governance_other", "function governance_insert_only is missing"),
        (
            "create or replace function governance_signature_guard() returns trigger language plpgsql as 'begin return new; end'",
            "function governance_signature_guard was changed",
        ),
        (
            "create trigger skip_it before update on scratch_shelf for each row execute function suppress_redundant_updates_trigger()",
            "a trigger skip_it on scratch_shelf",
        ),
        ("grant delete on audit_entry to lm_app", "lm_app may delete audit_entry"),
        ("grant insert on scratch_historicalshelf to lm_app", "lm_app may insert scratch_historicalshelf"),
        ("grant update on audit_payload_000000 to lm_app", "lm_app may update audit_payload_000000"),
        (
            "create trigger lose_it before insert on audit_entry for each row execute function suppress_redundant_updates_trigger()",
            "a trigger lose_it on audit_entry",
        ),
        ("create rule lose_it as on insert to audit_entry do instead nothing", "rewrite rule lose_it on audit_entry"),
    ],
)
def test_audit_check__tampering__is_named(committed_db: Database, tampering: str, named: str) -> None:
    with committed_db.connect("postgres") as superuser:
        superuser.execute(tampering)
    code, said = _check_only() if "lose_it" in tampering else run()
    assert code == 1
    assert named in said


def _check_only() -> tuple[int, str]:
    # With that in place nothing can be recorded any more, not even the check.
    from audit.capture.check import check

    findings = check().findings
    return int(bool(findings)), "\n".join(findings)


def test_audit_check__write_without_an_actor__is_a_finding_once(log: Database) -> None:
    with acting(system_actor("tests")):
        Shelf.objects.create(label="A")
    with log.connect("lm_app") as raw:
        raw.execute("update scratch_shelf set label = 'B'")
    code, said = run()
    assert code == 1
    assert "has no actor: scratch.shelf" in said
    assert run()[0] == 0


@pytest.fixture
def at_entry(committed_db: Database) -> Callable[[int], None]:
    def jump(entry: int) -> None:
        with committed_db.connect("postgres") as superuser:
            superuser.execute("select setval('audit_entry_id_seq', %s)", [entry])

    return jump


def test_make_room__near_the_end__adds_guarded_partitions(committed_db: Database, at_entry: Callable[[int], None]) -> None:
    assert make_room() == 0
    at_entry(5_000_001)
    assert make_room() == 1
    at_entry(15_000_000)
    assert make_room() == 2
    assert make_room() == 0
    with acting(system_actor("tests")):
        Shelf.objects.create(label="A")
        Shelf.objects.create(label="B")
    assert run()[0] == 0
    with committed_db.connect("postgres") as superuser, pytest.raises(Exception, match="refused"):
        superuser.execute("truncate audit_payload_000003")


def test_make_room__never_called__loses_nothing_and_is_a_finding(committed_db: Database, at_entry: Callable[[int], None]) -> None:
    at_entry(99_000_000)
    with acting(system_actor("tests")):
        Shelf.objects.create(label="A")
    code, said = run()
    assert code == 1
    assert "partition of last resort" in said


def test_audit_check__by_the_worker__is_an_entry_and_tells_compliance_what_it_found(log: Database) -> None:
    """The nightly task; a clean check afterwards ends it."""
    with factories.by_test():
        company = factories.unit("brightline")
        tom, jo = factories.person("Tom Brandt", company), factories.person("Jo Marsh", company)
        factories.role(tom, Role.COMPLIANCE, company)
    now = dt.datetime.now(dt.UTC)
    tasks.check()
    assert list(check_notices.due(now)) == []
    with log.connect("lm_owner") as owner:
        owner.execute("alter table scratch_shelf disable trigger audit_changed")
    tasks.check()
    found = Entry.objects.filter(action="audit.checked").latest("id")
    assert found.channel == "task"
    told = list(check_notices.due(now))
    assert [(draft.recipient, draft.dedupe_key) for draft in told] == [(tom, f"audit.check-failed:{found.id}")]
    assert jo not in {draft.recipient for draft in told}
    assert "1 finding" in told[0].subject
    with log.connect("lm_owner") as owner:
        owner.execute("alter table scratch_shelf enable always trigger audit_changed")
    tasks.check()
    assert list(check_notices.due(now)) == []
    assert "audit.check" in {job["task"] for job in BEAT.values()}
    assert "portal.check_notices" in NOTICE_RULES
