"""The way in for people who give no name. No row here knows a person, an address, a browser or a time."""

from __future__ import annotations

import uuid

from django.db import models

from feedback.models.items import Item
from portal.models import AISystem


class Intake(models.Model):
    """An anonymous filing until the night, when all of them enter the box in shuffled order. Not governed.

    `receipt` is the keyed hash of its code. `about` holds kind, version and explanation class of a recommendation at most.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    receipt = models.BinaryField(max_length=32, unique=True)
    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=Item.Kind.choices)
    severity = models.CharField(max_length=8, choices=Item.Severity.choices, default=Item.Severity.NORMAL)
    text = models.TextField(max_length=4000)
    about = models.JSONField(null=True)

    def __str__(self) -> str:
        return "an anonymous filing"


class Receipt(models.Model):
    """Leads from a code, of which only the keyed hash is kept, to the item. Written at admission."""

    digest = models.BinaryField(max_length=32, primary_key=True)
    item = models.OneToOneField(Item, on_delete=models.CASCADE, related_name="receipt")

    def __str__(self) -> str:
        return f"the receipt of FB-{self.item_id}"


class IntakeReply(models.Model):
    """A reply by receipt, until the same nightly admission. Not governed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    receipt = models.BinaryField(max_length=32, db_index=True)
    text = models.TextField(max_length=4000)

    def __str__(self) -> str:
        return "an anonymous reply"


class AdmissionNight(models.Model):
    """A night on which the intake was admitted: at most one a day, also when the task is delivered twice."""

    day = models.DateField(primary_key=True)
    done = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.day.isoformat()
