"""Make one item of two, and two again. What moved is written down, so that undoing gives back exactly that."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from feedback import policies, workflow
from feedback.models import Follow, Item, Merge, Reply, StatusChange, Voice
from feedback.services.answers import locked, touch, words_of
from feedback.services.telling import tell_those_who_care
from portal import clock
from portal.errors import Conflict
from portal.models import Person


def merge(source: Item, target: Item, *, actor: Person, reason: str) -> Merge:
    """Make `source` part of `target`: its voices, followers and replies go over, its address leads there, it is a duplicate.

    By somebody who answers for both. Voices of people who already speak on the target count once; authors without a name
    count without one. Raises PermissionDenied, ValidationError (no reason, the same item), Conflict for items that cannot
    be one: merged already, or a concern with something else.
    """
    reason = words_of(reason, field="reason")
    if source.pk == target.pk:
        raise ValidationError({"into": ValidationError(_("Choose another item than this one."), code="same_item")})
    with transaction.atomic():
        source, target = _both(source, target)
        _check(source, target, actor)
        subject = _("%(ref)s is now part of %(target)s") % {"ref": source.ref, "target": target.ref}
        event = f"merge-{target.pk}-{source.merges.count()}"
        # While its voices and followers are still its own.
        tell_those_who_care(source, kind="feedback.merged", event=event, subject=subject, words=reason, but=actor)
        moved: dict[str, Any] = {
            "status": source.status,
            "voices": _move_voices(source, target),
            "follows": _move_follows(source, target),
            "replies": _move_replies(source, target),
            "nameless": source.carried_count,
            "carried": source.carried_count + (source.author_id is None),
        }
        made = Merge.objects.create(source=source, target=target, by=actor, reason=reason, at=clock.now(), moved=moved)
        target.carried_count += moved["carried"]
        _close(source, target, actor, reason)
        recount(source)
        recount(target)
        touch(target)
    return made


def undo(merge_: Merge, *, actor: Person, words: str) -> Merge:
    """Two items again: what went over goes back, unless it was taken back meanwhile. Raises as `merge` does."""
    words = words_of(words, field="words")
    with transaction.atomic():
        source, target = _both(merge_.source, merge_.target)
        merge_ = Merge.objects.select_for_update().get(pk=merge_.pk)
        if not (policies.may_answer(actor, source) and policies.may_answer(actor, target)):
            raise PermissionDenied(_("Those who answer for both items part them again."))
        if merge_.undone_at is not None:
            raise Conflict("not_merged", _("These two were parted already."), obj=source)
        if target.merged_into_id is not None:
            message = _("%(ref)s is part of another item itself. Part those two first.") % {"ref": target.ref}
            raise Conflict("part_that_first", message, obj=target)
        _return_voices(merge_, source, target)
        _return_follows(merge_, source, target)
        Reply.objects.filter(pk__in=merge_.moved["replies"], item=target).update(item=source)
        target.carried_count -= merge_.moved["carried"]
        source.carried_count = merge_.moved["nameless"]
        merge_.undone_by, merge_.undone_at = actor, clock.now()
        merge_.save(update_fields=["undone_by", "undone_at"])
        StatusChange.objects.create(
            item=source, from_status=source.status, to_status=workflow.REOPENED, words=words, by=actor, at=clock.now()
        )
        source.merged_into, source.status = None, workflow.REOPENED
        source.save(update_fields=["merged_into"])
        recount(source)
        recount(target)
        touch(source, reopened=True)
    return merge_


def recount(item: Item) -> None:
    """Set the counters from the rows, inside the lock on the item."""
    item.voice_count = Voice.objects.filter(item=item).count()
    Item.objects.filter(pk=item.pk).update(voice_count=item.voice_count, carried_count=item.carried_count)


def _both(one: Item, other: Item) -> tuple[Item, Item]:
    """Both items locked, always in the order of their numbers, in the order they were given."""
    held = {item.pk: locked(item) for item in sorted((one, other), key=lambda item: item.pk)}
    return held[one.pk], held[other.pk]


def _check(source: Item, target: Item, actor: Person) -> None:
    if not (policies.may_answer(actor, source) and policies.may_answer(actor, target)):
        raise PermissionDenied(_("Those who answer for both items merge them."))
    if source.merged_into_id is not None or target.merged_into_id is not None:
        raise Conflict("merged_already", _("One of these is part of another item already. Merge with that one."), obj=source)
    if (source.kind == Item.Kind.CONCERN) != (target.kind == Item.Kind.CONCERN):
        raise Conflict("concern_apart", _("A concern stays where only compliance reads it; it merges with concerns alone."), obj=source)
    if source.kind == Item.Kind.INCIDENT:
        raise Conflict("incident_apart", _("An incident has duties of its own. Link to it in words instead."), obj=source)


def _move_voices(source: Item, target: Item) -> list[dict[str, Any]]:
    """Every voice that source had, its author's included, and whether it went over (else it was on the target already)."""
    there = set(Voice.objects.filter(item=target).values_list("person", flat=True)) | {target.author_id}
    moved = []
    for voice in Voice.objects.select_for_update(of=("self",)).select_related("person").filter(item=source).order_by("pk"):
        goes = voice.person_id not in there and not policies.is_author(voice.person, target)
        moved.append({"person": str(voice.person_id), "at": voice.at.isoformat(), "moved": goes})
        if goes:
            voice.item = target
            voice.save(update_fields=["item"])
        else:
            voice.delete()
    author = source.author
    if author is not None and author.pk not in there:
        Voice.objects.create(item=target, person=author, at=clock.now())
        moved.append({"person": str(author.pk), "at": "", "moved": True})
    return moved


