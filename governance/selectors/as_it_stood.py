"""A whole pilot as it stood at an instant: rebuilt from versions, and from rows that are only ever added.

`assemble` works on rows from anywhere, so that a test can compare what it builds from versions with what the live rows gave
at that time. Nothing here names who filed a confidential or anonymous item: no governed row says it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from audit.explore.entries import labels
from audit.explore.ever import ever
from audit.explore.stood import around_of, in_force, plain
from audit.keeping.erased import Erasure, erased_on
from feedback.models import Item, Recommendation, Reply, StatusChange, Voice
from governance import subjects, workflow
from governance.models import (
    Criterion,
    Departure,
    ExpansionRequest,
    Grant,
    Measurement,
    Oversight,
    Pilot,
    Promise,
    ReadinessAction,
    Signature,
    Stage,
    Submission,
    Transition,
)
from governance.selectors import readiness
from portal.models import AISystem, Unit

_Models = tuple[type[models.Model], ...]
_OF_A_PILOT: _Models = (Stage, Oversight, Criterion, ReadinessAction, Promise, ExpansionRequest, Grant, Transition, Departure)
_OF_A_REQUEST: _Models = (Submission, Signature)
_OF_AN_ITEM: _Models = (Voice, Reply, StatusChange)
# Items on one page, newest first; the list of all of them has its own page.
MOST_ITEMS = 50
# (kind of record, rows that fit) -> those rows, by key.
Rows = Callable[..., list[Any]]


@dataclass(frozen=True)
class StoodRung:
    """A stage: was it the present one, or behind; since when, signed by whom."""

    stage: Any
    here: bool
    past: bool
    since: dt.datetime | None
    signed_by: list[str]


@dataclass(frozen=True)
class StoodRequest:
    """A request, in a word, with the signatures given until then."""

    row: Any
    word: str
    requester: str
    stage: str
    signatures: list[Any]


@dataclass(frozen=True)
class StoodItem:
    """An item of the box with its voices, answers and moves until then; `author` is empty unless it was filed with a name."""

    row: Any
    author: str
    voices: int
    said: list[tuple[Any, str]]
    erased: Erasure | None


@dataclass(frozen=True)
class StoodPilot:
    """Everything on the page. `records` are the raw values of all of it, by kind of record."""

    pilot: Any
    at: dt.datetime
    word: str
    system: str
    unit: str
    lead: str
    sponsor: str
    overseers: list[str]
    ladder: list[StoodRung]
    criteria: list[Any]
    actions: list[tuple[Any, str]]
    missing: list[str]
    promise: Any | None
    measurements: list[Any]
    requests: list[StoodRequest]
    grants: list[tuple[Any, str, bool]]
    moves: list[tuple[Any, str, Any]]
    departures: int
    items: list[StoodItem]
    item_count: int
    shown: int
    erased: Erasure | None
    records: dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Around:
    """The instants of the changes before and after."""

    before: dt.datetime | None
    after: dt.datetime | None


def stood(slug: str, at: dt.datetime) -> StoodPilot | None:
    """The pilot at `at`; None when it was not there yet. Raises Pilot.DoesNotExist for a slug that never was."""
    keys = ever(Pilot, slug=slug)
    if not keys:
        raise Pilot.DoesNotExist(slug)

    def rows(model: type[models.Model], **belongs: Any) -> list[Any]:
        return list(in_force(model, at, **belongs).order_by(model._meta.pk.attname))

    return assemble(keys[-1], at, rows)


def steps(slug: str, at: dt.datetime) -> Around:
    """When the pilot, or anything that belongs to it, changed before and after `at`, by whole transactions."""
    subject = subjects.pilot(slug)
    return Around(*around_of(subject.filter(), at)) if subject else Around(None, None)


def assemble(key: int, at: dt.datetime, rows: Rows) -> StoodPilot | None:
    """The pilot with this key from `rows`. A constant number of queries."""
    found = rows(Pilot, id=key)
    if not found:
        return None
    pilot = found[0]
    seen = _Seen(rows)
    seen.kept[Pilot] = found
    for model in _OF_A_PILOT:
        seen.read(model, pilot_id=key)
    seen.read(Measurement, promise_id__in=seen.keys(Promise))
    for model in _OF_A_REQUEST:
        seen.read(model, request_id__in=seen.keys(ExpansionRequest))
    # What of these has expired since is left out; a pilot's own unit and system are changed last of all.
    system = next(iter(rows(AISystem, id=pilot.system_id)), None)
    units = rows(Unit)
    unit = next((one for one in units if one.id == pilot.unit_id), None)
    inside = [one.id for one in units if unit is not None and one.path.startswith(unit.path)] or [pilot.unit_id]
    seen.read(Item, system_id=pilot.system_id, unit_id__in=[*inside, system.unit_id if system else pilot.unit_id])
    box = [item for item in reversed(seen.kept[Item]) if item.kind != Item.Kind.CONCERN]
    seen.kept[Item] = list(reversed(box))
    for model in _OF_AN_ITEM:
        seen.read(model, item_id__in=[item.id for item in box[:MOST_ITEMS]])
    names = labels(seen.people())
    gone = erased_on([row.history_id for rows_ in seen.kept.values() for row in rows_ if hasattr(row, "history_id")])
    return _page(pilot, at, seen, _Words(names, gone), system=system, unit=unit, inside=inside, box=box)


class _Seen:
    """The rows that were read, by kind of record."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.kept: dict[type[models.Model], list[Any]] = {}

    def read(self, model: type[models.Model], **belongs: Any) -> None:
        self.kept[model] = self._rows(model, **belongs)

    def keys(self, model: type[models.Model]) -> list[Any]:
        return [row.id for row in self.kept[model]]

    def people(self) -> set[uuid.UUID]:
        """Everybody whom one of the rows names."""
        return {value for rows in self.kept.values() for row in rows for name in _PEOPLE if (value := getattr(row, name, None))}

    def values(self) -> dict[str, list[dict[str, Any]]]:
        return {model._meta.label_lower: [values_of(model, row) for row in rows] for model, rows in self.kept.items()}


