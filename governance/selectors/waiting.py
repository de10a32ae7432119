"""What waits for a person in governance: signatures, reasons of a stop, readiness actions."""

from __future__ import annotations

from django.utils.translation import gettext as _

from governance import policies, workflow
from governance.models import ExpansionRequest, Pilot, ReadinessAction
from governance.selectors import signing
from portal.home import Waiting
from portal.models import Person


def to_sign(person: Person) -> list[ExpansionRequest]:
    """Requests with an open slot that this person may fill, the most urgent first."""
    open_ = (
        ExpansionRequest.objects.visible_to(person)
        .signable()
        .exclude(requester=person)
        .exclude(contributors__person=person)
        .select_related("pilot__unit", "pilot__system", "stage", "requester")
        .prefetch_related(*signing.with_signers())
        .order_by("expires_at", "id")
    )
    return [
        request
        for request in open_
        if not policies.separated(person, request) and signing.open_slot_for(person, request, list(request.signatures.all()))
    ]


def decisions_of(person: Person) -> int:
    """How many requests wait for this person's signature: the number in the navigation."""
    return len(to_sign(person))


def for_person(person: Person) -> list[Waiting]:
    """Everything of governance that waits for `person`, for the home page."""
    found = [
        Waiting(
            what=request.brief["question"],
            url=request.get_absolute_url(),
            action=_("Read and sign"),
            note=request.recommendation,
            due_at=request.expires_at,
        )
        for request in to_sign(person)
    ]
    reasons = Pilot.objects.filter(condition=workflow.STOPPED, halt_reason="", halted_by=person)
    found += [
        Waiting(
            what=_("Why was %(pilot)s stopped?") % {"pilot": pilot.name},
            url=f"{pilot.get_absolute_url()}/reason",
            action=_("Give the reason"),
            due_at=pilot.reason_due_at,
        )
        for pilot in reasons
    ]
    actions = ReadinessAction.objects.filter(owner=person, done_at=None, pilot__condition__in=workflow.LIVE).select_related("pilot")
    found += [
        Waiting(what=action.what, url=f"{action.pilot.get_absolute_url()}#readiness", action=_("Mark as done"), note=action.pilot.name)
        for action in actions
    ]
    returned = ExpansionRequest.objects.filter(requester=person, state=workflow.CHANGES_REQUESTED).select_related("pilot")
    found += [
        Waiting(
            what=_("Changes are asked for: %(question)s") % {"question": request.brief["question"]},
            url=request.get_absolute_url(),
            action=_("Revise"),
            note=request.decision_reason,
        )
        for request in returned
    ]
    return found
