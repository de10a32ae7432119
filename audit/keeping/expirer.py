"""The SQL that retention runs: which payloads of a class are past their time, and the routine that takes them (see audit/keeping/eraser.py)."""

from __future__ import annotations

RETENTION = """
create or replace function audit_expiring(p_class text, p_cutoff timestamptz) returns table (entry_id bigint, at timestamptz, held boolean)
language sql stable set search_path = public, pg_temp as $fn$
    select e.id, e.at, (select count(*) from audit_legalhold where released_at is null) > 0 and audit_held_by(e) is not null
      from audit_entry e
     where e.data_class = p_class and e.at < p_cutoff and p_class not in ('erasure', 'keeping')
       and exists (select from audit_payload p where p.entry_id = e.id)
       -- The last version of a record is the record: it goes with the next change, or with the person.
       and (e.ver is null or e.action = 'deleted'
            or exists (select from audit_entry l where l.model = e.model and l.object = e.object and l.ver > e.ver))
$fn$;

create or replace function audit_expire(p_class text) returns jsonb language plpgsql security definer
set search_path = public, pg_temp set timezone = 'UTC' as $fn$
declare
    ctx jsonb := coalesce(nullif(current_setting('audit.ctx', true), ''), '{}');
    policy audit_retentionpolicy%rowtype;
    cutoff timestamptz;
    doomed bigint[];
    ranges jsonb;
    part record;
    rule record;
    dropped integer := 0;
    touched bigint;
    tables jsonb := '{}';
    entry bigint;
begin
    perform pg_advisory_xact_lock(hashtext('audit.keeping'));
    select * into policy from audit_retentionpolicy where data_class = p_class for share;
    if not found or policy.keep_days is null then
        return jsonb_build_object('payloads', 0, 'tables', tables, 'more', false);
    end if;
    cutoff := clock_timestamp() - make_interval(days => case p_class when 'ai-log' then greatest(policy.keep_days, 184) else policy.keep_days end);
    select coalesce(array_agg(x.entry_id), '{}') into doomed
      from (select d.entry_id from audit_expiring(p_class, cutoff) d where not d.held order by d.entry_id limit 100000) x;
    insert into audit_erasing_now values (pg_current_xact_id(), 0);
    for rule in select * from audit_keepingrule where kind = 'expire' and data_class = p_class order by position loop
        execute format(
            'update %I as t set %s where %I < $1 and (%s) and not audit_row_held(%L, t.%I::text, %s, t.%I)',
            rule."table", rule.sets, rule.moment, rule.condition, rule.model, rule.key,
            case rule.owner when '' then 'null' else format('t.%I', rule.owner) end, rule.moment
        ) using cutoff;
        get diagnostics touched = row_count;
        if touched > 0 then
            tables := tables || jsonb_build_object(rule.model, touched);
        end if;
    end loop;
    if cardinality(doomed) = 0 and tables = '{}' then
        delete from audit_erasing_now where xid = pg_current_xact_id();
        return jsonb_build_object('payloads', 0, 'tables', tables, 'more', false);
    end if;
    select coalesce(jsonb_agg(jsonb_build_array(lo, hi) order by lo), '[]') into ranges
      from (select min(i) lo, max(i) hi from (select i, i - row_number() over (order by i) g from unnest(doomed) i) s group by g) r;
    entry := nextval('audit_entry_id_seq');
    insert into audit_entry (id, xid, at, db_role, actor, request_id, channel, reason_code, action, model, object, fields, data_class)
    values (entry, pg_current_xact_id(), clock_timestamp(), session_user,
        coalesce((ctx ->> 'actor')::uuid, '00000000-0000-0000-0000-000000000000'), coalesce(ctx ->> 'req', ''), coalesce(ctx ->> 'channel', ''), '',
        'audit.payload-expired', 'audit.retentionpolicy', p_class, '{}', 'erasure');
    insert into audit_payload (entry_id, salt, body) values (entry, uuid_send(gen_random_uuid()), jsonb_build_object('detail', jsonb_build_object(
        'entries', ranges, 'why', format('kept for %s days', policy.keep_days), 'certificate', '',
        'data_class', p_class, 'before', to_char(cutoff, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'tables', tables))::text);
    insert into audit_erasing_now select pg_current_xact_id(), i from unnest(doomed) i;
    -- Versions of the same changes go as rows: each has a later one, or the record is gone.
    for rule in select * from audit_keepingrule where kind = 'versions' order by position loop
        execute format('delete from %I where history_id = any($1)', rule.versions) using doomed;
    end loop;
    for part in
        select c.oid::regclass as name, c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = 'audit_payload'::regclass and c.relname <> 'audit_payload_rest' order by c.relname
    loop
        if audit_drop_partition(part.name, doomed) then
            dropped := dropped + 1;
        end if;
    end loop;
    delete from audit_payload where entry_id = any(doomed);
    if to_regproc('audit_forget_text') is not null then
        execute 'select audit_forget_text($1)' using doomed;
    end if;
    delete from audit_erasing_now where xid = pg_current_xact_id();
    return jsonb_build_object('payloads', cardinality(doomed), 'tables', tables, 'entry', entry, 'partitions', dropped,
        'more', cardinality(doomed) >= 100000);
end $fn$;

create or replace function audit_drop_partition(p_part regclass, p_doomed bigint[]) returns boolean language plpgsql
set search_path = public, pg_temp set lock_timeout = '200ms' as $fn$
declare
    here bigint := coalesce(pg_sequence_last_value('audit_entry_id_seq'), 0) / 5000000;
    rows bigint;
    going bigint;
begin
    -- Never the one that is written to, nor those made ahead: their table names end in their number.
    if right(p_part::text, 6)::bigint >= here then
        return false;
    end if;
    execute format('select count(*), count(*) filter (where entry_id = any($1)) from %s', p_part) into rows, going using p_doomed;
    if rows = 0 or rows <> going then
        return false;
    end if;
    execute format('alter table audit_payload detach partition %s', p_part);
    execute format('drop table %s', p_part);
    return true;
exception when lock_not_available then
    return false;  -- somebody reads it: its rows are deleted instead
end $fn$;
"""
