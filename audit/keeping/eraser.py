"""The SQL that erases: the one way past the guards of payloads and versions, and the only thing that lm_eraser may do.

`audit_erase_person(request)` and `audit_expire(class)` are SECURITY DEFINER. Both append the entry that says what they
took before they take it, and mark those entries for their own transaction: the guard lets a payload or version go only
when it is marked. What to do with which table stands in audit_keepingrule, which only migrations write.

Frozen like the capture SQL: tests/audit/test_erasure.py holds its digest.
"""

from __future__ import annotations

from audit.keeping.expirer import RETENTION
from audit.keeping.keepers import KEEPERS, REMOVE_KEEPERS

TABLES = """
create table if not exists audit_erasing_now (
    xid xid8 not null,
    entry_id bigint not null,  -- 0: this transaction erases
    primary key (xid, entry_id)
);
-- A restored database is not served before it was verified (audit/keeping/restores.py).
create table if not exists audit_restored (
    at timestamptz not null default clock_timestamp(),
    verified_at timestamptz
);
"""

GUARDS = """
create or replace function audit_is_erasing() returns boolean language sql stable security definer set search_path = public, pg_temp as $fn$
    select exists (select from audit_erasing_now where xid = pg_current_xact_id_if_assigned() and entry_id = 0)
$fn$;

create or replace function audit_refuse() returns trigger language plpgsql security definer set search_path = public, pg_temp as $fn$
declare
    entry bigint;
begin
    if tg_level = 'ROW' and tg_op in ('UPDATE', 'DELETE') then
        entry := case
            when tg_table_name like 'audit\\_payload%' and tg_op = 'DELETE' then (to_jsonb(old) ->> 'entry_id')::bigint
            else (to_jsonb(old) ->> 'history_id')::bigint
        end;
        if exists (select from audit_erasing_now where xid = pg_current_xact_id_if_assigned() and entry_id = entry and entry > 0) then
            return case tg_op when 'DELETE' then old else new end;
        end if;
    end if;
    raise exception '% of % is refused: it belongs to the audit trail', tg_op, tg_table_name using errcode = 'insufficient_privilege';
end $fn$;

create or replace function audit_hold_guard() returns trigger language plpgsql set search_path = public, pg_temp as $fn$
declare
    moves constant text[] := array['release_asked_by', 'release_asked_at', 'release_reason', 'released_by', 'released_at'];
begin
    if tg_op = 'DELETE' then
        raise exception 'a legal hold is released, never deleted' using errcode = 'insufficient_privilege';
    end if;
    if tg_op = 'INSERT' then
        if new.release_asked_by is not null or new.released_at is not null then
            raise exception 'a legal hold begins in force' using errcode = 'insufficient_privilege';
        end if;
        return new;
    end if;
    if to_jsonb(new) - moves <> to_jsonb(old) - moves or old.released_at is not null then
        raise exception 'what a legal hold holds is never changed' using errcode = 'insufficient_privilege';
    end if;
    if new.released_at is not null and (old.release_asked_by is null or new.release_asked_by <> old.release_asked_by) then
        raise exception 'a release is asked for first, and confirmed by somebody else' using errcode = 'insufficient_privilege';
    end if;
    if new.release_asked_by is not null and new.release_asked_by is distinct from old.release_asked_by then
        perform audit_decides(new.release_asked_by);
    end if;
    if new.released_at is not null then
        perform audit_decides(new.released_by);
        if new.released_by = new.release_asked_by or not audit_may_keep(new.release_asked_by) then
            raise exception 'two people who keep the audit trail ask for a release and confirm it' using errcode = 'insufficient_privilege';
        end if;
    end if;
    return new;
end $fn$;

create or replace function audit_erasure_guard() returns trigger language plpgsql set search_path = public, pg_temp as $fn$
declare
    fixed constant text[] := array['id', 'person', 'why', 'reference', 'asked_by', 'asked_at'];
    name text;
begin
    if tg_op = 'DELETE' then
        raise exception 'an erasure that was asked for is never deleted' using errcode = 'insufficient_privilege';
    end if;
    if tg_op = 'INSERT' then
        if not audit_is_erasing() and (new.confirmed_by is not null or new.done_at is not null) then
            raise exception 'an erasure is asked for first' using errcode = 'insufficient_privilege';
        end if;
        perform audit_decides(new.asked_by);
        return new;
    end if;
    foreach name in array fixed loop
        if to_jsonb(new) -> name is distinct from to_jsonb(old) -> name then
            raise exception 'what was asked for is never changed' using errcode = 'insufficient_privilege';
        end if;
    end loop;
    if old.done_at is not null or old.withdrawn_at is not null then
        raise exception 'this erasure is over' using errcode = 'insufficient_privilege';
    end if;
    if old.confirmed_by is not null and (new.confirmed_by, new.confirmed_at) is distinct from (old.confirmed_by, old.confirmed_at) then
        raise exception 'who confirmed is never changed' using errcode = 'insufficient_privilege';
    end if;
    if (new.done_at, new.entry, new.result) is distinct from (old.done_at, old.entry, old.result) and not audit_is_erasing() then
        raise exception 'only the routine that erases says that it did' using errcode = 'insufficient_privilege';
    end if;
    if new.confirmed_by is not null and old.confirmed_by is null then
        perform audit_decides(new.confirmed_by);
    end if;
    return new;
end $fn$;

create or replace trigger audit_hold_guard before insert or update or delete on audit_legalhold for each row execute function audit_hold_guard();
alter table audit_legalhold enable always trigger audit_hold_guard;
create or replace trigger audit_erasure_guard before insert or update or delete on audit_erasurerequest
    for each row execute function audit_erasure_guard();
alter table audit_erasurerequest enable always trigger audit_erasure_guard;
"""

