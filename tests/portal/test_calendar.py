"""Working days and wall time of a unit."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.calendar import after_working_days, at_local, is_working_day
from portal.models import Unit

LONDON = Unit(slug="x", name="x", path="/x/", time_zone="Europe/London", country="GB", subdivision="ENG")
NEW_YORK = Unit(slug="y", name="y", path="/y/", time_zone="America/New_York", country="US")
NOWHERE = Unit(slug="z", name="z", path="/z/", time_zone="UTC")


def local(unit: Unit, text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(unit.time_zone))


@pytest.mark.parametrize(
    ("unit", "start", "days", "due"),
    [
        (LONDON, "2026-11-23 16:30", 3, "2026-11-26 16:30"),
        (LONDON, "2026-11-26 09:00", 2, "2026-11-30 09:00"),
        (LONDON, "2026-12-24 10:00", 1, "2026-12-29 10:00"),
        (LONDON, "2026-11-28 10:00", 1, "2026-11-30 10:00"),
        (LONDON, "2026-11-28 10:00", 0, "2026-11-30 10:00"),
        (LONDON, "2026-11-27 10:00", 0, "2026-11-27 10:00"),
        (NEW_YORK, "2026-11-25 15:00", 1, "2026-11-27 15:00"),
        (NOWHERE, "2026-12-24 10:00", 1, "2026-12-25 10:00"),
    ],
)
def test_due__working_days__same_wall_time(unit: Unit, start: str, days: int, due: str) -> None:
    assert after_working_days(unit, local(unit, start), days) == local(unit, due)


def test_due__over_a_change_of_the_clocks__wall_time_stays() -> None:
    before = local(LONDON, "2026-10-23 16:30")
    after = after_working_days(LONDON, before, 1)
    assert (before.astimezone(dt.UTC).hour, after.hour) == (15, 16)
    assert after == local(LONDON, "2026-10-26 16:30")


def test_wall_time__skipped__moved_on_by_the_gap() -> None:
    skipped = at_local(LONDON, dt.date(2026, 3, 29), dt.time(1, 30))
    assert skipped == dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC)
    assert skipped.astimezone(zoneinfo.ZoneInfo("Europe/London")).time() == dt.time(2, 30)


def test_wall_time__doubled__the_first() -> None:
    assert at_local(LONDON, dt.date(2026, 10, 25), dt.time(1, 30)) == dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)
    assert at_local(LONDON, dt.date(2026, 10, 25), dt.time(1, 30, fold=1)) == dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)


def test_holiday__of_a_subdivision__differs() -> None:
    scotland = Unit(slug="s", name="s", path="/s/", time_zone="Europe/London", country="GB", subdivision="SCT")
    assert not is_working_day(scotland, dt.date(2026, 11, 30))
    assert is_working_day(LONDON, dt.date(2026, 11, 30))


@given(
    st.integers(0, 6 * 365 * 24 * 60).map(lambda minutes: dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes)),
    st.integers(1, 30),
    st.sampled_from([LONDON, NEW_YORK, NOWHERE]),
)
def test_due__any_moment__is_a_working_day_after_so_many(start: dt.datetime, days: int, unit: Unit) -> None:
    due = after_working_days(unit, start, days)
    zone = zoneinfo.ZoneInfo(unit.time_zone)
    first, last = start.astimezone(zone).date(), due.astimezone(zone).date()
    between = [first + dt.timedelta(days=number) for number in range(1, (last - first).days + 1)]
    assert due > start
    assert sum(is_working_day(unit, day) for day in between) == days
    assert is_working_day(unit, last)
