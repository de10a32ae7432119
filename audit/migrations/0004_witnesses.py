"""Witnesses, time stamps, confirmations, handovers of the key; their guards and grants: added to, never changed."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

APPEND_ONLY = ("audit_cosignature", "audit_stamp", "audit_confirmation")


def _guard(table: str) -> str:
    return "\n".join(
        f"create or replace trigger audit_no_{event} before {event} on {table} "
        f"for each {'statement' if event == 'truncate' else 'row'} execute function audit_refuse();\n"
        f"alter table {table} enable always trigger audit_no_{event};"
        for event in ("update", "delete", "truncate")
    )


def _unguard(table: str) -> str:
    return "\n".join(f"drop trigger if exists audit_no_{event} on {table};" for event in ("update", "delete", "truncate"))


GRANTS = """
do $do$
declare reader text; tab text;
begin
    foreach tab in array array['audit_cosignature', 'audit_stamp', 'audit_confirmation', 'audit_contact'] loop
        execute format('revoke all on %I from public', tab);
        foreach reader in array array['lm_app', 'lm_sealer', 'lm_auditor', 'lm_eraser'] loop
            if exists (select from pg_roles where rolname = reader) then
                execute format('revoke all on %I from %I', tab, reader);
                execute format('grant select on %I to %I', tab, reader);
            end if;
        end loop;
    end loop;
    if exists (select from pg_roles where rolname = 'lm_sealer') then
        grant insert on audit_cosignature, audit_stamp to lm_sealer;
        grant insert, update on audit_contact to lm_sealer;
        grant usage on sequence audit_cosignature_id_seq, audit_stamp_id_seq to lm_sealer;
    end if;
    if exists (select from pg_roles where rolname = 'lm_app') then
        grant insert on audit_confirmation to lm_app;
        grant usage on sequence audit_confirmation_id_seq to lm_app;
        revoke all on sequence audit_cosignature_id_seq, audit_stamp_id_seq from lm_app;
    end if;
end $do$;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_keeping")]

    operations = [
        migrations.AddField(
            "batch",
            "oldest",
            models.DateTimeField(
                help_text="When the oldest entry of the pass was written: how long it could be changed unseen.", null=True
            ),
        ),
        migrations.AddField(
            "logkey",
            "handover",
            models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="The note by which the key before named this one; empty for the first and after a loss.",
            ),
        ),
        migrations.AddIndex("batch", models.Index(fields=["sealed_at"], name="batch_sealed")),
        migrations.AddIndex(
            "entry",
            models.Index(
                condition=models.Q(
                    (
                        "action__in",
                        [
                            "audit.checked",
                            "audit.verified",
                            "audit.verification-asked",
                            "audit.checkpoint-differs",
                            "audit.checkpoint-cleared",
                        ],
                    )
                ),
                fields=["action", "id"],
                name="entry_check",
            ),
        ),
        migrations.CreateModel(
            name="Cosignature",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "checkpoint",
                    models.ForeignKey(on_delete=django.db.models.deletion.DO_NOTHING, related_name="cosignatures", to="audit.checkpoint"),
                ),
                ("witness", models.TextField(help_text="The witness's verifier key.")),
                ("line", models.TextField(help_text="Its signature line, as it is appended to the checkpoint.")),
                ("at", models.DateTimeField(help_text="The time that the witness signed.")),
            ],
            options={
                "ordering": ["id"],
                "indexes": [models.Index(fields=["witness", "checkpoint"], name="cosigned_by")],
                "constraints": [models.UniqueConstraint(fields=["checkpoint", "witness"], name="cosigned_once")],
            },
        ),
        migrations.CreateModel(
            name="Stamp",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "checkpoint",
                    models.ForeignKey(on_delete=django.db.models.deletion.DO_NOTHING, related_name="stamps", to="audit.checkpoint"),
                ),
                (
                    "token",
                    models.BinaryField(
                        help_text="The authority's answer (DER, as in a .tsr file) over the bytes of the checkpoint's note."
                    ),
                ),
                ("authority", models.TextField(help_text="Where it was asked for.")),
                ("at", models.DateTimeField(help_text="The time that the authority signed.")),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.CreateModel(
            name="Confirmation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("size", models.BigIntegerField()),
                ("root", models.BinaryField(max_length=32)),
                ("actor", models.UUIDField(help_text="The pseudonym of who compared it.")),
                ("at", models.DateTimeField()),
                (
                    "mailed",
                    models.BooleanField(
                        default=False, help_text="It had left this server by mail before; else it proves nothing about outside."
                    ),
                ),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.CreateModel(
            name="Contact",
            fields=[
                (
                    "name",
                    models.TextField(
                        help_text="A witness's verifier key, or the address of an authority.", primary_key=True, serialize=False
                    ),
                ),
                ("tried_at", models.DateTimeField()),
                ("next_at", models.DateTimeField()),
                ("failures", models.PositiveIntegerField(default=0)),
                ("problem", models.TextField(blank=True, default="")),
                (
                    "refused",
                    models.BooleanField(default=False, help_text="It answered that this log does not continue what it saw before."),
                ),
            ],
            options={"ordering": ["name"]},
        ),
        *(migrations.RunSQL(_guard(table), _unguard(table)) for table in APPEND_ONLY),
        migrations.RunSQL(GRANTS, migrations.RunSQL.noop),
    ]
