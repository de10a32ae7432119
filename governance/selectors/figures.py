"""Counts and plain figures of a pilot: what was shown, what people did with it, and what they said.

Read from feedback's rows. Figures about fewer than five people are suppressed: nobody's own decisions are shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncWeek
from django.utils.translation import gettext as _

from feedback.models import Flag, Item, Outcome, Recommendation
from feedback.models.items import ItemQuerySet
from feedback.models.recommendations import Reason
from governance.models import Criterion, Pilot
from portal import clock

K = 5  # the fewest people a figure may speak of


@dataclass(frozen=True)
class Counts:
    """What happened to recommendations over a period; suppressed figures are None.

    `shown` counts every recommendation (it is the machine's doing). What people did is counted over the weeks in which
    at least five decided, and `counted` is what was shown in those: with the other weeks in the sum, subtraction would
    give away what the few in them did.
    """

    shown: int
    counted: int
    decided: int | None
    accepted: int | None
    adjusted: int | None
    overridden: int | None
    dismissed: int | None
    people: int | None

    @property
    def suppressed(self) -> bool:
        return self.decided is None


def percent(part: int | None, whole: int | None) -> Decimal | None:
    if part is None or not whole:
        return None
    return (Decimal(100 * part) / whole).quantize(Decimal("0.1"), ROUND_HALF_UP)


def _monday(instant: dt.datetime) -> dt.datetime:
    """When the ISO week of `instant` (in UTC) began."""
    return dt.datetime.combine(instant.date() - dt.timedelta(days=instant.weekday()), dt.time(), dt.UTC)


def _recommendations(pilot: Pilot, since: dt.datetime | None, until: dt.datetime) -> QuerySet[Recommendation]:
    shown = Recommendation.objects.order_by().filter(system=pilot.system, unit__path__startswith=pilot.unit.path, occurred_at__lt=until)
    return shown.filter(occurred_at__gte=since) if since else shown


_COUNTS = {
    "counted": Count("id"),
    "decided": Count("id", filter=~Q(outcome="")),
    "accepted": Count("id", filter=Q(outcome="accepted")),
    "adjusted": Count("id", filter=Q(outcome="adjusted")),
    "overridden": Count("id", filter=Q(outcome="overridden")),
    "dismissed": Count("id", filter=Q(outcome="dismissed")),
    "people": Count("person", distinct=True, filter=~Q(outcome="")),
}


def _by_week(rows: QuerySet[Recommendation]) -> dict[dt.datetime, Counts]:
    """Monday -> the counts of its week, suppressed where fewer than five people decided."""
    grouped: Iterable[Mapping[str, Any]] = rows.annotate(week=TruncWeek("occurred_at", tzinfo=dt.UTC)).values("week").annotate(**_COUNTS)
    return {
        row["week"]: Counts(shown=row["counted"], **{name: row[name] for name in _COUNTS})
        if row["people"] >= K
        else Counts(row["counted"], 0, None, None, None, None, None, None)
        for row in grouped
    }


def _disclosed(rows: QuerySet[Recommendation], weeks: Mapping[dt.datetime, Counts]) -> QuerySet[Recommendation]:
    """Those of the weeks in which enough people decided."""
    open_weeks = [week for week, found in weeks.items() if not found.suppressed]
    return rows.annotate(week=TruncWeek("occurred_at", tzinfo=dt.UTC)).filter(week__in=open_weeks)


def counts(pilot: Pilot, *, since: dt.datetime | None = None, until: dt.datetime | None = None) -> Counts:
    """Counts over a period (the whole pilot by default); two queries."""
    rows = _recommendations(pilot, since, until or clock.now())
    weeks = _by_week(rows)
    shown = sum(found.shown for found in weeks.values())
    if all(found.suppressed for found in weeks.values()):
        return Counts(shown, 0, None, None, None, None, None, None)
    return Counts(shown=shown, **_disclosed(rows, weeks).aggregate(**_COUNTS))


def own_time(pilot: Pilot) -> dict[str, dt.datetime | None]:
    """`since` and `until` of an ended pilot; nothing for a live one.

    What was shown later is another pilot's. What was shown before it was proposed (events carry their own time) is its own,
    unless another pilot of the same system could claim it.
    """
    if pilot.condition != Pilot.Condition.ENDED:
        return {}
    inside = Q(unit__path__startswith=pilot.unit.path) | Q(unit__path__in=pilot.unit.line)
    others = Pilot.objects.filter(inside, system=pilot.system).exclude(pk=pilot.pk).exists()
    return {"since": pilot.proposed_at if others else None, "until": pilot.ended_at}


@dataclass(frozen=True)
class Week:
    """One ISO week of a pilot, with rates in percent; None where nothing was decided or too few people decided."""

    starts_on: dt.date
    label: str
    counts: Counts

    @property
    def decided_share(self) -> Decimal | None:
        return percent(self.counts.decided, self.counts.counted)

    @property
    def acceptance(self) -> Decimal | None:
        return percent(self.counts.accepted, self.counts.decided)

    @property
    def override(self) -> Decimal | None:
        return percent(self.counts.overridden, self.counts.decided)


def first_shown(pilot: Pilot, *, most: int = 12) -> dt.datetime | None:
    """When the first recommendation of the last weeks was shown; None when there is none."""
    since = clock.now() - dt.timedelta(weeks=most)
    found = _recommendations(pilot, since, clock.now()).order_by("occurred_at").values_list("occurred_at", flat=True).first()
    return found if found is None else found.replace(hour=0, minute=0, second=0, microsecond=0)


def weeks(pilot: Pilot, *, until: dt.datetime | None = None, most: int = 12) -> list[Week]:
    """The last weeks, oldest first; a week without recommendations is there, and empty (no data is not health)."""
    until = until or clock.now()
    this_week = _monday(until)
    since = this_week - dt.timedelta(weeks=most - 1)
    found = {week.date(): seen for week, seen in _by_week(_recommendations(pilot, since, until)).items()}
    if not found:
        return []
    empty = Counts(0, 0, 0, 0, 0, 0, 0, 0)
    first = min(found)
    days = [first + dt.timedelta(weeks=number) for number in range((this_week.date() - first).days // 7 + 1)]
    return [Week(day, f"W{day.isocalendar().week}", found.get(day, empty)) for day in days]


@dataclass(frozen=True)
class ReasonCount:
    code: str
    label: str
    count: int


def override_reasons(pilot: Pilot, *, since: dt.datetime | None = None, until: dt.datetime | None = None) -> list[ReasonCount]:
    """Why people overrode or adjusted, most frequent first, over the weeks that count (Counts).

    Reasons of fewer than five people stand together as one line, with one more reason where there is only one of them.
    """
    shown = _recommendations(pilot, since, until or clock.now())
    rows = _disclosed(shown, _by_week(shown)).filter(outcome__in=["overridden", "adjusted"])
    found = list(
        rows.values("reason").annotate(count=Count("id"), people=Count("person", distinct=True)).order_by("-people", "-count", "reason")
    )
    alone = [row for row in found if row["people"] < K]
    if len(alone) == 1:
        alone = found[-2:]
    words = dict(_reason_words())
    kept = found[: len(found) - len(alone)]
    named = [ReasonCount(row["reason"], words.get(row["reason"], row["reason"]), row["count"]) for row in kept]
    named.sort(key=lambda one: -one.count)
    return named + ([ReasonCount("", _("Other reasons, few people each"), sum(row["count"] for row in alone))] if kept and alone else [])


def _reason_words() -> Iterable[tuple[str, str]]:
    yield "", _("No reason given")
    for value, label in Reason.choices:
        yield value, str(label)


def items(pilot: Pilot) -> ItemQuerySet:
    """What people filed about the system inside the pilot's unit; concerns are compliance's own and never counted by text."""
    inside = Q(unit__path__startswith=pilot.unit.path) | Q(unit=pilot.system.unit)
    return Item.objects.filter(inside, system=pilot.system).exclude(kind=Item.Kind.CONCERN)


def _since(rule: Criterion) -> dt.datetime:
    """The Monday at or before the window's beginning: windows that slid by days could be subtracted from each other."""
    return _monday(clock.now() - dt.timedelta(days=rule.window_days))


@dataclass(frozen=True)
class Judged:
    """A rule against its figure now: `met` is yes, no or unknown; of a stop rule `yes` means tripped."""

    rule: Criterion
    value: Decimal | None
    met: str


def judge(pilot: Pilot) -> list[Judged]:
    """Every success criterion and stop rule against its figure now. No data is not known, and so are too few people."""
    return [_judge(pilot, rule) for rule in pilot.criteria.order_by("-kind", "id")]


def _judge(pilot: Pilot, rule: Criterion) -> Judged:
    value, cases = _value(pilot, rule)
    if value is None or cases < rule.minimum:
        return Judged(rule, value, "unknown")
    holds = {
        Criterion.Comparator.AT_LEAST: value >= rule.threshold,
        Criterion.Comparator.AT_MOST: value <= rule.threshold,
        Criterion.Comparator.ABOVE: value > rule.threshold,
        Criterion.Comparator.BELOW: value < rule.threshold,
    }[Criterion.Comparator(rule.comparator)]
    return Judged(rule, value, "yes" if holds else "no")


def _value(pilot: Pilot, rule: Criterion) -> tuple[Decimal | None, int]:
    """The figure a rule speaks of, and how many cases stand behind it (a count needs none)."""
    figure, since = Criterion.Figure(rule.figure), _since(rule)
    if figure in _RATES:
        seen = counts(pilot, since=since)
        part, whole = _RATES[figure](seen)
        return percent(part, whole), whole or 0
    if figure == Criterion.Figure.ACTIVE_PEOPLE:
        people = counts(pilot, since=since).people
        return (None, 0) if people is None else (Decimal(people), people)
    if figure == Criterion.Figure.PROMISE:
        measured = pilot.promise.measurements.first() if hasattr(pilot, "promise") else None
        return (measured.value, rule.minimum) if measured else (None, 0)
    number = _count(pilot, figure, since)
    return Decimal(number), max(number, rule.minimum)


def _count(pilot: Pilot, figure: Criterion.Figure, since: dt.datetime) -> int:
    if figure == Criterion.Figure.UNSAFE:
        unsafe = Flag.objects.filter(system=pilot.system, kind=Flag.Kind.UNSAFE, occurred_at__gte=since)
        return unsafe.filter(item__unit__path__startswith=pilot.unit.path).count()
    if figure == Criterion.Figure.INCIDENTS:
        return items(pilot).filter(kind=Item.Kind.INCIDENT, filed_on__gte=since.date()).count()
    return items(pilot).late(clock.now().date()).count()


_RATES: dict[Criterion.Figure, Callable[[Counts], tuple[int | None, int | None]]] = {
    Criterion.Figure.DECIDED: lambda seen: (seen.decided, seen.counted),
    Criterion.Figure.ACCEPTANCE: lambda seen: (seen.accepted, seen.decided),
    Criterion.Figure.OVERRIDE: lambda seen: (seen.overridden, seen.decided),
}


def statements(pilot: Pilot, *, since: dt.datetime | None, until: dt.datetime) -> list[str]:
    """What people wrote when they overrode or adjusted, in their own words, without names; empty under five people."""
    rows = Outcome.objects.filter(
        system=pilot.system,
        recommendation__unit__path__startswith=pilot.unit.path,
        kind__in=["overridden", "adjusted"],
        undo=False,
        occurred_at__lt=until,
    ).exclude(text="")
    if since:
        rows = rows.filter(occurred_at__gte=since)
    if rows.aggregate(people=Count("person", distinct=True))["people"] < K:
        return []
    return list(rows.order_by("-occurred_at").values_list("text", flat=True)[:6])
