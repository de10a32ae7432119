"""Who has the AI now: the union of the cohorts of applied, unexpired, unrevoked grants, minus those who left (P1).

One statement answers it for a person, for a pilot and for every pilot of a system, so that the gate, the pages and the
tests cannot disagree. Membership, lapse and hold are all computed when read; no job has to have run.

Within a grant people come in a fixed order (those listed at submission first, then by the day they joined the company),
and the first `ceiling` of them have the AI. Nobody hired later takes another person's place, and nobody takes the place of
a listed one; somebody hired earlier who moves into the unit may take the place of the last who is not listed. While a pilot
is held only those who had the AI are counted, so nobody loses it to a newcomer.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q

from governance import workflow
from governance.models import Departure, Grant, Pilot
from portal import clock
from portal.models import Person, Unit

# In a rule: named or inside one of the units, not excluded, employed, and not gone from this pilot.
_IN_RULE = """
    ({person}.is_active AND ({person}.left_on IS NULL OR {person}.left_on > %(today)s)
     AND (g.people @> to_jsonb({person}.id::text)
          OR EXISTS (SELECT 1 FROM portal_unit rule WHERE g.units @> to_jsonb(rule.id) AND starts_with({unit}.path, rule.path)))
     AND NOT g.excluded @> to_jsonb({person}.id::text)
     AND NOT EXISTS (SELECT 1 FROM governance_departure gone WHERE gone.pilot_id = g.pilot_id AND gone.person_id = {person}.id))
"""
_RANK = "(NOT g.listed @> to_jsonb({person}.id::text), {person}.joined_on, {person}.id)"
# Held: nobody but those who had the AI at that moment.
_NOT_KEPT_OUT = """
    (p.condition <> 'held' OR EXISTS (SELECT 1 FROM governance_heldmember h WHERE h.pilot_id = p.id AND h.person_id = {person}.id))
"""

_EXPOSED = f"""
SELECT g.pilot_id, g.id, x.id, s.name, s.kind, g.version_rule, g.version
FROM governance_grant g
JOIN governance_pilot p ON p.id = g.pilot_id
JOIN governance_stage s ON s.id = g.stage_id
CROSS JOIN portal_person x
JOIN portal_unit xu ON xu.id = x.unit_id
WHERE p.id = ANY(%(pilots)s)
  AND (%(person)s::uuid IS NULL OR x.id = %(person)s)
  AND p.condition = ANY(%(exposed)s) AND p.ends_at > %(now)s
  AND g.starts_at <= %(now)s AND g.ends_at > %(now)s AND g.revoked_at IS NULL
  AND {_NOT_KEPT_OUT.format(person="x")}
  AND {_IN_RULE.format(person="x", unit="xu")}
  AND g.ceiling > (
      SELECT count(*) FROM portal_person y JOIN portal_unit yu ON yu.id = y.unit_id
      WHERE {_RANK.format(person="y")} < {_RANK.format(person="x")} AND {_IN_RULE.format(person="y", unit="yu")}
        AND {_NOT_KEPT_OUT.format(person="y")})
ORDER BY g.pilot_id, g.id, x.name
"""  # noqa: S608 - constants only; every value is a parameter


@dataclass(frozen=True)
class Exposure:
    """One person who has the AI of one pilot, and the grant that says so."""

    pilot_id: int
    grant_id: int
    person_id: uuid.UUID
    stage_name: str
    stage_kind: str
    version_rule: str
    version: str


def _ask(pilots: Iterable[int], person: uuid.UUID | None, now: dt.datetime) -> list[Exposure]:
    values: Mapping[str, Any] = {
        "pilots": list(pilots),
        "person": person,
        "exposed": sorted(workflow.EXPOSED),
        "now": now,
        "today": now.date(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_EXPOSED, values)
        return [Exposure(*row) for row in cursor.fetchall()]


def exposures_of(person: Person, pilots: Sequence[Pilot]) -> dict[int, list[Exposure]]:
    """Pilot id -> the grants through which `person` has the AI now; one query for any number of pilots."""
    found: dict[int, list[Exposure]] = {}
    for exposure in _ask((pilot.pk for pilot in pilots), person.pk, clock.now()):
        found.setdefault(exposure.pilot_id, []).append(exposure)
    return found


def exposed_people(pilot: Pilot) -> set[uuid.UUID]:
    """Ids of everyone who has the AI of `pilot` now; empty unless it is active or held and before its end."""
    return {exposure.person_id for exposure in _ask([pilot.pk], None, clock.now())}


def in_rule(cohort: Mapping[str, Sequence[Any]], pilot: Pilot, *, limit: int | None = None) -> list[Person]:
    """Everyone inside a rule {units, people, excluded} today, minus leavers, in the order in which the ceiling admits them."""
    today = clock.now().date()
    paths = list(Unit.objects.filter(pk__in=cohort["units"]).values_list("path", flat=True))
    people = Person.objects.filter(pk__in=cohort["people"])
    for path in paths:
        people |= Person.objects.filter(unit__path__startswith=path)
    gone = Departure.objects.filter(pilot=pilot).values("person")
    found = (
        people.filter(is_active=True)
        .exclude(left_on__lte=today)
        .exclude(pk__in=cohort["excluded"])
        .exclude(pk__in=gone)
        .select_related("unit")
        .order_by("joined_on", "id")
    )
    return list(found.distinct()[:limit] if limit else found.distinct())


def reach(cohort: Mapping[str, Sequence[Any]], pilot: Pilot) -> list[str]:
    """Paths of the units that a rule touches: the pilot's, those it names, and those of the people it names."""
    touched = Q(pk__in=cohort["units"]) | Q(pk__in=Person.objects.filter(pk__in=cohort["people"]).values("unit"))
    return sorted({pilot.unit.path, *Unit.objects.filter(touched).values_list("path", flat=True)})


def grants_in_force(pilot: Pilot) -> list[Grant]:
    """Grants that would let people through now, were the pilot active: unexpired and unrevoked."""
    now = clock.now()
    return list(pilot.grants.filter(starts_at__lte=now, ends_at__gt=now, revoked_at=None).select_related("stage", "request"))


def rule_of(grant: Grant) -> dict[str, Sequence[Any]]:
    """The cohort rule of a grant, as `in_rule` reads it."""
    return {"units": grant.units, "people": grant.people, "excluded": grant.excluded}
