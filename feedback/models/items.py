"""What people file in the suggestion box, who joins in, and what they are answered."""

from __future__ import annotations

import datetime as dt
import re
import uuid

from django.contrib.postgres.indexes import GinIndex, GistIndex, OpClass
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit.history import Versions
from feedback import searching, workflow
from portal.models import AISystem, Person, Role, Unit

REF = re.compile(r"FB-([1-9][0-9]{0,17})", re.IGNORECASE)


class ItemQuerySet(models.QuerySet["Item"]):
    def visible_to(self, person: Person) -> ItemQuerySet:
        """The box of every AI system the person can see. A concern is for compliance over its unit and for its author alone."""
        compliance = Q(pk__in=[])
        for held in person.current_roles:
            if held.role == Role.COMPLIANCE:
                compliance |= Q(unit__path__startswith=held.unit.path)
        own = Q(author=person) | Q(confidential_author__person=person)
        shared = Q(system__in=AISystem.objects.visible_to(person)) & ~Q(kind=Item.Kind.CONCERN)
        return self.filter(shared | own | compliance)

    def by_ref(self, ref: str) -> ItemQuerySet:
        """`FB-123`, in any case; nothing for anything else."""
        found = REF.fullmatch(ref)
        return self.filter(pk=int(found[1])) if found else self.none()

    def open(self) -> ItemQuerySet:
        return self.filter(status__in=workflow.OPEN)

    def unanswered(self) -> ItemQuerySet:
        return self.filter(answered_at=None, status__in=workflow.OPEN)

    def late(self, day: dt.date) -> ItemQuerySet:
        """Still without an answer after the promised day."""
        return self.unanswered().filter(reply_due__lt=day)


