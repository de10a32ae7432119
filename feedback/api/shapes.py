"""What the API of feedback takes and answers."""

from __future__ import annotations

import datetime as dt
from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from feedback.models import Item, Outcome, Recommendation, Reply
from feedback.policies import may_answer
from feedback.selectors.items import Happening, timeline
from portal import clock
from portal.models import Person


class ItemIn(serializers.Serializer[Any]):
    system = serializers.CharField(help_text="The AI system's slug.")
    person = serializers.CharField(
        required=False,
        max_length=120,
        help_text="From a system's key: staff number or e-mail of who says it. From a person: the colleague's that they file for.",
    )
    kind = serializers.CharField()
    text = serializers.CharField(allow_blank=True, trim_whitespace=False)
    identity = serializers.CharField(required=False, help_text="named or confidential; a concern is confidential unless you say named.")
    recommendation = serializers.CharField(required=False, allow_blank=True, max_length=200, help_text="The tool's id of one shown to you.")
    severity = serializers.CharField(required=False, allow_blank=True)


class WordsIn(serializers.Serializer[Any]):
    text = serializers.CharField(allow_blank=True)


class MoveIn(serializers.Serializer[Any]):
    status = serializers.CharField()
    words = serializers.CharField(allow_blank=True, help_text="Everyone who cares about the item is told these.")


class CommentIn(WordsIn):
    internal = serializers.BooleanField(required=False, default=False, help_text="A note for those who answer, and for nobody else.")


class FollowIn(serializers.Serializer[Any]):
    choice = serializers.CharField(help_text="follow, mute or neither.")


class VerdictIn(serializers.Serializer[Any]):
    fixed = serializers.BooleanField(help_text="Did this fix it for you? false reopens the item.")
    words = serializers.CharField(required=False, allow_blank=True, default="")


class VerdictOut(serializers.Serializer[Any]):
    ref = serializers.CharField()
    fixed = serializers.BooleanField()
    status = serializers.CharField()


class MergeIn(serializers.Serializer[Any]):
    into = serializers.CharField(help_text="The item that it becomes part of.")
    reason = serializers.CharField(allow_blank=True)


class PartIn(serializers.Serializer[Any]):
    words = serializers.CharField(allow_blank=True)


class EditOut(serializers.Serializer[Any]):
    what = serializers.CharField()
    at = serializers.DateTimeField()
    text = serializers.CharField()


class ReplyOut(serializers.Serializer[Reply]):
    id = serializers.IntegerField()
    side = serializers.CharField()
    writer = serializers.CharField(allow_null=True)
    text = serializers.CharField()
    at = serializers.DateTimeField()
    edited_at = serializers.DateTimeField(allow_null=True)


class ItemOut(serializers.Serializer[Item]):
    ref = serializers.CharField()
    system = serializers.CharField()
    unit = serializers.CharField()
    kind = serializers.CharField()
    text = serializers.CharField()
    identity = serializers.CharField()
    author = serializers.CharField(allow_null=True)
    status = serializers.CharField()
    severity = serializers.CharField()
    filed_on = serializers.DateField()
    reply_due = serializers.DateField()
    answered = serializers.BooleanField()
    late = serializers.BooleanField()
    voices = serializers.IntegerField()
    my_voice = serializers.BooleanField()
    people = serializers.IntegerField(help_text="The author, the voices, and who came with merged items.")
    merged_into = serializers.CharField(allow_null=True)
    edited_at = serializers.DateTimeField(allow_null=True)
    recommendation = serializers.JSONField(allow_null=True)


class SimilarOut(ItemOut):
    answer = serializers.CharField(allow_blank=True)


class ItemWhole(ItemOut):
    proxy = serializers.CharField(allow_null=True, help_text="Who filed it in the author's name.")
    channel = serializers.CharField()
    replies = ReplyOut(many=True)
    history = serializers.ListField(child=serializers.DictField())


class VoicesOut(serializers.Serializer[Any]):
    ref = serializers.CharField()
    voices = serializers.IntegerField()
    my_voice = serializers.BooleanField()


