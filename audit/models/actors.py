"""Who stands behind a pseudonym."""

from __future__ import annotations

import uuid

from django.db import models

# Stands in entries and versions where a write came without an actor: evidence, and a finding of audit_check.
UNATTRIBUTED = uuid.UUID(int=0)


class Actor(models.Model):
    """The label of a pseudonym. Entries, versions and events store the pseudonym alone; unlinking deletes this row."""

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        SYSTEM = "system", "Lastmile itself"
        KEY = "key", "Key of a program"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    label = models.CharField(max_length=200)
    external_id = models.TextField(blank=True, default="", db_default="")

    class Meta:
        ordering = ["label"]

    def __str__(self) -> str:
        return self.label
