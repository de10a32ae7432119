"""Export packs: what was asked for, how far it is, and where the file lies. The acts themselves are entries of the log."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Pack(models.Model):
    """One export. The row goes when its file goes: what stays are the entries that say who took what.

    A worker that makes it counts `attempt` up and says every few seconds that it lives (`beat_at`); another takes over
    when it does not.
    """

    class Kind(models.TextChoices):
        ALL = "all", _("Everything")
        QUERY = "query", _("What fits a query")
        SUBJECT = "subject", _("The dossier of one pilot, request or person")

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Being made")
        DONE = "done", _("Ready")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    kind = models.CharField(max_length=10, choices=Kind.choices)
    query = models.CharField(max_length=400, blank=True)
    subject_kind = models.CharField(max_length=20, blank=True)
    subject_key = models.CharField(max_length=120, blank=True)
    title = models.CharField(max_length=500)
    kept_size = models.BigIntegerField(null=True, blank=True, help_text="The size of a checkpoint that the reader keeps.")
    asked_by = models.UUIDField()
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempt = models.PositiveSmallIntegerField(default=0)
    beat_at = models.DateTimeField(null=True, blank=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    problem = models.TextField(blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    file = models.CharField(max_length=100, blank=True)
    size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    contents = models.BigIntegerField(null=True, blank=True, help_text="The entry by which the log says what is in it.")

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(name="pack_done_has_file", condition=~Q(state="done") | (~Q(file="") & ~Q(sha256=""))),
        ]

    def __str__(self) -> str:
        return f"P-{self.pk}"

    def get_absolute_url(self) -> str:
        return f"/audit/packs/{self.pk}"

    @property
    def unfinished(self) -> bool:
        return self.state in {self.State.WAITING, self.State.RUNNING}
