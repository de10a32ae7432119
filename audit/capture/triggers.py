"""The SQL that captures changes: what `audit` needs once, and what each governed model gets.

Everything here is reached through migration operations (audit/capture/operations.py) that name a version of this text. What has
been released is frozen: tests/audit/test_capture_sql.py holds its digest. To change it, add the next version beside it.

One function a model inserts version row, entry and payload. Inserts are recorded by statement, because bulk_create sends
ten thousand rows at once and there is no old row to find; updates and deletions by row, because there OLD and NEW are at
hand, and finding one another in transition tables costs a single save more than it saves many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from audit.capture.acts import ACTS, REMOVE_ACTS

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


def callable_by(role: str, signature: str) -> str:
    """A function that this role may call, and no other than the owner."""
    return f"""
revoke all on function {signature} from public;
do $do$
begin
    if exists (select from pg_roles where rolname = {literal(role)}) then
        grant execute on function {signature} to {role};
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
    -- 16 bytes, always; a CHECK would be parsed again at every write. A leaf says nothing of a salt of another length.
    salt bytea not null,
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

revoke all on function audit_readers_only(regclass) from public;
"""


def foundation(version: int) -> str:
    """Payload table, guards, and the functions that the serving role calls instead of writing."""
    _check(version)
    parts = [
        _FOUNDATION,
        ACTS,
        "select audit_make_room();",
        callable_by("lm_app", "audit_make_room()"),
        callable_by("lm_app", "audit_record(text, text, text, text, text, jsonb)"),
        callable_by("lm_sealer", "audit_record_result(text, text, jsonb)"),
        callable_by("lm_app", "audit_name_actor(uuid, text, text, text)"),
        append_only("audit_entry"),
        append_only("audit_payload"),
        append_only("audit_payload_rest", "truncate"),
        *(readers_only(table) for table in ("audit_actor", "audit_entry", "audit_payload", "audit_payload_rest")),
    ]
    return "\n".join(parts)


REMOVE_FOUNDATION = f"""{REMOVE_ACTS}drop function if exists audit_make_room();
drop table if exists audit_payload;
drop function if exists audit_readers_only(regclass);
drop function if exists audit_refuse() cascade;
drop function if exists audit_refuse_key() cascade;
drop function if exists audit_refuse_truncate() cascade;
"""


def _check(version: int) -> None:
    if version != VERSION:
        raise ValueError(f"There is no version {version} of the capture SQL.")


# Whatever the session has set, values are rendered the same. (JSON dates are ISO under every datestyle.) As SET clauses
# of the function these would cost each write six times what asking costs.
STYLE = {"TimeZone": "UTC", "extra_float_digits": "1", "bytea_output": "hex", "IntervalStyle": "postgres"}
_OTHER_STYLE = " or ".join(f"current_setting('{name}') <> '{value}'" for name, value in STYLE.items())
_TAKE_STYLE = f"""
    if {_OTHER_STYLE} then
        audit_style := array[{", ".join(f"current_setting('{name}')" for name in STYLE)}];
        perform {", ".join(f"set_config('{name}', '{value}', true)" for name, value in STYLE.items())};
    end if;"""
_GIVE_BACK_STYLE = f"""
    if audit_style is not null then
        perform {", ".join(f"set_config('{name}', audit_style[{at}], true)" for at, name in enumerate(STYLE, 1))};
    end if;"""


def values_as_json(columns: Columns, source: Source) -> str:
    """The one rendering of recorded values, for payloads and for comparing rows with them. Runs under STYLE."""
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
        "audit_changed": f"after update on {table} for each row {run}",
        "audit_deleted": f"after delete on {table} for each row {run}",
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


def _names(capture: Capture) -> str:
    return ", ".join(quoted(column) for _, column in capture.columns)


def _statement(capture: Capture, *, action: str, version: str, source: Source, entry: str, moment: str, changed: str, rows: str) -> str:
    """One statement: version rows, entries and payloads, tied by the entry's id. `rows` yields what `source` reads."""
    thing = f"{source(capture.key)}::text"
    return f"""
        with versions as (
            insert into {quoted(capture.version_table)}
                (history_id, history_date, history_type, history_user_id, history_change_reason, {_names(capture)})
            {version}
        ), entries as (
            insert into audit_entry (id, xid, at, db_role, actor, on_behalf, request_id, channel, reason_code,
                action, model, object, ver, prev, fields, data_class)
            select {entry}, pg_current_xact_id(), {moment}, session_user, audit_actor, (audit_ctx ->> 'behalf')::uuid,
                left(coalesce(audit_ctx ->> 'req', ''), 200), left(coalesce(audit_ctx ->> 'channel', ''), 40),
                left(coalesce(audit_ctx ->> 'code', ''), 200), '{action}', {literal(capture.model)}, {thing},
                coalesce(last.ver, 0) + 1, last.id, {changed}, {literal(capture.data_class)}
            from {rows or "(select) one"}
            left join lateral (
                select e.id, e.ver from audit_entry e
                where e.model = {literal(capture.model)} and e.object = {thing} and e.ver is not null
                order by e.ver desc limit 1
            ) last on true
        )
        insert into audit_payload (entry_id, salt, body)
        select {entry}, uuid_send(gen_random_uuid()), '{{"values" : ' || {values_as_json(capture.columns, source)}
            || coalesce(', "reason" : ' || to_json(audit_ctx ->> 'reason')::text, '') || '}}'{f" from {rows}" if rows else ""}"""


