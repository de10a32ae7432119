"""What governance keeps of an erased person, and what they must hand over first (audit/keeping/rules.py)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from django.db.models import Q
from django.utils.translation import gettext as _

from audit.keeping.rules import keep, scrub
from governance import workflow
from governance.models import ExpansionRequest, Oversight, Pilot, ReadinessAction
from governance.selectors import waiting
from portal.models import Person

_QUOTED = "exists (select from unnest($3) x where position(x in lower(content::text)) > 0)"

RULES = [
    scrub("governance.departure", "person_id = $1 and reason <> ''", "reason = ''", "Why they left a pilot, in their own words"),
    keep(
        "governance.signature", "signer_id = $1", "Signatures: printed name, time, meaning and reason. What was signed must stay readable"
    ),
    keep("governance.transition", "actor_id = $1 or on_behalf_of_id = $1", "What they did to pilots, with its reason: acts of the office"),
    keep("governance.expansionrequest", "requester_id = $1", "Requests they made: what was decided, and why"),
    keep("governance.submission", _QUOTED, "Frozen briefs that quote words of theirs, without the name: they were signed"),
]


def duties(person: uuid.UUID) -> Iterator[str]:
    """What is open in their name: pilots, oversight, requests, signatures."""
    live = Pilot.objects.filter(condition__in=workflow.LIVE)
    for pilot in live.filter(Q(lead=person) | Q(sponsor=person)):
        yield _("They lead or sponsor %(pilot)s. End it first.") % {"pilot": pilot.name}
    for oversight in Oversight.objects.filter(person=person, pilot__in=live).select_related("pilot"):
        yield _("They watch over %(pilot)s. Name somebody else first.") % {"pilot": oversight.pilot.name}
    for request in ExpansionRequest.objects.filter(requester=person).open():
        yield _("Their request %(ref)s is open. Withdraw it first.") % {"ref": request.ref}
    for action in ReadinessAction.objects.filter(owner=person, done_at=None, pilot__in=live).select_related("pilot"):
        yield _("They owe “%(what)s” of %(pilot)s. Mark it as done first.") % {"what": action.what, "pilot": action.pilot.name}
    one = Person.objects.select_related("unit").filter(pk=person, is_active=True).first()
    if one is not None:
        for request in waiting.to_sign(one):
            yield _("%(ref)s waits for their signature. Let it be signed, or let them leave first.") % {"ref": request.ref}