HOLDS = """
create or replace function audit_held_by(p_entry audit_entry) returns bigint language sql stable set search_path = public, pg_temp as $fn$
    select h.id from audit_legalhold h
     where h.released_at is null
       and (h.person is null or h.person = p_entry.actor or h.person = p_entry.on_behalf or h.person::text = p_entry.object)
       and (h.model = '' or h.model = p_entry.model)
       and (h.object = '' or h.object = p_entry.object)
       and (h.action = '' or position(lower(h.action) in lower(p_entry.action)) > 0)
       and (h.after is null or p_entry.at >= h.after)
       and (h.before is null or p_entry.at < h.before)
     order by h.id limit 1
$fn$;

create or replace function audit_row_held(p_model text, p_object text, p_owner uuid, p_at timestamptz) returns boolean
language sql stable set search_path = public, pg_temp as $fn$
    select exists (
        select from audit_legalhold h
         where h.released_at is null and h.action = ''
           and (h.person is null or h.person = p_owner)
           and (h.model = '' or h.model = p_model)
           and (h.object = '' or h.object = p_object)
           and (h.after is null or p_at >= h.after)
           and (h.before is null or p_at < h.before)
    )
$fn$;
"""

ERASURE = """
create or replace function audit_do_erase(p_request uuid, p_replay boolean) returns jsonb language plpgsql
set search_path = public, pg_temp set timezone = 'UTC' as $fn$
declare
    ctx jsonb := coalesce(nullif(current_setting('audit.ctx', true), ''), '{}');
    req audit_erasurerequest%rowtype;
    rule record;
    more text[];
    names text[] := '{}';
    texts text[] := '{}';
    keys text[];
    here bigint[];
    doomed bigint[] := '{}';
    plan jsonb := '{}';
    erased jsonb := '[]';
    kept jsonb := '[]';
    ranges jsonb;
    outcome jsonb;
    n bigint;
    v bigint;
    said bigint;
begin
    perform pg_advisory_xact_lock(hashtext('audit.keeping'));
    select * into req from audit_erasurerequest where id = p_request for update;
    if not found then
        raise exception 'nobody asked for the erasure %', p_request using errcode = 'no_data_found';
    end if;
    if req.done_at is not null then
        return req.result || jsonb_build_object('again', true);
    end if;
    if req.withdrawn_at is not null or req.confirmed_by is null or req.confirmed_by = req.asked_by
       or req.person in (req.asked_by, req.confirmed_by) then
        raise exception 'two people other than the person have to ask for it and confirm it' using errcode = 'insufficient_privilege';
    end if;
    -- What the ledger says was decided before a restore: who may decide today does not matter.
    if not p_replay and not (audit_may_keep(req.asked_by) and audit_may_keep(req.confirmed_by)) then
        raise exception 'one of the two who asked and confirmed does not keep the audit trail now: withdraw it and ask again'
            using errcode = 'insufficient_privilege';
    end if;
    if not p_replay and not (
        exists (select from audit_entry e where e.model = 'audit.erasurerequest' and e.object = p_request::text
            and e.action = 'created' and e.actor = req.asked_by)
        and exists (select from audit_entry e where e.model = 'audit.erasurerequest' and e.object = p_request::text
            and e.action = 'changed' and 'confirmed_by' = any(e.fields) and e.actor = req.confirmed_by)
    ) then
        raise exception 'the trail does not say that those two asked and confirmed' using errcode = 'insufficient_privilege';
    end if;

    -- What is known of the person, as it stands inside JSON.
    for rule in select * from audit_keepingrule where kind in ('identify', 'texts') order by position loop
        execute format('select coalesce(array_agg(distinct lower(btrim(to_json(x)::text, ''"''))), ''{}'') from (%s) i(x) where length(x) >= 4', rule.sets)
            into more using req.person;
        if rule.kind = 'identify' then
            names := names || more;
        else
            texts := texts || more;
        end if;
    end loop;

    -- Which records are theirs, and every entry about them.
    for rule in select * from audit_keepingrule where kind = 'scrub' order by position loop
        if rule.versions = '' then
            execute format('select coalesce(array_agg(%I::text), ''{}'') from %I where %s', rule.key, rule."table", rule.condition)
                into keys using req.person, names, texts;
        else
            execute format('select coalesce(array_agg(distinct k), ''{}'') from (select %1$I::text from %2$I where %3$s union select %1$I::text from %4$I where %3$s) t(k)',
                rule.key, rule."table", rule.condition, rule.versions) into keys using req.person, names, texts;
        end if;
        plan := plan || jsonb_build_object(rule.position::text, to_jsonb(keys));
        select coalesce(array_agg(e.id), '{}') into here from audit_entry e
         where e.model = rule.model and e.object = any(keys) and e.data_class <> 'erasure';
        doomed := doomed || here;
    end loop;
    -- Acts that mention them, such as what somebody typed; changes of other records are counted below, and stay.
    select coalesce(array_agg(e.id), '{}') into here from audit_entry e join audit_payload p on p.entry_id = e.id
     where e.ver is null and e.data_class <> 'erasure'
       and exists (select from unnest(names) x where position(x in lower(p.body)) > 0);
    select coalesce(array_agg(distinct d order by d), '{}') into doomed from unnest(doomed || here) d
     where exists (select from audit_payload p where p.entry_id = d);

    if not p_replay then
        select h.id into n from audit_legalhold h where h.released_at is null and (h.person = req.person or h.object = req.person::text) limit 1;
        if n is null then
            select audit_held_by(e) into n from audit_entry e where e.id = any(doomed) and audit_held_by(e) is not null limit 1;
        end if;
        if n is not null then
            raise exception 'legal hold H-% covers what would be erased', n using errcode = 'object_in_use';
        end if;
    end if;

    select coalesce(jsonb_agg(jsonb_build_array(lo, hi) order by lo), '[]') into ranges
      from (select min(i) lo, max(i) hi from (select i, i - row_number() over (order by i) g from unnest(doomed) i) s group by g) r;
    said := nextval('audit_entry_id_seq');
    insert into audit_entry (id, xid, at, db_role, actor, request_id, channel, reason_code, action, model, object, fields, data_class)
    values (said, pg_current_xact_id(), clock_timestamp(), session_user,
        coalesce((ctx ->> 'actor')::uuid, '00000000-0000-0000-0000-000000000000'), coalesce(ctx ->> 'req', ''), coalesce(ctx ->> 'channel', ''), '',
        'audit.payload-erased', 'audit.erasurerequest', p_request::text, '{}', 'erasure');
    insert into audit_payload (entry_id, salt, body) values (said, uuid_send(gen_random_uuid()),
        jsonb_build_object('detail', jsonb_build_object('entries', ranges, 'why', req.why, 'certificate', p_request))::text);
    insert into audit_erasing_now select pg_current_xact_id(), d from unnest(doomed || 0::bigint) d;

    delete from audit_payload where entry_id = any(doomed);
    if to_regproc('audit_forget_text') is not null then
        execute 'select audit_forget_text($1)' using doomed;
    end if;
    for rule in select * from audit_keepingrule where kind in ('scrub', 'delete') order by position loop
        v := 0;
        if rule.kind = 'delete' then
            execute format('delete from %I where %s', rule."table", rule.condition) using req.person, names, texts;
            get diagnostics n = row_count;
        else
            keys := array(select jsonb_array_elements_text(plan -> rule.position::text));
            if rule.versions <> '' then
                execute format('update %I set %s, history_change_reason = null where %I::text = any($1) and history_id = any($2)',
                    rule.versions, rule.version_sets, rule.key) using keys, doomed;
                get diagnostics v = row_count;
            end if;
            execute format('update %I set %s where %I::text = any($1)', rule."table", rule.sets, rule.key) using keys;
            get diagnostics n = row_count;
        end if;
        if n > 0 or v > 0 then
            erased := erased || jsonb_build_object('model', rule.model, 'words', rule.words, 'rows', n, 'versions', v);
        end if;
    end loop;
    delete from audit_actor where id = req.person;

    for rule in select * from audit_keepingrule where kind = 'keep' order by position loop
        execute format('select count(*) from %I where %s', rule."table", rule.condition) into n using req.person, names, texts;
        if n > 0 then
            kept := kept || jsonb_build_object('model', rule.model, 'words', rule.words, 'rows', n);
        end if;
    end loop;
    -- Where the name still stands: in changes of records that are not theirs, by kind of record.
    for rule in
        select e.model, count(distinct e.object) as records from audit_entry e join audit_payload p on p.entry_id = e.id
         where e.ver is not null and exists (select from unnest(names) x where position(x in lower(p.body)) > 0)
         group by e.model order by e.model
    loop
        kept := kept || jsonb_build_object('model', rule.model, 'words', 'Recorded changes in which the name still stands', 'rows', rule.records);
    end loop;

    outcome := jsonb_build_object('payloads', cardinality(doomed), 'entries', ranges, 'erased', erased, 'kept', kept,
        'replayed', p_replay);
    update audit_erasurerequest set done_at = clock_timestamp(), entry = said, result = outcome
     where id = p_request;
    delete from audit_erasing_now where xid = pg_current_xact_id();
    return outcome;
end $fn$;

create or replace function audit_erase_person(p_request uuid) returns jsonb language plpgsql security definer
set search_path = public, pg_temp as $fn$
begin
    return audit_do_erase(p_request, false);
end $fn$;
"""