def _return_voices(merge_: Merge, source: Item, target: Item) -> None:
    for row in merge_.moved["voices"]:
        on_target = Voice.objects.filter(item=target, person=row["person"])
        if not row["at"]:  # the author of the source, who needs no voice there
            on_target.delete()
        elif row["moved"]:
            on_target.update(item=source)
        else:
            Voice.objects.get_or_create(item=source, person_id=row["person"], defaults={"at": dt.datetime.fromisoformat(row["at"])})


def _move_follows(source: Item, target: Item) -> list[dict[str, Any]]:
    there = set(Follow.objects.filter(item=target).values_list("person", flat=True))
    moved = []
    for follow in Follow.objects.select_for_update().filter(item=source).order_by("pk"):
        moved.append({"person": str(follow.person_id), "muted": follow.muted, "moved": follow.person_id not in there})
        if follow.person_id in there:
            follow.delete()
        else:
            follow.item = target
            follow.save(update_fields=["item"])
    return moved


def _return_follows(merge_: Merge, source: Item, target: Item) -> None:
    for row in merge_.moved["follows"]:
        if row["moved"]:
            Follow.objects.filter(item=target, person=row["person"]).update(item=source)
        else:
            Follow.objects.get_or_create(item=source, person_id=row["person"], defaults={"muted": row["muted"]})


def _move_replies(source: Item, target: Item) -> list[int]:
    """Replies with a name under them. Those of a nameless author stay: on the target "who filed it" is somebody else."""
    replies = list(Reply.objects.filter(item=source, writer__isnull=False).order_by("pk").values_list("pk", flat=True))
    Reply.objects.filter(pk__in=replies).update(item=target)
    return replies


def _close(source: Item, target: Item, actor: Person, reason: str) -> None:
    words = _("Part of %(target)s now. %(reason)s") % {"target": target.ref, "reason": reason}
    StatusChange.objects.create(item=source, from_status=source.status, to_status=workflow.DUPLICATE, words=words, by=actor, at=clock.now())
    source.merged_into, source.status, source.carried_count = target, workflow.DUPLICATE, 0
    source.save(update_fields=["merged_into"])
    touch(source, answered=True)
