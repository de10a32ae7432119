"""Saved views with their subscriptions, and the search index that the worker fills (audit/explore/indexing.py, audit/explore/finding.py)."""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
import simple_history.models
from django.db import migrations, models

import audit.capture.operations

# 30519554226878580 is "lm_text" read as a number: audit/explore/indexing.py takes the same lock.
INDEX = """
create table audit_text (
    entry_id bigint not null primary key,
    at timestamptz not null,
    seq bigint not null,
    words tsvector not null
) partition by range (entry_id);
create index audit_text_words on audit_text using gin (words) with (fastupdate = off);

-- For each 4,096 numbers of entries: which times and places in the log they hold. It turns dates and places into numbers.
create table audit_text_span (
    block bigint not null primary key,
    min_at timestamptz not null,
    max_at timestamptz not null,
    min_seq bigint not null,
    max_seq bigint not null
);
create index audit_text_span_end on audit_text_span (max_seq);

create function audit_text_room(p_entry bigint) returns integer language plpgsql security definer
set search_path = public, pg_temp set lock_timeout = '1s' as $fn$
declare
    width constant bigint := 1000000;
    made integer := 0;
    name text;
begin
    for part in p_entry / width .. p_entry / width + 1 loop
        name := format('audit_text_%s', lpad(part::text, 6, '0'));
        if to_regclass(name) is null then
            execute format('create table %I partition of audit_text for values from (%s) to (%s)', name, part * width, (part + 1) * width);
            perform audit_text_grants(name);
            made := made + 1;
        end if;
    end loop;
    return made;
end $fn$;

create function audit_text_grants(p_table text) returns void language plpgsql set search_path = public, pg_temp as $fn$
declare
    reader text;
begin
    execute format('revoke all on %I from public', p_table);
    foreach reader in array array['lm_app', 'lm_sealer', 'lm_auditor'] loop
        if exists (select from pg_roles where rolname = reader) then
            execute format('revoke all on %I from %I', p_table, reader);
            execute format('grant select on %I to %I', p_table, reader);
        end if;
    end loop;
    if exists (select from pg_roles where rolname = 'lm_sealer') then
        execute format('grant insert on %I to lm_sealer', p_table);
    end if;
end $fn$;

-- What is left of an erased entry is what the entry itself says. The lock comes first, in a statement of its own: an
-- index pass that read the content before it was erased has then either committed, and is seen, or begins afterwards.
create function audit_forget_text(p_entries bigint[]) returns void language plpgsql security definer
set search_path = public, pg_temp as $fn$
begin
    perform pg_advisory_xact_lock(30519554226878580);
    update audit_text t set words = coalesce(
        (select array_to_tsvector(array_agg(w.lexeme)) from unnest(t.words) w where w.lexeme like '_:%' and w.lexeme not like 'r:%' and w.lexeme not like 'v:%'),
        ''
    ) where t.entry_id = any (p_entries);
end $fn$;

-- Numbers of entries from p_from to below p_below that fit, newest first, at most p_most. A last row with `fits` false says
-- how far it looked before it gave up. Looked at one by one: the newest ten thousand, which is where common words are found at
-- once, and everything when nothing must be there (p_positive false). Beyond that the index answers, a million entries at a time.
create function audit_find(
    p_words text, p_positive boolean, p_from bigint, p_below bigint,
    p_after timestamptz, p_before timestamptz, p_first bigint, p_last bigint, p_most integer
) returns table (entry bigint, fits boolean) language plpgsql stable
set search_path = public, pg_temp set enable_seqscan = off set jit = off as $fn$
declare
    width constant bigint := 1000000;
    near constant integer := 10000;
    patience integer := 200000;
    query tsquery := p_words::tsquery;
    base constant text := ' at >= $3 and at < $4 and seq between $5 and $6';
    below bigint := p_below;
    wanted integer := p_most;
    looked bigint;
    got integer;
    name text;
begin
    for part in reverse (p_below - 1) / width .. p_from / width loop
        name := format('audit_text_%s', lpad(part::text, 6, '0'));
        continue when to_regclass(name) is null;
        if near > 0 and (query is null or not p_positive or below = p_below) then
            loop
                return query execute format(
                    'select entry_id, true from (select * from %I where entry_id >= $1 and entry_id < $2 order by entry_id desc limit $9) near
                      where' || base || ' and ($7 is null or words @@ $7) order by entry_id desc limit $8', name)
                    using p_from, below, p_after, p_before, p_first, p_last, query, wanted, near;
                get diagnostics got = row_count;
                wanted := wanted - got;
                if wanted <= 0 then
                    return;
                end if;
                execute format('select min(entry_id), count(*) from (select entry_id from %I where entry_id >= $1 and entry_id < $2 order by entry_id desc limit $3) near', name)
                    into looked, got using p_from, below, near;
                exit when looked is null;
                below := looked;
                patience := patience - got;
                if patience <= 0 and (query is null or not p_positive) then
                    return query select below, false;
                    return;
                end if;
                exit when query is not null and p_positive;
            end loop;
        end if;
        if query is not null and p_positive then
            -- `+ 0` keeps the planner from walking the numbers backwards in the hope of an early end.
            return query execute format(
                'select entry_id, true from %I where words @@ $7 and entry_id + 0 >= $1 and entry_id + 0 < $2 and' || base || ' order by entry_id + 0 desc limit $8', name)
                using p_from, below, p_after, p_before, p_first, p_last, query, wanted;
            get diagnostics got = row_count;
            wanted := wanted - got;
            if wanted <= 0 then
                return;
            end if;
        end if;
    end loop;
end $fn$;

select audit_text_grants('audit_text'), audit_text_grants('audit_text_span'), audit_text_room(0);
revoke all on function audit_text_room(bigint), audit_text_grants(text), audit_forget_text(bigint[]) from public;
do $do$
begin
    if exists (select from pg_roles where rolname = 'lm_sealer') then
        grant execute on function audit_text_room(bigint) to lm_sealer;
        grant update on audit_text_span to lm_sealer;
    end if;
end $do$;
"""

