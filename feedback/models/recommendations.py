"""What an AI showed to a person, and what the person did with it."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from feedback.models.events import Event
from feedback.models.items import Item
from portal.models import AISystem, Person, Unit


class OutcomeKind(models.TextChoices):
    ACCEPTED = "accepted", _("Accepted")
    ADJUSTED = "adjusted", _("Adjusted")
    OVERRIDDEN = "overridden", _("Overridden")
    DISMISSED = "dismissed", _("Dismissed")


class Reason(models.TextChoices):
    """The nine default reasons for an override or an adjustment."""

    WILL_MONITOR = "will_monitor", _("I will watch it myself")
    ALREADY_HANDLED = "already_handled", _("Already handled")
    NOT_APPLICABLE = "not_applicable_here", _("Does not apply here")
    BENEFIT_OUTWEIGHS = "benefit_outweighs", _("The benefit outweighs it")
    DATA_WRONG = "data_wrong_or_outdated", _("Data wrong or outdated")
    CONSTRAINT = "policy_or_customer_constraint", _("A rule or the customer says otherwise")
    LOCAL_KNOWLEDGE = "local_knowledge", _("I know this place")
    UNSAFE = "unsafe", _("Unsafe")
    OTHER = "other", _("Something else")


class RecommendationQuerySet(models.QuerySet["Recommendation"]):
    def of(self, person: Person) -> RecommendationQuerySet:
        """What was shown to this person. Nobody else sees a named person's recommendations."""
        return self.filter(person=person)

    def undecided(self, now: dt.datetime) -> RecommendationQuerySet:
        """Still open: no effective outcome, and not expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), outcome="")


class Recommendation(models.Model):
    """One recommendation as one person was shown it. `uid` is the tool's own id for it.

    `person` is a pseudonym by design (portal.Person). `outcome`, `reason` and `decided_at` repeat the effective outcome,
    so that figures read one narrow table; the outcomes themselves are never changed.
    """

    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="recommendations")
    uid = models.CharField(max_length=200)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="recommendations")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    version = models.CharField(max_length=60, blank=True)
    kind = models.CharField(max_length=60)
    subject_ref = models.CharField(max_length=200, blank=True)
    severity = models.CharField(max_length=20, blank=True)
    interruptive = models.BooleanField(null=True)
    proposal = models.JSONField()
    confidence = models.DecimalField(max_digits=5, decimal_places=4, null=True)
    explanation = models.JSONField(null=True)
    alternatives = models.JSONField(default=list)
    expires_at = models.DateTimeField(null=True)
    latency_ms = models.PositiveIntegerField(null=True)
    trace_id = models.CharField(max_length=64, blank=True)
    grant = models.CharField(max_length=120, blank=True, help_text="The grant's id, as the tool stated it.")
    unexplained = models.BooleanField(default=False)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=12, choices=OutcomeKind.choices, blank=True)
    reason = models.CharField(max_length=60, blank=True)
    decided_at = models.DateTimeField(null=True)

    objects = RecommendationQuerySet.as_manager()

    class Meta:
        ordering = ["-occurred_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["system", "uid", "person"], name="recommendation_once_a_person"),
            models.CheckConstraint(
                name="recommendation_confidence_0_1", condition=Q(confidence=None) | Q(confidence__gte=0, confidence__lte=1)
            ),
        ]
        indexes = [
            models.Index(fields=["person", "-occurred_at", "-id"], name="recommendation_of_person"),
            models.Index(fields=["system", "occurred_at"], name="recommendation_of_system"),
            models.Index(fields=["uid"], name="recommendation_uid"),
        ]

    def __str__(self) -> str:
        return self.uid


class Outcome(models.Model):
    """What a person did, as told. Append-only: a later word supersedes, an undo undoes, nothing is overwritten.

    `recommendation` is empty while the recommendation itself has not arrived. How long the person took is not kept.
    """

    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="+")
    uid = models.CharField(max_length=200)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    recommendation = models.ForeignKey(Recommendation, null=True, on_delete=models.PROTECT, related_name="outcomes")
    kind = models.CharField(max_length=12, choices=OutcomeKind.choices, blank=True)
    reason = models.CharField(max_length=60, blank=True)
    reason_skipped = models.BooleanField(default=False)
    text = models.TextField(max_length=2000, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    explanation_opened = models.BooleanField(null=True)
    supersedes = models.CharField(max_length=200, blank=True, help_text="The event id of the outcome that this one replaces or undoes.")
    undo = models.BooleanField(default=False)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="outcome")

    class Meta:
        ordering = ["occurred_at", "received_at", "id"]
        constraints = [models.CheckConstraint(name="outcome_or_undo", condition=Q(undo=True) | ~Q(kind=""))]
        indexes = [models.Index(fields=["system", "uid", "person"], name="outcome_joins")]

    def __str__(self) -> str:
        return f"{self.kind or 'undo'} {self.uid}"


class Flag(models.Model):
    """A person said, inside the tool, that a recommendation is not right. Append-only; it opened `item`.

    For a confidential item (unfair) `uid`, `person` and `recommendation` stay empty: ItemAuthor alone knows them.
    """

    class Kind(models.TextChoices):
        WRONG = "wrong", _("Wrong")
        UNSAFE = "unsafe", _("Unsafe")
        UNFAIR = "unfair", _("Unfair")
        LATE = "late", _("Too late")
        INTERFACE = "interface", _("Hard to use")
        OTHER = "other", _("Something else")

    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="+")
    uid = models.CharField(max_length=200, blank=True, db_index=True)
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    recommendation = models.ForeignKey(Recommendation, null=True, on_delete=models.PROTECT, related_name="flags")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    item = models.OneToOneField(Item, on_delete=models.PROTECT, related_name="flag")
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"{self.kind} {self.uid}"
