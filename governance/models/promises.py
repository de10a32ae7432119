"""The value ledger: what was promised when the pilot was proposed, and what was measured since."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from audit.history import Versions
from governance.models.pilots import Pilot
from portal.models import Person


class Promise(models.Model):
    """What the AI is said to bring, frozen at proposal: one figure, its target, and the cost."""

    pilot = models.OneToOneField(Pilot, on_delete=models.PROTECT, related_name="promise")
    statement = models.CharField(max_length=200)
    target = models.DecimalField(max_digits=12, decimal_places=2)
    measure = models.CharField(max_length=40, help_text="The unit of the figure: % fuel, minutes a stop, EUR a month.")
    cost = models.CharField(max_length=80, blank=True)
    source = models.CharField(max_length=200, blank=True, help_text="Where the promise was made, and by whom.")
    made_on = models.DateField()

    history = Versions()

    def __str__(self) -> str:
        return self.statement


class Measurement(models.Model):
    """The promised figure as measured over a period, and how."""

    promise = models.ForeignKey(Promise, on_delete=models.PROTECT, related_name="measurements")
    starts_on = models.DateField()
    ends_on = models.DateField()
    value = models.DecimalField(max_digits=12, decimal_places=2)
    method = models.CharField(max_length=200)
    recorded_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()

    history = Versions()

    class Meta:
        ordering = ["-ends_on", "-id"]
        constraints = [models.CheckConstraint(name="measurement_ends_after_start", condition=Q(ends_on__gte=F("starts_on")))]

    def __str__(self) -> str:
        return f"{self.value} ({self.starts_on} to {self.ends_on})"
