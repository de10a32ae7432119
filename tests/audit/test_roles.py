"""What the serving role can do to the trail: read it. Proven by trying."""

from __future__ import annotations

import uuid

import psycopg
import pytest

from audit.context import acting
from audit.services import name_actor, record
from tests.audit.scratch.models import Shelf
from tests.services import Database

ANN = uuid.UUID("aaaaaaaa-0000-4000-8000-000000000001")
TRAIL = ["audit_entry", "audit_payload", "audit_actor", "scratch_historicalshelf"]

ATTACKS = [
    *(f"delete from {table}" for table in TRAIL),
    *(f"truncate {table}" for table in TRAIL),
    *(f"alter table {table} disable trigger all" for table in [*TRAIL, "scratch_shelf"]),
    *(f"drop table {table} cascade" for table in [*TRAIL, "scratch_shelf"]),
    "update audit_entry set actor = gen_random_uuid()",
    "update audit_payload set body = '{}'",
    "update audit_actor set label = 'somebody else'",
    "update scratch_historicalshelf set label = 'other'",
    "delete from audit_payload_000000",
    "update audit_payload_000000 set body = '{}'",
    "insert into audit_payload_000000 values (1000000, 'x', '{}')",
    "insert into audit_payload_rest values (1000000000, 'x', '{}')",
    (
        "insert into audit_entry (db_role, actor, request_id, channel, reason_code, action, model, object, fields, data_class)"
        " values ('lm_app', gen_random_uuid(), '', '', '', 'changed', 'scratch.shelf', '1', '{}', 'record')"
    ),
    "insert into audit_payload values (1000000, 'x', '{}')",
    "insert into scratch_historicalshelf (id, label, history_id, history_date, history_type) values (gen_random_uuid(), 'x', 1000000, now(), '+')",
    "insert into audit_actor (id, kind, label) values (gen_random_uuid(), 'person', 'x')",
    "drop trigger audit_changed on scratch_shelf",
    "alter table scratch_shelf disable trigger audit_changed",
    "create or replace function audit_refuse() returns trigger language plpgsql as 'begin return null; end'",
    "drop function audit_capture_scratch_shelf() cascade",
    "set session_replication_role = replica",
    "set role lm_owner",
    "select audit_readers_only('scratch_shelf')",
    "select nextval('audit_entry_id_seq')",
    "alter sequence audit_entry_id_seq restart",
    "truncate scratch_shelf cascade",
    "create table audit_shadow (id int)",
    "select audit_name_actor('00000000-0000-0000-0000-000000000000', 'person', 'Helen Castellan', '')",
    "select audit_name_actor('aaaaaaaa-0000-4000-8000-000000000001', 'system', 'Reminders', '')",
    "select audit_record('created', 'governance.signature', '77', '{}', 'record', '{}')",
    "select audit_record('changed', 'scratch.shelf', '1', '{}', 'record', '{}')",
    "select audit_record('deleted', 'scratch.shelf', '1', '{}', 'record', '{}')",
    "create function public.now() returns timestamptz language sql as 'select null::timestamptz'",
]


@pytest.fixture
def trail(committed_db: Database) -> Database:
    name_actor(ANN, "person", "Ann")
    with acting(ANN):
        record("audit.checked", obj=Shelf.objects.create(label="A"))
    return committed_db


@pytest.mark.parametrize("attack", ATTACKS)
def test_roles__attack_as_the_serving_role__is_refused(trail: Database, attack: str) -> None:
    with trail.connect("lm_app") as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(attack)


@pytest.mark.parametrize(
    "attack",
    [
        "update audit_entry set actor = gen_random_uuid()",
        "delete from audit_entry",
        "truncate audit_entry",
        "update audit_payload set body = '{}'",
        "delete from audit_payload",
        "truncate audit_payload",
        "truncate audit_payload_000000",
        "delete from audit_payload_000000",
        "update scratch_historicalshelf set label = 'other'",
        "delete from scratch_historicalshelf",
        "truncate scratch_historicalshelf",
        "truncate scratch_shelf cascade",
        "update scratch_shelf set id = gen_random_uuid()",
    ],
)
@pytest.mark.parametrize("role", ["lm_owner", "postgres"])
def test_roles__guard__refuses_even_the_owner(trail: Database, attack: str, role: str) -> None:
    with trail.connect(role) as owner, pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"refused|cannot change"):
        owner.execute(attack)


def test_roles__replica_mode_of_a_superuser__still_captures_and_guards(trail: Database) -> None:
    with trail.connect("postgres") as superuser:
        superuser.execute("set session_replication_role = replica")
        superuser.execute("update scratch_shelf set label = 'B'")
        captured = superuser.execute("select actor from audit_entry where action = 'changed'").fetchall()
        assert captured == [(uuid.UUID(int=0),)]
        for table in ("audit_entry", "audit_payload", "audit_payload_000000", "scratch_historicalshelf"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                superuser.execute(f"delete from {table}")


def test_roles__temporary_objects_of_the_same_name__are_not_used_by_the_capture(trail: Database) -> None:
    with trail.connect("postgres") as superuser:
        superuser.execute("grant temporary on database " + trail.name + " to lm_app")
    with trail.connect("lm_app") as app:
        app.execute("create temporary table audit_entry (like public.audit_entry)")
        app.execute("insert into scratch_shelf (id, label) values (gen_random_uuid(), 'B')")
        found = app.execute("select count(*) from public.audit_entry where action = 'created'").fetchone()
        assert found == (2,)


@pytest.mark.parametrize("role", ["lm_app", "lm_sealer", "lm_auditor"])
def test_roles__reading_roles__may_read(trail: Database, role: str) -> None:
    with trail.connect(role) as reader:
        for table in ("audit_entry", "audit_payload", "audit_actor"):
            reader.execute(f"select * from {table}").fetchall()
