"""What is missing before people may have the AI: a list of sentences, empty when nothing is."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils.translation import gettext as _

from governance import workflow
from governance.models import Criterion, ExpansionRequest, Pilot, Promise, Stage
from portal import clock
from portal.models import RiskTier


@dataclass(frozen=True)
class Facts:
    """What of a pilot decides whether it is ready, now or as it stood."""

    overseer: bool
    stop_rule: bool
    criterion: bool
    promise: bool
    purpose: str
    fall_back: str
    baseline: str
    ends_at: dt.datetime
    fall_back_tested_on: dt.date | None
    people_informed_on: dt.date | None


def facts_of(pilot: Pilot) -> Facts:
    """As it is now."""
    kinds = set(pilot.criteria.values_list("kind", flat=True))
    return Facts(
        overseer=pilot.oversights.exists(),
        stop_rule=Criterion.Kind.STOP in kinds,
        criterion=Criterion.Kind.SUCCESS in kinds,
        promise=Promise.objects.filter(pilot=pilot).exists(),
        purpose=pilot.purpose,
        fall_back=pilot.fall_back,
        baseline=pilot.baseline,
        ends_at=pilot.ends_at,
        fall_back_tested_on=pilot.fall_back_tested_on,
        people_informed_on=pilot.people_informed_on,
    )


def _ground(facts: Facts, now: dt.datetime) -> list[str]:
    missing = []
    if not facts.overseer:
        missing.append(_("Name an overseer."))
    if not facts.stop_rule:
        missing.append(_("Set at least one stop rule."))
    if not facts.purpose.strip():
        missing.append(_("Say what the AI is used for here."))
    if not facts.fall_back.strip():
        missing.append(_("Say how to go back to working without the AI."))
    if facts.ends_at <= now:
        missing.append(_("Set an end date in the future."))
    return missing


def missing_for_light_lane(pilot: Pilot) -> list[str]:
    """What the light lane still needs of the pilot itself."""
    missing = _ground(facts_of(pilot), clock.now())
    first = pilot.stages.order_by("place").first()
    if pilot.system.risk_tier != RiskTier.MINIMAL and (first is None or first.kind != Stage.Kind.SHADOW):
        missing.append(_("The light lane is for systems of minimal risk, or for shadow use."))
    if pilot.ends_at > clock.now() + dt.timedelta(days=workflow.LIGHT_MAX_DAYS):
        missing.append(_("In the light lane the end date is at most %(days)d days ahead.") % {"days": workflow.LIGHT_MAX_DAYS})
    return missing


def missing_for_full_lane(pilot: Pilot) -> list[str]:
    """What is due for the full lane, and before the second stage in any lane."""
    return missing_of(facts_of(pilot), clock.now())


def missing_of(facts: Facts, now: dt.datetime) -> list[str]:
    """The same, of facts as they were at `now`."""
    missing = _ground(facts, now)
    if not facts.baseline.strip():
        missing.append(_("Write down the figures from before the AI."))
    if not facts.criterion:
        missing.append(_("Set at least one success criterion."))
    if not facts.promise:
        missing.append(_("Put the promise on record."))
    if facts.fall_back_tested_on is None:
        missing.append(_("Test the fall-back plan, and say when."))
    if facts.people_informed_on is None:
        missing.append(_("Inform the people concerned, and say when."))
    return missing


def blockers(request: ExpansionRequest) -> list[str]:
    """Why an approved request may not be applied yet. Resuming an unchanged grant is not blocked."""
    if request.kind != ExpansionRequest.Kind.WIDEN or request.light:
        return []
    pilot = request.pilot
    found = (
        missing_for_full_lane(pilot) if request.stage.place > 1 or pilot.lane == Pilot.Lane.FULL else _ground(facts_of(pilot), clock.now())
    )
    for action in pilot.actions.filter(done_at=None):
        found.append(_("To do before it widens: %(what)s") % {"what": action.what})
    return found
