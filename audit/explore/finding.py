"""Finding entries: what is indexed by the index, what is not indexed yet one by one, newest first, page by page.

The same number of database queries whatever is looked for, and never a walk through the whole trail: see audit_find in
migration 0005.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from django.db import connection

from audit.explore.indexing import BLOCK, INDEXED
from audit.explore.lexemes import COLUMNS, Clause, Condition, Searched

# So many entries that are not indexed yet are looked at one by one; further back, only once the index has them.
NEAR = 2_000
# Over so many entries what is left out of a page is counted.
STRETCH = 5_000
_LAST = 2**63 - 1
_EVER = (dt.datetime(1, 1, 2, tzinfo=dt.UTC), dt.datetime(9999, 12, 30, tzinfo=dt.UTC))

_STATE = f"""
    select ({INDEXED}), (select coalesce(max(seq) + 1, 0) from audit_leaf),
           (select case when cluster = (select system_identifier::text from pg_control_system()) then snapshot end
              from audit_batch order by number desc limit 1)
"""
# The snapshot goes in as a constant, so that the planner sees how few transactions are newer.
_UNSEALED = f"""
    select e.id, null::bigint, {COLUMNS} from audit_entry e left join audit_payload p on p.entry_id = e.id
     where e.id < %(below)s
       and (%(seen)s::pg_snapshot is null
            or (e.xid >= pg_snapshot_xmin(%(seen)s::pg_snapshot) and not pg_visible_in_snapshot(e.xid, %(seen)s::pg_snapshot)))
       and not exists (select from audit_leaf l where l.entry_id = e.id)
     order by e.id desc limit %(most)s
"""
_UNINDEXED = f"""
    select e.id, l.seq, {COLUMNS}
      from audit_leaf l join audit_entry e on e.id = l.entry_id left join audit_payload p on p.entry_id = e.id
     where l.seq >= %(done)s and e.id < %(below)s order by l.seq desc limit %(most)s
"""
_OF_ACTIONS = """
    select e.id, l.seq, {columns}
      from audit_entry e left join audit_leaf l on l.entry_id = e.id left join audit_payload p on p.entry_id = e.id
     where e.id >= %s and e.id < %s and e.action = any(%s)
"""
_BOUNDS = """
    select (select min(block) from audit_text_span where max_at >= %(after)s and max_seq >= %(first)s),
           (select max(block) from audit_text_span where min_at < %(before)s and min_seq <= %(last)s)
"""
_FIND = "select entry, fits from audit_find(%s, %s, %s, %s, %s, %s, %s, %s, %s)"


@dataclass(frozen=True)
class Found:
    """Ids of entries, newest first. `next` is where the following page begins, None at the end.

    `waiting` entries are too many to be looked at and not indexed yet; `gave_up` says that older ones were not looked at.
    """

    ids: list[int]
    next: int | None
    waiting: int = 0
    gave_up: bool = False


def find(condition: Condition, *, below: int | None = None, most: int = 50) -> Found:
    """The newest entries that fit, with an id lower than `below`."""
    below = _LAST if below is None else below
    recent, waiting = _recent(condition, below)
    older, looked_to = _indexed(condition, below, most + 1)
    ids = sorted({*recent, *older}, reverse=True)
    if looked_to is not None:
        ids = [id_ for id_ in ids if id_ >= looked_to]
    more = len(ids) > most
    ids = ids[:most]
    return Found(ids, ids[-1] if more else looked_to, waiting, gave_up=not more and looked_to is not None)


def every(condition: Condition, *, batch: int = 1_000) -> Iterator[int]:
    """All entries that fit, newest first, a batch at a time: for exports."""
    below: int | None = None
    while True:
        found = find(condition, below=below, most=batch)
        yield from found.ids
        if found.next is None:
            return
        below = found.next


def count_between(condition: Condition, first: int, last: int, *, most: int, without: tuple[Clause, ...] = ()) -> int:
    """How many indexed entries at places `first` to `last` of the log fit, counted up to `most`."""
    narrowed = replace(
        condition,
        clauses=(*condition.clauses, *without),
        first=max(first, condition.first or 0),
        last=last if condition.last is None else min(last, condition.last),
    )
    return len(_indexed(narrowed, _LAST, most)[0])


def count_actions(condition: Condition, actions: Sequence[str], first: int, below: int | None) -> int | None:
    """How many entries with one of these actions and an id from `first` to before `below` fit.

    None where that would be a long walk. Two database queries.
    """
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(min(id), 0), coalesce(max(id) + 1, 0) from audit_entry")
        oldest, newest = cursor.fetchone()
        first, below = max(first, oldest), newest if below is None else min(below, newest)
        if below - first > STRETCH:
            return None
        columns = COLUMNS if condition != Condition() else "e.at, e.actor, e.action, '', '', '', '', '', '', '{}'::text[], null"
        cursor.execute(_OF_ACTIONS.format(columns=columns), [first, below, list(actions)])
        return sum(condition.fits(Searched(*row)) for row in cursor.fetchall())


def indexed_to() -> int:
    """How many places of the log are searchable."""
    with connection.cursor() as cursor:
        cursor.execute(INDEXED)
        return int(cursor.fetchone()[0])


def _recent(condition: Condition, below: int) -> tuple[list[int], int]:
    """Of what is not indexed yet: the ids that fit, and how many were not looked at."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE)
        done, sealed, seen = cursor.fetchone()
        given = {"below": below, "seen": seen, "done": done, "most": NEAR + 1}
        cursor.execute(_UNSEALED, given)
        rows = [Searched(*row) for row in cursor.fetchall()]
        left = max(0, len(rows) - NEAR)
        cursor.execute(_UNINDEXED, given)
        rows = [*rows[:NEAR], *(Searched(*row) for row in cursor.fetchall()[:NEAR])]
    return [row.id for row in rows if condition.fits(row)], left + max(0, sealed - done - NEAR)


def _indexed(condition: Condition, below: int, most: int) -> tuple[list[int], int | None]:
    """Of what is indexed: the ids that fit, newest first, and how far it looked where it gave up."""
    after, before = condition.after or _EVER[0], condition.before or _EVER[1]
    first, last = condition.first or 0, _LAST if condition.last is None else condition.last
    with connection.cursor() as cursor:
        cursor.execute(_BOUNDS, {"after": after, "before": before, "first": first, "last": last})
        low, high = cursor.fetchone()
        if low is None or high is None or low > high:
            return [], None
        below = min(below, (high + 1) * BLOCK)
        if below <= low * BLOCK:
            return [], None
        cursor.execute(_FIND, [condition.tsquery, condition.positive, low * BLOCK, below, after, before, first, last, most])
        rows = cursor.fetchall()
    gave_up = rows[-1][0] if rows and not rows[-1][1] else None
    return [entry for entry, fits in rows if fits], gave_up
