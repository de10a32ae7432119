"""The weekly mail to compliance: the newest checkpoint of the audit trail on one line, to be kept where this server cannot reach."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import ngettext

from audit.selectors import checkpoint_line
from portal.models import Notice, Person, Role, RoleAssignment
from portal.services.notices import Draft

KIND = "portal.checkpoint"
HOUR = 7


def was_mailed(line: str) -> bool:
    """Whether this checkpoint went out in a weekly mail (settings.AUDIT_MAILED)."""
    return Notice.objects.filter(kind=KIND, channel=Notice.Channel.MAIL, state=Notice.State.SENT, context__line=line).exists()


def due(now: dt.datetime) -> Iterator[Draft]:
    """One a week for everyone in compliance, from Monday 07:00 UTC on; none before the log is sealed for the first time."""
    monday = dt.datetime.combine(now.date() - dt.timedelta(days=now.weekday()), dt.time(HOUR), dt.UTC)
    if now < monday:
        monday -= dt.timedelta(days=7)
    year, week, _day = monday.isocalendar()
    week_key = f"{year}-W{week:02d}"
    told = Notice.objects.filter(kind=KIND, dedupe_key__contains=f":{week_key}:").values("recipient")
    held = RoleAssignment.objects.in_force(now.date()).filter(role=Role.COMPLIANCE)
    people = list(Person.objects.filter(pk__in=held.values("person"), is_active=True).exclude(pk__in=told))
    line = checkpoint_line() if people else None
    if line is None:
        return
    for person in people:
        yield Draft(
            kind=KIND,
            recipient=person,
            dedupe_key=f"{KIND}:{person.pk.hex}:{week_key}",
            subject=ngettext("The audit trail this week: %(size)d entry", "The audit trail this week: %(size)d entries", line.size)
            % {"size": line.size},
            context={"line": line.text, "size": line.size, "at": line.at.strftime("%Y-%m-%d %H:%M:%S")},
            url=reverse("audit-trust"),
            due_at=now,
        )
