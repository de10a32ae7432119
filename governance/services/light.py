"""The light lane: a handful of volunteers may start within a day, on one signature."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from governance.models import ExpansionRequest, Pilot
from governance.services import pilots, requests
from portal.models import Person


@transaction.atomic
def ask(*, actor: Person, pilot: Pilot, volunteers: Sequence[Person], recommendation: str = "") -> ExpansionRequest:
    """Make a proposed pilot ready and submit the request for its first stage: one to five people, by name.

    One signature (sponsor, compliance or executive) opens it. ValidationError lists what is missing.
    """
    if pilot.condition == Pilot.Condition.PROPOSED:
        pilot = pilots.make_ready(actor=actor, pilot=pilot, lane=Pilot.Lane.LIGHT)
    names = ", ".join(person.name for person in volunteers)
    draft = requests.prepare_widen(
        actor=actor,
        pilot=pilot,
        light=True,
        people=volunteers,
        ceiling=max(len(volunteers), 1),
        recommendation=recommendation or _("Start with %(names)s, who volunteered.") % {"names": names},
    )
    return requests.submit(actor=actor, request=draft)
