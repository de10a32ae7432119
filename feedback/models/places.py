"""Where people file besides the page: kiosks and printed codes."""

from __future__ import annotations

from django.db import models

from audit.history import Versions
from portal.models import AISystem, Person, Unit


class Kiosk(models.Model):
    """A shared device, or a printed code, at which people file. It holds no person.

    `code` is short, is printed and typed, and only opens the form. A device is enrolled once with a one-time code and then
    carries a token, of which `digest` is kept.
    """

    name = models.CharField(max_length=80)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="kiosks")
    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="kiosks")
    code = models.CharField(max_length=12, unique=True)
    staff_numbers = models.BooleanField(default=False, help_text="People may also give their staff number instead of staying nameless.")
    enrolment = models.BinaryField(max_length=32, null=True, help_text="Hash of the one-time code, until it is used.")
    enrolment_ends_at = models.DateTimeField(null=True)
    digest = models.BinaryField(max_length=32, null=True, help_text="Hash of the device's token.")
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)
    seen_on = models.DateField(null=True, help_text="The last day on which the device was used.")

    history = Versions(excluded_fields=["enrolment", "digest", "seen_on"])

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
