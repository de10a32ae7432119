"""Change one's own words. What they were stays in the versions, for everybody to see."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from audit.context import acting
from feedback import policies
from feedback.models import Item, Reply
from feedback.services.answers import locked, words_of
from feedback.services.items import confidential_intake
from feedback.services.talking import mention
from portal import clock
from portal.errors import Conflict
from portal.models import Person


def edit_item(item: Item, *, actor: Person, text: str) -> Item:
    """New words for an item, by its author, while it is open. Raises PermissionDenied, Conflict, ValidationError."""
    text = words_of(text, field="text")
    with transaction.atomic():
        item = locked(item)
        if not policies.is_author(actor, item):
            raise PermissionDenied(_("Whoever filed it may change its words. Comment on it instead."))
        if not item.is_open:
            raise Conflict("item_closed", _("This item is closed. Say that it is not fixed, or file a new one."), obj=item)
        if text == item.text:
            return item
        item.text, item.edited_at = text, clock.now()
        with _as_author(item):
            item.save(update_fields=["text", "edited_at"])
    return item


def edit_reply(reply: Reply, *, actor: Person, text: str) -> Reply:
    """New words for a reply, by who wrote it. Raises PermissionDenied, ValidationError."""
    text = words_of(text, field="text")
    with transaction.atomic():
        item = locked(reply.item)
        reply = Reply.objects.select_for_update().get(pk=reply.pk)
        by_author = reply.side == Reply.Side.AUTHOR and policies.is_author(actor, item)
        if reply.writer_id != actor.pk and not (reply.writer_id is None and by_author):
            raise PermissionDenied(_("Whoever wrote it may change it."))
        if text == reply.text:
            return reply
        reply.text, reply.edited_at = text, clock.now()
        with _as_author(item) if reply.writer_id is None else nullcontext():
            reply.save(update_fields=["text", "edited_at"])
        mention(reply, item)
    return reply


def _as_author(item: Item) -> AbstractContextManager[object]:
    """A confidential author's change is written by the intake, which names nobody."""
    return nullcontext() if item.identity == Item.Identity.NAMED else acting(confidential_intake(), channel="task", request_id="")
