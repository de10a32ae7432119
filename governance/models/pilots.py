"""Pilots: a bounded trial of one AI system, its ladder, and what happened to it."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from audit.history import Versions
from governance import workflow
from portal import clock
from portal.models import AISystem, Person, Unit

flag_key_rule = RegexValidator(
    r"^(?!.*\.shadow$|new$)[a-z0-9][a-z0-9._-]*$", "Use small letters, digits, dots, hyphens and underscores; it may not end in .shadow."
)


class PilotQuerySet(models.QuerySet["Pilot"]):
    def visible_to(self, person: Person) -> PilotQuerySet:
        """Pilots of the person's own unit, of units above and below it, of units they hold a role over, and their own."""
        own = Q(lead=person) | Q(sponsor=person) | Q(pk__in=Oversight.objects.filter(person=person).values("pilot"))
        return self.filter(Q(unit__path__in=person.unit.line) | person.unit_scope("unit__path") | own)

    def exposed(self) -> PilotQuerySet:
        """Whose grants let somebody through now (P7: computed when read)."""
        return self.filter(condition__in=workflow.EXPOSED, ends_at__gt=clock.now())


class Pilot(models.Model):
    """A bounded trial of one AI system in one unit. Its slug is the flag key that the gate answers for.

    `base_version` counts stage, grant, criteria and condition (a request binds to it); `eval_version` also counts joins
    and leaves and is the version that the gate serves.
    """

    class Condition(models.TextChoices):
        PROPOSED = workflow.PROPOSED, "Proposed"
        READY = workflow.READY, "Ready"
        ACTIVE = workflow.ACTIVE, "Active"
        HELD = workflow.HELD, "Held"
        STOPPED = workflow.STOPPED, "Stopped"
        ENDED = workflow.ENDED, "Ended"

    class Lane(models.TextChoices):
        LIGHT = "light", "Light"
        FULL = "full", "Full"

    class Outcome(models.TextChoices):
        ENDED_EARLY = "ended_early", "Ended early"
        SUPERSEDED = "superseded", "Superseded"
        RETIRED = "retired", "Retired"
        LAPSED = "lapsed", "Lapsed"

    slug = models.CharField(max_length=80, unique=True, validators=[flag_key_rule])
    name = models.CharField(max_length=120)
    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="pilots")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="pilots")
    lead = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="pilots_led")
    sponsor = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="pilots_sponsored")
    follows = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="followed_by")
    purpose = models.TextField(help_text="What the AI is used for here, and what it must not be used for.")
    condition = models.CharField(max_length=10, choices=Condition.choices, default=Condition.PROPOSED)
    lane = models.CharField(max_length=5, choices=Lane.choices, blank=True)
    stage = models.ForeignKey("governance.Stage", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    ends_at = models.DateTimeField(help_text="From this moment nobody has the AI, unless a later date was signed.")
    fall_back = models.TextField(help_text="How the work goes on without the AI.")
    fall_back_tested_on = models.DateField(null=True, blank=True)
    baseline = models.TextField(blank=True, help_text="The figures before the AI, and where they come from.")
    people_informed_on = models.DateField(null=True, blank=True)
    halted_by = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    halted_at = models.DateTimeField(null=True, blank=True)
    halt_reason = models.TextField(blank=True)
    halt_version = models.PositiveIntegerField(null=True, blank=True, help_text="The gate version that the halt made.")
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True)
    cause = models.TextField(blank=True)
    lessons = models.TextField(blank=True)
    told_objectors = models.TextField(blank=True)
    proposed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    base_version = models.PositiveIntegerField(default=1)
    eval_version = models.PositiveIntegerField(default=1)

    history = Versions()
    objects = PilotQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(name="pilot_condition_known", condition=Q(condition__in=sorted(workflow.LIVE | {workflow.ENDED}))),
            models.CheckConstraint(name="pilot_ready_has_lane", condition=Q(condition__in=["proposed", "ended"]) | ~Q(lane="")),
            models.CheckConstraint(
                name="pilot_exposed_has_stage", condition=Q(condition__in=["proposed", "ready", "ended"]) | Q(stage__isnull=False)
            ),
            models.CheckConstraint(name="pilot_stopped_has_stopper", condition=~Q(condition="stopped") | Q(halted_by__isnull=False)),
            models.CheckConstraint(
                name="pilot_ended_has_outcome",
                condition=~Q(condition="ended") | (~Q(outcome="") & ~Q(cause="") & ~Q(lessons="") & Q(ended_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"/pilots/{self.slug}"

    @property
    def lapsed(self) -> bool:
        """Past its end date without anyone having ended it: nobody has the AI (P7)."""
        return self.condition in workflow.LIVE and clock.now() >= self.ends_at

    @property
    def shown_condition(self) -> str:
        """The condition as it is now, with `lapsed` computed."""
        return "lapsed" if self.lapsed else self.condition

    @property
    def reason_due_at(self) -> dt.datetime | None:
        """Until when the reason of a stop may follow; None when it is there or nothing is stopped."""
        if self.condition != workflow.STOPPED or self.halt_reason or self.halted_at is None:
            return None
        return self.halted_at + dt.timedelta(hours=24)


class Stage(models.Model):
    """A rung of one pilot's own ladder. `size` is the most people that may have the AI on it."""

    class Kind(models.TextChoices):
        SHADOW = "shadow", "Shadow: it runs, nobody sees it"
        PERSON = "person", "One person"
        TEAM = "team", "Team"
        SITE = "site", "Site"
        ENTERPRISE = "enterprise", "Enterprise"

    pilot = models.ForeignKey(Pilot, on_delete=models.PROTECT, related_name="stages")
    place = models.PositiveSmallIntegerField(help_text="1 is the lowest rung.")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=60)
    size = models.PositiveIntegerField()

    history = Versions()

    class Meta:
        ordering = ["pilot", "place"]
        constraints = [
            models.UniqueConstraint(fields=["pilot", "place"], name="stage_place_once"),
            models.CheckConstraint(name="stage_size_positive", condition=Q(size__gt=0, place__gt=0)),
        ]

    def __str__(self) -> str:
        return self.name


class Oversight(models.Model):
    """A person who watches over the AI's use and may stop it alone."""

    pilot = models.ForeignKey(Pilot, on_delete=models.PROTECT, related_name="oversights")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="oversights")

    history = Versions()

    class Meta:
        ordering = ["pilot", "person__name"]
        constraints = [models.UniqueConstraint(fields=["pilot", "person"], name="overseer_once")]

    def __str__(self) -> str:
        return f"{self.person_id} over {self.pilot_id}"


class Transition(models.Model):
    """One thing that happened to a pilot: who, from where to where, why, when, on which request and digest. Insert-only."""

    pilot = models.ForeignKey(Pilot, on_delete=models.PROTECT, related_name="transitions")
    command = models.CharField(max_length=20)
    from_condition = models.CharField(max_length=10, blank=True)
    to_condition = models.CharField(max_length=10)
    stage = models.ForeignKey(Stage, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    actor = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    on_behalf_of = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(blank=True)
    at = models.DateTimeField()
    request = models.ForeignKey("governance.ExpansionRequest", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64, blank=True)

    history = Versions()

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.command} {self.pilot_id}"


class Departure(models.Model):
    """Somebody of the cohort left the pilot. Insert-only: nobody is put back on an AI they left."""

    pilot = models.ForeignKey(Pilot, on_delete=models.PROTECT, related_name="departures")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="departures")
    at = models.DateTimeField()
    reason = models.TextField(blank=True)

    history = Versions()

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["pilot", "person"], name="departure_once")]

    def __str__(self) -> str:
        return f"{self.person_id} left {self.pilot_id}"