def item(row: Item) -> dict[str, Any]:
    """A row of `feedback.selectors.items.box` for a list. Names an author who chose to be named, nobody else."""
    return {
        "ref": row.ref,
        "system": row.system.slug,
        "unit": row.unit.path,
        "kind": row.kind,
        "text": row.text,
        "identity": row.identity,
        "author": row.author.name if row.author else None,
        "status": row.status,
        "severity": row.severity,
        "filed_on": row.filed_on,
        "reply_due": row.reply_due,
        "answered": row.is_answered,
        "late": row.is_late(clock.now().date()),
        "voices": row.voice_count,
        "my_voice": getattr(row, "has_my_voice", False),
        "people": row.people,
        "merged_into": f"FB-{row.merged_into_id}" if row.merged_into_id else None,
        "edited_at": row.edited_at,
        "recommendation": row.about,
    }


def whole_item(row: Item, reader: Person) -> dict[str, Any]:
    """The same with its replies and moves, oldest first. Notes are for those who answer."""
    notes = may_answer(reader, row)
    replies = row.replies.select_related("writer")
    return {
        **item(row),
        "proxy": row.proxy.name if row.proxy else None,
        "channel": row.channel,
        "replies": [reply(one) for one in (replies if notes else replies.exclude(side=Reply.Side.NOTE))],
        "history": [happening(one) for one in reversed(timeline(row, notes=notes))],
    }


def reply(row: Reply) -> dict[str, Any]:
    writer = row.writer.name if row.writer else None
    return {"id": row.pk, "side": row.side, "writer": writer, "text": row.text, "at": row.at, "edited_at": row.edited_at}


def happening(row: Happening) -> dict[str, Any]:
    return {"what": row.what, "who": row.who, "words": row.words, "at": row.at}


class SaidOut(serializers.Serializer[Recommendation]):
    """What was said and shown."""

    id = serializers.CharField()
    system = serializers.CharField()
    version = serializers.CharField()
    kind = serializers.CharField()
    subject_ref = serializers.CharField()
    proposal = serializers.JSONField()
    confidence = serializers.FloatField(allow_null=True)
    explanation = serializers.JSONField(allow_null=True)
    alternatives = serializers.JSONField()
    unexplained = serializers.BooleanField()
    shown_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class RecommendationToSystem(SaidOut):
    """`shown`: every time it was shown, where that was more than once."""

    shown = SaidOut(many=True, required=False)


class RecommendationOut(SaidOut):
    """With what the person decided: for that person alone."""

    outcome = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    outcomes = serializers.ListField(child=serializers.DictField())
    items = serializers.ListField(child=serializers.CharField())


RECOMMENDATION = PolymorphicProxySerializer(
    component_name="Recommendation", serializers=[RecommendationOut, RecommendationToSystem], resource_type_field_name=None
)


def recommendation(row: Recommendation, outcomes: list[Outcome], refs: list[str]) -> dict[str, Any]:
    """What was said, shown and done, in order, for the person alone. `outcome` is the effective one."""
    return {
        **said(row),
        "outcome": row.outcome or None,
        "reason": row.reason or None,
        "outcomes": [_outcome(one) for one in outcomes],
        "items": refs,
    }


def said(row: Recommendation) -> dict[str, Any]:
    """What was said and shown, and nothing of the person or what they did."""
    return {
        "id": row.uid,
        "system": row.system.slug,
        "version": row.version,
        "kind": row.kind,
        "subject_ref": row.subject_ref,
        "proposal": row.proposal,
        "confidence": None if row.confidence is None else float(row.confidence),
        "explanation": row.explanation,
        "alternatives": row.alternatives,
        "unexplained": row.unexplained,
        "shown_at": row.occurred_at.astimezone(dt.UTC),
        "expires_at": row.expires_at,
    }


def _outcome(row: Outcome) -> dict[str, Any]:
    return {
        "id": row.event.event_id,
        "outcome": row.kind or None,
        "undo": row.undo,
        "reason": row.reason or None,
        "text": row.text,
        "before": row.before,
        "after": row.after,
        "supersedes": row.supersedes or None,
        "at": row.occurred_at,
        "received_at": row.received_at,
    }
