"""The events of the logistics scene: weeks of recommendations and what drivers did with them.

Pure and repeatable: the same seed and the same day give the same events. Times lie in the past, as they happened; when
they were received is for the portal to say.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from feedback.ingest import FLAGGED, OUTCOME, SHOWN
from governance.demo import cast, words
from governance.demo.figures import Figure, acceptance, figure, override_reasons

SEED = "brightline"
SOURCE = "https://console.kestrel-routing.example/brightline"
WEEKS = round(figure("weeks_harbour").middle)
ZONE = ZoneInfo(cast.CALENDAR["time_zone"])

CloudEvent = dict[str, Any]


@dataclass(frozen=True)
class Habit:
    """How a driver differs from the rest: points on acceptance, and when the shift starts."""

    driver: cast.Member
    leaning: float
    starts: float


def first_monday(today: dt.date) -> dt.date:
    """The Monday of week 1. The last week is the one of yesterday, so that weeks are calendar weeks whatever today is."""
    yesterday = today - dt.timedelta(days=1)
    return yesterday - dt.timedelta(days=yesterday.weekday(), weeks=WEEKS - 1)


def deployed_on(release: cast.Release, today: dt.date) -> dt.date:
    """The Monday on which a version came."""
    return first_monday(today) + dt.timedelta(weeks=release.week - 1)


def harbour(today: dt.date, seed: str = SEED) -> list[CloudEvent]:
    """Eight weeks of the Harbour drivers up to yesterday, by time."""
    events = _weeks(today, cast.HARBOUR_DRIVERS, 1, acceptance, f"{seed}:harbour")
    return _by_time(events + _flags(events, today))


def northfield(today: dt.date, seed: str = SEED) -> list[CloudEvent]:
    """Jo's weeks up to yesterday, with the two recommendations that his items are about."""
    first = WEEKS + 1 - round(figure("weeks_northfield").middle)
    events = _weeks(today, (cast.JO,), first, lambda _week: figure("acceptance_northfield"), f"{seed}:northfield")
    return _by_time(events + _told_by_jo(today))


def waiting_for_jo(now: dt.datetime) -> list[CloudEvent]:
    """What Jo is shown today and has not decided: shown minutes ago, open for days."""
    return [
        _event(
            SHOWN,
            each.uid,
            now - dt.timedelta(minutes=5 * place + 2),
            _recommendation(cast.JO, each.kind, each.says, version=_version(WEEKS), confidence=each.confidence, latency=640)
            | {
                "explanation": {"text": each.why, "n_similar": each.n_similar, "pct_similar": each.pct_similar},
                "alternatives": list(each.alternatives),
                "expires_at": _text(now + dt.timedelta(days=each.days)),
            },
        )
        for place, each in enumerate(words.WAITING_FOR_JO)
    ]


@dataclass(frozen=True)
class Moment:
    """A recommendation on the road, and how much speaks for accepting it (higher is likelier)."""

    shown: CloudEvent
    at: dt.datetime
    instead: str
    filled: dict[str, Any]
    appeal: float
    chance: Random


def _weeks(today: dt.date, drivers: tuple[cast.Member, ...], first: int, rate: Callable[[int], Figure], seed: str) -> list[CloudEvent]:
    """Weeks `first` to the last, up to yesterday. In each, the most appealing share of what was decided is accepted, as the table says."""
    chance = Random(seed)  # noqa: S311 - a story, no secret
    leanings = [figure("driver_leaning").draw(chance) for _driver in drivers]
    middle = sum(leanings) / len(leanings)
    habits = [
        Habit(driver, leaning - middle, figure("shift_start").draw(chance)) for driver, leaning in zip(drivers, leanings, strict=True)
    ]
    events: list[CloudEvent] = []
    for week in range(first, WEEKS + 1):
        monday = first_monday(today) + dt.timedelta(weeks=week - 1)
        days = [day for day in (monday + dt.timedelta(days=number) for number in range(7)) if day < today]
        moments = [moment for day in days for habit in habits for moment in _shift(day, week, habit, seed)]
        events += [moment.shown for moment in moments]
        early, late = figure("undecided_first").draw(chance), figure("undecided_last").draw(chance)
        silent = early + (late - early) * (week - 1) / (WEEKS - 1)
        decided = chance.sample(moments, round(len(moments) * (1 - silent / 100)))
        decided.sort(key=lambda moment: -moment.appeal)
        accepted = round(len(decided) * rate(week).draw(chance) / 100)
        reasons = override_reasons(week)
        events += [_outcome(moment, reasons, accepted=place < accepted) for place, moment in enumerate(decided)]
    return events


