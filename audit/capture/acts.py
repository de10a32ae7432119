"""The SQL by which acts and names come into the trail, part of the foundation (audit/capture/triggers.py) and frozen with it.

Whoever holds the serving role may call `audit_record` and `audit_name_actor` with anything, so these say themselves what an
act may look like and who may be called what.
"""

from __future__ import annotations

ACTS = """
-- An entry of an act: what it is about, and a body that every reader can rely on. Only by way of the functions below.
create or replace function audit_add_act(
    p_action text, p_model text, p_object text, p_body text, p_data_class text, p_ctx jsonb
) returns bigint language plpgsql set search_path = public, pg_temp as $fn$
declare
    entry bigint;
    said jsonb;
begin
    -- With a dot and in small letters, so that it can neither be nor look like what the triggers record.
    if p_action is null or p_action !~ '^[a-z]+([.][a-z]+(-[a-z]+)*)+$' then
        raise exception 'an act is named like audit.searched; a change of a row is recorded by its triggers alone' using errcode = 'insufficient_privilege';
    end if;
    if p_action in ('audit.payload-erased', 'audit.payload-expired') then
        raise exception 'that a payload went is recorded by the routine that takes it alone' using errcode = 'insufficient_privilege';
    end if;
    if p_data_class is null or p_data_class not in ('act', 'ai-log') then
        raise exception 'an act is of the data class act or ai-log' using errcode = 'insufficient_privilege';
    end if;
    if p_model is null or p_object is null or greatest(length(p_action), length(p_model), length(p_object)) > 200 then
        raise exception 'what an entry names is at most 200 characters long' using errcode = 'string_data_right_truncation';
    end if;
    if p_body is null or octet_length(p_body) > 4000000 then
        raise exception 'the body of an act is at most 4,000,000 bytes long' using errcode = 'string_data_right_truncation';
    end if;
    said := p_body::jsonb;
    if jsonb_typeof(said) <> 'object' or said - array['detail', 'reason'] <> '{}'
       or jsonb_typeof(coalesce(said -> 'detail', '{}')) <> 'object' or jsonb_typeof(coalesce(said -> 'reason', '""')) <> 'string'
       or jsonb_path_exists(said, '$.**{32}') then
        raise exception 'the body of an act is an object with detail, an object, and reason, a text; 32 levels deep at most'
            using errcode = 'invalid_parameter_value';
    end if;
    entry := nextval('audit_entry_id_seq');
    insert into audit_entry (id, xid, at, db_role, actor, on_behalf, request_id, channel, reason_code, action, model, object, fields, data_class)
    values (
        entry, pg_current_xact_id(), clock_timestamp(), session_user,
        coalesce((p_ctx ->> 'actor')::uuid, '00000000-0000-0000-0000-000000000000'), (p_ctx ->> 'behalf')::uuid,
        left(coalesce(p_ctx ->> 'req', ''), 200), left(coalesce(p_ctx ->> 'channel', ''), 40), left(coalesce(p_ctx ->> 'code', ''), 200),
        p_action, p_model, p_object, '{}', p_data_class
    );
    insert into audit_payload (entry_id, salt, body) values (entry, uuid_send(gen_random_uuid()), p_body);
    return entry;
end $fn$;

create or replace function audit_record(
    p_action text, p_model text, p_object text, p_body text, p_data_class text, p_ctx jsonb
) returns bigint language plpgsql security definer set search_path = public, pg_temp as $fn$
begin
    if p_action in ('audit.checked', 'audit.verified') then
        raise exception 'the result of a check is recorded by the worker, as the role that seals' using errcode = 'insufficient_privilege';
    end if;
    return audit_add_act(p_action, p_model, p_object, p_body, p_data_class, p_ctx);
end $fn$;

-- What checks and verifications found. Not for the role that serves: it would say that all is well with what it did.
create or replace function audit_record_result(p_action text, p_body text, p_ctx jsonb) returns bigint language plpgsql security definer
set search_path = public, pg_temp as $fn$
begin
    if p_action is null or p_action not in ('audit.checked', 'audit.verified') then
        raise exception 'only the result of a check or a verification' using errcode = 'insufficient_privilege';
    end if;
    return audit_add_act(p_action, '', '', p_body, 'act', p_ctx);
end $fn$;

-- Names are shown in place of pseudonyms, so nobody gets the name of somebody else. Whose name a person's is, the rules say
-- that `migrate` writes (audit/keeping/rules.py); there are none while the first migrations run.
create or replace function audit_name_actor(p_id uuid, p_kind text, p_label text, p_external text) returns void language plpgsql security definer
set search_path = public, pg_temp as $fn$
declare
    wanted constant text := left(p_label, 200);
    known audit_actor%rowtype;
    rule record;
    name text;
begin
    if p_id = '00000000-0000-0000-0000-000000000000' then
        raise exception 'whoever writes without an actor has no name' using errcode = 'insufficient_privilege';
    end if;
    if p_kind is null or p_kind not in ('person', 'system', 'key') or coalesce(wanted, '') = '' or coalesce(p_external, '') <> '' then
        raise exception 'an actor has a kind and a label' using errcode = 'insufficient_privilege';
    end if;
    select * into known from audit_actor where id = p_id;
    if known.id is not null and known.kind <> p_kind then
        raise exception 'an actor stays what it is: a person, a key, or Lastmile itself' using errcode = 'insufficient_privilege';
    end if;
    if p_kind = 'person' then
        for rule in select sets from audit_keepingrule where kind = 'named' loop
            execute rule.sets into name using p_id;
            exit when name is not null;
        end loop;
        if name is null or left(name, 200) <> wanted then
            raise exception 'the label of a person is the name in that person''s record' using errcode = 'insufficient_privilege';
        end if;
    elsif known.id is not null and known.label <> wanted then
        raise exception 'a part of Lastmile and a key keep their label' using errcode = 'insufficient_privilege';
    elsif known.id is null and exists (select from audit_actor where kind = 'person' and lower(btrim(label)) = lower(btrim(wanted))) then
        raise exception 'this is the name of a person' using errcode = 'insufficient_privilege';
    end if;
    insert into audit_actor (id, kind, label, external_id) values (p_id, p_kind, wanted, '')
    on conflict (id) do update set label = excluded.label where audit_actor.kind = excluded.kind and audit_actor.label <> excluded.label;
end $fn$;

revoke all on function audit_add_act(text, text, text, text, text, jsonb) from public;
"""

REMOVE_ACTS = """
drop function if exists audit_record(text, text, text, text, text, jsonb);
drop function if exists audit_record_result(text, text, jsonb);
drop function if exists audit_add_act(text, text, text, text, text, jsonb);
drop function if exists audit_name_actor(uuid, text, text, text);
"""
