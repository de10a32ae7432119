from __future__ import annotations

import pghistory
from auditlog.registry import auditlog  # type: ignore[import-untyped]
from django.db import models
from simple_history.models import HistoricalRecords

from audit.history import Versions


class Twelve(models.Model):
    """Id and twelve columns of the kinds that governance keeps."""

    title = models.CharField(max_length=120)
    code = models.CharField(max_length=20, blank=True)
    state = models.CharField(max_length=20, default="open")
    count = models.IntegerField(default=0)
    share = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    score = models.FloatField(default=0.0)
    in_force = models.BooleanField(default=True)
    starts_on = models.DateField(null=True)
    decided_at = models.DateTimeField(null=True)
    facts = models.JSONField(default=dict)
    notes = models.TextField(blank=True)
    place = models.CharField(max_length=40, blank=True)

    class Meta:
        abstract = True


class Plain(Twelve):
    pass


class Governed(Twelve):
    history = Versions()


class SimpleHistory(Twelve):
    history = HistoricalRecords()


class Auditlog(Twelve):
    pass


auditlog.register(Auditlog)


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class PgHistory(Twelve):
    pass
