"""Retention, holds and erasures, and the routines that are the only way past the guards (audit/keeping/eraser.py)."""

import uuid

import simple_history.models
from django.db import migrations, models

import audit.capture.operations
from audit.keeping import eraser


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_log")]

    operations = [
        migrations.CreateModel(
            name="ErasureRequest",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("person", models.UUIDField()),
                (
                    "why",
                    models.CharField(
                        choices=[
                            ("asked", "They asked for it"),
                            ("no_need", "They left, and there is no need any more to keep it"),
                            ("order", "An authority or a court ordered it"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reference", models.CharField(blank=True, help_text="The case number elsewhere, without a name.", max_length=80)),
                ("asked_by", models.UUIDField()),
                ("asked_at", models.DateTimeField()),
                ("confirmed_by", models.UUIDField(blank=True, null=True)),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawn_by", models.UUIDField(blank=True, null=True)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                ("refused", models.TextField(blank=True)),
                ("done_at", models.DateTimeField(blank=True, null=True)),
                ("entry", models.BigIntegerField(blank=True, null=True)),
                ("result", models.JSONField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-asked_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="HistoricalErasureRequest",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("person", models.UUIDField()),
                (
                    "why",
                    models.CharField(
                        choices=[
                            ("asked", "They asked for it"),
                            ("no_need", "They left, and there is no need any more to keep it"),
                            ("order", "An authority or a court ordered it"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reference", models.CharField(blank=True, help_text="The case number elsewhere, without a name.", max_length=80)),
                ("asked_by", models.UUIDField()),
                ("asked_at", models.DateTimeField()),
                ("confirmed_by", models.UUIDField(blank=True, null=True)),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawn_by", models.UUIDField(blank=True, null=True)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                ("refused", models.TextField(blank=True)),
                ("done_at", models.DateTimeField(blank=True, null=True)),
                ("entry", models.BigIntegerField(blank=True, null=True)),
                ("result", models.JSONField(blank=True, null=True)),
                ("history_change_reason", models.TextField(null=True)),
                ("history_user_id", models.UUIDField(null=True)),
                ("history_id", models.BigIntegerField(editable=False, primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_type", models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1)),
            ],
            options={
                "verbose_name": "historical erasure request",
                "verbose_name_plural": "historical erasure requests",
                "ordering": ("-history_id",),
                "get_latest_by": "history_id",
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalLegalHold",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("object", "One record"), ("person", "One person"), ("query", "Everything that fits a query")],
                        max_length=10,
                    ),
                ),
                ("person", models.UUIDField(blank=True, null=True)),
                ("model", models.CharField(blank=True, max_length=100)),
                ("object", models.CharField(blank=True, max_length=200)),
                ("action", models.CharField(blank=True, max_length=100)),
                ("after", models.DateTimeField(blank=True, null=True)),
                ("before", models.DateTimeField(blank=True, null=True)),
                ("reason", models.TextField(max_length=2000)),
                ("placed_by", models.UUIDField()),
                ("placed_at", models.DateTimeField()),
                ("release_asked_by", models.UUIDField(blank=True, null=True)),
                ("release_asked_at", models.DateTimeField(blank=True, null=True)),
                ("release_reason", models.TextField(blank=True, max_length=2000)),
                ("released_by", models.UUIDField(blank=True, null=True)),
                ("released_at", models.DateTimeField(blank=True, null=True)),
                ("history_change_reason", models.TextField(null=True)),
                ("history_user_id", models.UUIDField(null=True)),
                ("history_id", models.BigIntegerField(editable=False, primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_type", models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1)),
            ],
            options={
                "verbose_name": "historical legal hold",
                "verbose_name_plural": "historical legal holds",
                "ordering": ("-history_id",),
                "get_latest_by": "history_id",
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalRetentionPolicy",
            fields=[
                ("data_class", models.CharField(max_length=40)),
                ("keep_days", models.PositiveIntegerField(blank=True, null=True)),
                ("set_by", models.UUIDField()),
                ("set_at", models.DateTimeField()),
                ("history_change_reason", models.TextField(null=True)),
                ("history_user_id", models.UUIDField(null=True)),
                ("history_id", models.BigIntegerField(editable=False, primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_type", models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1)),
            ],
            options={
                "verbose_name": "historical retention policy",
                "verbose_name_plural": "historical retention policies",
                "ordering": ("-history_id",),
                "get_latest_by": "history_id",
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="KeepingRule",
            fields=[
                ("position", models.PositiveIntegerField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("identify", "Identify"),
                            ("texts", "Texts"),
                            ("scrub", "Scrub"),
                            ("delete", "Delete"),
                            ("keep", "Keep"),
                            ("expire", "Expire"),
                            ("versions", "Versions"),
                            ("may", "May"),
                            ("named", "Named"),
                        ],
                        max_length=10,
                    ),
                ),
                ("model", models.CharField(max_length=100)),
                ("table", models.CharField(max_length=100)),
                ("versions", models.CharField(blank=True, max_length=100)),
                ("key", models.CharField(blank=True, max_length=100)),
                ("condition", models.TextField(blank=True)),
                ("sets", models.TextField(blank=True)),
                ("version_sets", models.TextField(blank=True)),
                ("data_class", models.CharField(blank=True, max_length=40)),
                ("moment", models.CharField(blank=True, max_length=100)),
                ("owner", models.CharField(blank=True, max_length=100)),
                ("words", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "ordering": ["position"],
            },
        ),
        migrations.CreateModel(
            name="LegalHold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("object", "One record"), ("person", "One person"), ("query", "Everything that fits a query")],
                        max_length=10,
                    ),
                ),
                ("person", models.UUIDField(blank=True, null=True)),
                ("model", models.CharField(blank=True, max_length=100)),
                ("object", models.CharField(blank=True, max_length=200)),
                ("action", models.CharField(blank=True, max_length=100)),
                ("after", models.DateTimeField(blank=True, null=True)),
                ("before", models.DateTimeField(blank=True, null=True)),
                ("reason", models.TextField(max_length=2000)),
                ("placed_by", models.UUIDField()),
                ("placed_at", models.DateTimeField()),
                ("release_asked_by", models.UUIDField(blank=True, null=True)),
                ("release_asked_at", models.DateTimeField(blank=True, null=True)),
                ("release_reason", models.TextField(blank=True, max_length=2000)),
                ("released_by", models.UUIDField(blank=True, null=True)),
                ("released_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="RetentionPolicy",
            fields=[
                ("data_class", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("keep_days", models.PositiveIntegerField(blank=True, null=True)),
                ("set_by", models.UUIDField()),
                ("set_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "retention policies",
                "ordering": ["data_class"],
            },
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(
                condition=models.Q(("action__in", ["audit.payload-erased", "audit.payload-expired"])), fields=["id"], name="entry_erasures"
            ),
        ),
        migrations.AddConstraint(
            model_name="erasurerequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("done_at", None), ("withdrawn_at", None)), fields=("person",), name="erasure_open_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="erasurerequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("asked_by", models.F("person")), _negated=True),
                    models.Q(
                        models.Q(("confirmed_at", None), ("confirmed_by", None)),
                        models.Q(
                            ("confirmed_at__isnull", False),
                            ("confirmed_by__isnull", False),
                            models.Q(("confirmed_by", models.F("asked_by")), _negated=True),
                            models.Q(("confirmed_by", models.F("person")), _negated=True),
                        ),
                        _connector="OR",
                    ),
                ),
                name="erasure_by_two_others",
            ),
        ),
        migrations.AddConstraint(
            model_name="erasurerequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("done_at", None), ("entry", None)),
                    models.Q(("confirmed_by__isnull", False), ("done_at__isnull", False), ("entry__isnull", False), ("withdrawn_at", None)),
                    _connector="OR",
                ),
                name="erasure_done_was_confirmed",
            ),
        ),
        migrations.AddIndex(
            model_name="historicalerasurerequest",
            index=models.Index(fields=["id", "-history_date", "-history_id"], name="audit_histo_id_236b58_idx"),
        ),
        migrations.AddIndex(
            model_name="historicallegalhold",
            index=models.Index(fields=["id", "-history_date", "-history_id"], name="audit_histo_id_0e5a86_idx"),
        ),
        migrations.AddIndex(
            model_name="historicalretentionpolicy",
            index=models.Index(fields=["data_class", "-history_date", "-history_id"], name="audit_histo_data_cl_ff6564_idx"),
        ),
        migrations.AddConstraint(
            model_name="legalhold",
            constraint=models.CheckConstraint(condition=models.Q(("reason", ""), _negated=True), name="hold_says_why"),
        ),
        migrations.AddConstraint(
            model_name="legalhold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("person__isnull", False),
                    models.Q(("model", ""), _negated=True),
                    models.Q(("object", ""), _negated=True),
                    models.Q(("action", ""), _negated=True),
                    ("after__isnull", False),
                    ("before__isnull", False),
                    _connector="OR",
                ),
                name="hold_holds_something",
            ),
        ),
        migrations.AddConstraint(
            model_name="legalhold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("released_at", None), ("released_by", None)),
                    models.Q(
                        ("release_asked_by__isnull", False),
                        ("released_at__isnull", False),
                        ("released_by__isnull", False),
                        models.Q(("release_reason", ""), _negated=True),
                        models.Q(("released_by", models.F("release_asked_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="hold_released_by_two",
            ),
        ),
        migrations.AddConstraint(
            model_name="retentionpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("data_class", "ai-log"), _negated=True), ("keep_days", None), ("keep_days__gte", 184), _connector="OR"
                ),
                name="retention_floor",
            ),
        ),
        migrations.AddConstraint(
            model_name="retentionpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("keep_days", None), ("keep_days__gte", 30), _connector="OR"), name="retention_a_month"
            ),
        ),
        audit.capture.operations.InstallCapture(
            model="ErasureRequest",
            columns=[
                "id",
                "person",
                "why",
                "reference",
                "asked_by",
                "asked_at",
                "confirmed_by",
                "confirmed_at",
                "withdrawn_by",
                "withdrawn_at",
                "refused",
                "done_at",
                "entry",
                "result",
            ],
            data_class="keeping",
        ),
        audit.capture.operations.InstallCapture(
            model="LegalHold",
            columns=[
                "id",
                "kind",
                "person",
                "model",
                "object",
                "action",
                "after",
                "before",
                "reason",
                "placed_by",
                "placed_at",
                "release_asked_by",
                "release_asked_at",
                "release_reason",
                "released_by",
                "released_at",
            ],
            data_class="keeping",
        ),
        audit.capture.operations.InstallCapture(
            model="RetentionPolicy",
            columns=["data_class", "keep_days", "set_by", "set_at"],
            data_class="keeping",
        ),
        *(migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in eraser.INSTALL),
        migrations.RunSQL(migrations.RunSQL.noop, eraser.REMOVE),
    ]
