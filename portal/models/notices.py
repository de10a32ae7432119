"""The outbox: one row for each thing someone must be told, delivered once by a task."""

from __future__ import annotations

from django.db import models

from portal.models.people import Person


class Notice(models.Model):
    """A message to one person by one channel. `dedupe_key` (`kind:object:recipient:channel:period`) makes it once.

    Rows are not governed: they are sent, read and tidied away. That one was sent is an entry of its own.
    """

    class Channel(models.TextChoices):
        APP = "app", "In the portal"
        MAIL = "mail", "Mail"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        DROPPED = "dropped", "No longer true"

    dedupe_key = models.CharField(max_length=300, unique=True)
    kind = models.CharField(max_length=60)
    recipient = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="notices")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    subject = models.CharField(max_length=200)
    context = models.JSONField(default=dict)
    url = models.CharField(max_length=300, blank=True)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    leased_until = models.DateTimeField(null=True, help_text="Nobody else takes it before; after a failure: the next try.")
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-due_at", "-id"]
        indexes = [
            models.Index(fields=["due_at"], name="notice_waiting", condition=models.Q(state="waiting")),
            models.Index(fields=["recipient", "-due_at"], name="notice_of_person"),
        ]

    def __str__(self) -> str:
        return self.dedupe_key
