"""How long things are kept, what must not go, and who was erased: the rows behind /audit/keeping.

All three are governed, so every step is an entry. People stand here as pseudonyms, without a foreign key: these rows
outlive the person. Guards (audit/keeping/eraser.py) keep what was decided as it was decided.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from audit.history import Versions

#: Six months, the longest way to count them: what an AI did cannot go earlier (AI_LOG), whatever anyone sets.
FLOOR_DAYS = 184
AI_LOG = "ai-log"


class RetentionPolicy(models.Model):
    """For how many days the values of a data class are kept, as a person confirmed it; `keep_days` empty: for ever.

    A class without a row here is kept for ever: nothing goes before somebody saw what would go.
    """

    data_class = models.CharField(max_length=40, primary_key=True)
    keep_days = models.PositiveIntegerField(null=True, blank=True)
    set_by = models.UUIDField()
    set_at = models.DateTimeField()

    history = Versions(data_class="keeping")

    class Meta:
        verbose_name_plural = "retention policies"
        ordering: ClassVar[list[str]] = ["data_class"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="retention_floor", condition=~Q(data_class=AI_LOG) | Q(keep_days=None) | Q(keep_days__gte=FLOOR_DAYS)
            ),
            models.CheckConstraint(name="retention_a_month", condition=Q(keep_days=None) | Q(keep_days__gte=30)),
        ]

    def __str__(self) -> str:
        return self.data_class


class LegalHold(models.Model):
    """What must neither expire nor be erased. The filled fields narrow each other down; at least one is filled.

    `person` holds what they did and what is about them. Released by two people: one asks, another confirms.
    """

    class Kind(models.TextChoices):
        OBJECT = "object", _("One record")
        PERSON = "person", _("One person")
        QUERY = "query", _("Everything that fits a query")

    kind = models.CharField(max_length=10, choices=Kind.choices)
    person = models.UUIDField(null=True, blank=True)
    model = models.CharField(max_length=100, blank=True)
    object = models.CharField(max_length=200, blank=True)
    action = models.CharField(max_length=100, blank=True)
    after = models.DateTimeField(null=True, blank=True)
    before = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(max_length=2000)
    placed_by = models.UUIDField()
    placed_at = models.DateTimeField()
    release_asked_by = models.UUIDField(null=True, blank=True)
    release_asked_at = models.DateTimeField(null=True, blank=True)
    release_reason = models.TextField(max_length=2000, blank=True)
    released_by = models.UUIDField(null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)

    history = Versions(data_class="keeping")

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(name="hold_says_why", condition=~Q(reason="")),
            models.CheckConstraint(
                name="hold_holds_something",
                condition=Q(person__isnull=False)
                | ~Q(model="")
                | ~Q(object="")
                | ~Q(action="")
                | Q(after__isnull=False)
                | Q(before__isnull=False),
            ),
            models.CheckConstraint(
                name="hold_released_by_two",
                condition=Q(released_at=None, released_by=None)
                | (
                    Q(released_at__isnull=False, released_by__isnull=False, release_asked_by__isnull=False)
                    & ~Q(release_reason="")
                    & ~Q(released_by=F("release_asked_by"))
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"H-{self.pk}"

    @property
    def in_force(self) -> bool:
        return self.released_at is None


class ErasureRequest(models.Model):
    """One person asked for the erasure of another, and a third confirmed it; then the database did it, once.

    `result` is what the routine counted: no values. `refused` says in words why it could not be done so far.
    """

    class Why(models.TextChoices):
        ASKED = "asked", _("They asked for it")
        NO_NEED = "no_need", _("They left, and there is no need any more to keep it")
        ORDER = "order", _("An authority or a court ordered it")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.UUIDField()
    why = models.CharField(max_length=10, choices=Why.choices)
    reference = models.CharField(max_length=80, blank=True, help_text="The case number elsewhere, without a name.")
    asked_by = models.UUIDField()
    asked_at = models.DateTimeField()
    confirmed_by = models.UUIDField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.UUIDField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    refused = models.TextField(blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    entry = models.BigIntegerField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True)

    history = Versions(data_class="keeping")

    class Meta:
        ordering: ClassVar[list[str]] = ["-asked_at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["person"], name="erasure_open_once", condition=Q(done_at=None, withdrawn_at=None)),
            models.CheckConstraint(
                name="erasure_by_two_others",
                condition=~Q(asked_by=F("person"))
                & (
                    Q(confirmed_by=None, confirmed_at=None)
                    | (
                        Q(confirmed_by__isnull=False, confirmed_at__isnull=False)
                        & ~Q(confirmed_by=F("asked_by"))
                        & ~Q(confirmed_by=F("person"))
                    )
                ),
            ),
            models.CheckConstraint(
                name="erasure_done_was_confirmed",
                condition=Q(done_at=None, entry=None)
                | Q(done_at__isnull=False, entry__isnull=False, confirmed_by__isnull=False, withdrawn_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"E-{str(self.pk)[:8]}"

    @property
    def state(self) -> str:
        """`done`, `withdrawn`, `confirmed` (the worker does it) or `asked`."""
        if self.done_at:
            return "done"
        if self.withdrawn_at:
            return "withdrawn"
        return "confirmed" if self.confirmed_at else "asked"


class KeepingRule(models.Model):
    """What an erasure or a retention run does with one table. Written by `migrate` from `<app>/keeping.py`, read by the routine.

    `condition` and `sets` are SQL of ours over the table's columns (audit/keeping/rules.py says what they may use).
    """

    class Kind(models.TextChoices):
        IDENTIFY = "identify"
        TEXTS = "texts"
        SCRUB = "scrub"
        DELETE = "delete"
        KEEP = "keep"
        EXPIRE = "expire"
        VERSIONS = "versions"
        MAY = "may"
        NAMED = "named"

    position = models.PositiveIntegerField(primary_key=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    model = models.CharField(max_length=100)
    table = models.CharField(max_length=100)
    versions = models.CharField(max_length=100, blank=True)
    key = models.CharField(max_length=100, blank=True)
    condition = models.TextField(blank=True)
    sets = models.TextField(blank=True)
    version_sets = models.TextField(blank=True)
    data_class = models.CharField(max_length=40, blank=True)
    moment = models.CharField(max_length=100, blank=True)
    owner = models.CharField(max_length=100, blank=True)
    words = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]

    def __str__(self) -> str:
        return f"{self.kind} {self.model}"
