"""What an erasure would take, before the second person confirms it: counted now, with the rules by which it is done.

Acts that merely mention the person are found by reading every payload, so only the worker does that, when it erases.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from audit.keeping import rules
from audit.keeping.erasure import held_by
from audit.models import Pack
from audit.models.keeping import KeepingRule, LegalHold

Kind = KeepingRule.Kind


@dataclass(frozen=True)
class Counted:
    what: str
    rows: int


@dataclass(frozen=True)
class Preview:
    """`hold` is the one because of which nothing would be erased."""

    goes: list[Counted]
    stays: list[Counted]
    packs: int
    hold: LegalHold | None


def preview(person: uuid.UUID) -> Preview:
    """Count it. The number of queries is the number of rules."""
    found = rules.rows()
    known: dict[str, Any] = {"p": person, "names": [], "texts": []}
    for rule in found:
        if rule.kind in {Kind.IDENTIFY, Kind.TEXTS}:
            known["names" if rule.kind == Kind.IDENTIFY else "texts"] += _words(rule.sets, known)
    goes: list[Counted] = []
    stays: list[Counted] = []
    about = 0
    hold = held_by(person)
    for rule in found:
        if rule.kind == Kind.SCRUB:
            keys = _keys(rule, known)
            entries, held = _entries(rule.model, keys)
            about += entries
            hold = hold or held
            goes.append(Counted(rule.words, len(keys)))
        elif rule.kind in {Kind.DELETE, Kind.KEEP}:
            (goes if rule.kind == Kind.DELETE else stays).append(Counted(rule.words, _count(rule, known)))
    goes.insert(0, Counted(_("Values of entries about these records (more where others mention the person)"), about))
    packs = Pack.objects.filter(state=Pack.State.DONE).count()
    return Preview([one for one in goes if one.rows], [one for one in stays if one.rows], packs, hold)


def _sql(text: str) -> str:
    """The routine's parameters ($1, $2, $3) as those of a cursor."""
    text = text.replace("%", "%%")
    return text.replace("$1", "%(p)s::uuid").replace("$2", "%(names)s::text[]").replace("$3", "%(texts)s::text[]")


def _words(query: str, known: dict[str, Any]) -> list[str]:
    return [
        word
        for (word,) in _rows(
            f"select distinct lower(btrim(to_json(x)::text, '\"')) from ({_sql(query)}) i(x) where length(x) >= 4",
            known,
        )
    ]


def _keys(rule: KeepingRule, known: dict[str, Any]) -> list[str]:
    tables = [rule.table, rule.versions] if rule.versions else [rule.table]
    parts = [f'select "{rule.key}"::text from "{table}" where {_sql(rule.condition)}' for table in tables]
    return [key for (key,) in _rows(" union ".join(parts), known)]


def _count(rule: KeepingRule, known: dict[str, Any]) -> int:
    ((count,),) = _rows(f'select count(*) from "{rule.table}" where {_sql(rule.condition)}', known)
    return int(count)


def _entries(model: str, keys: list[str]) -> tuple[int, LegalHold | None]:
    sql = (
        "select count(*), min(audit_held_by(e)) from audit_entry e join audit_payload p on p.entry_id = e.id"
        " where e.model = %(model)s and e.object = any(%(keys)s) and e.data_class <> 'erasure'"
    )
    ((count, held),) = _rows(sql, {"model": model, "keys": keys})
    return int(count), LegalHold.objects.filter(pk=held).first() if held else None


def _rows(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
