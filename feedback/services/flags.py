"""A recommendation flagged inside the tool opens an item that carries it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from feedback import ingest
from feedback.models import Flag, Item, Recommendation
from feedback.selectors.directory import Directory
from feedback.services import items
from portal.models import AISystem

KINDS: dict[str, str] = {
    "wrong": Item.Kind.WRONG_ANSWER,
    "unsafe": Item.Kind.INCIDENT,
    "unfair": Item.Kind.CONCERN,
    "late": Item.Kind.FRICTION,
    "interface": Item.Kind.FRICTION,
    "other": Item.Kind.PROBLEM,
}


def is_confidential(fact: ingest.Fact) -> bool:
    """Unfair is a concern, and a concern is confidential: its event must not name the person either."""
    return isinstance(fact.data, ingest.Flagged) and KINDS[fact.data.kind] == Item.Kind.CONCERN


def open_items(system: AISystem, facts: list[ingest.Fact], events: dict[int, int], directory: Directory, now: dt.datetime) -> None:
    """An item for each flag, at once. One whose recommendation has not arrived yet gets it when it does."""
    for fact in facts:
        if isinstance(fact.data, ingest.Flagged):
            _open(system, fact, events[fact.index], directory, now)
    _complete(system, {fact.recommendation for fact in facts if isinstance(fact.data, ingest.Shown)})


def _open(system: AISystem, fact: ingest.Fact, event: int, directory: Directory, now: dt.datetime) -> None:
    assert isinstance(fact.data, ingest.Flagged)
    person, kind = directory.known(fact.data.person), KINDS[fact.data.kind]
    known = Recommendation.objects.filter(system=system, uid=fact.recommendation, person=person).first()
    item = items.file(
        actor=person,
        system=system,
        kind=kind,
        text=fact.data.text.strip() or str(Flag.Kind(fact.data.kind).label),
        identity=items.default_identity(kind),
        recommendation_uid=known.uid if known else "",
    )
    hidden = is_confidential(fact)
    Flag.objects.create(
        system=system,
        uid="" if hidden else fact.recommendation,
        person=None if hidden else person,
        recommendation=None if hidden else known,
        kind=fact.data.kind,
        item=item,
        occurred_at=fact.at,
        received_at=now,
        event_id=event,
    )


def _complete(system: AISystem, uids: set[str]) -> None:
    """Give waiting flags the recommendation that has now arrived."""
    if not uids:
        return
    for flag in Flag.objects.filter(system=system, uid__in=uids, recommendation=None).select_related("item"):
        shown: Any = Recommendation.objects.filter(system=system, uid=flag.uid, person=flag.person).first()
        if shown is None:
            continue
        Flag.objects.filter(pk=flag.pk).update(recommendation=shown)
        if flag.item.about is None:
            items.add_recommendation(flag.item, shown)
