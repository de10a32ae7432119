"""What compliance is told about holds and erasures: that a second person is needed, and what became of an erasure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext as _

from audit.keeping import overview as keeping
from portal.models import Person, Role
from portal.selectors.people import holders_anywhere
from portal.services.notices import Draft


def due(now: dt.datetime) -> Iterator[Draft]:
    """One notice for each thing and person, whenever it is asked."""
    compliance = list(holders_anywhere(Role.COMPLIANCE))
    for erasure in keeping.erasures_to_tell(now):
        url = reverse("audit-erasure", args=[erasure.pk])
        key = f"audit.erasure-{erasure.state}:{erasure.pk}"
        if erasure.state == "asked":
            others = [one for one in compliance if one.pk not in (erasure.asked_by, erasure.person)]
            yield from _drafts("audit.second-needed", key, others, _("An erasure waits for a second person in compliance"), url, now)
        elif erasure.state == "done":
            told = [one for one in compliance if one.pk in (erasure.asked_by, erasure.confirmed_by)]
            yield from _drafts("audit.erased", key, told, _("An erasure was done: read its certificate"), url, now)
        elif erasure.refused:
            told = [one for one in compliance if one.pk in (erasure.asked_by, erasure.confirmed_by)]
            yield from _drafts("audit.not-erased", f"{key}:refused", told, _("An erasure could not be done: see why"), url, now)
    for hold in keeping.releases_to_confirm():
        others = [one for one in compliance if one.pk != hold.release_asked_by]
        asked = hold.release_asked_at.isoformat() if hold.release_asked_at else ""
        subject = _("The release of legal hold %(hold)s waits for a second person in compliance") % {"hold": hold}
        yield from _drafts(
            "audit.second-needed", f"audit.hold:{hold.pk}:{asked}", others, subject, reverse("audit-hold", args=[hold.pk]), now
        )


def _drafts(kind: str, key: str, people: list[Person], subject: str, url: str, now: dt.datetime) -> Iterator[Draft]:
    for one in people:
        yield Draft(kind=kind, recipient=one, dedupe_key=key, subject=subject, url=url, due_at=now)
