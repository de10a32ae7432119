"""What an erasure and a retention run do with each table, declared by the app that owns it in `<app>/keeping.py`.

The modules are listed in settings.AUDIT_KEEPING. Each has `RULES`, and may have `find(text)` (pseudonyms of the people
that a staff number, e-mail or name means), `duties(person)` (why they cannot be erased yet, in words) and
`before(person, words)` (what lies outside the database's tables: files, sessions). `migrate` writes the rules into the
database, where the routine reads them: nothing that serves can change them.

In the SQL of a rule `$1` is the person's pseudonym, `$2` what names them and `$3` their own texts (both as arrays of
small letters, escaped as in JSON). A scrubbed table may be read by its versions as well, so a condition names columns
that both have.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit.history import governed_models, governs, version_model
from audit.models.keeping import AI_LOG, FLOOR_DAYS, KeepingRule

Kind = KeepingRule.Kind


@dataclass(frozen=True)
class DataClass:
    """A kind of content with one rule for how long it is kept. `suggested` days are shown, and in force once confirmed."""

    name: str
    title: str | Promise
    holds: str | Promise
    seen_by: str | Promise
    erasable: str | Promise
    suggested: int | None = None
    floor: int = 30
    never: bool = False


# docs/reference/retention.md is this table in words; a test compares them.
DATA_CLASSES = (
    DataClass("record", _("Records"), _("Pilots, requests, signatures, units, AI systems: their versions"), _("Compliance"), _("No: evidence of what was decided. Names in signatures stay")),
    DataClass("person", _("People"), _("Accounts and keys: their versions"), _("Compliance; administrators see the account as it is"), _("Yes, with the person")),
    DataClass("feedback", _("Suggestion box"), _("Items, replies, voices: their versions"), _("Compliance; who may see the item sees its text"), _("Yes: what the person wrote of their own accord")),
    DataClass("act", _("Acts"), _("Sign-ins, searches, looks, refusals: what they were about"), _("Compliance"), _("Yes, where they name the person"), 1095, 90),
    DataClass(AI_LOG, _("AI logs"), _("What an AI showed, what people did with it, events as they came"), _("The person; compliance sees counts"), _("The person's own words at once; the rest when its time is over"), 1095, FLOOR_DAYS),
    DataClass("keeping", _("Keeping"), _("Retention, holds and erasures: their versions"), _("Compliance"), _("No"), never=True),
    DataClass("erasure", _("Erasures"), _("Which payloads went, and why"), _("Compliance"), _("Never"), never=True),
)  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """One line for the routine; the functions below make them."""

    kind: str
    model: str
    condition: str = ""
    sets: str = ""
    version_sets: str = ""
    data_class: str = ""
    moment: str = ""
    owner: str = ""
    words: str = ""


def identify(model: str, sql: str) -> Rule:
    """A query of one text column: what names the person."""
    return Rule(Kind.IDENTIFY, model, sets=sql)


def texts(model: str, sql: str) -> Rule:
    """A query of one text column: what the person wrote, to find where it was quoted."""
    return Rule(Kind.TEXTS, model, sets=sql)


def scrub(model: str, condition: str, sets: str, words: str, *, version_sets: str | None = None) -> Rule:
    """Overwrite columns of the rows that fit and of all their versions, and erase every payload about them."""
    return Rule(Kind.SCRUB, model, condition, sets, sets if version_sets is None else version_sets, words=words)


def delete(model: str, condition: str, words: str) -> Rule:
    """Delete rows of a table that is not governed."""
    return Rule(Kind.DELETE, model, condition, words=words)


def keep(model: str, condition: str, words: str) -> Rule:
    """What stays, counted for the certificate."""
    return Rule(Kind.KEEP, model, condition, words=words)


def expire(model: str, data_class: str, moment: str, condition: str, sets: str, *, owner: str = "") -> Rule:
    """Blank columns of rows whose `moment` is past; `owner` is the column with a person's pseudonym, for holds."""
    return Rule(Kind.EXPIRE, model, condition, sets, data_class=data_class, moment=moment, owner=owner)


def may(model: str, sql: str) -> Rule:
    """A query that has a row when the person decides about holds, retention and erasures today."""
    return Rule(Kind.MAY, model, sets=sql)


def named(model: str, sql: str) -> Rule:
    """A query of the name that a person's pseudonym is shown by; no row for a pseudonym that is no person."""
    return Rule(Kind.NAMED, model, sets=sql)


def data_class(name: str) -> DataClass:
    """The class of this name; LookupError for none."""
    found = next((one for one in DATA_CLASSES if one.name == name), None)
    if found is None:
        raise LookupError(name)
    return found


def _modules() -> Iterator[Any]:
    for path in getattr(settings, "AUDIT_KEEPING", []):
        yield import_module(path)


def declared() -> list[Rule]:
    """Every rule of every app, and one for each table of versions."""
    found = [rule for module in _modules() for rule in module.RULES]
    return found + [Rule(Kind.VERSIONS, model._meta.label_lower) for model in governed_models()]


def find(text: str) -> list[uuid.UUID]:
    """The people that `text` means."""
    return _ask("find", text)


def duties(person: uuid.UUID) -> list[str]:
    """Why this person cannot be erased yet."""
    return _ask("duties", person)


def before(person: uuid.UUID) -> list[str]:
    """Do what lies outside the database, and say what was done, by kind and count; safe to do twice."""
    return _ask("before", person)


def _ask(name: str, *args: Any) -> list[Any]:
    found: list[Any] = []
    for module in _modules():
        ask: Callable[..., Iterable[Any]] | None = getattr(module, name, None)
        if ask is not None:
            found.extend(ask(*args))
    return found


def rows() -> list[KeepingRule]:
    """The declared rules as the database keeps them."""
    found = []
    for position, rule in enumerate(declared(), start=1):
        model = apps.get_model(rule.model)
        found.append(
            KeepingRule(
                position=position,
                kind=rule.kind,
                model=rule.model,
                table=model._meta.db_table,
                versions=version_model(model)._meta.db_table if governs(model) and rule.kind in {Kind.SCRUB, Kind.VERSIONS} else "",
                key=_key(model),
                condition=rule.condition,
                sets=rule.sets,
                version_sets=rule.version_sets,
                data_class=rule.data_class,
                moment=rule.moment,
                owner=rule.owner,
                words=rule.words,
            )
        )
    return found


def _key(model: type[models.Model]) -> str:
    return str(model._meta.pk.column)


def write(using: str = DEFAULT_DB_ALIAS) -> None:
    """Make the database's rules those of this release. As the owner, after every `migrate`."""
    wanted = rows()
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute("delete from audit_keepingrule")
        KeepingRule.objects.using(using).bulk_create(wanted)


def write_after_migrate(sender: Any, using: str, **kwargs: Any) -> None:
    """Receiver of `post_migrate`; nothing while a test holds the schema at an earlier state."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "select to_regclass('audit_keepingrule') is not null and has_table_privilege(to_regclass('audit_keepingrule'), 'insert')"
        )
        (there,) = cursor.fetchone()
    if there:
        write(using)
