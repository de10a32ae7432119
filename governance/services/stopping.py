"""Hold and Stop. Narrowing needs no approval (P4), and Stop needs nothing but the database (P3)."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit.context import because
from audit.nudge import nudge
from governance import policies, workflow
from governance.models import HeldMember, Pilot
from governance.selectors import cohort
from governance.services import reminders, transitions
from portal import clock
from portal.errors import Conflict
from portal.models import Person


@transaction.atomic
def hold(*, actor: Person, pilot: Pilot, reason: str) -> Pilot:
    """Whoever has the AI keeps it; nobody new gets it. Needs a reason, by the lead or compliance."""
    pilot = transitions.locked(pilot)
    if not policies.may_hold(actor, pilot):
        raise PermissionDenied(_("Only the lead or compliance may hold this pilot."))
    if not reason.strip():
        raise ValidationError({"reason": [_("Say why.")]})
    HeldMember.objects.filter(pilot=pilot).delete()
    HeldMember.objects.bulk_create(HeldMember(pilot=pilot, person_id=person) for person in cohort.exposed_people(pilot))
    _halt(pilot, "hold", actor, reason)
    reminders.tell_halted(pilot, "held")
    return pilot


@transaction.atomic
def stop(*, actor: Person, pilot: Pilot, reason: str = "") -> Pilot:
    """Nobody has the AI from this commit on. One person, no approval; the reason may follow within 24 hours.

    A second Stop of a stopped pilot is no error: two people may pull the same cord. No reason can keep it from stopping.
    """
    reason = storable(reason)
    pilot = transitions.locked(pilot)
    if not policies.may_stop(actor, pilot):
        raise PermissionDenied(_("Only an overseer, the lead, compliance or an executive may stop this pilot."))
    if pilot.condition == workflow.STOPPED:
        return pilot
    _halt(pilot, "stop", actor, reason)
    reminders.tell_halted(pilot, "stopped")
    return pilot


def storable(text: str) -> str:
    """Without what no text in the database can hold."""
    return text.replace("\x00", "").encode(errors="replace").decode()


def _halt(pilot: Pilot, command: str, actor: Person, reason: str) -> None:
    pilot.halted_by = actor
    pilot.halted_at = clock.now()
    pilot.halt_reason = reason.strip()
    pilot.halt_version = pilot.eval_version + 1
    with because(reason):
        transitions.move(pilot, command, actor=actor, reason=reason.strip())
    nudge("audit.seal")


@transaction.atomic
def give_reason(*, actor: Person, pilot: Pilot, reason: str) -> Pilot:
    """Add the reason of a Stop that was made without one; by whoever stopped it, or the lead."""
    pilot = transitions.locked(pilot)
    if not policies.may_give_reason(actor, pilot):
        raise PermissionDenied(_("The reason is given by whoever stopped the pilot, or by its lead."))
    if not reason.strip():
        raise ValidationError({"reason": [_("Say why.")]})
    if pilot.condition != workflow.STOPPED or pilot.halt_reason:
        raise Conflict("no_reason_due", _("No reason is due here."))
    pilot.halt_reason = reason.strip()
    with because(reason):
        pilot.save()
        transitions.note(pilot, "reason", actor=actor, reason=pilot.halt_reason)
    return pilot
