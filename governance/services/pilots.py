"""Proposing a pilot and making it ready."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from governance import policies
from governance.models import Criterion, Measurement, Oversight, Pilot, Promise, ReadinessAction, Stage
from governance.selectors import readiness
from governance.services import transitions
from portal import clock
from portal.errors import Conflict
from portal.models import AISystem, Person, Role, Unit


@dataclass(frozen=True, kw_only=True)
class StageDraft:
    """One rung of the ladder: kind (Stage.Kind), the pilot's own name for it, and how many people it holds at most."""

    kind: str
    name: str
    size: int


@dataclass(frozen=True, kw_only=True)
class RuleDraft:
    """A success criterion or a stop rule (Criterion has the words)."""

    name: str
    figure: str
    comparator: str
    threshold: Decimal
    window_days: int = 28
    minimum: int = 1
    effect: str = "hold"


@dataclass(frozen=True, kw_only=True)
class PromiseDraft:
    statement: str
    target: Decimal
    measure: str
    cost: str = ""
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class ActionDraft:
    kind: str
    what: str
    owner: Person
    due_on: dt.date


DEFAULT_LADDER = (
    StageDraft(kind="shadow", name="Shadow", size=5),
    StageDraft(kind="person", name="One person", size=1),
    StageDraft(kind="team", name="Team", size=20),
    StageDraft(kind="site", name="Site", size=200),
    StageDraft(kind="enterprise", name="Enterprise", size=10_000),
)


@transaction.atomic
def propose(
    *,
    actor: Person,
    slug: str,
    name: str,
    system: AISystem,
    unit: Unit,
    sponsor: Person,
    overseers: Sequence[Person],
    purpose: str,
    fall_back: str,
    ends_at: dt.datetime,
    stages: Sequence[StageDraft] = DEFAULT_LADDER,
    stop_rules: Sequence[RuleDraft] = (),
    criteria: Sequence[RuleDraft] = (),
    promise: PromiseDraft | None = None,
    actions: Sequence[ActionDraft] = (),
    baseline: str = "",
    fall_back_tested_on: dt.date | None = None,
    people_informed_on: dt.date | None = None,
    follows: Pilot | None = None,
) -> Pilot:
    """Propose a pilot led by `actor`. Raises ValidationError with a field for each thing that is wrong."""
    if not actor.has_perm("pilots.lead", unit):
        raise PermissionDenied(_("You lead no pilots in %(unit)s.") % {"unit": unit.name})
    wrong: dict[str, str] = {}
    if not sponsor.holds(Role.SPONSOR, over=unit):
        wrong["sponsor"] = _("%(name)s is no sponsor for %(unit)s.") % {"name": sponsor.name, "unit": unit.name}
    if sponsor.pk == actor.pk:
        wrong["sponsor"] = _("Lead and sponsor are two people.")
    if not overseers:
        wrong["overseers"] = _("Name at least one overseer.")
    if not stages:
        wrong["stages"] = _("A ladder has at least one stage.")
    if ends_at <= clock.now():
        wrong["ends_at"] = _("The end date lies in the past.")
    if not (system.unit.path.startswith(unit.path) or unit.path.startswith(system.unit.path)):
        wrong["system"] = _("%(system)s does not belong to this unit.") % {"system": system.name}
    if follows is not None and follows.condition != Pilot.Condition.ENDED:
        wrong["follows"] = _("Only an ended pilot is followed by a new one.")
    if wrong:
        raise ValidationError({field: [text] for field, text in wrong.items()})
    pilot = Pilot(
        slug=slug,
        name=name,
        system=system,
        unit=unit,
        lead=actor,
        sponsor=sponsor,
        follows=follows,
        purpose=purpose,
        fall_back=fall_back,
        fall_back_tested_on=fall_back_tested_on,
        baseline=baseline,
        people_informed_on=people_informed_on,
        ends_at=ends_at,
        proposed_at=clock.now(),
    )
    pilot.full_clean()
    pilot.save()
    Stage.objects.bulk_create(Stage(pilot=pilot, place=place, **vars(stage)) for place, stage in enumerate(stages, start=1))
    Oversight.objects.bulk_create(Oversight(pilot=pilot, person=person) for person in overseers)
    _add_rules(pilot, Criterion.Kind.STOP, stop_rules)
    _add_rules(pilot, Criterion.Kind.SUCCESS, criteria)
    if promise is not None:
        _record_promise(pilot, promise)
    _add_actions(pilot, actions)
    transitions.note(pilot, "propose", actor=actor)
    return pilot