def _inserted(capture: Capture) -> str:
    """All rows of an INSERT at once: the versions are numbered as they are made, and the rest is read from them."""
    version = f"""select nextval('audit_entry_id_seq'), clock_timestamp(), '+', audit_actor, audit_ctx ->> 'reason', {_names(capture)}
            from new_rows
            returning *"""
    return _statement(
        capture,
        action="created",
        version=version,
        source=lambda column: f"v.{quoted(column)}",
        entry="v.history_id",
        moment="v.history_date",
        changed="'{}'::text[]",
        rows="versions v",
    )


def _one(capture: Capture, kind: str, action: str, record: str, changed: str) -> str:
    """One row that changed or went."""
    values = ", ".join(f"{record}.{quoted(column)}" for _, column in capture.columns)
    return "audit_at := clock_timestamp();\n        audit_id := nextval('audit_entry_id_seq');" + _statement(
        capture,
        action=action,
        version=f"values (audit_id, audit_at, '{kind}', audit_actor, audit_ctx ->> 'reason', {values})",
        source=lambda column: f"{record}.{quoted(column)}",
        entry="audit_id",
        moment="audit_at",
        changed=changed,
        rows="",
    )


def _changed(columns: Columns, value: Source) -> str:
    differs = ((name, value(f"new.{quoted(column)}"), value(f"old.{quoted(column)}")) for name, column in columns)
    cases = ", ".join(f"case when {new} is distinct from {old} then {literal(name)} end" for name, new, old in differs)
    return f"array_remove(array[{cases}]::text[], null)"


def _function(capture: Capture) -> str:
    # The key never changes (audit_key), so it is no candidate.
    rest = capture.columns[1:]
    return f"""
create or replace function {quoted(capture.function)}() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $fn$
declare
    audit_ctx jsonb := coalesce(nullif(current_setting('audit.ctx', true), ''), '{{}}');
    audit_actor uuid := coalesce((audit_ctx ->> 'actor')::uuid, {NIL});
    audit_at timestamptz;
    audit_id bigint;
    audit_fields text[];
    audit_style text[];
begin{_TAKE_STYLE}
    if tg_op = 'INSERT' then{_inserted(capture)};
    elsif tg_op = 'UPDATE' then
        audit_fields := {_changed(rest, lambda value: value)};
        if audit_fields = '{{}}' then  -- equal values can read differently: 1.0 and 1 in jsonb
            audit_fields := {_changed(rest, lambda value: f"to_json({value})::text")};
        end if;
        if audit_fields <> '{{}}' then
        {_one(capture, "~", "changed", "new", "audit_fields")};
        end if;
    else
        {_one(capture, "-", "deleted", "old", "'{}'::text[]")};
    end if;{_GIVE_BACK_STYLE}
    return null;
end $fn$;
revoke all on function {quoted(capture.function)}() from public;
"""