class Item(models.Model):
    """Something that a person said about an AI system.

    `unit` is the author's for a named item, the system's for any other, so that it narrows nobody down. `about` is the
    recommendation as it stood at filing; a later change of the recommendation changes nothing here. `author` is set for
    named items only: a confidential one has an ItemAuthor, an anonymous one has nobody.
    """

    class Kind(models.TextChoices):
        IDEA = "idea", _("Idea")
        PROBLEM = "problem", _("Problem")
        WRONG_ANSWER = "wrong_answer", _("Wrong answer")
        FRICTION = "friction", _("Friction")
        PRAISE = "praise", _("Praise")
        CONCERN = "concern", _("Concern")
        INCIDENT = "incident", _("Incident")

    class Identity(models.TextChoices):
        NAMED = "named", _("With my name")
        CONFIDENTIAL = "confidential", _("Confidential")
        ANONYMOUS = "anonymous", _("Anonymous")

    class Status(models.TextChoices):
        NEW = workflow.NEW, _("New")
        ACKNOWLEDGED = workflow.ACKNOWLEDGED, _("Acknowledged")
        PLANNED = workflow.PLANNED, _("Planned")
        IN_TEST = workflow.IN_TEST, _("In test")
        DONE = workflow.DONE, _("Done")
        DECLINED = workflow.DECLINED, _("Declined")
        DUPLICATE = workflow.DUPLICATE, _("Duplicate")
        REOPENED = workflow.REOPENED, _("Reopened")

    class Severity(models.TextChoices):
        LOW = "low", _("Low")
        NORMAL = "normal", _("Normal")
        HIGH = "high", _("High")
        SERIOUS = "serious", _("Serious")

    class Channel(models.TextChoices):
        PAGE = "page", _("Page")
        KIOSK = "kiosk", _("Kiosk")
        WIDGET = "widget", _("Inside the AI's own screen")
        API = "api", _("Program")

    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="items")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="items")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    text = models.TextField(max_length=4000)
    identity = models.CharField(max_length=12, choices=Identity.choices)
    author = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="items")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.NEW)
    severity = models.CharField(max_length=8, choices=Severity.choices, default=Severity.NORMAL)
    filed_on = models.DateField()
    filed_at = models.DateTimeField(null=True, blank=True, help_text="Empty for an anonymous item: it is dated to the day.")
    reply_due = models.DateField(help_text="The promised day of an answer, in business days of the unit.")
    answered_at = models.DateTimeField(null=True, blank=True)
    recommendation = models.ForeignKey("feedback.Recommendation", null=True, blank=True, on_delete=models.PROTECT, related_name="items")
    about = models.JSONField(null=True, blank=True, help_text="The recommendation as it stood at filing.")
    voice_count = models.PositiveIntegerField(default=0)
    carried_count = models.PositiveIntegerField(default=0, help_text="People who came with a merged item and gave no name.")
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged")
    proxy = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Who filed it on the author's behalf."
    )
    channel = models.CharField(max_length=8, choices=Channel.choices, default=Channel.PAGE)
    edited_at = models.DateTimeField(null=True, blank=True)
    moved_at = models.DateTimeField(help_text="The last reply, status or filing: what `stale` sorts by.")

    history = Versions(excluded_fields=["voice_count", "carried_count", "moved_at"], data_class="feedback")
    objects = ItemQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="item_author_by_identity",
                condition=Q(identity="named", author__isnull=False) | (~Q(identity="named") & Q(author=None)),
            ),
            models.CheckConstraint(
                name="item_anonymous_untimed", condition=~Q(identity="anonymous") | Q(filed_at=None, recommendation=None)
            ),
            models.CheckConstraint(name="item_confidential_unlinked", condition=~Q(identity="confidential") | Q(recommendation=None)),
            models.CheckConstraint(name="item_says_something", condition=~Q(text="")),
            models.CheckConstraint(name="item_proxy_of_named", condition=Q(proxy=None) | Q(identity="named")),
        ]
        indexes = [
            models.Index(fields=["-voice_count", "-id"], name="item_reach"),
            models.Index(fields=["moved_at", "id"], name="item_stale"),
            models.Index(fields=["system", "-id"], name="item_of_system"),
            models.Index(fields=["status", "-id"], name="item_status"),
            models.Index(fields=["reply_due", "id"], name="item_waiting", condition=Q(answered_at=None)),
            GinIndex(searching.vector(), name="item_words"),
            GistIndex(OpClass("text", name="gist_trgm_ops(siglen=64)"), name="item_letters"),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"FB-{self.pk}"

    @property
    def people(self) -> int:
        """How many said it: the author, everyone who added a voice, and the nameless authors of merged items."""
        return self.voice_count + self.carried_count + 1

    @property
    def is_open(self) -> bool:
        return self.status in workflow.OPEN

    @property
    def is_answered(self) -> bool:
        return self.answered_at is not None

    def is_late(self, day: dt.date) -> bool:
        return self.is_open and self.answered_at is None and self.reply_due < day


class ItemAuthor(models.Model):
    """Who filed a confidential item, and about which recommendation. Not governed: a version or an entry would say it aloud.

    Read by feedback.selectors.names alone, which records each look with its reason.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    item = models.OneToOneField(Item, on_delete=models.CASCADE, related_name="confidential_author")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="confidential_items")
    recommendation = models.ForeignKey("feedback.Recommendation", null=True, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"the author of FB-{self.item_id}"


class Voice(models.Model):
    """One person's "me too"."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="voices")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="voices")
    at = models.DateTimeField()

    history = Versions(data_class="feedback")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "person"], name="one_voice_a_person")]

    def __str__(self) -> str:
        return f"a voice on FB-{self.item_id}"


class Reply(models.Model):
    """Words on an item. An answer comes from someone who answers for the system; the author of an item may reply too, and
    others comment. A note is read by those who answer alone.

    `writer` is empty for a reply of a confidential or anonymous author.
    """

    class Side(models.TextChoices):
        ANSWER = "answer", _("Answer")
        AUTHOR = "author", _("From who filed it")
        COMMENT = "comment", _("Comment")
        NOTE = "note", _("Internal note")

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="replies")
    side = models.CharField(max_length=8, choices=Side.choices)
    writer = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="replies")
    text = models.TextField(max_length=4000)
    at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True, blank=True)

    history = Versions(data_class="feedback")

    class Meta:
        verbose_name_plural = "replies"
        ordering = ["at", "id"]
        constraints = [
            models.CheckConstraint(name="reply_says_something", condition=~Q(text="")),
            models.CheckConstraint(name="reply_answer_signed", condition=Q(side="author") | Q(writer__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"a reply on FB-{self.item_id}"


class StatusChange(models.Model):
    """A move of an item, with the words that everyone who cares about it is told.

    `by` is empty where a confidential or anonymous author said that it was not fixed.
    """

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="status_changes")
    from_status = models.CharField(max_length=12, choices=Item.Status.choices)
    to_status = models.CharField(max_length=12, choices=Item.Status.choices)
    words = models.TextField(max_length=4000)
    by = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    history = Versions(data_class="feedback")

    class Meta:
        ordering = ["at", "id"]
        constraints = [models.CheckConstraint(name="status_never_without_words", condition=~Q(words=""))]

    def __str__(self) -> str:
        return f"FB-{self.item_id}: {self.to_status}"
