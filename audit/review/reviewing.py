"""Reviewing the log: begin, draw, judge, sign. Who may do it is asked by the views (`audit.review`)."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Protocol

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, Min
from django.utils import timezone
from django.utils.translation import gettext as _

from audit import selectors
from audit.errors import Conflict
from audit.explore import finding
from audit.explore.search import parse
from audit.models import Checkpoint, Entry, Judgement, Leaf, Review
from audit.nudge import nudge
from audit.review import sample as review_sample

MOST_SAMPLE, MOST_PERIOD = 500, 2_000_000
V = 1


class Confirmed(Protocol):
    """How a person confirmed that it is them (portal.stepup.StepUp)."""

    method: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What is to be reviewed: from and to in UTC (None: since the last signed review, up to now), a query, a sample size."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None
    query: str = ""
    sample: int | None = None


@transaction.atomic
def begin(*, actor: uuid.UUID, purpose: str, scope: Scope) -> Review:
    """Begin a review of sealed entries. What will be in a sample is decided by the next checkpoint, which nobody knows yet."""
    if not purpose.strip():
        raise ValidationError({"purpose": [_("Say in a few words what this review is for.")]})
    query = parse(scope.query)
    if query.terms:
        query.condition  # noqa: B018 - raises for what cannot be meant
    if scope.sample is not None and not 1 <= scope.sample <= MOST_SAMPLE:
        raise ValidationError({"sample": [_("A sample has 1 to %(most)d entries.") % {"most": MOST_SAMPLE}]})
    if scope.since and scope.until and scope.since >= scope.until:
        raise ValidationError({"until": [_("The period ends before it begins.")]})
    first, stop = _places(scope)
    if stop <= first:
        raise ValidationError(_("There is no sealed entry in this period. Choose another one, or wait until something happened."))
    if scope.sample is not None and stop - first > MOST_PERIOD:
        message = _("Choose a period with at most %(most)d entries to draw from: this one has %(count)d.")
        raise ValidationError(message % {"most": MOST_PERIOD, "count": stop - first})
    made = Review(
        reviewer=actor, purpose=purpose.strip(), query=str(query), first=first, stop=stop, sample=scope.sample, begun_at=timezone.now()
    )
    if query.terms and (count := len(population(made))) > MOST_SAMPLE and scope.sample is None:
        message = _("%(count)d entries fit this query: ask for a sample of at most %(most)d of them.")
        raise ValidationError({"sample": [message % {"count": count, "most": MOST_SAMPLE}]})
    made.save()
    nudge("audit.seal")
    return made


def _places(scope: Scope) -> tuple[int, int]:
    """First and one past the last place of the sealed entries that lie in the period."""
    first, stop = 0, selectors.log_size()
    leaves = Leaf.objects.filter(seq__lt=stop)
    if scope.since:
        ids = Entry.objects.filter(at__gte=scope.since).aggregate(least=Min("id"))["least"]
        first = stop if ids is None else (leaves.filter(entry_id__gte=ids).aggregate(least=Min("seq"))["least"] or 0)
    else:
        first = Review.objects.filter(signed_at__isnull=False, query="").aggregate(most=Max("stop"))["most"] or 0
    if scope.until:
        ids = Entry.objects.filter(at__lt=scope.until).aggregate(most=Max("id"))["most"]
        most = None if ids is None else leaves.filter(entry_id__lte=ids).aggregate(most=Max("seq"))["most"]
        stop = first if most is None else most + 1
    return first, stop


@transaction.atomic
def draw(review: Review) -> Review:
    """Bind a review to the first checkpoint signed after it began, and draw its sample. Drawing again changes nothing.

    Raises Conflict(not_sealed) while there is no such checkpoint.
    """
    review = locked(review)
    if review.is_drawn:
        return review
    entry = Entry.objects.filter(model=Review._meta.label_lower, object=str(review.pk), ver=1).values_list("id", flat=True).first()
    place = Leaf.objects.filter(entry_id=entry or 0).values_list("seq", flat=True).first()
    checkpoint = Checkpoint.objects.filter(size__gt=place).order_by("size").first() if place is not None else None
    if place is None or checkpoint is None:
        raise Conflict("not_sealed", _("The beginning of this review is not sealed yet. It takes some seconds; then try again."))
    root = bytes(checkpoint.root)
    seed = review_sample.seed_of(root, place)
    review.size, review.root, review.seed = checkpoint.size, root.hex(), seed.hex()
    if review.is_listed:
        review.drawn = review_sample.draw(seed, population(review), review.sample or MOST_SAMPLE)
    review.save()
    return review


def population(review: Review) -> range | list[int]:
    """The places that a review is about. Raises ValidationError where a query fits too many."""
    places = range(review.first, review.stop)
    if not review.query:
        return places
    condition = parse(f"{review.query} seq:{review.first}-{review.stop - 1}").condition
    ids: list[int] = []
    for entry in finding.every(condition):
        ids.append(entry)
        if len(ids) > MOST_PERIOD // 10:
            raise ValidationError(_("This query fits too many entries. Make the period shorter or the query narrower."))
    found: list[int] = []
    for at in range(0, len(ids), 10_000):
        rows = Leaf.objects.filter(entry_id__in=ids[at : at + 10_000], seq__gte=review.first, seq__lt=review.stop)
        found.extend(rows.values_list("seq", flat=True))
    return sorted(found)


@transaction.atomic
def judge(review: Review, *, actor: uuid.UUID, seq: int, verdict: str, note: str = "") -> Judgement:
    """Say what one entry of the review is like: fine, question or finding; `settled` closes the latter two, also after the signature."""
    review = locked(review)
    if verdict not in Judgement.Verdict.values:
        raise ValidationError({"verdict": [_("Choose one of: %(names)s.") % {"names": ", ".join(Judgement.Verdict.values)}]})
    if not review.is_drawn:
        raise Conflict("not_drawn", _("Draw the sample first."))
    if seq not in (review.drawn if review.is_listed else range(review.first, review.stop)):
        raise ValidationError({"seq": [_("Entry %(seq)s is not part of this review.") % {"seq": seq}]})
    last = review.judgements.filter(seq=seq).order_by("-id").first()
    still_open = last is not None and last.verdict in {Judgement.Verdict.QUESTION, Judgement.Verdict.FINDING}
    if verdict == Judgement.Verdict.SETTLED and not still_open:
        raise Conflict("nothing_open", _("Nothing is open about this entry."))
    if review.is_signed and verdict != Judgement.Verdict.SETTLED:
        raise Conflict("signed", _("This review is signed. Begin another one to say more."))
    if verdict != Judgement.Verdict.FINE and not note.strip():
        raise ValidationError({"note": [_("Say it in words, so that it can be answered.")]})
    return Judgement.objects.create(review=review, seq=seq, verdict=verdict, note=note.strip(), by=actor, at=timezone.now())


def content_of(review: Review, conclusion: str = "") -> dict[str, object]:
    """What a signature is bound to: the review, its checkpoint and sample, and every judgement in order."""
    return {
        "v": V,
        "review": review.pk,
        "reviewer": str(review.reviewer),
        "purpose": review.purpose,
        "query": review.query,
        "first": review.first,
        "stop": review.stop,
        "sample": review.sample,
        "size": review.size,
        "root": review.root,
        "seed": review.seed,
        "drawn": review.drawn,
        "judgements": [[one.seq, one.verdict, one.note, str(one.by)] for one in review.judgements.all()],
        "conclusion": conclusion,
    }


@transaction.atomic
def sign(review: Review, *, actor: uuid.UUID, name: str, conclusion: str, shown: str, confirmed: Confirmed) -> Review:
    """Sign a review: `shown` is the digest that was on the screen, without the conclusion.

    Raises Conflict when something changed since, when an entry of a sample was not judged, or when it is signed already.
    """
    review = locked(review)
    if review.is_signed:
        raise Conflict("signed", _("This review is signed already."))
    if not review.is_drawn:
        raise Conflict("not_drawn", _("Draw the sample first."))
    if review.reviewer != actor:
        raise Conflict("another_reviewer", _("Whoever began this review signs it."))
    if not conclusion.strip():
        raise ValidationError({"conclusion": [_("Say what you conclude.")]})
    left = set(review.drawn) - set(review.judgements.values_list("seq", flat=True))
    if left:
        raise Conflict("not_judged", _("%(count)d entries of the sample were not judged yet.") % {"count": len(left)})
    live = review_sample.digest_of(content_of(review))
    if shown != live or confirmed.digest != live:
        raise Conflict("changed", _("This review changed while you were reading. Read it again, then sign."), digest=live)
    review.signed_by, review.printed_name, review.signed_at = actor, name, timezone.now()
    review.conclusion, review.step_up_method = conclusion.strip(), confirmed.method
    review.digest = review_sample.digest_of(content_of(review, review.conclusion))
    review.save()
    nudge("audit.seal")
    return review


def locked(review: Review) -> Review:
    """The review as it is now, held until the end of the transaction."""
    return Review.objects.select_for_update(of=("self",)).get(pk=review.pk)
