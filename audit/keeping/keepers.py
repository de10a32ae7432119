"""The SQL that says who may decide about what is kept: part of audit/keeping/eraser.py and frozen with it.

Whoever holds the serving role can write rows of holds, policies and erasures. So each decision has to be of somebody who may
decide it: a named person whom a rule of kind `may` allows now (audit/keeping/rules.py), and who is who acts in the entry.
A forged context that names real people passes all the same: docs/decisions/0014.
"""

from __future__ import annotations

KEEPERS = """
create or replace function audit_may_keep(p_person uuid) returns boolean language plpgsql stable security definer
set search_path = public, pg_temp as $fn$
declare
    rule record;
    allowed boolean;
begin
    if not exists (select from audit_actor where id = p_person and kind = 'person' and label <> '') then
        return false;
    end if;
    for rule in select sets from audit_keepingrule where kind = 'may' loop
        execute format('select exists (%s)', rule.sets) into allowed using p_person;
        if allowed then
            return true;
        end if;
    end loop;
    return false;
end $fn$;

create or replace function audit_decides(p_person uuid) returns void language plpgsql set search_path = public, pg_temp as $fn$
declare
    ctx jsonb := coalesce(nullif(current_setting('audit.ctx', true), ''), '{}');
begin
    if audit_is_erasing() then
        return;  -- the routine itself, and what the ledger says was decided before a restore
    end if;
    if p_person is null or ctx ->> 'actor' is distinct from p_person::text then
        raise exception 'who decides is who acts' using errcode = 'insufficient_privilege';
    end if;
    if not audit_may_keep(p_person) then
        raise exception 'only a person who keeps the audit trail decides this' using errcode = 'insufficient_privilege';
    end if;
end $fn$;

create or replace function audit_policy_guard() returns trigger language plpgsql set search_path = public, pg_temp as $fn$
begin
    if tg_op = 'DELETE' then
        raise exception 'how long content is kept is changed, never deleted' using errcode = 'insufficient_privilege';
    end if;
    perform audit_decides(new.set_by);
    return new;
end $fn$;

create or replace trigger audit_policy_guard before insert or update or delete on audit_retentionpolicy
    for each row execute function audit_policy_guard();
alter table audit_retentionpolicy enable always trigger audit_policy_guard;
"""

REMOVE_KEEPERS = """
drop trigger if exists audit_policy_guard on audit_retentionpolicy;
drop function if exists audit_policy_guard();
drop function if exists audit_decides(uuid);
drop function if exists audit_may_keep(uuid);
"""
