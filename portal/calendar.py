"""Working days and promised times, in the wall time of a unit.

A promise of "three working days" made at 16:30 falls due at 16:30 on the third working day there, whatever the clocks do
in between. A wall time that a change of the clocks skips is moved on by the skipped hour; one that comes twice is taken
the first time.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from functools import lru_cache

import holidays

from portal.models import Unit

DAY = dt.timedelta(days=1)
SATURDAY = 5


def zone_of(unit: Unit) -> dt.tzinfo:
    """The unit's time zone; UTC when this machine does not know its name."""
    try:
        return zoneinfo.ZoneInfo(unit.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return dt.UTC


def is_working_day(unit: Unit, day: dt.date) -> bool:
    """Monday to Friday, and no public holiday of the unit's country and subdivision (none known without a country)."""
    return day.weekday() < SATURDAY and not (unit.country and day in _holidays(unit.country, unit.subdivision, day.year))


def after_working_days(unit: Unit, start: dt.datetime, days: int) -> dt.datetime:
    """`days` working days after `start`, at the same wall time there, in UTC. 0 gives the next working moment."""
    local = start.astimezone(zone_of(unit))
    day = local.date()
    while not is_working_day(unit, day):
        day += DAY
        if days > 0 and is_working_day(unit, day):
            days -= 1
    while days > 0:
        day += DAY
        days -= is_working_day(unit, day)
    return at_local(unit, day, local.time())


def at_local(unit: Unit, day: dt.date, time: dt.time) -> dt.datetime:
    """The instant, in UTC, when the unit's clocks show `time` on `day`."""
    local = dt.datetime.combine(day, time.replace(tzinfo=None, fold=0), tzinfo=zone_of(unit))
    return local.astimezone(dt.UTC)


@lru_cache(maxsize=256)
def _holidays(country: str, subdivision: str, year: int) -> frozenset[dt.date]:
    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))
