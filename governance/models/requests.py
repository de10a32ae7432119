"""Expansion requests, and the grants that applied ones leave behind."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from audit.history import Versions
from governance import workflow
from governance.models.pilots import Pilot, Stage
from portal import clock
from portal.models import Person, Role, VersionRule

READERS = frozenset({Role.LEAD, Role.SPONSOR, Role.EXECUTIVE, Role.COMPLIANCE})


def empty_cohort() -> dict[str, list[object]]:
    """A rule that holds nobody."""
    return {"units": [], "people": [], "excluded": []}


class ExpansionRequestQuerySet(models.QuerySet["ExpansionRequest"]):
    def visible_to(self, person: Person) -> ExpansionRequestQuerySet:
        """Requests of the pilots the person leads, sponsors or oversees, or whose unit they hold a reading role over."""
        scope = Q(requester=person) | Q(pilot__lead=person) | Q(pilot__sponsor=person) | Q(pilot__oversights__person=person)
        for held in person.current_roles:
            if held.role in READERS:
                scope |= Q(pilot__unit__path__startswith=held.unit.path)
        # By key, so that the join to the overseers doubles no row.
        return self.filter(pk__in=ExpansionRequest.objects.order_by().filter(scope).values("pk"))

    def open(self) -> ExpansionRequestQuerySet:
        return self.filter(state__in=workflow.OPEN)

    def signable(self) -> ExpansionRequestQuerySet:
        """Waiting for signatures now: neither stale nor expired."""
        return self.filter(state__in=workflow.SIGNABLE, base_version=F("pilot__base_version"), expires_at__gt=clock.now()).exclude(
            pilot__condition=workflow.ENDED
        )


class ExpansionRequest(models.Model):
    """The request to widen or resume a pilot, with its frozen brief. What is signed is the digest of its content.

    `cohort` is the rule {units: [unit ids], people: [person ids], excluded: [person ids]}; `policy` and `brief` are
    written at submission and never edited; `revision` counts submissions.
    """

    class Kind(models.TextChoices):
        WIDEN = "widen", "Widen"
        RESUME = "resume", "Resume"

    class State(models.TextChoices):
        DRAFT = workflow.DRAFT, "Draft"
        SUBMITTED = workflow.SUBMITTED, "Submitted"
        IN_REVIEW = workflow.IN_REVIEW, "In review"
        APPROVED = workflow.APPROVED, "Approved"
        APPLIED = workflow.APPLIED, "Applied"
        CHANGES_REQUESTED = workflow.CHANGES_REQUESTED, "Changes requested"
        REJECTED = workflow.REJECTED, "Rejected"
        WITHDRAWN = workflow.WITHDRAWN, "Withdrawn"
        REVOKED = workflow.REVOKED, "Revoked"

    pilot = models.ForeignKey(Pilot, on_delete=models.PROTECT, related_name="requests")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    light = models.BooleanField(default=False, help_text="The light lane: a handful of volunteers, one signature.")
    state = models.CharField(max_length=20, choices=State.choices, default=State.DRAFT)
    revision = models.PositiveSmallIntegerField(default=1)
    requester = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="requests_made")
    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="requests")
    cohort = models.JSONField(default=empty_cohort)
    ceiling = models.PositiveIntegerField(help_text="The most people that may have the AI under this grant.")
    ends_at = models.DateTimeField(help_text="The end of the pilot that is asked for.")
    version_rule = models.CharField(max_length=10, choices=VersionRule.choices)
    version = models.CharField(max_length=60, blank=True, help_text="The AI version that is approved; empty when the supplier manages it.")
    recommendation = models.CharField(max_length=300, help_text="In one sentence: what is asked, and why.")
    conditions = models.JSONField(default=list, blank=True)
    cause = models.TextField(blank=True, help_text="Of a resume: what went wrong.")
    fix = models.TextField(blank=True, help_text="Of a resume: what was done about it.")
    answers = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="answered_by")
    base_version = models.PositiveIntegerField()
    policy = models.JSONField(default=dict)
    brief = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the content as submitted.")
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.TextField(blank=True)
    applied_at = models.DateTimeField(null=True, blank=True)

    history = Versions()
    objects = ExpansionRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="request_submitted_is_frozen",
                condition=Q(state__in=["draft", "withdrawn"]) | (~Q(digest="") & Q(submitted_at__isnull=False, expires_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="request_applied_at",
                condition=Q(state="applied", applied_at__isnull=False) | (~Q(state="applied") & Q(applied_at=None)),
            ),
            models.CheckConstraint(name="request_ceiling_positive", condition=Q(ceiling__gt=0)),
        ]

    def __str__(self) -> str:
        return self.ref

    def get_absolute_url(self) -> str:
        return f"/requests/{self.pk}"

    @property
    def ref(self) -> str:
        return f"R-{self.pk}"

    @property
    def stale(self) -> bool:
        """The pilot moved since the request was bound to it (R4); computed when read."""
        return self.state in workflow.OPEN and (self.base_version != self.pilot.base_version or self.pilot.condition == workflow.ENDED)

    @property
    def expired(self) -> bool:
        """Its time for review, or for using the approval, is over (R13); computed when read."""
        return self.state in workflow.OPEN and self.expires_at is not None and clock.now() >= self.expires_at

    @property
    def shown_state(self) -> str:
        """The state as it is now, with `stale` and `expired` computed."""
        if self.stale:
            return "stale"
        return "expired" if self.expired else self.state


class Submission(models.Model):
    """The whole content as it was frozen at one submission, so that two versions can be compared. Insert-only."""

    request = models.ForeignKey(ExpansionRequest, on_delete=models.PROTECT, related_name="submissions")
    revision = models.PositiveSmallIntegerField()
    digest = models.CharField(max_length=64)
    content = models.JSONField()
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    history = Versions()

    class Meta:
        ordering = ["request", "revision"]
        constraints = [models.UniqueConstraint(fields=["request", "revision"], name="submission_once_a_revision")]

    def __str__(self) -> str:
        return f"{self.request_id} v{self.revision}"


class Contributor(models.Model):
    """Somebody who edited the request: they cannot sign it. Insert-only."""

    request = models.ForeignKey(ExpansionRequest, on_delete=models.PROTECT, related_name="contributors")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    what = models.CharField(max_length=120)

    history = Versions()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "person"], name="contributor_once")]

    def __str__(self) -> str:
        return f"{self.person_id} in {self.request_id}"


class Grant(models.Model):
    """The permission in force: who may have the AI, how many, until when, in which version. One for each applied request.

    Nothing of it can be changed but its revocation, once (database guard).
    """

    request = models.OneToOneField(ExpansionRequest, on_delete=models.PROTECT, related_name="grant")
    pilot = models.ForeignKey(Pilot, on_delete=models.PROTECT, related_name="grants")
    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="grants")
    units = models.JSONField(default=list)
    people = models.JSONField(default=list)
    excluded = models.JSONField(default=list)
    listed = models.JSONField(default=list, help_text="Who was in the rule at submission: they come first under the ceiling.")
    ceiling = models.PositiveIntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    version_rule = models.CharField(max_length=10, choices=VersionRule.choices)
    version = models.CharField(max_length=60, blank=True)
    digest = models.CharField(max_length=64)
    gate_version = models.PositiveIntegerField(help_text="The gate version that this grant made.")
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    revoke_reason = models.TextField(blank=True)

    history = Versions()

    class Meta:
        ordering = ["pilot", "starts_at", "id"]
        constraints = [
            models.CheckConstraint(name="grant_window", condition=Q(ends_at__gt=F("starts_at"))),
            models.CheckConstraint(
                name="grant_revoked_with_reason",
                condition=Q(revoked_at=None, revoked_by=None)
                | (Q(revoked_at__isnull=False, revoked_by__isnull=False) & ~Q(revoke_reason="")),
            ),
        ]

    def __str__(self) -> str:
        return f"G-{self.pk}"
