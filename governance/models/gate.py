"""What the clients of the gate have seen."""

from __future__ import annotations

from django.db import models

from governance.models.pilots import Pilot
from portal.models import ApiKey


class GateClient(models.Model):
    """A key that asked the gate about a pilot, and the last gate version it was given. Not governed: it is a log of reads."""

    pilot = models.ForeignKey(Pilot, on_delete=models.CASCADE, related_name="gate_clients")
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+")
    seen_version = models.PositiveIntegerField()
    seen_at = models.DateTimeField()
    version_since = models.DateTimeField(help_text="When it first fetched this gate version.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pilot", "key"], name="gate_client_once")]

    def __str__(self) -> str:
        return f"{self.key_id} at {self.seen_version}"
