"""Leaving a pilot: anyone on the AI may, at once, for themselves, without giving a reason."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from governance.models import Departure, Pilot
from governance.selectors import cohort
from governance.services import transitions
from portal import clock
from portal.errors import Conflict
from portal.models import Person


@transaction.atomic
def leave(*, actor: Person, pilot: Pilot, reason: str = "") -> Departure:
    """Take the AI from `actor` at once (P12). The next request names how many left. Leaving twice is no error."""
    pilot = transitions.locked(pilot)
    if gone := Departure.objects.filter(pilot=pilot, person=actor).first():
        return gone
    if not any(person.pk == actor.pk for grant in cohort.grants_in_force(pilot) for person in cohort.in_rule(cohort.rule_of(grant), pilot)):
        raise Conflict("not_in_cohort", _("You are not on this AI."))
    pilot.eval_version += 1
    pilot.save()
    return Departure.objects.create(pilot=pilot, person=actor, at=clock.now(), reason=reason.strip())
