"""What other apps call: record an act that no row change says, record a refusal, name an actor."""

from __future__ import annotations

import json
import uuid
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, connections, models, transaction

from audit.context import Context, current
from audit.verbs import declared

_SYSTEM_ACTORS = UUID("6f2a6a0e-5c0e-4d0b-9a53-0d7a0f1f3c11")
_named: set[UUID] = set()


class UndeclaredVerb(LookupError):
    """An act that no `<app>/verbs.py` lists."""


class NobodyActs(RuntimeError):
    """An act recorded outside `audit.context.acting`."""


def record(
    action: str,
    *,
    obj: models.Model | None = None,
    model: str = "",
    object_id: str = "",
    detail: dict[str, Any] | None = None,
    data_class: str = "act",
) -> int:
    """Add the entry of an act without a row change, in the caller's transaction. Returns the entry's id.

    Name what it is about by `obj`, or by `model` (`app.model`) and `object_id`. `detail` is stored with the values.
    Raises UndeclaredVerb and NobodyActs: an act that cannot be attributed must not happen.
    """
    if action not in declared():
        raise UndeclaredVerb(f"{action!r} is in no verbs.py.")
    context = current()
    if context.actor is None:
        raise NobodyActs(f"{action!r} was recorded outside audit.context.acting.")
    if obj is not None:
        model, object_id = obj._meta.label_lower, str(obj.pk)
    return _insert(action, model, object_id, detail or {}, data_class, context)


def _insert(action: str, model: str, object_id: str, detail: dict[str, Any], data_class: str, context: Context) -> int:
    told = [action, model, object_id, _text(detail, context), data_class, context.wire or "{}"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_record(%s, %s, %s, %s, %s, %s)", told)
        return int(cursor.fetchone()[0])


def _text(detail: dict[str, Any], context: Context) -> str:
    body: dict[str, Any] = {"detail": detail}
    if context.reason:
        body["reason"] = context.reason
    return json.dumps(body, cls=DjangoJSONEncoder, ensure_ascii=False, sort_keys=True, separators=(",", ":")).replace("\\u0000", "")


def record_result(action: str, detail: dict[str, Any], *, using: str) -> int | None:
    """Add what a check or a verification found (`audit.checked`, `audit.verified`); answers the entry's id.

    None where the role of `using` may not say so, as the one that serves: set DATABASE_SEALER_URL.
    """
    context = current()
    if context.actor is None:
        raise NobodyActs(f"{action!r} was recorded outside audit.context.acting.")
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT has_function_privilege('audit_record_result(text, text, jsonb)', 'EXECUTE')")
        if not cursor.fetchone()[0]:
            return None
        cursor.execute("SELECT audit_record_result(%s, %s, %s)", [action, _text(detail, context), context.wire or "{}"])
        return int(cursor.fetchone()[0])


def refused(
    attempt: str,
    *,
    code: str,
    status: int,
    obj: models.Model | None = None,
    model: str = "",
    object_id: str = "",
) -> int:
    """Record that `attempt` (a path, a command) was refused, in a transaction of its own.

    Called once, by the error mapper (portal/refusals.py), after the rollback. Raises NobodyActs as `record` does.
    """
    told = {"attempt": attempt, "code": code, "status": status}
    with transaction.atomic():
        return record("audit.refused", obj=obj, model=model, object_id=object_id, detail=told)


def system_actor(name: str) -> UUID:
    """The pseudonym of a part of Lastmile that acts by itself (`reminders`), always the same for one name."""
    actor = system_pseudonym(name)
    if actor not in _named:
        name_actor(actor, "system", name)
        if not connection.in_atomic_block:
            _named.add(actor)
    return actor


def system_pseudonym(name: str) -> UUID:
    """The pseudonym alone, whether or not it was ever used."""
    return uuid.uuid5(_SYSTEM_ACTORS, name)


def name_actor(actor: UUID, kind: str, label: str) -> None:
    """Give a pseudonym its label; `kind` is person, system or key.

    The database refuses a person's label that is not the name in their record, and a new one for a system or key.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_name_actor(%s, %s, %s, '')", [actor, kind, label])


def make_room() -> int:
    """Add partitions of payloads ahead of the newest entry; how many. Costs next to nothing when there is room."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_make_room()")
        return int(cursor.fetchone()[0])
