"""Legal holds: what must neither expire nor be erased. Placed by one person in compliance, released by two.

The database asks for holds itself when it erases (audit_held_by in audit/keeping/eraser.py); these services only write them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.errors import Conflict
from audit.explore.search import Query, instant, parse
from audit.keeping import rules
from audit.models.entries import Entry
from audit.models.keeping import LegalHold

Kind = LegalHold.Kind
# What a hold by query may ask: one each, and no free words, because the routine has to ask the same of every entry.
_MAY = ("actor", "action", "object", "after", "before")


def in_force() -> QuerySet[LegalHold]:
    """Holds that nobody released, newest first."""
    return LegalHold.objects.filter(released_at=None)


def holds_on(model: str, object_id: str) -> list[LegalHold]:
    """Holds that name this record, by itself or by its kind, or that name the person it is."""
    named = Q(model=model, object=object_id) | Q(model=model, object="") | Q(model="", object=object_id)
    with contextlib.suppress(ValueError):
        named |= Q(person=uuid.UUID(object_id))
    return list(in_force().filter(named, action="", after=None, before=None))


def release_digest(hold: LegalHold, reason: str) -> str:
    """What a password is typed for: this release, asked for with this reason."""
    return f"audit.hold-release:{hold.pk}:{reason}"


def place(*, actor: uuid.UUID, kind: str, what: str, reason: str) -> LegalHold:
    """Hold a record (`app.model/id`), a person (a pseudonym) or what fits a query. Raises ValidationError(`what`, `reason`)."""
    wrong: dict[str, ValidationError] = {}
    fields: dict[str, Any] = {}
    try:
        fields = _fields(kind, what.strip())
    except ValidationError as error:
        wrong["what"] = error
    if not reason.strip():
        wrong["reason"] = ValidationError(_("Say why it must stay: whoever releases it has to understand."), code="required")
    if wrong:
        raise ValidationError(wrong)
    with transaction.atomic():
        _alone()
        return LegalHold.objects.create(kind=kind, reason=reason.strip(), placed_by=actor, placed_at=timezone.now(), **fields)


def ask_release(hold: LegalHold, *, actor: uuid.UUID, reason: str) -> LegalHold:
    """The first of two. Raises Conflict when it is released or was asked for, ValidationError(reason)."""
    if not reason.strip():
        raise ValidationError({"reason": ValidationError(_("Say why it may go now."), code="required")})
    with transaction.atomic():
        hold = _locked(hold)
        if hold.release_asked_by is not None:
            raise Conflict("release_asked", _("Its release was asked for already. Somebody else has to confirm it."))
        hold.release_asked_by, hold.release_asked_at, hold.release_reason = actor, timezone.now(), reason.strip()
        hold.save(update_fields=["release_asked_by", "release_asked_at", "release_reason"])
    return hold


def confirm_release(hold: LegalHold, *, actor: uuid.UUID) -> LegalHold:
    """The second of two: from now on it holds nothing. Raises Conflict for the one who asked."""
    with transaction.atomic():
        _alone()
        hold = _locked(hold)
        if hold.release_asked_by is None:
            raise Conflict("release_not_asked", _("Nobody asked for its release yet."))
        if hold.release_asked_by == actor:
            raise Conflict("same_person", _("You asked for this release. Somebody else has to confirm it."))
        hold.released_by, hold.released_at = actor, timezone.now()
        hold.save(update_fields=["released_by", "released_at"])
    return hold


def keep_on(hold: LegalHold, *, actor: uuid.UUID) -> LegalHold:
    """Take back, or turn down, a release that was asked for: the hold stays."""
    with transaction.atomic():
        hold = _locked(hold)
        hold.release_asked_by, hold.release_asked_at, hold.release_reason = None, None, ""
        hold.save(update_fields=["release_asked_by", "release_asked_at", "release_reason"])
    return hold


def _locked(hold: LegalHold) -> LegalHold:
    hold = LegalHold.objects.select_for_update().get(pk=hold.pk)
    if hold.released_at is not None:
        raise Conflict("hold_released", _("This hold was released already."))
    return hold


def _alone() -> None:
    """Wait for an erasure or a retention run that is under way: it asked for holds when it began."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext('audit.keeping'))")


def _fields(kind: str, what: str) -> dict[str, Any]:
    if kind == Kind.PERSON:
        return {"person": _person(what)}
    if kind == Kind.OBJECT:
        model, slash, object_id = what.partition("/")
        if not (slash and model and object_id):
            raise ValidationError(_("Write the record as its page does: governance.pilot/7."), code="record_unknown")
        if not Entry.objects.filter(model=model.lower(), object=object_id).exists():
            raise ValidationError(_("The trail has no entry about this record. Is it spelled as on its page?"), code="record_unknown")
        return {"model": model.lower(), "object": object_id}
    if kind == Kind.QUERY:
        return _of_query(parse(what))
    raise ValidationError(_("Choose what kind of hold it is."), code="kind_unknown")


def _person(text: str) -> uuid.UUID:
    found = set(rules.find(text))
    if len(found) != 1:
        message = _("Nobody is known by that.") if not found else _("Several people are called that. Write the staff number.")
        raise ValidationError(message, code="person_unknown")
    return found.pop()


def _of_query(query: Query) -> dict[str, Any]:
    found: dict[str, Any] = {}
    seen: set[str] = set()
    for term in query.terms:
        if term.qualifier not in _MAY or term.qualifier in seen or term.negated:
            message = _("A hold by query takes actor:, action:, object:, after: and before:, each once, and no other words.")
            raise ValidationError(message, code="query_invalid")
        seen.add(term.qualifier)
        found |= _of_term(term.qualifier, term.value)
    if not found:
        raise ValidationError(_("This query would hold everything. Narrow it down."), code="query_empty")
    return found


def _of_term(name: str, value: str) -> dict[str, Any]:
    if name == "actor":
        return {"person": _person(value)}
    if name == "object":
        model, slash, object_id = value.rpartition("/")
        return {"model": model.lower(), "object": object_id} if slash else ({"model": value.lower()} if "." in value else {"object": value})
    if name == "action":
        return {"action": value}
    moment: dt.datetime = instant(value)
    return {name: moment}
