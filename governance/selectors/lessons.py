"""What ended pilots taught: searched by anybody who proposes the next one, and found again without being searched for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVector
from django.db.models import Case, F, FloatField, IntegerField, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from feedback.models import Item
from governance.models import Pilot
from portal.models import AISystem, Person, Unit

MOST, LONGEST_QUERY = 20, 200
#: Kinds of items that speak against an AI. Ideas and praise do not.
OBJECTIONS = (Item.Kind.PROBLEM, Item.Kind.WRONG_ANSWER, Item.Kind.FRICTION, Item.Kind.CONCERN, Item.Kind.INCIDENT)
# What of an ended pilot is searched: simple words in any language would need no stemming, English ones get it.
_TEXT = SearchVector(
    "name", "system__name", "system__supplier", "unit__name", "cause", "lessons", "told_objectors", "purpose", config="english"
)
_KIND = SearchVector("name", "purpose", "system__name", "system__purpose", config="english")
#: Share of common words above which two purposes are called alike. Found by trying it on the demonstration.
ALIKE = 0.02


@dataclass(frozen=True)
class Lesson:
    """An ended pilot with what it taught. `why` says in words in what it is like the one asked about; `linked` whether its page may be seen."""

    pilot: Pilot
    why: list[str]
    linked: bool


def objections(pilot: Pilot) -> QuerySet[Item]:
    """What was filed against the pilot's AI in its unit since it was proposed. Never shown as a list: it counts concerns, too."""
    inside = Q(unit__path__startswith=pilot.unit.path) | Q(unit=pilot.system.unit)
    mine = Item.objects.filter(inside, system=pilot.system, kind__in=OBJECTIONS, filed_on__gte=pilot.proposed_at.date())
    return mine.exclude(status=Item.Status.DUPLICATE).order_by("id")


def readable(person: Person) -> QuerySet[Pilot]:
    """Ended pilots whose lessons `person` may read: all of them for whoever proposes or signs pilots, else the visible ones."""
    ended = Pilot.objects.filter(condition=Pilot.Condition.ENDED).select_related("system", "unit")
    if person.has_perm("pilots.lead") or person.has_perm("requests.read"):
        return ended
    return ended.filter(pk__in=Pilot.objects.visible_to(person).values("pk"))


def search(person: Person, text: str = "") -> list[Lesson]:
    """Ended pilots in which all the words of `text` occur, the best first; the newest first without words. Two queries."""
    rows = readable(person)
    if text.strip():
        query = SearchQuery(text.strip()[:LONGEST_QUERY], config="english", search_type="websearch")
        rows = rows.annotate(found=_TEXT).filter(found=query).annotate(rank=SearchRank(F("found"), query)).order_by("-rank", "-ended_at")
    else:
        rows = rows.order_by("-ended_at")
    return _lessons(person, rows[:MOST], lambda _pilot: [])


def similar(person: Person, *, system: AISystem | None = None, unit: Unit | None = None, purpose: str = "", most: int = 3) -> list[Lesson]:
    """Ended pilots that are like one about to be proposed, the most alike first: same system, supplier, unit, kind of use. Two queries.

    Without a system and a unit: those nearest to the person's own unit.
    """
    unit = unit or (person.unit if system is None else None)
    supplier = system.supplier if system else ""
    words = " ".join(filter(None, (purpose, system.purpose if system else "")))[:4000]
    near = Q(unit__path__startswith=unit.path) | Q(unit__path__in=unit.line) if unit else Q(pk=None)
    score = {
        "of_system": _one_if(Q(system=system) if system else Q(pk=None)),
        "of_unit": _one_if(near),
        "of_supplier": _one_if(Q(system__supplier=supplier) if supplier else Q(pk=None)),
        "alike": SearchRank(_KIND, _any_word(words)) if words.strip() else Value(0.0, FloatField()),
    }
    rows = readable(person).annotate(**score)
    rows = rows.filter(Q(of_system=1) | Q(of_unit=1) | Q(of_supplier=1) | Q(alike__gt=ALIKE))
    rows = rows.order_by(F("of_system").desc(), F("of_supplier").desc(), F("of_unit").desc(), F("alike").desc(), "-ended_at")
    return _lessons(person, rows[:most], _why)


def _one_if(condition: Q) -> Case:
    return Case(When(condition, then=Value(1)), default=Value(0), output_field=IntegerField())


def _any_word(words: str) -> SearchQuery:
    """A query for any of the longer words."""
    distinct = dict.fromkeys(re.findall(r"[^\W\d_]{4,}", words.lower()))
    return SearchQuery(" or ".join(list(distinct)[:80]) or '""', config="english", search_type="websearch")


def _why(pilot: Any) -> list[str]:
    told = []
    if pilot.of_system:
        told.append(_("the same AI system"))
    elif pilot.of_supplier:
        told.append(_("the same supplier"))
    if pilot.of_unit:
        told.append(_("the same part of the organisation"))
    if pilot.alike > ALIKE and not pilot.of_system:
        told.append(_("a similar use"))
    return told


def _lessons(person: Person, pilots: Iterable[Pilot], why: Callable[[Any], list[str]]) -> list[Lesson]:
    found = list(pilots)
    visible = set(Pilot.objects.visible_to(person).filter(pk__in=[pilot.pk for pilot in found]).values_list("pk", flat=True))
    return [Lesson(pilot, why(pilot), pilot.pk in visible) for pilot in found]
