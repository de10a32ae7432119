"""The search index compared with the log: nobody is to hide an entry from a search by what the index says of times and places.

The words themselves are not compared; the index may be made anew at any time (audit/explore/indexing.py).
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import connections

SHOWN = 20
_ENTRIES = """
    select coalesce(t.entry_id, l.entry_id), t.entry_id is null, l.entry_id is null, t.seq is distinct from l.seq
      from audit_text t
      full join (select entry_id, seq from audit_leaf where seq <= (select max(max_seq) from audit_text_span)) l on l.entry_id = t.entry_id
      left join audit_entry e on e.id = t.entry_id
     where t.entry_id is null or l.entry_id is null or t.seq <> l.seq or t.at is distinct from e.at
     order by 1 limit %s
"""
_SPANS = """
    select coalesce(s.block, t.block) from audit_text_span s full join (
        select entry_id / 4096 as block, min(at) as min_at, max(at) as max_at, min(seq) as min_seq, max(seq) as max_seq from audit_text group by 1
    ) t on t.block = s.block
     where (s.min_at, s.max_at, s.min_seq, s.max_seq) is distinct from (t.min_at, t.max_at, t.min_seq, t.max_seq)
     order by 1 limit %s
"""


def check_index(using: str, find: Callable[..., None]) -> None:
    """Call `find` with the parts of a Finding for every entry and every span that the index tells falsely of."""
    with connections[using].cursor() as cursor:
        cursor.execute(_SPANS, [SHOWN])
        for (block,) in cursor.fetchall():
            words = "the search index says false times or places of these entries, so that a search can miss them"
            find(where=f"search index, entries {block * 4096} to {block * 4096 + 4095}", words=words)
        cursor.execute(_ENTRIES, [SHOWN])
        for entry, missing, unsealed, elsewhere in cursor.fetchall():
            if missing:
                words = "the search index passed over it: no search finds it"
            elif unsealed:
                words = "the search index holds it, and the log does not"
            else:
                words = (
                    f"the search index tells another {'place' if elsewhere else 'time'} of it than the log, so that a search can miss it"
                )
            find(where=f"search index, entry {entry}", words=words, entry=entry)
