"""Export packs: jobs of the worker, not governed; what happens to them is recorded as acts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_views")]

    operations = [
        migrations.CreateModel(
            name="Pack",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("all", "Everything"),
                            ("query", "What fits a query"),
                            ("subject", "The dossier of one pilot, request or person"),
                        ],
                        max_length=10,
                    ),
                ),
                ("query", models.CharField(blank=True, max_length=400)),
                ("subject_kind", models.CharField(blank=True, max_length=20)),
                ("subject_key", models.CharField(blank=True, max_length=120)),
                ("title", models.CharField(max_length=500)),
                (
                    "kept_size",
                    models.BigIntegerField(blank=True, help_text="The size of a checkpoint that the reader keeps.", null=True),
                ),
                ("asked_by", models.UUIDField()),
                ("asked_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Being made"),
                            ("done", "Ready"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("attempt", models.PositiveSmallIntegerField(default=0)),
                ("beat_at", models.DateTimeField(blank=True, null=True)),
                ("done", models.BigIntegerField(default=0)),
                ("total", models.BigIntegerField(default=0)),
                ("problem", models.TextField(blank=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("file", models.CharField(blank=True, max_length=100)),
                ("size", models.BigIntegerField(default=0)),
                ("sha256", models.CharField(blank=True, max_length=64)),
                (
                    "contents",
                    models.BigIntegerField(blank=True, help_text="The entry by which the log says what is in it.", null=True),
                ),
            ],
            options={"ordering": ["-id"]},
        ),
        migrations.AddConstraint(
            model_name="pack",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "done"), _negated=True),
                    models.Q(models.Q(("file", ""), _negated=True), models.Q(("sha256", ""), _negated=True)),
                    _connector="OR",
                ),
                name="pack_done_has_file",
            ),
        ),
    ]