REMOVE_INDEX = """
drop function audit_find(text, boolean, bigint, bigint, timestamptz, timestamptz, bigint, bigint, integer);
drop function audit_forget_text(bigint[]);
drop function audit_text_room(bigint);
drop function audit_text_grants(text);
drop table audit_text_span;
drop table audit_text;
"""


def versions_options(name: str, index: str) -> dict[str, Any]:
    return {
        "verbose_name": f"historical {name}",
        "verbose_name_plural": f"historical {name}s",
        "ordering": ("-history_id",),
        "get_latest_by": "history_id",
        "indexes": [models.Index(fields=["id", "-history_date", "-history_id"], name=index)],
    }


EVERY = [("hour", "Every hour"), ("day", "Every day"), ("week", "Every week")]
VERSION_FIELDS: list[tuple[str, models.Field[Any, Any]]] = [
    ("history_change_reason", models.TextField(null=True)),
    ("history_user_id", models.UUIDField(null=True)),
    ("history_id", models.BigIntegerField(editable=False, primary_key=True, serialize=False)),
    ("history_date", models.DateTimeField()),
    ("history_type", models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1)),
]


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_witnesses")]

    operations = [
        migrations.CreateModel(
            name="HistoricalSavedView",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, verbose_name="ID")),
                ("owner", models.UUIDField(editable=False)),
                ("name", models.CharField(max_length=80)),
                ("query", models.CharField(max_length=400)),
                ("shared", models.BooleanField(default=False)),
                *VERSION_FIELDS,
            ],
            options=versions_options("saved view", "audit_histo_id_523124_idx"),
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("owner", models.UUIDField(editable=False)),
                ("name", models.CharField(max_length=80)),
                ("query", models.CharField(max_length=400)),
                ("shared", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ["name", "id"],
                "constraints": [models.UniqueConstraint(fields=("owner", "name"), name="savedview_name_once")],
            },
        ),
        migrations.CreateModel(
            name="HistoricalSubscription",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, verbose_name="ID")),
                ("subscriber", models.UUIDField(editable=False)),
                ("every", models.CharField(choices=EVERY, default="day", max_length=10)),
                *[(name, field.clone()) for name, field in VERSION_FIELDS],
                (
                    "view",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="audit.savedview",
                    ),
                ),
            ],
            options=versions_options("subscription", "audit_histo_id_fa3f53_idx"),
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subscriber", models.UUIDField(editable=False)),
                ("every", models.CharField(choices=EVERY, default="day", max_length=10)),
                ("told_to", models.BigIntegerField(default=0)),
                ("next_at", models.DateTimeField()),
                (
                    "view",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="subscriptions", to="audit.savedview"),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [models.UniqueConstraint(fields=("view", "subscriber"), name="subscription_once")],
            },
        ),
        audit.capture.operations.InstallCapture(model="SavedView", columns=["id", "owner", "name", "query", "shared"]),
        audit.capture.operations.InstallCapture(model="Subscription", columns=["id", "view_id", "subscriber", "every"]),
        migrations.RunSQL(INDEX, REMOVE_INDEX),
    ]
