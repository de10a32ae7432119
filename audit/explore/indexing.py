"""The search index: what of each sealed entry can be found, written by the worker a few seconds after sealing.

It follows the places in the log, which have no gaps and never change, so it can neither miss nor repeat an entry, whatever
dies or is restored; after a standstill it goes on where it was. Nothing is proved by it: it may be made anew at any time.
"""

from __future__ import annotations

import time

from django.db import connections, transaction

from audit.explore.lexemes import COLUMNS, Searched, lexemes_of, tsvector
from audit.log.sealing import sealer_alias

LOCK = 0x6C6D5F74657874  # "lm_text", as in migration 0005
BATCH = 2_000
BLOCK = 4_096

_NEXT = f"""
    select e.id, l.seq, {COLUMNS}
      from audit_leaf l join audit_entry e on e.id = l.entry_id left join audit_payload p on p.entry_id = e.id
     where l.seq >= %s order by l.seq limit %s
"""
# From what is there, and not from what the span said before: a false one goes as soon as its block is touched.
_SPAN = """
    insert into audit_text_span (block, min_at, max_at, min_seq, max_seq)
    select %s, min(at), max(at), min(seq), max(seq) from audit_text where entry_id >= %s and entry_id < %s
    on conflict (block) do update set min_at = excluded.min_at, max_at = excluded.max_at, min_seq = excluded.min_seq, max_seq = excluded.max_seq
"""
# How far the index is: the last span that ends where an indexed entry of its own ends. One that says more is not believed.
INDEXED = f"""
    select coalesce((
        select s.max_seq + 1 from audit_text_span s
         where s.max_seq <= (select max(seq) from audit_leaf)
           and exists (select from audit_text t
                        where t.entry_id >= s.block * {BLOCK} and t.entry_id < (s.block + 1) * {BLOCK} and t.seq = s.max_seq)
         order by s.max_seq desc limit 1
    ), 0)
"""


def index(seconds: float = 60) -> int:
    """Make everything sealed searchable, for at most about so long; answers how many entries were added.

    As the sealer's role where there is one. While another one is at work, or an erasure, it leaves the rest to the next call.
    """
    done, until = 0, time.monotonic() + seconds
    while True:
        added = _batch()
        done += added
        if added < BATCH or time.monotonic() > until:
            return done


def _batch() -> int:
    using = sealer_alias()
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        # First the lock, then what is read: an erasure holds it from before it deletes until it is committed.
        cursor.execute("select pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(INDEXED)
        cursor.execute(_NEXT, [cursor.fetchone()[0], BATCH])
        rows = [Searched(*row) for row in cursor.fetchall()]
        if not rows:
            return 0
        for part in sorted({row.id // 1_000_000 for row in rows}):
            cursor.execute("select audit_text_room(%s)", [part * 1_000_000])
        with cursor.copy("copy audit_text (entry_id, at, seq, words) from stdin") as copy:
            for row in rows:
                copy.write_row((row.id, row.at, row.seq, tsvector(lexemes_of(row))))
        cursor.executemany(_SPAN, [(block, block * BLOCK, (block + 1) * BLOCK) for block in sorted({row.id // BLOCK for row in rows})])
    return len(rows)
