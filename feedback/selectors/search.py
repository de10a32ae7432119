"""Find items by words, and items that say the same as somebody is just typing."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.postgres.search import TrigramDistance
from django.db.models import Q

from feedback import searching
from feedback.models import Item, StatusChange
from feedback.models.items import REF, ItemQuerySet
from feedback.selectors.items import box
from portal.models import AISystem, Person

LONGEST_QUERY = 200
MOST_SIMILAR, CANDIDATES = 5, 40
# From here on two texts share too few letters to be about the same (measured in bench/similar_items.py).
TOO_FAR = 0.75
SHORTEST = 12  # letters: below that anything looks like anything


def matching(rows: ItemQuerySet, words: str) -> ItemQuerySet:
    """`rows` with these words, in any of the languages of feedback.searching, or with this number (FB-12)."""
    words = words.replace("\x00", "").strip()[:LONGEST_QUERY]
    if not words:
        return rows
    if REF.fullmatch(words):
        return rows.by_ref(words)
    return rows.annotate(words=searching.vector()).filter(words=searching.query(words))


@dataclass(frozen=True)
class Similar:
    """An item that says nearly the same, with what became of it if it is closed."""

    item: Item
    answer: str


def similar(person: Person, text: str, *, system: AISystem | None = None, limit: int = MOST_SIMILAR) -> list[Similar]:
    """At most `limit` items that this person may see and that are nearest to `text`, closed ones included: three queries.

    The nearest few are taken from the index of letters first and what may not be seen is left out of those, so that the cost
    does not grow with the box.
    """
    text = text.replace("\x00", "").strip()[:1000]
    if len(text) < SHORTEST or limit < 1:
        return []
    near = Item.objects.filter(merged_into=None)
    if system is not None:
        near = near.filter(system=system)
    nearest = near.annotate(distance=TrigramDistance("text", text)).order_by("distance").values_list("pk", "distance")[:CANDIDATES]
    distances = {pk: distance for pk, distance in nearest if distance < TOO_FAR}
    found = sorted(box(person).filter(pk__in=distances), key=lambda item: distances[item.pk])[:limit]
    answers = dict(
        StatusChange.objects.filter(Q(item__in=found) & ~Q(item__status__in=("new", "acknowledged")))
        .order_by("item", "id")
        .values_list("item", "words")
    )
    return [Similar(item, answers.get(item.pk, "")) for item in found]
