"""How the words of items are searched: stems of several languages at once, and likeness of letters."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from django.contrib.postgres.search import CombinedSearchVector, SearchQuery, SearchVector

# Each text is read in all of them: nobody says in which language they write. `simple` finds words as they are.
LANGUAGES = ("simple", "english", "german", "french", "spanish", "italian", "dutch", "portuguese")


def vector() -> CombinedSearchVector:
    """The expression that the index of items is over; a filter must use exactly this one."""
    first, *rest = [SearchVector("text", config=language) for language in LANGUAGES]
    whole: Any = first
    for part in rest:
        whole = CombinedSearchVector(whole, "||", part, first.config)
    found: CombinedSearchVector = whole
    return found


def query(words: str) -> SearchQuery:
    """What people type: words that must all occur, "quoted" ones beside each other, `-` for those that must not."""
    return reduce(or_, (SearchQuery(words, config=language, search_type="websearch") for language in LANGUAGES))
