"""Whoever holds the serving role's connection: what they write neither breaks a page, nor hides anything, nor speaks for a check."""

from __future__ import annotations

import json
from collections.abc import Callable

import psycopg
import pytest
from django.core.management import call_command
from django.test import Client

from audit.capture import check
from audit.context import acting
from audit.explore import indexing
from audit.log import sealing, verifying
from audit.log.bodies import body_of, count_of, detail_of
from audit.log.findings import Report
from audit.log.verification import verify
from audit.models import Entry
from audit.services import record, system_actor
from audit.verbs import ROW_VERBS, declared
from portal.models import Person
from tests.cast import Cast
from tests.services import Database

SignIn = Callable[[Person], Client]
DEEP = "[" * 200_000
ODD = [
    DEEP,
    DEEP + "]" * 200_000,
    '{"detail":' + '{"a":' * 40 + "1" + "}" * 41,
    "no JSON",
    "",
    "[]",
    '"x"',
    "null",
    '{"values":[1,2],"detail":"str","reason":{"a":1}}',
    '{"detail":"str"}',
    '{"detail":[]}',
    '{"detail":null}',
    '{"reason":{"a":1}}',
    '{"reason":null}',
    '{"values":{}}',
    '{"detail":{"a":"\\ud800"}}',
    '{"detail":{"a":"\\u0000"}}',
    json.dumps({"detail": {"a": "x" * 4_000_000}}),
]
RESULTS = [
    "no JSON",
    "[]",
    DEEP,
    '{"detail":"str"}',
    '{"detail":{"findings":"many","first":7,"entries":[]}}',
    '{"detail":{"findings":{"a":1},"first":[{"b":[]}],"seen":[1]}}',
    '{"detail":{"findings":-5,"complete":"x"}}',
    '{"detail":{"findings":true,"seen":"1/9:9:9,x"}}',
    '{"detail":{"findings":' + "9" * 5000 + "}}",
]


def past_the_door(log: Database, action: str, body: str, role: str = "lm_sealer") -> None:
    """As the owner of everything could: neither function nor trigger looks at it."""
    with log.connect("postgres") as superuser:
        row = superuser.execute(
            "insert into audit_entry (xid, at, db_role, actor, request_id, channel, reason_code, action, model, object, fields, data_class)"
            " values (pg_current_xact_id(), now(), %s, gen_random_uuid(), '', '', '', %s, '', '', '{}', 'act') returning id",
            [role, action],
        ).fetchone()
        assert row is not None
        superuser.execute("insert into audit_payload values (%s, uuid_send(gen_random_uuid()), %s)", [row[0], body])


@pytest.mark.parametrize("body", ODD)
def test_record__odd_body__is_refused(log: Database, body: str) -> None:
    with log.connect("lm_app") as app, pytest.raises(psycopg.Error):
        app.execute("select audit_record('portal.signed-in', '', '', %s, 'act', '{}')", [body])
    assert not Entry.objects.exists()


def test_verbs__every_act__has_a_name_that_the_database_takes(db: None) -> None:
    with acting(system_actor("tests")):
        for action in (
            declared().keys() - ROW_VERBS.keys() - {"audit.payload-erased", "audit.payload-expired", "audit.checked", "audit.verified"}
        ):
            record(action)


def test_pages__odd_bodies__are_shown_all_the_same(log: Database, cast: Cast, sign_in: SignIn) -> None:
    for body in (body for body in ODD if "\\u0000" not in body and len(body) < 1_000_000):
        past_the_door(log, "portal.signed-in", body)
    sealing.seal()
    indexing.index()
    tom = sign_in(cast.tom)
    for path in (
        "/audit",
        "/audit?q=action:signed-in",
        "/api/v1/audit/entries",
        "/api/v1/audit/entries?q=action:signed-in",
        "/api/v1/audit/feed",
    ):
        assert tom.get(path).status_code in {200, 403}, path
    for seq in range(sealing.tree_size("default")):
        assert tom.get(f"/audit/entries/{seq}").status_code == 200
    assert "unreadable" in tom.get("/audit?q=action:signed-in").content.decode()


@pytest.mark.parametrize("body", RESULTS)
def test_results__odd__are_read_and_never_as_all_is_well(log: Database, cast: Cast, sign_in: SignIn, body: str) -> None:
    for action in ("audit.checked", "audit.verified"):
        past_the_door(log, action, body)
    tom = sign_in(cast.tom)
    for path in ("/audit", "/audit/health", "/audit/trust", "/api/v1/audit/health", "/api/v1/audit/trust"):
        assert tom.get(path).status_code == 200, path
    check.check()


def test_bodies__of_any_shape__come_out_in_one() -> None:
    for text in (*ODD, *RESULTS, None):
        body = body_of(text)
        assert isinstance(body.get("values", {}), dict)
        assert isinstance(detail_of(text), dict)
        assert isinstance(body.get("reason", ""), str)
    assert [count_of(value) for value in (3, [1, 2], "x", -1, True, None, 10**30)] == [3, 2, 1, 1, 1, 1, 1]


def test_results__by_the_serving_role__count_for_nothing(log: Database) -> None:
    """A check that the serving role invents, or one that ran while its transaction was open, hides no write without an actor."""
    past_the_door(log, "audit.checked", '{"detail":{"newest_entry":999999999,"findings":[]}}', role="lm_app")
    assert list(verifying.results("audit.checked")) == []
    write = "insert into scratch_shelf (id, label) values (gen_random_uuid(), %s)"
    with psycopg.connect(log.url("lm_app")) as late:
        late.execute(write, ["late"])
        assert check.keep(check.check(), channel="command") is not None
    report = check.check()
    assert report.unattributed == 1, "committed after the check, with a number from before it"
    assert check.keep(report, channel="command") is not None
    assert check.check().unattributed == 0
    assert set(verifying.results("audit.checked").values_list("db_role", flat=True)) == {"lm_sealer"}


def test_results__process_with_the_serving_role_alone__does_not_record_and_says_so(
    committed_db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("audit_check")
    assert "DATABASE_SEALER_URL" in capsys.readouterr().out
    assert verifying.keep(Report(), channel="command", seconds=0) is None
    assert not Entry.objects.filter(action__in=["audit.checked", "audit.verified"]).exists()


def test_index__false_spans_of_the_sealer__are_found_and_pass_over_nothing(log: Database, act: Callable[..., int]) -> None:
    act()
    sealing.seal()
    indexing.index()
    assert [str(finding) for finding in verify().findings] == []
    with log.connect("lm_sealer") as sealer:
        sealer.execute("insert into audit_text_span values (900, now(), now(), 1, 2000000)")
        sealer.execute("update audit_text_span set min_at = 'epoch', max_at = 'epoch', max_seq = 100000 where block = 0")
    assert {finding.where for finding in verify().findings} == {
        "search index, entries 0 to 4095",
        "search index, entries 3686400 to 3690495",
    }
    with log.connect("postgres") as superuser:
        superuser.execute("delete from audit_text_span where block = 900")
        superuser.execute("delete from audit_text_span; delete from audit_text")
    act()
    sealing.seal()
    with log.connect("lm_sealer") as sealer:
        sealer.execute("insert into audit_text_span values (900, now(), now(), 1, 2000000)")
    assert indexing.index() == sealing.tree_size("default"), "a watermark past the log is not believed"
