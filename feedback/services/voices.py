"""Add one's voice to an item, or take it back. Both may be repeated without effect."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from feedback.models import Item, Voice
from feedback.policies import is_author
from portal import clock
from portal.models import Person


def add(item: Item, *, actor: Person) -> int:
    """The actor's "me too". Returns the number of voices afterwards.

    One person counts once, however often they call, and the author counts already. On an item that became part of
    another the voice goes to that one.
    """
    with transaction.atomic():
        item = _locked(item)
        if is_author(actor, item):
            return item.voice_count
        _voice, made = Voice.objects.get_or_create(item=item, person=actor, defaults={"at": clock.now()})
        if made:
            Item.objects.filter(pk=item.pk).update(voice_count=F("voice_count") + 1)
    return item.voice_count + made


def withdraw(item: Item, *, actor: Person) -> int:
    """Take the actor's voice back. Returns the number of voices afterwards."""
    with transaction.atomic():
        item = _locked(item)
        gone, _rows = Voice.objects.filter(item=item, person=actor).delete()
        if gone:
            Item.objects.filter(pk=item.pk).update(voice_count=F("voice_count") - 1)
    return item.voice_count - (1 if gone else 0)


def _locked(item: Item) -> Item:
    """The item, or what it was merged into, held until the end of the transaction."""
    held = Item.objects.select_for_update().get(pk=item.pk)
    while held.merged_into_id is not None:
        held = Item.objects.select_for_update().get(pk=held.merged_into_id)
    return held