def _by_time(events: list[CloudEvent]) -> list[CloudEvent]:
    return sorted(events, key=lambda event: (event["time"], event["id"]))


def _works(day: dt.date, chance: Random) -> bool:
    """Nobody on Sunday, some on Saturday."""
    if day.weekday() == 6:
        return False
    presence = figure("saturday_presence" if day.weekday() == 5 else "weekday_presence")
    return chance.random() * 100 < presence.draw(chance)


def _version(week: int) -> str:
    return [release.label for release in cast.RELEASES if release.week <= week][-1]


def _shift(day: dt.date, week: int, habit: Habit, seed: str) -> list[Moment]:
    """One driver's day: the round at the start, and a few changes on the way."""
    driver = habit.driver
    chance = Random(f"{seed}:{driver.staff_number}:{week}:{day.weekday()}")  # noqa: S311
    if not _works(day, chance):
        return []
    start = dt.datetime.combine(day, dt.time(), ZONE) + dt.timedelta(hours=habit.starts + chance.uniform(-0.2, 0.2))
    length = figure("shift_hours").draw(chance)
    lines = [words.OPENING, *chance.sample(words.DURING, figure("recommendations_a_day").draw_whole(chance) - 1)]
    moments = []
    for place, line in enumerate(lines, 1):
        at = start + dt.timedelta(hours=length * chance.uniform(*line.moment))
        filled = _filling(driver, chance)
        confidence = round(figure("confidence").draw(chance), 2)
        latency = figure("latency").draw_whole(chance)
        shown = _recommendation(
            driver, line.kind, line.says.format(**filled), version=_version(week), confidence=confidence, latency=latency
        )
        shown["explanation"] = {"text": line.why.format(**filled), "n_similar": filled["n"], "pct_similar": filled["pct"]}
        shown["expires_at"] = _text(at + dt.timedelta(minutes=45))
        uid = f"{driver.staff_number}-{day:%y%m%d}-{place}".lower()
        appeal = habit.leaning + confidence * 40 + chance.uniform(0, 100)
        moments.append(Moment(_event(SHOWN, uid, at, shown), at, line.instead.format(**filled), filled, appeal, chance))
    return moments


def _outcome(moment: Moment, reasons: dict[str, float], *, accepted: bool) -> CloudEvent:
    waits = dt.timedelta(minutes=figure("minutes_to_decide").draw(moment.chance))
    told = {"outcome": "accepted"} if accepted else _refusal(moment, reasons)
    opened = moment.chance.random() * 100 < figure("explanation_opened").draw(moment.chance)
    person = moment.shown["data"]["person"]
    return _event(OUTCOME, moment.shown["subject"], moment.at + waits, {"person": person, "explanation_opened": opened, **told})


def _filling(driver: cast.Member, chance: Random) -> dict[str, Any]:
    a, b, c = chance.sample(words.STOPS[driver.unit], 3)
    street, other = chance.sample(words.STREETS[driver.unit], 2)
    return {
        "a": a,
        "b": b,
        "c": c,
        "street": street,
        "other": other,
        "minutes": figure("minutes_saved").draw_whole(chance),
        "litres": round(figure("litres_saved").draw(chance), 1),
        "n": figure("similar_cases").draw_whole(chance),
        "pct": figure("similar_share").draw_whole(chance),
    }


