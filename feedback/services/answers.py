"""Reply to an item, and move it through its statuses. Both always carry words."""

from __future__ import annotations

from contextlib import nullcontext

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit.context import acting
from feedback import policies, promises, workflow
from feedback.models import Item, Reply, StatusChange
from feedback.services.items import LONGEST_TEXT, confidential_intake
from feedback.services.telling import tell_those_who_care
from portal import clock
from portal.errors import Conflict
from portal.models import Person


def reply(item: Item, *, actor: Person, text: str) -> Reply:
    """An answer from someone who answers for the item, or further words of its author.

    The first answer keeps the promise. Raises PermissionDenied for anybody else, ValidationError without words.
    """
    text = words_of(text, field="text")
    with transaction.atomic():
        item = locked(item)
        answering = policies.may_answer(actor, item)
        if not answering and not policies.is_author(actor, item):
            raise PermissionDenied(_("Those who answer for this item reply to it, and whoever filed it. Add your voice instead."))
        if policies.is_author(actor, item):
            return _add_as_author(item, actor, text)
        made = Reply.objects.create(item=item, side=Reply.Side.ANSWER, writer=actor, text=text, at=clock.now())
        touch(item, answered=True)
        tell_those_who_care(
            item,
            kind="feedback.answered",
            event=f"reply-{made.pk}",
            subject=_("%(ref)s was answered") % {"ref": item.ref},
            words=text,
            but=actor,
        )
    return made


def tell_of_ending(item: Item, *, actor: Person, text: str) -> Reply:
    """What somebody who objected is told when the pilot is over: a reply on their item, and a notice, in the caller's transaction.

    It is no answer to what they asked (that promise stays open), and it moves nothing.
    """
    item = locked(item)
    made = Reply.objects.create(item=item, side=Reply.Side.ANSWER, writer=actor, text=text[:LONGEST_TEXT], at=clock.now())
    touch(item)
    subject = _("%(ref)s: what became of the pilot") % {"ref": item.ref}
    tell_those_who_care(item, kind="feedback.answered", event=f"reply-{made.pk}", subject=subject, words=made.text, but=actor)
    return made


def move(item: Item, *, actor: Person, to: str, words: str) -> StatusChange:
    """Move an item, with the words that its author and voices are told.

    Raises PermissionDenied, ValidationError (no words, unknown status), Conflict("status_not_allowed") for a move that
    workflow.MOVES does not know.
    """
    words = words_of(words, field="words")
    if to not in workflow.STATUSES:
        raise ValidationError(
            {"status": ValidationError(_("Choose: %(names)s.") % {"names": ", ".join(workflow.STATUSES)}, code="status_unknown")}
        )
    with transaction.atomic():
        item = locked(item)
        if not policies.may_answer(actor, item):
            raise PermissionDenied(_("Those who answer for this item move it."))
        if not workflow.may_move(item.status, to):
            allowed = ", ".join(workflow.moves_from(item.status))
            message = _("An item that is %(status)s can become: %(allowed)s.") % {"status": item.status, "allowed": allowed}
            raise Conflict("status_not_allowed", message, obj=item, allowed=list(workflow.moves_from(item.status)))
        made = StatusChange.objects.create(item=item, from_status=item.status, to_status=to, words=words, by=actor, at=clock.now())
        item.status = to
        touch(item, answered=to in workflow.ANSWERS, reopened=to == workflow.REOPENED)
        subject = _("%(ref)s is now: %(status)s") % {"ref": item.ref, "status": item.get_status_display()}
        tell_those_who_care(item, kind="feedback.moved", event=f"status-{made.pk}", subject=subject, words=words, but=actor)
    return made


def words_of(text: str, *, field: str) -> str:
    """The words, trimmed. Raises ValidationError for none or too many."""
    text = text.strip()
    if not text:
        raise ValidationError({field: ValidationError(_("Say it in words; people will read them."), code="required")})
    if len(text) > LONGEST_TEXT:
        raise ValidationError(
            {field: ValidationError(_("At most %(count)s characters, please.") % {"count": LONGEST_TEXT}, code="too_long")}
        )
    return text


def locked(item: Item) -> Item:
    """The item read again, held until the end of the transaction."""
    return (
        Item.objects.select_for_update(of=("self",))
        .select_related("system", "unit", "author", "confidential_author__person")
        .get(pk=item.pk)
    )


def _add_as_author(item: Item, actor: Person, text: str) -> Reply:
    named = item.identity == Item.Identity.NAMED
    with nullcontext() if named else acting(confidential_intake(), channel="task", request_id=""):
        made = Reply.objects.create(item=item, side=Reply.Side.AUTHOR, writer=actor if named else None, text=text, at=clock.now())
        touch(item)
    return made


def touch(item: Item, *, answered: bool = False, reopened: bool = False) -> None:
    """Save what a reply or a move changes on the item itself. Reopening makes a new promise."""
    now = clock.now()
    item.moved_at = now
    if answered and item.answered_at is None:
        item.answered_at = now
    if reopened:
        item.answered_at = None
        item.reply_due = promises.reply_due(item.unit, item.severity, now)
    item.save(update_fields=["status", "moved_at", "answered_at", "reply_due"])
