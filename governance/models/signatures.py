"""Signatures: insert-only, bound to the digest that was on the screen."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audit.history import Versions
from governance.models.requests import ExpansionRequest
from portal.models import Person


class Signature(models.Model):
    """A person's decision on exactly one digest. It counts only while that digest is the live one."""

    class Decision(models.TextChoices):
        APPROVE = "approve", "Approve"
        REJECT = "reject", "Reject"
        REQUEST_CHANGES = "request_changes", "Request changes"

    class Meaning(models.TextChoices):
        REVIEW = "review", "Review"
        APPROVAL = "approval", "Approval"
        RESPONSIBILITY = "responsibility", "Responsibility"

    request = models.ForeignKey(ExpansionRequest, on_delete=models.PROTECT, related_name="signatures")
    revision = models.PositiveSmallIntegerField()
    digest = models.CharField(max_length=64)
    slot = models.CharField(max_length=20)
    decision = models.CharField(max_length=20, choices=Decision.choices)
    meaning = models.CharField(max_length=20, choices=Meaning.choices)
    signer = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="signatures")
    printed_name = models.CharField(max_length=120)
    signed_at = models.DateTimeField()
    reason = models.TextField(blank=True)
    step_up_method = models.CharField(max_length=20)
    step_up_at = models.DateTimeField()

    history = Versions()

    class Meta:
        ordering = ["signed_at", "id"]
        constraints = [
            # One slot may hold two: the second when the first signer lost the role (R7). The row lock keeps them in turn.
            models.UniqueConstraint(fields=["request", "digest", "signer"], name="signature_one_slot_a_person"),
            models.CheckConstraint(name="signature_refusal_has_reason", condition=Q(decision="approve") | ~Q(reason="")),
            models.CheckConstraint(name="signature_digest_is_sha256", condition=Q(digest__regex=r"^[0-9a-f]{64}$")),
        ]

    def __str__(self) -> str:
        return f"{self.decision} by {self.printed_name}"
