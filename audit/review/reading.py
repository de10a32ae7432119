"""What the pages of reviews show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Max

from audit import selectors
from audit.explore import entries as explorer
from audit.explore.entries import Row
from audit.models import Entry, Judgement, Leaf, Review
from audit.review.sample import uncovered

SHOWN = 25


@dataclass(frozen=True)
class Overview:
    """Reviews with what they left open, and what nobody ever reviewed."""

    reviews: list[Review]
    names: dict[Any, str]
    open: list[Judgement]
    gaps: list[tuple[int, int]]
    size: int

    @property
    def never(self) -> int:
        """How many entries no signed review of a whole period covers."""
        return sum(stop - first + 1 for first, stop in self.gaps)


@dataclass(frozen=True)
class Looked:
    """One entry of a review and what was said about it, the last words last."""

    row: Row
    said: list[Judgement]

    @property
    def verdict(self) -> str:
        return self.said[-1].verdict if self.said else ""

    @property
    def open(self) -> bool:
        return self.verdict in {Judgement.Verdict.QUESTION, Judgement.Verdict.FINDING}


def overview() -> Overview:
    """The newest 50 reviews. Five queries, however many."""
    reviews = list(Review.objects.order_by("-id")[:50])
    whole = Review.objects.filter(signed_at__isnull=False, sample=None, query="").values_list("first", "stop")
    size = selectors.log_size()
    # As people write them: both ends included.
    gaps = [(first, stop - 1) for first, stop in uncovered(size, list(whole))]
    found = open_findings()
    return Overview(reviews, explorer.labels({review.reviewer for review in reviews} | {one.by for one in found}), found, gaps, size)


def open_findings() -> list[Judgement]:
    """Questions and findings that are the last word about their entry, oldest first, at most 100."""
    last = Judgement.objects.order_by().values("review", "seq").annotate(last=Max("id")).values("last")
    verdicts = [Judgement.Verdict.QUESTION, Judgement.Verdict.FINDING]
    return list(Judgement.objects.filter(pk__in=last, verdict__in=verdicts).select_related("review").order_by("id")[:100])


def looked_at(review: Review, after: int) -> tuple[list[Looked], int | None]:
    """A page of the entries of a review, and where the next one begins. Sampled ones come in the order of the draw."""
    if not review.is_drawn:
        return [], None
    if review.is_listed:
        places, more = review.drawn[after : after + SHOWN], len(review.drawn) > after + SHOWN
    else:
        first = review.first + after
        places, more = list(range(first, min(first + SHOWN, review.stop))), first + SHOWN < review.stop
    rows = rows_at(places)
    said: dict[int, list[Judgement]] = {}
    for one in review.judgements.filter(seq__in=places).order_by("id"):
        said.setdefault(one.seq, []).append(one)
    return [Looked(rows[seq], said.get(seq, [])) for seq in places if seq in rows], after + SHOWN if more else None


def rows_at(places: list[int]) -> dict[int, Row]:
    """Place -> the entry there, as the explorer shows it."""
    ids = Leaf.objects.filter(seq__in=places).values_list("entry_id", flat=True)
    page = explorer.page_of(Entry.objects.filter(pk__in=list(ids)), limit=max(1, len(places)))
    return {row.seq: row for row in page.rows if row.seq is not None}
