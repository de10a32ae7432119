"""Saved searches of the audit trail, and who is told when something new fits one."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.history import Versions

# Of a query: one address holds it, and a search page its chips.
MOST_LETTERS = 400


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, actor: object) -> SavedViewQuerySet:
        """One's own, and those that are shared with everyone who may read the trail."""
        return self.filter(models.Q(owner=actor) | models.Q(shared=True))


class SavedView(models.Model):
    """A query with a name. `owner` is a pseudonym (audit.Actor)."""

    owner = models.UUIDField(editable=False)
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=MOST_LETTERS)
    shared = models.BooleanField(default=False)

    objects = SavedViewQuerySet.as_manager()
    history = Versions()

    class Meta:
        ordering: ClassVar[list[str]] = ["name", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["owner", "name"], name="savedview_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Subscription(models.Model):
    """Someone wants to be told when new entries fit a view. `told_to` is the place in the log that they were told up to."""

    class Every(models.TextChoices):
        HOUR = "hour", _("Every hour")
        DAY = "day", _("Every day")
        WEEK = "week", _("Every week")

    view = models.ForeignKey(SavedView, on_delete=models.CASCADE, related_name="subscriptions")
    subscriber = models.UUIDField(editable=False)
    every = models.CharField(max_length=10, choices=Every.choices, default=Every.DAY)
    told_to = models.BigIntegerField(default=0)
    next_at = models.DateTimeField()

    history = Versions(excluded_fields=["told_to", "next_at"])

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["view", "subscriber"], name="subscription_once"),
        ]

    def __str__(self) -> str:
        return f"{self.view_id} {self.every}"
