"""How the audit trail is doing, for whoever runs it: is it sealed in time, how fast it grows, when it was last verified.

The number of queries does not depend on the size of the trail; entries a day are counted from the sealer's batches.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone

from audit.log.verifying import Verified, last_verified
from audit.models.log import Batch
from audit.selectors import SealState, seal_state

BATCHES, DAYS = 48, 14
PARTITIONS_WANTED = 1

_DAILY = """
    select (sealed_at at time zone 'UTC')::date, sum(count)::bigint from audit_batch
     where sealed_at >= %s group by 1 order by 1
"""
# Partitions count with their table.
_SIZES = """
    select coalesce(parent.relname, c.relname), sum(pg_total_relation_size(c.oid))::bigint, sum(greatest(c.reltuples, 0))::bigint
      from pg_class c left join pg_inherits i on i.inhrelid = c.oid left join pg_class parent on parent.oid = i.inhparent
     where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and (c.relname like 'audit\\_%%' or c.relname like '%%\\_historical%%')
     group by 1 order by 2 desc, 1
"""
_ROOM = """
    select (select count(*) from pg_inherits i join pg_class c on c.oid = i.inhrelid
             where i.inhparent = 'audit_payload'::regclass and c.relname ~ '^audit_payload_[0-9]+$'
               and substring(c.relname from 15)::bigint > (select coalesce(max(id), 0) / 5000000 from audit_entry)),
           exists (select from audit_payload_rest)
"""


@dataclass(frozen=True)
class Pass:
    """One batch of the sealer. `lag` is for how many seconds its oldest entry could be changed unseen; None where not known."""

    number: int
    count: int
    at: dt.datetime
    lag: float | None


@dataclass(frozen=True)
class Bar:
    """A bar of the small chart, which is 100 wide and 30 high."""

    x: str
    y: str
    width: str
    height: str
    late: bool


@dataclass(frozen=True)
class Size:
    table: str
    size: int
    rows: int


@dataclass(frozen=True)
class Health:
    """Everything that the page and the interface say."""

    seal: SealState
    passes: list[Pass]
    days: list[tuple[dt.date, int]]
    sizes: list[Size]
    partitions_ahead: int
    overflown: bool
    verified: Verified | None

    @property
    def longest(self) -> float:
        """The longest lag among the passes shown."""
        return max((each.lag or 0.0 for each in self.passes), default=0.0)

    @property
    def worker(self) -> str:
        """`late` when entries wait for more than a minute, `working` when one was sealed within two minutes, else `quiet`."""
        if self.seal.late:
            return "late"
        recent = bool(self.passes) and timezone.now() - self.passes[-1].at < dt.timedelta(minutes=2)
        return "working" if recent else "quiet"

    @property
    def sound(self) -> bool:
        """Nothing for anybody to do."""
        verified = self.verified is None or not self.verified.findings
        return not self.seal.late and verified and not self.overflown and self.partitions_ahead >= PARTITIONS_WANTED

    @property
    def scale(self) -> float:
        """The seconds that the full height of the chart stands for."""
        return max(90.0, self.longest)

    @property
    def bars(self) -> Sequence[Bar]:
        """The lag of each pass, as a small chart; a minute reaches two thirds up where nothing was slower."""
        top = self.scale
        step = 100 / BATCHES
        return [
            Bar(f"{at * step:.2f}", f"{30 - height:.2f}", f"{step * 0.7:.2f}", f"{height:.2f}", (each.lag or 0) > 60)
            for at, each in enumerate(self.passes)
            if (height := max(0.6, 30 * min(1.0, (each.lag or 0) / top)))
        ]


def health() -> Health:
    """Read it all."""
    newest = Batch.objects.order_by("-number").values_list("number", "count", "sealed_at", "oldest")[:BATCHES]
    passes = [
        Pass(number, count, at, max(0.0, (at - oldest).total_seconds()) if oldest else None)
        for number, count, at, oldest in reversed(newest)
    ]
    since = (timezone.now() - dt.timedelta(days=DAYS - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(_DAILY, [since])
        counted = dict(cursor.fetchall())
        cursor.execute(_SIZES, [])
        sizes = [Size(*row) for row in cursor.fetchall()]
        cursor.execute(_ROOM)
        ahead, overflown = cursor.fetchone()
    days = [(day, counted.get(day, 0)) for day in (since.date() + dt.timedelta(days=number) for number in range(DAYS))]
    return Health(seal_state(), passes, days, sizes, ahead, overflown, last_verified())


def as_plain(found: Health, time: Callable[[dt.datetime], str]) -> dict[str, Any]:
    """The same for programs."""
    verified = found.verified
    return {
        "sound": found.sound,
        "worker": found.worker,
        "sealed_size": found.seal.checkpoint.size if found.seal.checkpoint else 0,
        "waiting": found.seal.waiting,
        "seal_lag_seconds": round(found.seal.lag, 3),
        "batches": [
            {"number": each.number, "entries": each.count, "sealed_at": time(each.at), "lag_seconds": each.lag} for each in found.passes
        ],
        "entries_by_day": [{"day": day.isoformat(), "entries": count} for day, count in found.days],
        "tables": [{"table": each.table, "bytes": each.size, "rows_about": each.rows} for each in found.sizes],
        "partitions_ahead": found.partitions_ahead,
        "payloads_in_the_last_resort": found.overflown,
        "last_verification": {"at": time(verified.at), "entry": verified.entry, **verified.counts, "first_findings": verified.first}
        if verified
        else None,
    }