def _refusal(moment: Moment, reasons: dict[str, float]) -> dict[str, Any]:
    """Dismissed, adjusted, or overridden with a reason or (sometimes) without."""
    chance, kind = moment.chance, moment.chance.random() * 100
    dismissed, adjusted = figure("dismissed_share").draw(chance), figure("adjusted_share").draw(chance)
    if kind < dismissed:
        return {"outcome": "dismissed"}
    if kind < dismissed + adjusted:
        told = {"outcome": "adjusted", "before": moment.shown["data"]["proposal"], "after": moment.instead}
    else:
        told = {"outcome": "overridden"}
    if chance.random() * 100 < figure("reason_skipped").draw(chance):
        return told
    (told["reason"],) = chance.choices(list(reasons), weights=list(reasons.values()))
    if chance.random() * 100 < figure("override_words").draw(chance):
        told["text"] = chance.choice(words.OVERRIDE_WORDS[told["reason"]]).format(**moment.filled)
    return told


def _told_by_jo(today: dt.date) -> list[CloudEvent]:
    """The two recommendations that Jo's items are about, overridden by him: on a Tuesday under v13, and lately."""
    first = first_monday(today) + dt.timedelta(weeks=5, days=1)
    second = today - dt.timedelta(days=3 if today.weekday() in {0, 1} else 1 if today.weekday() < 6 else 2)
    told: list[CloudEvent] = []
    for uid, day, hour, says, why, reason, said in (
        (
            "nf-117-mill-lane",
            first,
            9,
            "Leave the bypass: take Mill Lane to Tollgate Garden Centre.",
            "On 79 % of 131 similar mornings Mill Lane was faster than the bypass. About 6 minutes and 1.1 litres.",
            "unsafe",
            "The bridge is lower than my lorry.",
        ),
        (
            "nf-117-castle-dock",
            second,
            10,
            "Castle Retail Park, dock 4, at 11:20, after Ashby Pharmacy.",
            "On 70 % of 88 similar days this order saved driving Castle Hill twice. About 8 minutes and 1.4 litres.",
            "policy_or_customer_constraint",
            "Dock 4 closes at 11 now.",
        ),
    ):
        at = dt.datetime.combine(day, dt.time(hour, 12), ZONE)
        shown = _recommendation(cast.JO, "road", says, version="v13" if uid == "nf-117-mill-lane" else "v14", confidence=0.77, latency=710)
        shown |= {"explanation": {"text": why}, "expires_at": _text(at + dt.timedelta(minutes=45))}
        told.append(_event(SHOWN, uid, at, shown))
        outcome = {"person": cast.JO.staff_number, "outcome": "overridden", "reason": reason, "text": said}
        told.append(_event(OUTCOME, uid, at + dt.timedelta(minutes=1), outcome))
    return told


def _flags(events: list[CloudEvent], today: dt.date) -> list[CloudEvent]:
    """Drivers say inside the tool what is wrong: about the first recommendation of theirs in the week of v13, or the last one."""
    flags = []
    bad_week = _text(dt.datetime.combine(deployed_on(cast.RELEASES[1], today), dt.time(), ZONE))
    for driver, kind, said in words.FLAGGED:
        mine = sorted(
            (event for event in events if event["type"] == SHOWN and event["data"]["person"] == driver), key=lambda event: event["time"]
        )
        about = mine[-1] if kind == "late" else next(event for event in mine if event["time"] >= bad_week)
        at = dt.datetime.fromisoformat(about["time"]) + dt.timedelta(minutes=11)
        flags.append(_event(FLAGGED, about["subject"], at, {"person": driver, "kind": kind, "text": said}))
    return flags


def _recommendation(driver: cast.Member, kind: str, says: str, *, version: str, confidence: float, latency: int) -> dict[str, Any]:
    return {
        "person": driver.staff_number,
        "kind": kind,
        "version": version,
        "proposal": says,
        "confidence": confidence,
        "severity": "info",
        "interruptive": kind == "road",
        "latency_ms": latency,
    }


def _event(kind: str, uid: str, at: dt.datetime, data: dict[str, Any]) -> CloudEvent:
    noun = kind.split(".")[3]
    return {
        "specversion": "1.0",
        "id": f"{uid}-{noun}",
        "source": SOURCE,
        "type": kind,
        "subject": uid,
        "time": _text(at),
        "datacontenttype": "application/json",
        "data": data,
    }


def _text(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