class HeldMember(models.Model):
    """Who had the AI when the pilot was held: nobody else gets it until it is resumed. Not governed; it can only narrow."""

    pilot = models.ForeignKey(Pilot, on_delete=models.CASCADE, related_name="held_members")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [models.UniqueConstraint(fields=["pilot", "person"], name="held_member_once")]

    def __str__(self) -> str:
        return f"{self.person_id} in {self.pilot_id}"


class Criterion(models.Model):
    """A rule about one figure: met, or tripped, when it compares so over the window with enough cases behind it."""

    class Kind(models.TextChoices):
        SUCCESS = "success", "Success criterion"
        STOP = "stop", "Stop rule"

    class Comparator(models.TextChoices):
        AT_LEAST = "ge", "at least"
        AT_MOST = "le", "at most"
        ABOVE = "gt", "above"
        BELOW = "lt", "below"

    class Figure(models.TextChoices):
        DECIDED = "decided_share", "Decided of shown, %"
        ACCEPTANCE = "acceptance_rate", "Accepted of decided, %"
        OVERRIDE = "override_rate", "Overridden of decided, %"
        ACTIVE_PEOPLE = "active_people", "People who decided something"
        UNSAFE = "unsafe_flags", "Flagged unsafe, count"
        INCIDENTS = "incidents", "Incidents filed, count"
        LATE = "late_items", "Items not answered in time, count"
        PROMISE = "promise", "The promised figure, as measured"

    class Effect(models.TextChoices):
        HOLD = "hold", "Hold and tell the overseer"
        STOP = "stop", "Stop and tell the overseer"

    pilot = models.ForeignKey(Pilot, on_delete=models.PROTECT, related_name="criteria")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=120)
    figure = models.CharField(max_length=20, choices=Figure.choices)
    comparator = models.CharField(max_length=2, choices=Comparator.choices)
    threshold = models.DecimalField(max_digits=12, decimal_places=2)
    window_days = models.PositiveSmallIntegerField(default=28)
    minimum = models.PositiveIntegerField(default=1, help_text="Fewer cases than this: not known yet.")
    effect = models.CharField(max_length=5, choices=Effect.choices, default=Effect.HOLD)

    history = Versions()

    class Meta:
        verbose_name_plural = "criteria"
        ordering = ["pilot", "kind", "id"]
        constraints = [models.CheckConstraint(name="criterion_window_positive", condition=Q(window_days__gt=0))]

    def __str__(self) -> str:
        return self.name


class ReadinessAction(models.Model):
    """Something the people need before the AI comes: training, incentive, form, notice, consultation."""

    class Kind(models.TextChoices):
        TRAINING = "training", "Training"
        INCENTIVE = "incentive", "Incentive"
        FORM = "form", "Form"
        NOTICE = "notice", "Notice"
        CONSULTATION = "consultation", "Consultation"

    pilot = models.ForeignKey(Pilot, on_delete=models.PROTECT, related_name="actions")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    what = models.CharField(max_length=200)
    owner = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="readiness_actions")
    due_on = models.DateField()
    done_at = models.DateTimeField(null=True, blank=True)
    evidence = models.TextField(blank=True)

    history = Versions()

    class Meta:
        ordering = ["pilot", F("done_at").desc(nulls_first=True), "due_on"]
        constraints = [models.CheckConstraint(name="action_done_has_evidence", condition=Q(done_at=None) | ~Q(evidence=""))]

    def __str__(self) -> str:
        return self.what
