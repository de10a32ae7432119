"""The SQL that captures changes: what `audit` needs once, and what each governed model gets.

Everything here is reached through migration operations (audit/operations.py) that name a version of this text. What has
been released is frozen: tests/audit/test_capture_sql.py holds its digest. To change it, add the next version beside it.

One function a model inserts version row, entry and payload for every row that a statement touched, in one statement of
its own. It runs without nested loops where there is a choice: a plan cached from a one-row transition table would else
join ten thousand old rows with ten thousand new ones that way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

VERSION = 1
NIL = "'00000000-0000-0000-0000-000000000000'::uuid"

Columns = tuple[tuple[str, str], ...]
Source = Callable[[str], str]  # from a column's name to the SQL that yields its value


@dataclass(frozen=True)
class Capture:
    """What the trigger of one governed model knows: `columns` are (name of the field, name of the column), key first."""

    model: str
    table: str
    version_table: str
    columns: tuple[tuple[str, str], ...]
    data_class: str

    @property
    def function(self) -> str:
        return f"audit_capture_{self.table}"[:63]

    @property
    def key(self) -> str:
        return self.columns[0][1]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def readers_only(table: str) -> str:
    """Leave the serving roles nothing but SELECT. Roles that an operator's server lacks are passed over."""
    return f"select audit_readers_only({literal(table)}::regclass);"


def callable_by_app(signature: str) -> str:
    """A function that the serving role may call and nobody else."""
    return f"""
revoke all on function {signature} from public;
do $do$
begin
    if exists (select from pg_roles where rolname = 'lm_app') then
        grant execute on function {signature} to lm_app;
    end if;
end $do$;"""


def append_only(table: str, *events: str) -> str:
    """Guards that refuse every change and removal, whoever asks."""
    parts = []
    for event in events or ("update", "delete", "truncate"):
        name, each = f"audit_no_{event}", "statement" if event == "truncate" else "row"
        parts.append(
            f"create or replace trigger {name} before {event} on {table} for each {each} execute function audit_refuse();\n"
            f"alter table {table} enable always trigger {name};"
        )
    return "\n".join(parts)


_FOUNDATION = """
create or replace function audit_refuse() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $fn$
begin
    raise exception '% of % is refused: it belongs to the audit trail', tg_op, tg_table_name using errcode = 'insufficient_privilege';
end $fn$;

create or replace function audit_refuse_key() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $fn$
begin
    if to_jsonb(new) -> tg_argv[0] is distinct from to_jsonb(old) -> tg_argv[0] then
        raise exception 'the primary key of % cannot change: it is governed', tg_table_name using errcode = 'insufficient_privilege';
    end if;
    return new;
end $fn$;

create or replace function audit_refuse_truncate() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $fn$
begin
    raise exception 'TRUNCATE of % is refused: it is governed, delete its rows', tg_table_name using errcode = 'insufficient_privilege';
end $fn$;

create or replace function audit_readers_only(p_table regclass) returns void language plpgsql set search_path = pg_catalog, pg_temp as $fn$
declare
    reader text;
    numbers regclass := (
        select d.objid from pg_depend d join pg_class c on c.oid = d.objid
        where d.classid = 'pg_class'::regclass and d.refobjid = p_table and d.deptype in ('a', 'i') and c.relkind = 'S'
    );
begin
    execute format('revoke all on %s from public', p_table);
    foreach reader in array array['lm_app', 'lm_sealer', 'lm_auditor'] loop
        if exists (select from pg_roles where rolname = reader) then
            execute format('revoke all on %s from %I', p_table, reader);
            execute format('grant select on %s to %I', p_table, reader);
            if numbers is not null then
                execute format('revoke all on sequence %s from %I', numbers, reader);
            end if;
        end if;
    end loop;
end $fn$;

create table if not exists audit_payload (
    entry_id bigint not null primary key,
    -- HMAC fills a short key up with zeroes, so a salt of another length could yield the same commitment.
    salt bytea not null check (octet_length(salt) = 16),
    body text not null
) partition by range (entry_id);
create table if not exists audit_payload_rest partition of audit_payload default;

create or replace function audit_make_room() returns integer language plpgsql security definer
set search_path = public, pg_temp set lock_timeout = '200ms' as $fn$
declare
    width constant bigint := 5000000;
    -- pg_sequence_last_value is null until the first entry
    here bigint := coalesce(pg_sequence_last_value('audit_entry_id_seq'), 0) / width;
    made integer := 0;
    name text;
begin
    for part in here .. here + 2 loop
        name := format('audit_payload_%s', lpad(part::text, 6, '0'));
        if to_regclass(name) is null and not exists (select from audit_payload_rest where entry_id / width = part) then
            execute format('create table %I (like audit_payload including all)', name);
            execute format('create trigger audit_no_truncate before truncate on %I for each statement execute function audit_refuse()', name);
            execute format('alter table %I enable always trigger audit_no_truncate', name);
            perform audit_readers_only(name::regclass);
            execute format('alter table audit_payload attach partition %I for values from (%s) to (%s)', name, part * width, (part + 1) * width);
            made := made + 1;
        end if;
    end loop;
    return made;
exception when lock_not_available then
    return 0;  -- a dump reads them just now; the next call tries again
end $fn$;

create or replace function audit_record(
    p_action text, p_model text, p_object text, p_body text, p_data_class text, p_ctx jsonb
) returns bigint language plpgsql security definer set search_path = public, pg_temp as $fn$
declare
    entry bigint;
begin
    if p_action in ('created', 'changed', 'deleted') then
        raise exception 'a change of a row is recorded by its triggers alone' using errcode = 'insufficient_privilege';
    end if;
    entry := nextval('audit_entry_id_seq');
    insert into audit_entry (id, xid, at, db_role, actor, on_behalf, request_id, channel, reason_code, action, model, object, fields, data_class)
    values (
        entry, pg_current_xact_id(), clock_timestamp(), session_user,
        coalesce((p_ctx ->> 'actor')::uuid, '00000000-0000-0000-0000-000000000000'), (p_ctx ->> 'behalf')::uuid,
        coalesce(p_ctx ->> 'req', ''), coalesce(p_ctx ->> 'channel', ''), coalesce(p_ctx ->> 'code', ''),
        p_action, p_model, p_object, '{}', p_data_class
    );
    insert into audit_payload (entry_id, salt, body) values (entry, uuid_send(gen_random_uuid()), p_body);
    return entry;
end $fn$;

create or replace function audit_name_actor(p_id uuid, p_kind text, p_label text, p_external text) returns void language plpgsql security definer
set search_path = public, pg_temp as $fn$
begin
    if p_id = '00000000-0000-0000-0000-000000000000' then
        raise exception 'whoever writes without an actor has no name' using errcode = 'insufficient_privilege';
    end if;
    insert into audit_actor (id, kind, label, external_id) values (p_id, p_kind, left(p_label, 200), p_external)
    on conflict (id) do update set label = excluded.label, external_id = excluded.external_id
    where audit_actor.kind = excluded.kind
      and (audit_actor.label, audit_actor.external_id) is distinct from (excluded.label, excluded.external_id);
    if exists (select from audit_actor where id = p_id and kind <> p_kind) then
        raise exception 'an actor stays what it is: a person, a key, or Lastmile itself' using errcode = 'insufficient_privilege';
    end if;
end $fn$;

revoke all on function audit_readers_only(regclass) from public;
"""


