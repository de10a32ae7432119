"""What the serving role can do to the trail: read it. Proven by trying."""

from __future__ import annotations

import contextlib
import uuid

import psycopg
import pytest

from audit.context import acting
from audit.services import name_actor, record, system_pseudonym
from tests import factories
from tests.audit.scratch.models import Shelf
from tests.services import Database

ANN = uuid.UUID("aaaaaaaa-0000-4000-8000-000000000001")
REMINDERS = system_pseudonym("reminders")
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
    f"select audit_name_actor('{REMINDERS}', 'system', 'Helen Castellan', '')",
    f"select audit_name_actor('{REMINDERS}', 'person', 'Helen Castellan', '')",
    "select audit_name_actor(gen_random_uuid(), 'person', 'Helen Castellan', '')",
    "select audit_name_actor(gen_random_uuid(), 'system', 'helen castellan ', '')",
    "select audit_name_actor(gen_random_uuid(), 'key', 'Helen Castellan', '')",
    "select audit_name_actor(gen_random_uuid(), 'key', 'x', 'helen@example.org')",
    "select audit_name_actor(id, 'person', 'Tom Brandt', '') from audit_actor where kind = 'person'",
    "select audit_record('created', 'governance.signature', '77', '{}', 'record', '{}')",
    *(
        f"select audit_record('{act}', 'governance.signature', '77', '{{}}', 'act', '{{}}')"
        for act in (
            "created",
            "created ",
            " created",
            "Created",
            "CHANGED",
            "deleted	",
            "governance.signed ",
            "governance.Signed",
            "",
            "a",
            "a..b",
        )
    ),
    "select audit_record('portal.signed-in', '', '', '{}', 'record', '{}')",
    "select audit_record('portal.signed-in', '', '', '{}', 'erasure', '{}')",
    "select audit_record('portal.signed-in', '', '', '{}', 'nonsense', '{}')",
    "select audit_record('audit.checked', '', '', '{\"detail\": {\"findings\": []}}', 'act', '{}')",
    "select audit_record('audit.verified', '', '', '{\"detail\": {\"findings\": 0}}', 'act', '{}')",
    "select audit_add_act('audit.checked', '', '', '{}', 'act', '{}')",
    "select audit_record('changed', 'scratch.shelf', '1', '{}', 'record', '{}')",
    "select audit_record('deleted', 'scratch.shelf', '1', '{}', 'record', '{}')",
    "create function public.now() returns timestamptz language sql as 'select null::timestamptz'",
]


LOG = ["audit_batch", "audit_leaf", "audit_checkpoint", "audit_logkey", "audit_tile"]
# Of no role that works for the portal, whatever its task.
ANYBODY = [
    *ATTACKS,
    *(f"delete from {table}" for table in LOG),
    *(f"truncate {table} cascade" for table in LOG),
    *(f"alter table {table} disable trigger all" for table in LOG),
    "update audit_leaf set data = 'x'",
    "update audit_checkpoint set note = 'x'",
    "update audit_logkey set vkey = 'x'",
    "update audit_batch set snapshot = '1:1:'",
    "copy audit_entry to program 'cat'",
    "copy audit_entry from program 'true'",
    "copy (select 1) to '/tmp/lastmile-attack'",
    "copy scratch_shelf from '/etc/passwd'",
    "create schema evil",
    "create table public.evil (id int)",
    "create function public.evil() returns int language sql as 'select 1'",
    "create extension file_fdw",
    "create event trigger evil on ddl_command_end execute function audit_refuse()",
    "create role evil superuser",
    "alter role current_user superuser",
    "alter role lm_owner password 'x'",
    "alter system set archive_command = 'true'",
    "alter function audit_record(text, text, text, text, text, jsonb) security invoker",
    "set role lm_owner",
    "set session authorization postgres",
    "set session_replication_role = local",
    "select pg_read_file('postgresql.conf')",
    "select lo_import('/etc/passwd')",
    "select * from pg_authid",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'lm_owner' union all select pg_reload_conf()",
    "create trigger evil before insert on audit_entry for each row execute function suppress_redundant_updates_trigger()",
    "create rule evil as on insert to audit_entry do instead nothing",
    "alter table audit_entry add column x int",
    "alter table audit_payload detach partition audit_payload_000000",
    "insert into audit_erasing_now values ('1', 1)",
]
WRITES = [
    "insert into scratch_shelf (id, label) values (gen_random_uuid(), 'x')",
    "update scratch_shelf set label = 'x'",
    "delete from scratch_shelf",
    "select audit_record('audit.backup-made', '', '', '{}', 'act', '{}')",
    "select audit_name_actor(gen_random_uuid(), 'person', 'x', '')",
    "select audit_make_room()",
]
SECRETS = ["select password from portal_person", "select digest from portal_apikey", "select * from django_session"]
SEALS = [
    "select audit_record_result('audit.checked', '{}', '{}')",
    "insert into audit_batch (number, first, count, snapshot, cluster, sealed_at) values (999, 0, 1, '1:1:', 'x', now())",
    "insert into audit_checkpoint (size, root, note, key_id, at) values (999, 'x', 'x', 1, now())",
    "insert into audit_tile (level, index, data) values (0, 999, 'x')",
    "update audit_tile set data = 'x'",
]
ERASES = ["select audit_erase_person(gen_random_uuid())", "select audit_expire('record')"]


@pytest.mark.parametrize(
    ("role", "attacks"),
    [
        ("lm_app", [*ANYBODY, *SEALS, *ERASES]),
        ("lm_sealer", [*ANYBODY, *WRITES, *SECRETS, *ERASES]),
        ("lm_auditor", [*ANYBODY, *WRITES, *SECRETS, *SEALS, *ERASES]),
        ("lm_eraser", [*ANYBODY, *WRITES, *SECRETS, *SEALS]),
    ],
)
def test_roles__every_attack__is_refused(trail: Database, role: str, attacks: list[str]) -> None:
    """Each is refused for want of a privilege, not for a mistake in it."""
    answers = {}
    with trail.connect(role) as link:
        with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
            link.execute("grant all on audit_entry, audit_payload to public")  # grants nothing; PostgreSQL only warns of that
        for attack in attacks:
            try:
                link.execute(attack)
            except psycopg.errors.InsufficientPrivilege:
                continue
            except psycopg.Error as error:
                answers[attack] = f"{type(error).__name__}: {error}"
            else:
                answers[attack] = "done"
    assert answers == {}


@pytest.fixture
def trail(committed_db: Database) -> Database:
    name_actor(ANN, "key", "Ann")
    name_actor(REMINDERS, "system", "reminders")
    factories.person("Helen Castellan", factories.unit("brightline"))
    with acting(ANN):
        record("audit.backup-made", obj=Shelf.objects.create(label="A"))
    return committed_db


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
        found = app.execute("select count(*) from public.audit_entry where action = 'created' and model = 'scratch.shelf'").fetchone()
        assert found == (2,)


@pytest.mark.parametrize("role", ["lm_app", "lm_sealer", "lm_auditor"])
def test_roles__reading_roles__may_read(trail: Database, role: str) -> None:
    with trail.connect(role) as reader:
        for table in ("audit_entry", "audit_payload", "audit_actor"):
            reader.execute(f"select * from {table}").fetchall()
