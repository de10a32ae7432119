"""Applying an approved request: the one act that gives anybody an AI."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from audit.nudge import nudge
from governance import policies, workflow
from governance.models import ExpansionRequest, Grant, Pilot
from governance.selectors import readiness, signing
from governance.services import reminders, transitions
from governance.services.requests import locked
from portal import clock
from portal.errors import Conflict
from portal.models import Person


@transaction.atomic
def apply(*, actor: Person, request: ExpansionRequest) -> ExpansionRequest:
    """Apply an approved request whose blockers are gone. A second call, and a lost race, change nothing (R9).

    Everything is read again under the lock: state, base, digest, signers (R4, R7). Conflict says what stands against it.
    """
    request = locked(request)
    if not policies.may_apply(actor, request):
        raise PermissionDenied(_("Only the people who answer for this pilot may apply a request."))
    if request.state != workflow.APPLIED:
        carry_out(request, actor=actor)
        nudge("audit.seal")
    return request


def carry_out(request: ExpansionRequest, *, actor: Person) -> Grant | None:
    """Apply `request`, whose pilot and row the caller has locked and read anew. The grant of a widening; None for a resume."""
    pilot = request.pilot
    if not workflow.may_request("apply", request.state):
        raise Conflict(
            "illegal_move", _("This request is %(state)s; it cannot be applied.") % {"state": request.get_state_display().lower()}
        )
    if request.stale:
        raise Conflict("stale", _("The pilot moved since this was signed. It needs a new request."))
    if request.expired or request.ends_at <= clock.now():
        raise Conflict("expired", _("The approval was not used in time. It needs a new request."))
    if not signing.complete(request):
        raise Conflict("signatures_missing", _("A signature is missing, or no longer counts."))
    if blockers := readiness.blockers(request):
        raise Conflict("blocked", _("This is approved, and waits for: %(list)s") % {"list": " ".join(blockers)}, blockers=blockers)
    now = clock.now()
    request.state = workflow.APPLIED
    request.applied_at = now
    request.save()
    if request.kind == ExpansionRequest.Kind.RESUME:
        _resume(pilot, request, actor)
        grant = None
    else:
        grant = _widen(pilot, request, actor)
    reminders.tell_decided(request)
    return grant


def _widen(pilot: Pilot, request: ExpansionRequest, actor: Person) -> Grant:
    pilot.ends_at = max(pilot.ends_at, request.ends_at)
    transitions.move(pilot, "widen", actor=actor, stage=request.stage, request=request, reason=request.recommendation)
    return Grant.objects.create(
        request=request,
        pilot=pilot,
        stage=request.stage,
        units=request.cohort["units"],
        people=request.cohort["people"],
        excluded=request.cohort["excluded"],
        listed=request.brief["people"]["listed"],
        ceiling=request.ceiling,
        starts_at=clock.now(),
        ends_at=request.ends_at,
        version_rule=request.version_rule,
        version=request.version,
        digest=request.digest,
        gate_version=pilot.eval_version,
    )


def _resume(pilot: Pilot, request: ExpansionRequest, actor: Person) -> None:
    pilot.held_members.all().delete()
    pilot.halted_by, pilot.halted_at, pilot.halt_reason, pilot.halt_version = None, None, "", None
    transitions.move(pilot, "resume", actor=actor, request=request, reason=request.fix)
