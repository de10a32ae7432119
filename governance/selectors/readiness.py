"""What is missing before people may have the AI: a list of sentences, empty when nothing is."""

from __future__ import annotations

import datetime as dt

from django.utils.translation import gettext as _

from governance import workflow
from governance.models import Criterion, ExpansionRequest, Pilot, Promise, Stage
from portal import clock
from portal.models import RiskTier


def _ground(pilot: Pilot) -> list[str]:
    missing = []
    if not pilot.oversights.exists():
        missing.append(_("Name an overseer."))
    if not pilot.criteria.filter(kind=Criterion.Kind.STOP).exists():
        missing.append(_("Set at least one stop rule."))
    if not pilot.purpose.strip():
        missing.append(_("Say what the AI is used for here."))
    if not pilot.fall_back.strip():
        missing.append(_("Say how to go back to working without the AI."))
    if pilot.ends_at <= clock.now():
        missing.append(_("Set an end date in the future."))
    return missing


def missing_for_light_lane(pilot: Pilot) -> list[str]:
    """What the light lane still needs of the pilot itself."""
    missing = _ground(pilot)
    first = pilot.stages.order_by("place").first()
    if pilot.system.risk_tier != RiskTier.MINIMAL and (first is None or first.kind != Stage.Kind.SHADOW):
        missing.append(_("The light lane is for systems of minimal risk, or for shadow use."))
    if pilot.ends_at > clock.now() + dt.timedelta(days=workflow.LIGHT_MAX_DAYS):
        missing.append(_("In the light lane the end date is at most %(days)d days ahead.") % {"days": workflow.LIGHT_MAX_DAYS})
    return missing


def missing_for_full_lane(pilot: Pilot) -> list[str]:
    """What is due for the full lane, and before the second stage in any lane."""
    missing = _ground(pilot)
    if not pilot.baseline.strip():
        missing.append(_("Write down the figures from before the AI."))
    if not pilot.criteria.filter(kind=Criterion.Kind.SUCCESS).exists():
        missing.append(_("Set at least one success criterion."))
    if not Promise.objects.filter(pilot=pilot).exists():
        missing.append(_("Put the promise on record."))
    if pilot.fall_back_tested_on is None:
        missing.append(_("Test the fall-back plan, and say when."))
    if pilot.people_informed_on is None:
        missing.append(_("Inform the people concerned, and say when."))
    return missing


def blockers(request: ExpansionRequest) -> list[str]:
    """Why an approved request may not be applied yet. Resuming an unchanged grant is not blocked."""
    if request.kind != ExpansionRequest.Kind.WIDEN or request.light:
        return []
    pilot = request.pilot
    found = missing_for_full_lane(pilot) if request.stage.place > 1 or pilot.lane == Pilot.Lane.FULL else _ground(pilot)
    for action in pilot.actions.filter(done_at=None):
        found.append(_("To do before it widens: %(what)s") % {"what": action.what})
    return found
