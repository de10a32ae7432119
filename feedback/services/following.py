"""Follow an item, or mute it. The author and the voices of an item hear of it anyway, until they mute it."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from feedback.models import Follow, Item
from feedback.policies import is_author
from feedback.services.answers import locked
from portal.models import Person

FOLLOW, MUTE, NEITHER = "follow", "mute", "neither"
CHOICES = (FOLLOW, MUTE, NEITHER)


def choose(item: Item, *, actor: Person, choice: str) -> str:
    """Follow, mute, or neither. Repeating it changes nothing. Raises ValidationError.

    The author of a confidential item cannot choose: the row would say who filed it.
    """
    if choice not in CHOICES:
        raise ValidationError({"choice": ValidationError(_("Choose follow, mute or neither."), code="choice_unknown")})
    with transaction.atomic():
        item = locked(item)
        if item.identity == Item.Identity.CONFIDENTIAL and is_author(actor, item):
            message = _("You hear of your confidential items anyway. A row that says so would name you.")
            raise ValidationError({"choice": ValidationError(message, code="would_name_you")})
        if choice == NEITHER:
            Follow.objects.filter(item=item, person=actor).delete()
        else:
            Follow.objects.update_or_create(item=item, person=actor, defaults={"muted": choice == MUTE})
    return choice
