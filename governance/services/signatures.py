"""Signing: one act of one person on exactly one digest."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit.context import because
from audit.nudge import nudge
from governance import policies, workflow
from governance.models import ExpansionRequest, Signature
from governance.selectors import readiness, signing
from governance.services import applying, reminders
from governance.services.requests import locked
from portal import clock
from portal.errors import Conflict, Forbidden
from portal.models import Person
from portal.stepup import StepUp

_COMMANDS = {
    Signature.Decision.APPROVE: "sign",
    Signature.Decision.REJECT: "reject",
    Signature.Decision.REQUEST_CHANGES: "request-changes",
}


@transaction.atomic
def sign(*, actor: Person, request: ExpansionRequest, decision: str, digest: str, step_up: StepUp, reason: str = "") -> Signature:
    """Approve, reject or ask for changes of what `digest` stands for. The last approval applies the request.

    `digest` is the one that was on the screen: another live one raises Conflict("changed") with the differences (R17).
    Raises Forbidden with a code when the person must not or cannot sign, and ValidationError without a needed reason.
    """
    decision = Signature.Decision(decision)
    request = locked(request)
    if why := policies.separated(actor, request):
        raise Forbidden(why, _refusals()[why])
    if request.stale:
        raise Conflict("stale", _("The pilot moved since this brief was frozen. It needs a new one."))
    if request.expired:
        raise Conflict("expired", _("The time for this decision is over. It needs a new brief."))
    if not workflow.may_request(_COMMANDS[decision], request.state):
        raise Conflict(
            "illegal_move", _("This request is %(state)s; it waits for nobody.") % {"state": request.get_state_display().lower()}
        )
    live = signing.live_digest(request)
    if live != digest:
        differences = [{"where": one.where, "was": one.was, "now": one.now} for one in signing.difference(request, digest)]
        raise Conflict("changed", _("This changed while you were reading. Read it again, then sign."), digest=live, changes=differences)
    if step_up.digest != live:
        raise Forbidden("reauthentication_required", _("Confirm your password for this very brief, then sign."))
    slot = signing.open_slot_for(actor, request)
    if slot is None:
        raise Forbidden("no_open_slot", _("No signature of yours is open here."))
    if decision != Signature.Decision.APPROVE and not reason.strip():
        raise ValidationError({"reason": [_("Say why, so that it can be answered.")]})
    now = clock.now()
    with because(reason):
        signature = Signature.objects.create(
            request=request,
            revision=request.revision,
            digest=live,
            slot=slot.name,
            decision=decision,
            meaning=slot.meaning,
            signer=actor,
            printed_name=actor.name,
            signed_at=now,
            reason=reason,
            step_up_method=step_up.method,
            step_up_at=step_up.at,
        )
        _decide(request, decision, actor=actor, reason=reason)
    nudge("audit.seal")
    return signature


def _decide(request: ExpansionRequest, decision: str, *, actor: Person, reason: str) -> None:
    done = decision == Signature.Decision.APPROVE and signing.complete(request)
    command = "complete" if done else _COMMANDS[Signature.Decision(decision)]
    request.state = workflow.REQUEST_MOVES[command][1]
    if request.state != workflow.IN_REVIEW:
        request.decided_at = clock.now()
        request.decision_reason = reason
    request.save()
    if done and not readiness.blockers(request):
        applying.carry_out(request, actor=actor)
    elif request.state != workflow.IN_REVIEW:
        reminders.tell_decided(request)


def _refusals() -> dict[str, str]:
    return {
        "requester_cannot_sign": _("You asked for this; somebody else signs it."),
        "contributor_cannot_sign": _("You worked on this request; somebody else signs it."),
        "stopper_cannot_sign": _("You stopped or held this pilot; somebody else signs its return."),
    }