def foundation(version: int) -> str:
    """Payload table, guards, and the functions that the serving role calls instead of writing."""
    _check(version)
    parts = [
        _FOUNDATION,
        "select audit_make_room();",
        callable_by_app("audit_make_room()"),
        callable_by_app("audit_record(text, text, text, text, text, jsonb)"),
        callable_by_app("audit_name_actor(uuid, text, text, text)"),
        append_only("audit_entry"),
        append_only("audit_payload"),
        append_only("audit_payload_rest", "truncate"),
        *(readers_only(table) for table in ("audit_actor", "audit_entry", "audit_payload", "audit_payload_rest")),
    ]
    return "\n".join(parts)


REMOVE_FOUNDATION = """
drop function if exists audit_record(text, text, text, text, text, jsonb);
drop function if exists audit_name_actor(uuid, text, text, text);
drop function if exists audit_make_room();
drop table if exists audit_payload;
drop function if exists audit_readers_only(regclass);
drop function if exists audit_refuse() cascade;
drop function if exists audit_refuse_key() cascade;
drop function if exists audit_refuse_truncate() cascade;
"""


def _check(version: int) -> None:
    if version != VERSION:
        raise ValueError(f"There is no version {version} of the capture SQL.")


# Whatever the session has set, values are rendered the same. (JSON dates are ISO under every datestyle.)
SETTINGS = (
    "set search_path = public, pg_temp set enable_nestloop = off "
    "set timezone = 'UTC' set extra_float_digits = 1 set bytea_output = 'hex' set intervalstyle = 'iso_8601'"
)


def values_as_json(columns: Columns, source: Source) -> str:
    """The one rendering of recorded values, for payloads and for comparing rows with them. Runs under SETTINGS."""
    # A function takes at most 100 arguments, so wide tables are built from parts.
    parts = [
        "json_build_object(" + ", ".join(f"{literal(name)}, {source(column)}" for name, column in columns[at : at + 45]) + ")::text"
        for at in range(0, len(columns), 45)
    ]
    last = len(parts) - 1
    cut = [f"substr({part}, 2)" if at else part for at, part in enumerate(parts)]
    return " || ', ' || ".join(part if at == last else f"left({part}, -1)" for at, part in enumerate(cut))


