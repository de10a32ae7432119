"""What compliance is told when a nightly check of the audit trail finds something: of the capture of changes, or of the whole trail."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import ngettext

from audit.capture.check import last_failure
from audit.log.verifying import last_failed
from portal.models import Role
from portal.selectors.people import holders_anywhere
from portal.services.notices import Draft

KIND = "audit.check-failed"
VERIFICATION = "audit.verification-failed"


def due(now: dt.datetime) -> Iterator[Draft]:
    """One for each failed check and each person in compliance, as long as no later check of its kind was clean."""
    failure, failed = last_failure(), last_failed()
    if failure is not None:
        words = ngettext(
            "The capture of changes is not in order: %(count)s finding",
            "The capture of changes is not in order: %(count)s findings",
            failure.findings,
        )
        yield from _told(now, KIND, failure.entry, words % {"count": failure.findings}, "audit-trust")
    if failed is not None:
        words = ngettext(
            "The audit trail does not verify: %(count)s finding", "The audit trail does not verify: %(count)s findings", failed.findings
        )
        yield from _told(now, VERIFICATION, failed.entry, words % {"count": failed.findings}, "audit-health")


def _told(now: dt.datetime, kind: str, entry: int, subject: str, page: str) -> Iterator[Draft]:
    for person in holders_anywhere(Role.COMPLIANCE):
        yield Draft(kind=kind, recipient=person, dedupe_key=f"{kind}:{entry}", subject=subject, url=reverse(page), due_at=now)
