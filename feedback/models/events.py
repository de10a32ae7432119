"""Events as they arrived: append-only, never governed (their own batches carry the proof)."""

from __future__ import annotations

from django.db import models

from portal.models import AISystem


class EventBatch(models.Model):
    """What one call brought. `root` is the Merkle root over the commitments of its accepted events, and stands in one audit entry."""

    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="+")
    received_at = models.DateTimeField()
    accepted = models.PositiveIntegerField()
    root = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return f"{self.accepted} events"


class Event(models.Model):
    """One accepted CloudEvent.

    `digest` is SHA-256 of the canonical body as sent (a repeat with another body is a conflict); `body` is what is kept of
    it, `commitment` is HMAC-SHA256(salt, body): erasing body and salt leaves every proof standing.
    """

    batch = models.ForeignKey(EventBatch, on_delete=models.PROTECT, related_name="events")
    position = models.PositiveIntegerField(help_text="The leaf's index under the batch's root.")
    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=300)
    event_id = models.CharField(max_length=200)
    type = models.CharField(max_length=80)
    subject = models.CharField(max_length=200, db_index=True, help_text="The recommendation's id.")
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    digest = models.BinaryField(max_length=32)
    salt = models.BinaryField(max_length=32, null=True)
    body = models.TextField(null=True)  # noqa: DJ001  null says erased; "" is no body
    commitment = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["system", "source", "event_id"], name="event_once")]
        indexes = [models.Index(fields=["batch", "position"], name="event_leaf")]

    def __str__(self) -> str:
        return f"{self.source} {self.event_id}"
