"""What the page /audit/keeping and the notices about it are made from."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from audit.models.actors import Actor
from audit.models.keeping import ErasureRequest, LegalHold
from audit.models.log import Leaf

TOLD_FOR = dt.timedelta(days=7)
MOST_ON_PAGE = 100


def labels(pseudonyms: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, str]:
    """Names by pseudonym, as far as somebody still has one."""
    return dict(Actor.objects.filter(pk__in={one for one in pseudonyms if one}).values_list("pk", "label"))


def named(pseudonym: uuid.UUID | None, known: dict[uuid.UUID, str]) -> str:
    """The name, or the pseudonym where there is none any more."""
    return "" if pseudonym is None else known.get(pseudonym, f"p:{pseudonym}")


def holds() -> QuerySet[LegalHold]:
    """All holds, those in force first."""
    return LegalHold.objects.order_by("released_at", "-id")[:MOST_ON_PAGE]


def erasures() -> QuerySet[ErasureRequest]:
    """All erasures, newest first."""
    return ErasureRequest.objects.order_by("-asked_at")[:MOST_ON_PAGE]


def erasures_to_tell(now: dt.datetime) -> QuerySet[ErasureRequest]:
    """Open ones, and those that were done in the last days."""
    return ErasureRequest.objects.filter(Q(done_at=None, withdrawn_at=None) | Q(done_at__gt=now - TOLD_FOR))


def releases_to_confirm() -> QuerySet[LegalHold]:
    """Holds whose release waits for a second person."""
    return LegalHold.objects.filter(released_at=None).exclude(release_asked_by=None)


def hold_words(hold: LegalHold, known: dict[uuid.UUID, str] | None = None) -> str:
    """What it holds, in words."""
    known = labels([hold.person]) if known is None else known
    parts = []
    if hold.person:
        parts.append(_("everything by and about %(who)s") % {"who": named(hold.person, known)})
    if hold.model or hold.object:
        parts.append(_record(hold))
    if hold.action:
        parts.append(_("actions such as %(action)s") % {"action": hold.action})
    if hold.after:
        parts.append(_("from %(moment)s UTC") % {"moment": f"{hold.after:%Y-%m-%d %H:%M}"})
    if hold.before:
        parts.append(_("before %(moment)s UTC") % {"moment": f"{hold.before:%Y-%m-%d %H:%M}"})
    return ", ".join(parts)


def _record(hold: LegalHold) -> str:
    """The record by its identifier, and by its name where it has one."""
    if not (hold.model and hold.object):
        return hold.model or hold.object
    identifier = f"{hold.model}/{hold.object}"
    try:
        row = apps.get_model(hold.model)._default_manager.filter(pk=hold.object).first()
    except (LookupError, ValueError, ValidationError):
        return identifier
    return f"{row} ({identifier})" if row is not None else identifier


def hold_row(hold: LegalHold, known: dict[uuid.UUID, str]) -> dict[str, Any]:
    """One hold as pages and the API show it."""
    return {
        "hold": hold,
        "what": hold_words(hold, known),
        "placed_by": named(hold.placed_by, known),
        "release_asked_by": named(hold.release_asked_by, known),
        "released_by": named(hold.released_by, known),
    }


def erasure_row(request: ErasureRequest, known: dict[uuid.UUID, str]) -> dict[str, Any]:
    """One erasure as the page shows it. The person has a name until it is done."""
    return {
        "request": request,
        "person": named(request.person, known),
        "asked_by": named(request.asked_by, known),
        "confirmed_by": named(request.confirmed_by, known),
        "withdrawn_by": named(request.withdrawn_by, known),
    }


def hold_rows(found: Iterable[LegalHold]) -> list[dict[str, Any]]:
    rows = list(found)
    known = labels(one for hold in rows for one in (hold.person, hold.placed_by, hold.release_asked_by, hold.released_by))
    return [hold_row(hold, known) for hold in rows]


def erasure_rows(found: Iterable[ErasureRequest]) -> list[dict[str, Any]]:
    rows = list(found)
    known = labels(one for row in rows for one in (row.person, row.asked_by, row.confirmed_by, row.withdrawn_by))
    return [erasure_row(row, known) for row in rows]


def place_of(entry: int | None) -> int | None:
    """The place of an entry in the log; None until it is sealed."""
    return Leaf.objects.filter(entry_id=entry).values_list("seq", flat=True).first() if entry else None
