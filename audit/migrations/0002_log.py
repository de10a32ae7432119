"""Guards and grants of the log: the sealer appends, nobody changes, everybody else reads."""

from __future__ import annotations

from django.db import migrations

APPEND_ONLY = ("audit_batch", "audit_leaf", "audit_checkpoint", "audit_logkey")

GUARDS = """
create or replace function audit_grow_tile() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $fn$
begin
    if (new.id, new.level, new.index) is distinct from (old.id, old.level, old.index)
       or length(new.data) < length(old.data) or substring(new.data for length(old.data)) <> old.data then
        raise exception 'a tile of the log only grows' using errcode = 'insufficient_privilege';
    end if;
    return new;
end $fn$;
create or replace trigger audit_grows before update on audit_tile for each row execute function audit_grow_tile();
alter table audit_tile enable always trigger audit_grows;
"""

REMOVE_GUARDS = """
drop trigger if exists audit_grows on audit_tile;
drop function if exists audit_grow_tile();
"""


def _guard(table: str, *events: str) -> str:
    return "\n".join(
        f"create or replace trigger audit_no_{event} before {event} on {table} "
        f"for each {'statement' if event == 'truncate' else 'row'} execute function audit_refuse();\n"
        f"alter table {table} enable always trigger audit_no_{event};"
        for event in events
    )


def _unguard(table: str, *events: str) -> str:
    return "\n".join(f"drop trigger if exists audit_no_{event} on {table};" for event in events)


# What a leaf can hold (audit/log/canonical.py). Entries are kept short enough by the functions that write them: a CHECK on
# them would be parsed again at every write (7 % of a save).
FITTING = "alter table audit_leaf add constraint leaf_fits check (octet_length(data) <= 65535 and octet_length(hash) = 32);"
LOOSE = "alter table audit_leaf drop constraint if exists leaf_fits;"

GRANTS = """
do $do$
declare reader text; tab text;
begin
    foreach tab in array array['audit_batch', 'audit_leaf', 'audit_checkpoint', 'audit_logkey', 'audit_tile'] loop
        execute format('revoke all on %I from public', tab);
        foreach reader in array array['lm_app', 'lm_sealer', 'lm_auditor', 'lm_eraser'] loop
            if exists (select from pg_roles where rolname = reader) then
                execute format('revoke all on %I from %I', tab, reader);
                execute format('grant select on %I to %I', tab, reader);
            end if;
        end loop;
    end loop;
    if exists (select from pg_roles where rolname = 'lm_sealer') then
        grant insert on audit_batch, audit_leaf, audit_checkpoint, audit_logkey, audit_tile to lm_sealer;
        grant update (data) on audit_tile to lm_sealer;
        grant usage on sequence audit_tile_id_seq, audit_logkey_id_seq to lm_sealer;
    end if;
end $do$;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.RunSQL(FITTING, LOOSE),
        migrations.RunSQL(GUARDS, REMOVE_GUARDS),
        *(
            migrations.RunSQL(_guard(table, "update", "delete", "truncate"), _unguard(table, "update", "delete", "truncate"))
            for table in APPEND_ONLY
        ),
        migrations.RunSQL(_guard("audit_tile", "delete", "truncate"), _unguard("audit_tile", "delete", "truncate")),
        migrations.RunSQL(GRANTS, migrations.RunSQL.noop),
    ]
