"""Comments of everybody, notes among those who answer, and who is called by name in them."""

from __future__ import annotations

import re

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from feedback import policies
from feedback.models import Item, Mention, Reply
from feedback.services.answers import locked, touch, words_of
from feedback.services.telling import tell_mentioned
from portal import clock
from portal.models import Person

# `@NF-117` or `@mara.lindqvist`: a staff number, or what stands before the @ of an address.
MENTION = re.compile(r"(?<![\w@.])@([\w][\w.-]{1,60}[\w])")
MOST_MENTIONS = 20


def comment(item: Item, *, actor: Person, text: str) -> Reply:
    """Words of anybody who may see the item and comment on its board. The author of a confidential item replies instead.

    Raises PermissionDenied, ValidationError without words.
    """
    text = words_of(text, field="text")
    with transaction.atomic():
        item = locked(item)
        if not policies.may_comment(actor, item):
            raise PermissionDenied(_("Comments on this item are for those who answer for it."))
        made = Reply.objects.create(item=item, side=Reply.Side.COMMENT, writer=actor, text=text, at=clock.now())
        touch(item)
        mention(made, item)
    return made


def note(item: Item, *, actor: Person, text: str) -> Reply:
    """Words for those who answer for the item, and for nobody else. Raises as `comment` does."""
    text = words_of(text, field="text")
    with transaction.atomic():
        item = locked(item)
        if not policies.may_answer(actor, item):
            raise PermissionDenied(_("Those who answer for this item write notes on it."))
        made = Reply.objects.create(item=item, side=Reply.Side.NOTE, writer=actor, text=text, at=clock.now())
        mention(made, item)
    return made


def mention(reply: Reply, item: Item) -> list[Person]:
    """Record and tell who is called by name in a reply and may read it; others are passed over. In the caller's transaction."""
    called = list(dict.fromkeys(MENTION.findall(reply.text)))[:MOST_MENTIONS]
    if not called:
        return []
    named = Q()
    for name in called:
        named |= Q(staff_number__iexact=name) | Q(email__istartswith=f"{name}@")
    found = []
    for person in Person.objects.filter(named, is_active=True):
        if person.pk == reply.writer_id or not may_read(person, reply, item):
            continue
        _row, new = Mention.objects.get_or_create(reply=reply, person=person)
        if new:
            found.append(person)
    tell_mentioned(reply, item, found)
    return found


def may_read(person: Person, reply: Reply, item: Item) -> bool:
    """True for whoever sees the item; a note is for those who answer."""
    if reply.side == Reply.Side.NOTE:
        return policies.may_answer(person, item)
    return Item.objects.visible_to(person).filter(pk=item.pk).exists()