def _add_rules(pilot: Pilot, kind: str, rules: Sequence[RuleDraft]) -> None:
    for rule in rules:
        row = Criterion(pilot=pilot, kind=kind, **vars(rule))
        row.full_clean()
        row.save()


def _add_actions(pilot: Pilot, actions: Sequence[ActionDraft]) -> None:
    for action in actions:
        ReadinessAction.objects.create(pilot=pilot, **vars(action))


def _record_promise(pilot: Pilot, promise: PromiseDraft) -> None:
    Promise.objects.create(pilot=pilot, made_on=clock.now().date(), **vars(promise))


@transaction.atomic
def complete(
    *,
    actor: Person,
    pilot: Pilot,
    criteria: Sequence[RuleDraft] = (),
    stop_rules: Sequence[RuleDraft] = (),
    promise: PromiseDraft | None = None,
    actions: Sequence[ActionDraft] = (),
    baseline: str | None = None,
    fall_back_tested_on: dt.date | None = None,
    people_informed_on: dt.date | None = None,
) -> Pilot:
    """Add what the full lane, or the second stage, needs. Nothing is taken away, and a promise is made once.

    Rules may be added until a full request has been applied: what was signed is not edited afterwards.
    """
    pilot = transitions.locked(pilot)
    _check_lead(actor, pilot)
    if (criteria or stop_rules) and pilot.grants.filter(request__light=False).exists():
        raise Conflict("already_signed", _("The rules of this pilot have been signed; they are no longer edited here."))
    if promise is not None:
        if Promise.objects.filter(pilot=pilot).exists():
            raise Conflict("promise_on_record", _("The promise is on record; it is not edited."))
        _record_promise(pilot, promise)
    _add_rules(pilot, Criterion.Kind.STOP, stop_rules)
    _add_rules(pilot, Criterion.Kind.SUCCESS, criteria)
    _add_actions(pilot, actions)
    if baseline is not None:
        pilot.baseline = baseline
    pilot.fall_back_tested_on = fall_back_tested_on or pilot.fall_back_tested_on
    pilot.people_informed_on = people_informed_on or pilot.people_informed_on
    if criteria or stop_rules:
        pilot.base_version += 1
    pilot.save()
    return pilot


@transaction.atomic
def make_ready(*, actor: Person, pilot: Pilot, lane: str) -> Pilot:
    """Move a proposed pilot to ready in the `light` or `full` lane. ValidationError lists what is missing."""
    pilot = transitions.locked(pilot)
    _check_lead(actor, pilot)
    light = lane == Pilot.Lane.LIGHT
    missing = readiness.missing_for_light_lane(pilot) if light else readiness.missing_for_full_lane(pilot)
    if missing:
        raise ValidationError(missing, code="not_ready")
    pilot.lane = Pilot.Lane(lane)
    transitions.move(pilot, "make-ready", actor=actor)
    return pilot


@transaction.atomic
def finish_action(*, actor: Person, action: ReadinessAction, evidence: str) -> ReadinessAction:
    """Mark a readiness action as done, by its owner or the lead, with the evidence for it."""
    action = ReadinessAction.objects.select_for_update(of=("self",)).select_related("pilot__unit").get(pk=action.pk)
    if action.owner_id != actor.pk:
        _check_lead(actor, action.pilot)
    if not evidence.strip():
        raise ValidationError({"evidence": [_("Say how it shows that this was done.")]})
    if action.done_at is not None:
        raise Conflict("already_done", _("This was done already."))
    action.done_at = clock.now()
    action.evidence = evidence
    action.save()
    return action


@transaction.atomic
def measure(*, actor: Person, pilot: Pilot, starts_on: dt.date, ends_on: dt.date, value: Decimal, method: str) -> Measurement:
    """Record the promised figure as measured over a period. Earlier measurements stay."""
    _check_lead(actor, pilot)
    promise = Promise.objects.filter(pilot=pilot).first()
    if promise is None:
        raise Conflict("no_promise", _("Put the promise on record first."))
    measurement = Measurement(
        promise=promise, starts_on=starts_on, ends_on=ends_on, value=value, method=method, recorded_by=actor, recorded_at=clock.now()
    )
    measurement.full_clean()
    measurement.save()
    return measurement


def _check_lead(actor: Person, pilot: Pilot) -> None:
    if not policies.may_prepare(actor, pilot):
        raise PermissionDenied(_("Only the lead of this pilot may do that."))
