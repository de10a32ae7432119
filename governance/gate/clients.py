"""Which client has seen which gate version: the receipt of a Stop, and the verification of an applied request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from governance.models import Pilot
from portal import clock
from portal.models import ApiKey

# Written when the version is news, else at most once a minute: asking the gate stays a read for nearly every call.
_SAW = """
INSERT INTO governance_gateclient AS mine (pilot_id, key_id, seen_version, seen_at, version_since)
SELECT pilot, %(key)s, version, %(now)s, %(now)s FROM unnest(%(pilots)s::bigint[], %(versions)s::int[]) AS seen(pilot, version)
ON CONFLICT (pilot_id, key_id) DO UPDATE
SET seen_version = greatest(excluded.seen_version, mine.seen_version), seen_at = excluded.seen_at,
    version_since = CASE WHEN excluded.seen_version > mine.seen_version THEN excluded.seen_at ELSE mine.version_since END
WHERE mine.seen_version < excluded.seen_version OR mine.seen_at < excluded.seen_at - interval '1 minute'
"""


def saw(key: ApiKey, pilots: Sequence[Pilot]) -> None:
    """Note that `key` was given the current gate version of these pilots. One statement."""
    values: dict[str, Any] = {
        "key": key.pk,
        "now": clock.now(),
        "pilots": [pilot.pk for pilot in pilots],
        "versions": [pilot.eval_version for pilot in pilots],
    }
    with connection.cursor() as cursor:
        cursor.execute(_SAW, values)