# Owner, and lm_eraser for the two routines; reading what would expire is open to the serving role.
GRANTS = """
revoke all on function audit_may_keep(uuid) from public;
revoke all on function audit_do_erase(uuid, boolean), audit_erase_person(uuid), audit_expire(text), audit_drop_partition(regclass, bigint[]) from public;
revoke all on audit_erasing_now, audit_restored, audit_keepingrule from public;
do $do$
declare reader text;
begin
    foreach reader in array array['lm_app', 'lm_sealer', 'lm_auditor', 'lm_eraser'] loop
        if exists (select from pg_roles where rolname = reader) then
            execute format('revoke all on audit_erasing_now, audit_restored, audit_keepingrule from %I', reader);
            execute format('revoke all on audit_retentionpolicy, audit_legalhold, audit_erasurerequest from %I', reader);
            execute format('grant select on audit_keepingrule, audit_restored, audit_retentionpolicy, audit_legalhold, audit_erasurerequest to %I', reader);
        end if;
    end loop;
    if exists (select from pg_roles where rolname = 'lm_app') then
        grant insert, update on audit_retentionpolicy, audit_legalhold, audit_erasurerequest to lm_app;
        grant execute on function audit_may_keep(uuid) to lm_app;
    end if;
    if exists (select from pg_roles where rolname = 'lm_eraser') then
        revoke all on audit_entry, audit_payload, audit_actor from lm_eraser;
        grant execute on function audit_erase_person(uuid), audit_expire(text) to lm_eraser;
    end if;
end $do$;
"""

INSTALL = (TABLES, GUARDS, KEEPERS, HOLDS, RETENTION, ERASURE, GRANTS)

REMOVE = (
    REMOVE_KEEPERS
    + """
drop trigger if exists audit_hold_guard on audit_legalhold;
drop trigger if exists audit_erasure_guard on audit_erasurerequest;
drop function if exists audit_erase_person(uuid);
drop function if exists audit_do_erase(uuid, boolean);
drop function if exists audit_expire(text);
drop function if exists audit_drop_partition(regclass, bigint[]);
drop function if exists audit_expiring(text, timestamptz);
drop function if exists audit_row_held(text, text, uuid, timestamptz);
drop function if exists audit_held_by(audit_entry);
drop function if exists audit_hold_guard();
drop function if exists audit_erasure_guard();
create or replace function audit_refuse() returns trigger language plpgsql security invoker set search_path = pg_catalog, pg_temp as $fn$
begin
    raise exception '% of % is refused: it belongs to the audit trail', tg_op, tg_table_name using errcode = 'insufficient_privilege';
end $fn$;
drop function if exists audit_is_erasing();
drop table if exists audit_erasing_now;
drop table if exists audit_restored;
"""
)
