"""AI systems, what of them is deployed, and the keys that programs sign in with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from audit.history import Versions
from portal.models.people import Person
from portal.models.units import Unit, slug_rule

if TYPE_CHECKING:
    import datetime as dt


class RiskTier(models.TextChoices):
    MINIMAL = "minimal", "Minimal"
    LIMITED = "limited", "Limited"
    HIGH = "high", "High"


class VersionRule(models.TextChoices):
    """Which versions of a system a grant lets through."""

    EXACT = "exact", "Exactly the approved version"
    MINOR = "minor", "Minor changes allowed"
    SUPPLIER = "supplier", "Managed by the supplier"


class AISystemQuerySet(models.QuerySet["AISystem"]):
    def visible_to(self, person: Person) -> AISystemQuerySet:
        """Systems of the person's own unit, of units above and below it, and of units they hold a role over."""
        return self.filter(Q(unit__path__in=person.unit.line) | person.unit_scope("unit__path"))


class AISystem(models.Model):
    """An AI in use. `supplier` is who makes it; `switch_off` is the written procedure for turning it off by hand."""

    slug = models.CharField(max_length=60, unique=True, validators=[slug_rule])
    name = models.CharField(max_length=120)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="systems")
    purpose = models.TextField(help_text="What it is for, in one or two sentences a user would recognise.")
    supplier = models.CharField(max_length=120, blank=True)
    risk_tier = models.CharField(max_length=10, choices=RiskTier.choices, default=RiskTier.LIMITED)
    version_rule = models.CharField(max_length=10, choices=VersionRule.choices, default=VersionRule.EXACT)
    reason_required = models.BooleanField(default=False, help_text="Refuse to show a recommendation without a plain reason.")
    switch_off = models.TextField(blank=True)
    retired_on = models.DateField(null=True, blank=True)

    history = Versions()
    objects = AISystemQuerySet.as_manager()

    class Meta:
        verbose_name = "AI system"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SystemVersion(models.Model):
    """A version of an AI system, declared by whoever deploys it."""

    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="versions")
    label = models.CharField(max_length=60)
    notes = models.TextField(blank=True)
    deployed_at = models.DateTimeField()

    history = Versions()

    class Meta:
        ordering = ["-deployed_at"]
        constraints = [models.UniqueConstraint(fields=["system", "label"], name="version_once")]

    def __str__(self) -> str:
        return self.label


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def live(self, now: dt.datetime) -> ApiKeyQuerySet:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)


class ApiKey(models.Model):
    """A key for a program: bound to one AI system, or acting as one person. Only its SHA-512 digest is kept."""

    class Kind(models.TextChoices):
        SYSTEM = "system", "AI system"
        BROWSER = "browser", "AI system, in a browser"
        PERSONAL = "personal", "Person"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    system = models.ForeignKey(AISystem, null=True, blank=True, on_delete=models.PROTECT, related_name="keys")
    person = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="keys")
    label = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.BinaryField(max_length=64)
    scopes = models.JSONField(default=list)
    origins = models.JSONField(default=list, blank=True, help_text="Web origins a browser key may be used from.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    history = Versions(excluded_fields=["digest", "last_used_at"], data_class="person")
    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                name="key_bound_to_one",
                condition=Q(kind="personal", system=None, person__isnull=False)
                | (~Q(kind="personal") & Q(system__isnull=False, person=None)),
            )
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.label})"