def install(capture: Capture, version: int) -> str:
    """Function, triggers and guards of one governed model."""
    _check(version)
    table, versions, function, key = (quoted(n) for n in (capture.table, capture.version_table, capture.function, capture.key))
    run = f"execute function {function}()"
    triggers = {
        "audit_created": f"after insert on {table} referencing new table as new_rows for each statement {run}",
        "audit_changed": f"after update on {table} referencing old table as old_rows new table as new_rows for each statement {run}",
        "audit_deleted": f"after delete on {table} referencing old table as old_rows for each statement {run}",
        # A WHEN clause instead would be parsed again at every statement; the column list is a bit that is already there.
        "audit_key": f"before update of {key} on {table} for each row execute function audit_refuse_key({literal(capture.key)})",
        "audit_no_truncate": f"before truncate on {table} for each statement execute function audit_refuse_truncate()",
    }
    created = [
        f"create or replace trigger {name} {when};\nalter table {table} enable always trigger {name};" for name, when in triggers.items()
    ]
    return "\n".join([_function(capture), *created, append_only(versions), readers_only(versions)])


def remove(capture: Capture) -> str:
    """Takes the capture of a model away again; the guards of its versions stay."""
    names = ("audit_created", "audit_changed", "audit_deleted", "audit_key", "audit_no_truncate")
    dropped = "\n".join(f"drop trigger if exists {name} on {quoted(capture.table)};" for name in names)
    return f"{dropped}\ndrop function if exists {quoted(capture.function)}();"


def _statement(capture: Capture, kind: str, action: str, rows: str, source: Source, changed: str, where: str) -> str:
    """One statement for all rows touched: version rows, entries and payloads, tied by the entry's id."""
    columns = capture.columns
    names = ", ".join(quoted(column) for _, column in columns)
    copied = ", ".join(f"{source(column)} as {quoted(column)}" for _, column in columns)
    thing = f"{source(capture.key)}::text"
    actor = f"coalesce((ctx ->> 'actor')::uuid, {NIL})"
    return f"""
        with touched as materialized (
            select nextval('audit_entry_id_seq') as audit_entry, clock_timestamp() as audit_moment, {thing} as audit_thing,
                last.id as audit_prev, coalesce(last.ver, 0) + 1 as audit_ver, {changed} as audit_fields,
                {values_as_json(columns, source)} as audit_values, {copied}
            from {rows}
            left join lateral (
                select e.id, e.ver from audit_entry e
                where e.model = {literal(capture.model)} and e.object = {thing} and e.ver is not null
                order by e.ver desc limit 1
            ) last on true
            {where}
        ), versions as (
            insert into {quoted(capture.version_table)}
                (history_id, history_date, history_type, history_user_id, history_change_reason, {names})
            select audit_entry, audit_moment, '{kind}', {actor}, ctx ->> 'reason', {names} from touched
        ), entries as (
            insert into audit_entry (id, xid, at, db_role, actor, on_behalf, request_id, channel, reason_code,
                action, model, object, ver, prev, fields, data_class)
            select audit_entry, pg_current_xact_id(), audit_moment, session_user, {actor}, (ctx ->> 'behalf')::uuid,
                coalesce(ctx ->> 'req', ''), coalesce(ctx ->> 'channel', ''), coalesce(ctx ->> 'code', ''),
                '{action}', {literal(capture.model)}, audit_thing, audit_ver, audit_prev, audit_fields, {literal(capture.data_class)}
            from touched
        )
        insert into audit_payload (entry_id, salt, body)
        select audit_entry, uuid_send(gen_random_uuid()),
            '{{"values" : ' || audit_values || coalesce(', "reason" : ' || to_json(ctx ->> 'reason')::text, '') || '}}' from touched"""


def _changed(columns: Columns, new: Source, old: Source) -> str:
    cases = ", ".join(f"case when {new(column)} is distinct from {old(column)} then {literal(name)} end" for name, column in columns)
    return f"array_remove(array[{cases}]::text[], null)"


def _function(capture: Capture) -> str:
    def new(column: str) -> str:
        return f"n.{quoted(column)}"

    def old(column: str) -> str:
        return f"o.{quoted(column)}"

    key = quoted(capture.key)
    # The key never changes (audit_key), so it is no candidate.
    rest = capture.columns[1:]
    differs = "where " + (" or ".join(f"{new(column)} is distinct from {old(column)}" for _, column in rest) or "false")
    created = _statement(capture, "+", "created", "new_rows n", new, "'{}'::text[]", "")
    changed = _statement(
        capture, "~", "changed", f"new_rows n join old_rows o on o.{key} = n.{key}", new, _changed(rest, new, old), differs
    )
    deleted = _statement(capture, "-", "deleted", "old_rows o", old, "'{}'::text[]", "")
    return f"""
create or replace function {quoted(capture.function)}() returns trigger language plpgsql security definer
{SETTINGS} as $fn$
declare
    ctx jsonb := coalesce(nullif(current_setting('audit.ctx', true), ''), '{{}}');
begin
    if tg_op = 'INSERT' then{created};
    elsif tg_op = 'UPDATE' then{changed};
    else{deleted};
    end if;
    return null;
end $fn$;
revoke all on function {quoted(capture.function)}() from public;
"""
