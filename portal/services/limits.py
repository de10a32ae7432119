"""How often something was done, counted in the database: atomic, shared by all processes, forgotten when its time is up."""

from __future__ import annotations

import datetime as dt

from django.db import connection

from portal import clock
from portal.models import CacheEntry

_COUNT = """
INSERT INTO portal_cache AS c (cache_key, value, expires) VALUES (%s, '1', %s)
ON CONFLICT (cache_key) DO UPDATE SET
    value = CASE WHEN c.expires <= %s THEN '1' ELSE (c.value::bigint + 1)::text END,
    expires = CASE WHEN c.expires <= %s THEN excluded.expires ELSE c.expires END
RETURNING value
"""


def count(name: str, *, until: dt.datetime) -> int:
    """One more of `name`; how many there were since it was last forgotten, this one included. It is forgotten at `until`."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [_key(name), until, now, now])
        return int(cursor.fetchone()[0])


def counted(name: str) -> int:
    """How many there are, without one more."""
    found = CacheEntry.objects.filter(cache_key=_key(name), expires__gt=clock.now()).values_list("value", flat=True).first()
    return int(found or 0)


def _key(name: str) -> str:
    return f"limit:{name}"
