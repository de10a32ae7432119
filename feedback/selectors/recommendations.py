"""What the AI showed to a person and what became of it. A person sees their own, and nobody else's."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from feedback import reasons
from feedback.models import Outcome, Recommendation
from feedback.models.recommendations import RecommendationQuerySet
from portal.models import AISystem, Person


def mine(person: Person) -> RecommendationQuerySet:
    return Recommendation.objects.of(person).select_related("system")


def any_for(person: Person) -> bool:
    """Whether the navigation shows the page of recommendations to this person."""
    return Recommendation.objects.of(person).exists()


def of_person(person: Person, uid: str, *, system: str = "") -> Recommendation:
    """The person's own recommendation by the tool's id (and the system's slug where two tools use the same id).

    Raises DoesNotExist, also for somebody else's.
    """
    rows = mine(person).filter(uid=uid)
    if system:
        rows = rows.filter(system__slug=system)
    found = rows.first()
    if found is None:
        raise Recommendation.DoesNotExist
    return found


def of_system(system: AISystem, uid: str) -> list[Recommendation]:
    """One row for each person to whom a system showed the recommendation, in the order they saw it."""
    return list(Recommendation.objects.filter(system=system, uid=uid).select_related("system").order_by("occurred_at", "id"))


def outcomes_of(recommendation: Recommendation) -> list[Outcome]:
    """Everything told about it, in the order that decides: occurred, received, id."""
    return list(recommendation.outcomes.select_related("event").order_by("occurred_at", "received_at", "id"))


def effective(outcomes: list[Outcome]) -> Outcome | None:
    """The effective outcome: the last one, by (occurred, received, id), that is neither undone nor replaced by name.

    `outcomes` are in that order. An undo that names an event undoes that one; one without a name undoes what was
    effective when it came.
    """
    gone: set[int] = set()
    by_event = {outcome.event.event_id: outcome.pk for outcome in outcomes}
    standing: list[Outcome] = []
    for outcome in outcomes:
        named = by_event.get(outcome.supersedes) if outcome.supersedes else None
        if named is not None and named != outcome.pk:
            gone.add(named)
        if outcome.undo:
            if not outcome.supersedes:
                last = next((one for one in reversed(standing) if one.pk not in gone), None)
                if last is not None:
                    gone.add(last.pk)
        else:
            standing.append(outcome)
    return next((one for one in reversed(standing) if one.pk not in gone), None)


@dataclass(frozen=True)
class Card:
    """A recommendation in plain parts, for a page."""

    uid: str
    said: str
    why: str
    sure: str
    version: str
    kind: str


def card(recommendation: Recommendation) -> Card:
    return Card(
        uid=recommendation.uid,
        said=reasons.as_text(recommendation.proposal),
        why=reasons.why(recommendation.explanation),
        sure=reasons.percent(recommendation.confidence),
        version=recommendation.version,
        kind=recommendation.kind,
    )


def card_of_item(about: dict[str, Any] | None) -> Card | None:
    """The same for what an item froze at filing."""
    if not about:
        return None
    return Card(
        uid=about.get("id", ""),
        said=reasons.as_text(about.get("content")),
        why=reasons.why(about.get("explanation")),
        sure=reasons.percent(about.get("confidence")),
        version=about.get("version", ""),
        kind=about.get("kind", ""),
    )


def frozen(recommendation: Recommendation, *, with_id: bool) -> dict[str, Any]:
    """What an item keeps of a recommendation at filing. Without the id (confidential) nothing in it leads to one person's row."""
    kept: dict[str, Any] = {
        "kind": recommendation.kind,
        "version": recommendation.version,
        "content": recommendation.proposal,
        "confidence": _plain(recommendation.confidence),
        "explanation": recommendation.explanation,
        "explanation_class": reasons.explanation_class(recommendation.explanation),
    }
    if with_id:
        kept["id"] = recommendation.uid
        kept["shown_at"] = recommendation.occurred_at.astimezone(dt.UTC).isoformat()
    return kept


RECEIVED_BY_MANY = 20
RECENTLY = dt.timedelta(days=90)


def class_of(system: AISystem, uid: str, now: dt.datetime) -> dict[str, Any] | None:
    """What an anonymous item may know of a recommendation: kind, version, explanation class; nothing (None) where fewer
    than 20 people received that version in the last 90 days.
    """
    found = Recommendation.objects.filter(system=system, uid=uid).order_by("id").first()
    if found is None:
        return None
    received = Recommendation.objects.filter(system=system, version=found.version, occurred_at__gte=now - RECENTLY)
    if received.values("person").distinct().count() < RECEIVED_BY_MANY:
        return None
    return {"kind": found.kind, "version": found.version, "explanation_class": reasons.explanation_class(found.explanation)}


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else str(value.normalize())
