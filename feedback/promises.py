"""The day by which someone is promised an answer."""

from __future__ import annotations

import datetime as dt

from feedback.models import Item
from portal.calendar import after_working_days, zone_of
from portal.models import Unit

# Business days of the unit's calendar, by severity.
REPLY_WITHIN: dict[str, int] = {
    Item.Severity.LOW: 10,
    Item.Severity.NORMAL: 5,
    Item.Severity.HIGH: 2,
    Item.Severity.SERIOUS: 1,
}

# What an incident and a concern are at least, when the sender says nothing.
DEFAULT_SEVERITY: dict[str, str] = {
    Item.Kind.INCIDENT: Item.Severity.SERIOUS,
    Item.Kind.CONCERN: Item.Severity.HIGH,
    Item.Kind.PRAISE: Item.Severity.LOW,
}


def severity_of(kind: str) -> str:
    return DEFAULT_SEVERITY.get(kind, Item.Severity.NORMAL)


def day_of(unit: Unit, now: dt.datetime) -> dt.date:
    """The calendar day in the unit's own time zone."""
    return now.astimezone(zone_of(unit)).date()


def reply_due(unit: Unit, severity: str, now: dt.datetime) -> dt.date:
    """The promised day: so many working days of the unit after `now`."""
    return day_of(unit, after_working_days(unit, now, REPLY_WITHIN[severity]))
