"""How people take part in an item besides filing it: they follow, are mentioned, say whether it was fixed; items become one."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audit.history import Versions
from feedback.models.items import Item, Reply, StatusChange
from portal.models import Person


class Follow(models.Model):
    """One person's wish to hear of an item, or (`muted`) not to. Its author and its voices hear of it without a row."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="follows")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="follows")
    muted = models.BooleanField(default=False)

    history = Versions()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "person"], name="one_follow_a_person")]

    def __str__(self) -> str:
        return f"{'muted' if self.muted else 'followed'}: FB-{self.item_id}"


class Mention(models.Model):
    """A person called by name in a reply. They are told if they may see it."""

    reply = models.ForeignKey(Reply, on_delete=models.CASCADE, related_name="mentions")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="mentions")

    history = Versions()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reply", "person"], name="one_mention_a_reply")]

    def __str__(self) -> str:
        return f"a mention on reply {self.reply_id}"


class Verdict(models.Model):
    """The answer to "did this fix it for you?" about one move to done. A No reopens the item.

    `person` is empty for a confidential or anonymous author; there is one such verdict a move at most.
    """

    move = models.ForeignKey(StatusChange, on_delete=models.PROTECT, related_name="verdicts")
    person = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="verdicts")
    fixed = models.BooleanField()
    words = models.TextField(max_length=4000, blank=True)
    at = models.DateTimeField()

    history = Versions()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["move", "person"], name="one_verdict_a_person"),
            models.UniqueConstraint(fields=["move"], condition=Q(person=None), name="one_nameless_verdict"),
        ]

    def __str__(self) -> str:
        return f"{'fixed' if self.fixed else 'not fixed'}: move {self.move_id}"


class Merge(models.Model):
    """Two items became one: `source` redirects to `target`. `moved` holds what went over, so that it can be undone.

    `moved`: {"status", "voices": [{person, at, moved}], "follows": [{person, muted, moved}], "replies": [id],
    "nameless": people counted without a name on the source, "carried": those who went over}.
    """

    source = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="merges")
    target = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="absorbed")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(max_length=4000)
    at = models.DateTimeField()
    moved = models.JSONField()
    undone_by = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)

    history = Versions()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source"], condition=Q(undone_at=None), name="one_merge_in_force"),
            models.CheckConstraint(name="merge_of_two", condition=~Q(source=models.F("target"))),
            models.CheckConstraint(name="merge_says_why", condition=~Q(reason="")),
        ]

    def __str__(self) -> str:
        return f"FB-{self.source_id} into FB-{self.target_id}"
