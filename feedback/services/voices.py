"""Add one's voice to an item, or take it back. Both may be repeated without effect."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from feedback.models import Item, Voice
from feedback.policies import is_author
from portal import clock
from portal.models import Person


def add(item: Item, *, actor: Person) -> int:
    """The actor's "me too". Returns the number of voices afterwards. One person counts once, however often they call, and the author counts already."""
    with transaction.atomic():
        item = Item.objects.select_for_update().get(pk=item.pk)
        if is_author(actor, item):
            return item.voice_count
        _voice, made = Voice.objects.get_or_create(item=item, person=actor, defaults={"at": clock.now()})
        if made:
            Item.objects.filter(pk=item.pk).update(voice_count=F("voice_count") + 1)
    return item.voice_count + made


def withdraw(item: Item, *, actor: Person) -> int:
    """Take the actor's voice back. Returns the number of voices afterwards."""
    with transaction.atomic():
        item = Item.objects.select_for_update().get(pk=item.pk)
        gone, _rows = Voice.objects.filter(item=item, person=actor).delete()
        if gone:
            Item.objects.filter(pk=item.pk).update(voice_count=F("voice_count") - 1)
    return item.voice_count - (1 if gone else 0)
