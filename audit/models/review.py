"""Reviews of the log: what somebody looked at, what they thought of it, and their signature under it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from audit.history import Versions


class Review(models.Model):
    """A period of the log, or a random sample of it, that one person reads and signs.

    Places `first` to `stop` (excluded), narrowed by `query`; with `sample`, so many of them. The checkpoint (`size`, `root`)
    is the first that was signed after the review had begun: nobody knows its root beforehand, so nobody picks the sample.
    """

    reviewer = models.UUIDField(editable=False)
    purpose = models.CharField(max_length=200)
    query = models.CharField(max_length=400, blank=True)
    first = models.BigIntegerField()
    stop = models.BigIntegerField()
    sample = models.PositiveIntegerField(null=True, blank=True)
    begun_at = models.DateTimeField()
    size = models.BigIntegerField(null=True, blank=True)
    root = models.CharField(max_length=64, blank=True)
    seed = models.CharField(max_length=64, blank=True)
    drawn = models.JSONField(default=list, blank=True, help_text="The places in the sample, in the order of the draw.")
    signed_by = models.UUIDField(null=True, blank=True)
    printed_name = models.CharField(max_length=200, blank=True)
    signed_at = models.DateTimeField(null=True, blank=True)
    conclusion = models.TextField(blank=True, max_length=4000)
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of what was signed (docs/reference/review.md).")
    step_up_method = models.CharField(max_length=20, blank=True)

    history = Versions()

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(name="review_period", condition=Q(stop__gt=F("first"), first__gte=0)),
            models.CheckConstraint(
                name="review_signed_whole",
                condition=Q(signed_by=None, signed_at=None, digest="")
                | (Q(signed_by__isnull=False, signed_at__isnull=False, size__isnull=False) & ~Q(digest="") & ~Q(conclusion="")),
            ),
        ]

    def __str__(self) -> str:
        return f"AR-{self.pk}"

    @property
    def ref(self) -> str:
        return f"AR-{self.pk}"

    @property
    def is_listed(self) -> bool:
        """Its entries are a list (a sample, or what fits the query), each of them judged before it is signed; else a whole period."""
        return self.sample is not None or bool(self.query)

    @property
    def last(self) -> int:
        """The last place of its period."""
        return self.stop - 1

    @property
    def is_drawn(self) -> bool:
        return self.size is not None

    @property
    def is_signed(self) -> bool:
        return self.signed_at is not None


class Judgement(models.Model):
    """What the reviewer says about one entry. Insert-only: the last one counts, and `settled` closes a question or a finding."""

    class Verdict(models.TextChoices):
        FINE = "fine", _("Looks right")
        QUESTION = "question", _("Question")
        FINDING = "finding", _("Finding")
        SETTLED = "settled", _("Settled")

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="judgements")
    seq = models.BigIntegerField()
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    note = models.TextField(blank=True, max_length=2000)
    by = models.UUIDField(editable=False)
    at = models.DateTimeField()

    history = Versions()

    class Meta:
        ordering: ClassVar[list[str]] = ["review", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(name="judgement_in_words", condition=Q(verdict="fine") | ~Q(note="")),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} on {self.seq}"
