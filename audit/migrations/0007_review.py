"""Reviews of the log and what was said in them. What was drawn and what was signed stays as it is."""

import django.db.models.deletion
import simple_history.models
from django.db import migrations, models

import audit.capture.operations

GUARDS = """
create or replace function audit_review_guard() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $fn$
begin
    if (new.id, new.reviewer, new.purpose, new.query, new.first, new.stop, new.sample, new.begun_at)
       is distinct from (old.id, old.reviewer, old.purpose, old.query, old.first, old.stop, old.sample, old.begun_at)
       or old.signed_at is not null
       or (old.size is not null and (new.size, new.root, new.seed, new.drawn) is distinct from (old.size, old.root, old.seed, old.drawn)) then
        raise exception 'what a review was begun with, drew and signed stays' using errcode = 'insufficient_privilege';
    end if;
    return new;
end $fn$;
create or replace trigger audit_review_stays before update on audit_review for each row execute function audit_review_guard();
alter table audit_review enable always trigger audit_review_stays;
create or replace trigger audit_no_delete before delete on audit_review for each row execute function audit_refuse();
alter table audit_review enable always trigger audit_no_delete;
create or replace trigger audit_no_update before update on audit_judgement for each row execute function audit_refuse();
alter table audit_judgement enable always trigger audit_no_update;
create or replace trigger audit_no_delete before delete on audit_judgement for each row execute function audit_refuse();
alter table audit_judgement enable always trigger audit_no_delete;
"""

REMOVE_GUARDS = """
drop trigger if exists audit_review_stays on audit_review;
drop trigger if exists audit_no_delete on audit_review;
drop trigger if exists audit_no_update on audit_judgement;
drop trigger if exists audit_no_delete on audit_judgement;
drop function if exists audit_review_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0006_packs")]

    operations = [
        migrations.CreateModel(
            name="HistoricalReview",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, verbose_name="ID")),
                ("reviewer", models.UUIDField(editable=False)),
                ("purpose", models.CharField(max_length=200)),
                ("query", models.CharField(blank=True, max_length=400)),
                ("first", models.BigIntegerField()),
                ("stop", models.BigIntegerField()),
                ("sample", models.PositiveIntegerField(blank=True, null=True)),
                ("begun_at", models.DateTimeField()),
                ("size", models.BigIntegerField(blank=True, null=True)),
                ("root", models.CharField(blank=True, max_length=64)),
                ("seed", models.CharField(blank=True, max_length=64)),
                ("drawn", models.JSONField(blank=True, default=list, help_text="The places in the sample, in the order of the draw.")),
                ("signed_by", models.UUIDField(blank=True, null=True)),
                ("printed_name", models.CharField(blank=True, max_length=200)),
                ("signed_at", models.DateTimeField(blank=True, null=True)),
                ("conclusion", models.TextField(blank=True, max_length=4000)),
                ("digest", models.CharField(blank=True, help_text="SHA-256 of what was signed (docs/reference/review.md).", max_length=64)),
                ("step_up_method", models.CharField(blank=True, max_length=20)),
                ("history_change_reason", models.TextField(null=True)),
                ("history_user_id", models.UUIDField(null=True)),
                ("history_id", models.BigIntegerField(editable=False, primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_type", models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1)),
            ],
            options={
                "verbose_name": "historical review",
                "verbose_name_plural": "historical reviews",
                "ordering": ("-history_id",),
                "get_latest_by": "history_id",
                "indexes": [models.Index(fields=["id", "-history_date", "-history_id"], name="audit_histo_id_9398dd_idx")],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="Review",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reviewer", models.UUIDField(editable=False)),
                ("purpose", models.CharField(max_length=200)),
                ("query", models.CharField(blank=True, max_length=400)),
                ("first", models.BigIntegerField()),
                ("stop", models.BigIntegerField()),
                ("sample", models.PositiveIntegerField(blank=True, null=True)),
                ("begun_at", models.DateTimeField()),
                ("size", models.BigIntegerField(blank=True, null=True)),
                ("root", models.CharField(blank=True, max_length=64)),
                ("seed", models.CharField(blank=True, max_length=64)),
                ("drawn", models.JSONField(blank=True, default=list, help_text="The places in the sample, in the order of the draw.")),
                ("signed_by", models.UUIDField(blank=True, null=True)),
                ("printed_name", models.CharField(blank=True, max_length=200)),
                ("signed_at", models.DateTimeField(blank=True, null=True)),
                ("conclusion", models.TextField(blank=True, max_length=4000)),
                ("digest", models.CharField(blank=True, help_text="SHA-256 of what was signed (docs/reference/review.md).", max_length=64)),
                ("step_up_method", models.CharField(blank=True, max_length=20)),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("first__gte", 0), ("stop__gt", models.F("first"))), name="review_period"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("digest", ""), ("signed_at", None), ("signed_by", None)),
                            models.Q(
                                ("signed_at__isnull", False),
                                ("signed_by__isnull", False),
                                ("size__isnull", False),
                                models.Q(("digest", ""), _negated=True),
                                models.Q(("conclusion", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="review_signed_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Judgement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seq", models.BigIntegerField()),
                (
                    "verdict",
                    models.CharField(
                        choices=[("fine", "Looks right"), ("question", "Question"), ("finding", "Finding"), ("settled", "Settled")],
                        max_length=10,
                    ),
                ),
                ("note", models.TextField(blank=True, max_length=2000)),
                ("by", models.UUIDField(editable=False)),
                ("at", models.DateTimeField()),
                ("review", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="judgements", to="audit.review")),
            ],
            options={
                "ordering": ["review", "id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("verdict", "fine"), models.Q(("note", ""), _negated=True), _connector="OR"),
                        name="judgement_in_words",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="HistoricalJudgement",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, verbose_name="ID")),
                ("seq", models.BigIntegerField()),
                (
                    "verdict",
                    models.CharField(
                        choices=[("fine", "Looks right"), ("question", "Question"), ("finding", "Finding"), ("settled", "Settled")],
                        max_length=10,
                    ),
                ),
                ("note", models.TextField(blank=True, max_length=2000)),
                ("by", models.UUIDField(editable=False)),
                ("at", models.DateTimeField()),
                ("history_change_reason", models.TextField(null=True)),
                ("history_user_id", models.UUIDField(null=True)),
                ("history_id", models.BigIntegerField(editable=False, primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_type", models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1)),
                (
                    "review",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="audit.review",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical judgement",
                "verbose_name_plural": "historical judgements",
                "ordering": ("-history_id",),
                "get_latest_by": "history_id",
                "indexes": [models.Index(fields=["id", "-history_date", "-history_id"], name="audit_histo_id_c4f9a9_idx")],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        audit.capture.operations.InstallCapture(
            model="Judgement",
            columns=["id", "review_id", "seq", "verdict", "note", "by", "at"],
        ),
        audit.capture.operations.InstallCapture(
            model="Review",
            columns=[
                "id",
                "reviewer",
                "purpose",
                "query",
                "first",
                "stop",
                "sample",
                "begun_at",
                "size",
                "root",
                "seed",
                "drawn",
                "signed_by",
                "printed_name",
                "signed_at",
                "conclusion",
                "digest",
                "step_up_method",
            ],
        ),
        migrations.RunSQL(GUARDS, REMOVE_GUARDS),
    ]
