"""What people are told when a request or a pilot moves: outbox rows in the same transaction, nothing sent from here."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from governance import policies, workflow
from governance.models import ExpansionRequest, Pilot, Signature
from portal.models import Person
from portal.services import notices


def call_for_signatures(request: ExpansionRequest) -> None:
    """Tell everyone who may fill a slot that the brief is there."""
    people = {person.pk: person for slot in request.policy["slots"] for person in policies.candidates(slot, request)}
    for person in people.values():
        notices.tell(
            kind="governance.signature-due",
            recipient=person,
            dedupe_key=f"governance.signature-due:{request.pk}.{request.revision}:called",
            subject=_("Waits for your signature: %(question)s") % {"question": request.brief["question"]},
            context=_about(request),
            url=request.get_absolute_url(),
        )


def tell_decided(request: ExpansionRequest) -> None:
    """Tell requester and sponsor what was decided."""
    for person in _distinct(request.requester, request.pilot.lead, request.pilot.sponsor):
        notices.tell(
            kind="governance.decided",
            recipient=person,
            dedupe_key=f"governance.decided:{request.pk}.{request.revision}:{request.state}",
            subject=_("%(state)s: %(question)s") % {"state": request.get_state_display(), "question": request.brief["question"]},
            context={**_about(request), "state": request.get_state_display(), "reason": request.decision_reason},
            url=request.get_absolute_url(),
        )


def tell_halted(pilot: Pilot, word: str) -> None:
    """Tell lead, sponsor and overseers that the pilot was held or stopped, with the fall-back plan."""
    stopped = pilot.condition == workflow.STOPPED
    subject = _("Stopped: %(pilot)s") if stopped else _("Held: %(pilot)s")
    for person in _distinct(pilot.lead, pilot.sponsor, *(watch.person for watch in pilot.oversights.select_related("person"))):
        notices.tell(
            kind="governance.halted",
            recipient=person,
            dedupe_key=f"governance.halted:{pilot.pk}.{pilot.base_version}:{word}",
            subject=subject % {"pilot": pilot.name},
            context={"pilot": pilot.name, "stopped": stopped, "reason": pilot.halt_reason, "fall_back": pilot.fall_back},
            url=pilot.get_absolute_url(),
        )


def tell_ended(pilot: Pilot) -> None:
    """Tell those who answer for it, those who refused a request of it and those who left it how it ended and what was learned."""
    refused = Signature.objects.filter(request__pilot=pilot, decision=Signature.Decision.REJECT).select_related("signer")
    people = _distinct(
        pilot.lead,
        pilot.sponsor,
        *(watch.person for watch in pilot.oversights.select_related("person")),
        *(one.signer for one in refused),
        *(one.person for one in pilot.departures.select_related("person")),
    )
    for person in people:
        notices.tell(
            kind="governance.ended",
            recipient=person,
            dedupe_key=f"governance.ended:{pilot.pk}",
            subject=_("Ended: %(pilot)s") % {"pilot": pilot.name},
            context={
                "pilot": pilot.name,
                "outcome": pilot.get_outcome_display(),
                "cause": pilot.cause,
                "lessons": pilot.lessons,
                "told": pilot.told_objectors,
            },
            url=pilot.get_absolute_url(),
        )


def _about(request: ExpansionRequest) -> dict[str, Any]:
    return {
        "pilot": request.pilot.name,
        "question": request.brief["question"],
        "recommendation": request.recommendation,
        "due": request.expires_at.date().isoformat() if request.expires_at else "",
    }


def _distinct(*people: Person) -> list[Person]:
    return list({person.pk: person for person in people}.values())