_PEOPLE = (
    *("lead_id", "sponsor_id", "halted_by_id", "ended_by_id", "person_id", "actor_id", "owner_id", "requester_id", "signer_id"),
    *("author_id", "writer_id", "by_id", "revoked_by_id"),
)


@dataclass(frozen=True)
class _Words:
    """Names of people, and what was erased since."""

    names: Mapping[uuid.UUID, str]
    gone: Mapping[int, Erasure]

    def who(self, person: uuid.UUID | None) -> str:
        return "" if person is None else self.names.get(person, _("somebody whose name was erased"))

    def erased(self, row: Any) -> Erasure | None:
        return self.gone.get(getattr(row, "history_id", 0))


def values_of(model: type[models.Model], row: Any) -> dict[str, Any]:
    """What is recorded of a row, as JSON can hold it."""
    columns: Iterable[Any] = model.history.model.tracked_fields  # type: ignore[attr-defined]
    return {column.attname: plain(getattr(row, column.attname)) for column in columns}


def _page(
    pilot: Any, at: dt.datetime, seen: _Seen, words: _Words, *, system: Any, unit: Any, inside: Sequence[int], box: Sequence[Any]
) -> StoodPilot:
    kept = seen.kept
    stages = {stage.id: stage for stage in kept[Stage]}
    lapsed = pilot.condition in workflow.LIVE and at >= pilot.ends_at
    shown = Recommendation.objects.filter(system=pilot.system_id, unit__in=inside, received_at__lte=at).count()
    return StoodPilot(
        pilot=pilot,
        at=at,
        word=_("Lapsed") if lapsed else str(pilot.get_condition_display()),
        system=system.name if system else "",
        unit=unit.name if unit else "",
        lead=words.who(pilot.lead_id),
        sponsor=words.who(pilot.sponsor_id),
        overseers=[words.who(watch.person_id) for watch in kept[Oversight]],
        ladder=_ladder(pilot, kept),
        criteria=sorted(kept[Criterion], key=lambda rule: (rule.kind != Criterion.Kind.SUCCESS, rule.id)),
        actions=[(action, words.who(action.owner_id)) for action in kept[ReadinessAction]],
        missing=[] if pilot.condition == workflow.ENDED else readiness.missing_of(_facts(pilot, kept), at),
        promise=next(iter(kept[Promise]), None),
        measurements=sorted(kept[Measurement], key=lambda one: (one.ends_on, one.id), reverse=True),
        requests=[_request(row, pilot, at, kept, stages, words) for row in reversed(kept[ExpansionRequest])],
        grants=[(grant, stages[grant.stage_id].name, _in_force(grant, pilot, at)) for grant in kept[Grant]],
        moves=[(move, words.who(move.actor_id), stages.get(move.stage_id)) for move in reversed(kept[Transition])],
        departures=len(kept[Departure]),
        items=_items(box[:MOST_ITEMS], kept, words),
        item_count=len(box),
        shown=shown,
        erased=words.erased(pilot),
        records=seen.values(),
    )


