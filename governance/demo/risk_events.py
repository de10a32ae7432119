"""The events of the risk scoring scene: six months of proposed limits and what analysts did with them.

Pure and repeatable: the same seed and the same day give the same events. Times lie in the past, as they happened.
"""

from __future__ import annotations

import datetime as dt
from random import Random
from typing import Any

from feedback.ingest import OUTCOME, SHOWN
from governance.demo import risk_cast as cast
from governance.demo import risk_words as words
from governance.demo.cast import Member, Release
from governance.demo.events import ZONE, CloudEvent
from governance.demo.figures import credit_reasons, figure

SEED = "brightline:credit"
SOURCE = "https://console.meridian-scorecards.example/brightline"
WEEKS = round(figure("weeks_credit").middle)
ALONE = round(figure("weeks_alone").middle)
REDGATE_WEEK, MARSH_WEEK = 22, 15


def first_monday(today: dt.date) -> dt.date:
    """The Monday of week 1; the last week is the one of yesterday."""
    yesterday = today - dt.timedelta(days=1)
    return yesterday - dt.timedelta(days=yesterday.weekday(), weeks=WEEKS - 1)


def deployed_on(release: Release, today: dt.date) -> dt.date:
    """The Monday on which a version came."""
    return first_monday(today) + dt.timedelta(weeks=release.week - 1)


def version(week: int) -> str:
    """What was deployed in `week`."""
    return [release.label for release in cast.RELEASES if release.week <= week][-1]


def scored(today: dt.date, seed: str = SEED) -> list[CloudEvent]:
    """Six months of the trade accounts desk up to yesterday, by time: Noor alone at first, then all of them."""
    told = _told(today)
    for week in range(1, WEEKS + 1):
        analysts = cast.ANALYSTS[:1] if week <= ALONE else cast.ANALYSTS
        told += _week(today, week, analysts, Random(f"{seed}:{week}"))  # noqa: S311 - a story, no secret
    return sorted(told, key=lambda event: (event["time"], event["id"]))


def _week(today: dt.date, week: int, analysts: tuple[Member, ...], chance: Random) -> list[CloudEvent]:
    """The most appealing share of what is decided in a week is accepted, as the table says for the version."""
    monday = first_monday(today) + dt.timedelta(weeks=week - 1)
    shown = []
    for analyst in analysts:
        for number in range(figure("applications_a_week").draw_whole(chance)):
            at = _at_work(monday + dt.timedelta(days=chance.randrange(5)), chance)
            if at.date() < today:
                shown.append(_application(analyst, f"{analyst.staff_number}-{monday:%y%m%d}-{number}".lower(), at, week, chance))
    decided = chance.sample(shown, round(len(shown) * (1 - figure("credit_silent").draw(chance) / 100)))
    decided.sort(key=lambda event: -event["data"]["confidence"] - chance.random())
    rate = figure("credit_acceptance_" + version(week).replace(".", ""))
    accepted = round(len(decided) * rate.draw(chance) / 100)
    return shown + [_outcome(event, chance, accepted=place < accepted) for place, event in enumerate(decided)]


def _at_work(day: dt.date, chance: Random) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(8, 40), ZONE) + dt.timedelta(minutes=chance.randrange(430))


def _application(analyst: Member, uid: str, at: dt.datetime, week: int, chance: Random) -> CloudEvent:
    limit, days = 1000 * figure("credit_limit").draw_whole(chance), chance.choice((14, 30, 30, 45))
    says = words.PROPOSAL.format(
        customer=chance.choice(words.CUSTOMERS), limit=limit, days=days, score=figure("credit_score").draw_whole(chance)
    )
    similar, share = figure("credit_similar").draw_whole(chance), figure("credit_similar_share").draw_whole(chance)
    why = words.WHY.format(pct=share, n=similar, fact=chance.choice(words.FACTS))
    shown = _recommendation(analyst, says, why, week, round(figure("credit_confidence").draw(chance), 2))
    shown["explanation"] |= {"n_similar": similar, "pct_similar": share}
    shown["latency_ms"] = figure("credit_latency").draw_whole(chance)
    return _event(SHOWN, uid, at, shown)


def _outcome(shown: CloudEvent, chance: Random, *, accepted: bool) -> CloudEvent:
    at = dt.datetime.fromisoformat(shown["time"]) + dt.timedelta(minutes=figure("credit_minutes").draw(chance))
    told = {"outcome": "accepted"} if accepted else _otherwise(shown["data"]["proposal"], chance)
    opened = chance.random() * 100 < figure("credit_opened").draw(chance)
    return _event(OUTCOME, shown["subject"], at, {"person": shown["data"]["person"], "explanation_opened": opened, **told})


def _otherwise(proposal: str, chance: Random) -> dict[str, Any]:
    kind = chance.random() * 100
    dismissed, adjusted = figure("credit_dismissed").draw(chance), figure("credit_adjusted").draw(chance)
    if kind < dismissed:
        return {"outcome": "dismissed"}
    told: dict[str, Any] = {"outcome": "overridden"}
    if kind < dismissed + adjusted:
        customer = proposal.partition(":")[0]
        instead = words.INSTEAD.format(customer=customer, less=500 * chance.randint(2, 20), fewer=chance.choice((7, 14)))
        told = {"outcome": "adjusted", "before": proposal, "after": instead}
    if chance.random() * 100 < figure("credit_skipped").draw(chance):
        return told
    reasons = credit_reasons()
    (told["reason"],) = chance.choices(list(reasons), weights=list(reasons.values()))
    if chance.random() * 100 < figure("credit_words").draw(chance):
        told["text"] = chance.choice(words.REASON_WORDS[told["reason"]])
    return told


def _told(today: dt.date) -> list[CloudEvent]:
    """The two that analysts speak of: one accepted at the score it had that day, one overridden."""
    told: list[CloudEvent] = []
    redgate = ({"outcome": "accepted"}, cast.ANALYSTS[0], words.REDGATE, REDGATE_WEEK)
    marsh = ({"outcome": "overridden", "reason": "local_knowledge"}, cast.ANALYSTS[2], words.MARSH, MARSH_WEEK)
    for outcome, analyst, (uid, says, why), week in (redgate, marsh):
        day = first_monday(today) + dt.timedelta(weeks=week - 1, days=1)
        at = dt.datetime.combine(day, dt.time(10, 24), ZONE)
        shown = _recommendation(analyst, says, why, week, 0.66) | {"latency_ms": 1900}
        told.append(_event(SHOWN, uid, at, shown))
        told.append(_event(OUTCOME, uid, at + dt.timedelta(minutes=17), {"person": analyst.staff_number, **outcome}))
    return told


def _recommendation(analyst: Member, says: str, why: str, week: int, confidence: float) -> dict[str, Any]:
    return {
        "person": analyst.staff_number,
        "kind": "limit",
        "version": version(week),
        "proposal": says,
        "explanation": {"text": why},
        "confidence": confidence,
        "severity": "info",
    }


def _event(kind: str, uid: str, at: dt.datetime, data: dict[str, Any]) -> CloudEvent:
    return {
        "specversion": "1.0",
        "id": f"{uid}-{kind.split('.')[3]}",
        "source": SOURCE,
        "type": kind,
        "subject": uid,
        "time": at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "datacontenttype": "application/json",
        "data": data,
    }
