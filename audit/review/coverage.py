"""What the audit trail covers: each governed model with its fields and triggers as they are now, each other table with the reason why not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db import connection, models

from audit.capture import check as capture_check
from audit.capture.triggers import Capture
from audit.capture.ungoverned import EXCLUDED, REASONS, VERSIONS
from audit.history import governed_models
from audit.log.records_check import capture_of
from audit.models import UNATTRIBUTED, Entry

UNATTRIBUTED_SHOWN = 50


@dataclass(frozen=True)
class Covered:
    """A governed model. `excluded` are (field, reason) of what is never recorded; `wrong` what is wrong with its capture in the database."""

    model: str
    name: str
    table: str
    data_class: str
    recorded: list[str]
    excluded: list[tuple[str, str]]
    entries: int
    last: dt.datetime | None
    wrong: list[str]


@dataclass(frozen=True)
class Uncovered:
    """A table without capture, and why; `reason` is empty for one that nobody has given a reason for: a finding."""

    table: str
    reason: str


@dataclass(frozen=True)
class Coverage:
    governed: list[Covered]
    others: list[Uncovered]
    findings: list[str]
    unattributed: list[Entry] = field(default_factory=list)
    unattributed_count: int = 0

    @property
    def by_reason(self) -> list[Uncovered]:
        """The others, those with one reason together."""
        return sorted(self.others, key=lambda other: (other.reason, other.table))

    @property
    def sound(self) -> bool:
        """Every table has its place, every trigger is there, and every write had an actor."""
        return not self.findings and not self.unattributed_count


def report() -> Coverage:
    """The state of the database now. A fixed number of queries; counting the entries reads an index of all of them."""
    captures = {model: capture_of(model) for model in governed_models()}
    checked = capture_check.check()
    counted = _counted()
    governed = [_covered(model, capture, counted, checked.findings) for model, capture in captures.items()]
    others = list(_uncovered(captures))
    silent = [f"{one.model}.{name} is not recorded, and nobody has said why." for one in governed for name, why in one.excluded if not why]
    missing = [f"The table {other.table} is not governed, and nobody has said why." for other in others if not other.reason]
    bare = Entry.objects.filter(actor=UNATTRIBUTED).order_by("-id")
    # Writes without an actor have a list of their own here; the check names only those since the last check.
    findings = [one for one in checked.findings if "no actor" not in one]
    return Coverage(governed, others, findings + missing + silent, list(bare[:UNATTRIBUTED_SHOWN]), bare.count())


def _covered(model: type[models.Model], capture: Capture, counted: dict[str, tuple[int, dt.datetime]], findings: list[str]) -> Covered:
    recorded = [name for name, _column in capture.columns]
    left_out = [one.attname for one in model._meta.concrete_fields if one.attname not in recorded]
    excluded = [(name, EXCLUDED.get(f"{capture.model}.{name}", "")) for name in left_out]
    entries, last = counted.get(capture.model, (0, None))
    mine = {capture.table, capture.version_table, capture.function}
    wrong = [one for one in findings if mine & set(one.replace(".", " ").split())]
    name = str(model._meta.verbose_name)
    return Covered(capture.model, name[:1].upper() + name[1:], capture.table, capture.data_class, recorded, excluded, entries, last, wrong)


def _counted() -> dict[str, tuple[int, dt.datetime]]:
    """Row changes by model: how many, and when the last one was."""
    with connection.cursor() as cursor:
        cursor.execute("select model, count(*), max(at) from audit_entry where ver is not null group by model")
        return {model: (count, last) for model, count, last in cursor.fetchall()}


def tables() -> list[str]:
    """Every table of the schema; partitions count as their parent."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select relname from pg_class
             where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'f', 'm') and not relispartition order by relname
            """
        )
        return [name for (name,) in cursor.fetchall()]


def _uncovered(captures: dict[type[models.Model], Capture]) -> Iterator[Uncovered]:
    governed = {capture.table for capture in captures.values()}
    versions = {capture.version_table for capture in captures.values()}
    for table in tables():
        if table not in governed:
            yield Uncovered(table, VERSIONS if table in versions else REASONS.get(table, ""))