def _in_force(grant: Any, pilot: Any, at: dt.datetime) -> bool:
    return grant.starts_at <= at < grant.ends_at and not grant.revoked_at and pilot.condition != workflow.ENDED


def _facts(pilot: Any, kept: Mapping[Any, list[Any]]) -> readiness.Facts:
    kinds = {rule.kind for rule in kept[Criterion]}
    return readiness.Facts(
        overseer=bool(kept[Oversight]),
        stop_rule=Criterion.Kind.STOP in kinds,
        criterion=Criterion.Kind.SUCCESS in kinds,
        promise=bool(kept[Promise]),
        purpose=pilot.purpose,
        fall_back=pilot.fall_back,
        baseline=pilot.baseline,
        ends_at=pilot.ends_at,
        fall_back_tested_on=pilot.fall_back_tested_on,
        people_informed_on=pilot.people_informed_on,
    )


def _ladder(pilot: Any, kept: Mapping[Any, list[Any]]) -> list[StoodRung]:
    grants = {grant.stage_id: grant for grant in sorted(kept[Grant], key=lambda grant: grant.starts_at, reverse=True)}
    stages = sorted(kept[Stage], key=lambda stage: stage.place)
    place = next((stage.place for stage in stages if stage.id == pilot.stage_id), 0)
    rungs = []
    for stage in stages:
        grant = grants.get(stage.id)
        signed = [
            one.printed_name
            for one in kept[Signature]
            if grant and one.request_id == grant.request_id and one.digest == grant.digest and one.decision == Signature.Decision.APPROVE
        ]
        rungs.append(StoodRung(stage, stage.place == place, stage.place < place, grant.starts_at if grant else None, signed))
    return rungs


def _request(
    row: Any, pilot: Any, at: dt.datetime, kept: Mapping[Any, list[Any]], stages: Mapping[int, Any], words: _Words
) -> StoodRequest:
    open_ = row.state in workflow.OPEN
    stale = open_ and (row.base_version != pilot.base_version or pilot.condition == workflow.ENDED)
    expired = open_ and row.expires_at is not None and at >= row.expires_at
    word = _("Out of date") if stale else _("Expired") if expired else str(row.get_state_display())
    stage = stages[row.stage_id].name if row.stage_id in stages else ""
    return StoodRequest(row, word, words.who(row.requester_id), stage, [one for one in kept[Signature] if one.request_id == row.id])


def _items(box: Sequence[Any], kept: Mapping[Any, list[Any]], words: _Words) -> list[StoodItem]:
    voices = Counter(voice.item_id for voice in kept[Voice])
    said: dict[int, list[tuple[Any, str]]] = defaultdict(list)
    for reply in kept[Reply]:
        said[reply.item_id].append((reply, words.who(reply.writer_id) or _("who filed it")))
    for move in kept[StatusChange]:
        said[move.item_id].append((move, words.who(move.by_id)))
    return [
        StoodItem(item, words.who(item.author_id), voices[item.id], sorted(said[item.id], key=lambda one: one[0].at), words.erased(item))
        for item in box
    ]
