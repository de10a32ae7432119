"""Who filed a confidential item. The only reader of ItemAuthor for anybody but the author, and each look is an entry."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit import services as audit
from audit.context import because
from feedback import policies
from feedback.models import Item, ItemAuthor
from portal.models import Person


def who_filed(item: Item, *, actor: Person, reason: str) -> Person:
    """The author's name, for compliance, with a reason; the look is recorded before the name is given.

    Raises PermissionDenied for anybody else, ValidationError without a reason, DoesNotExist for an item without an author.
    """
    if not policies.may_look_at_name(actor, item):
        raise PermissionDenied(_("Only compliance may ask who filed a confidential item."))
    reason = reason.strip()
    if not reason:
        raise ValidationError({"reason": ValidationError(_("Say why you need the name. The reason is recorded."), code="required")})
    with transaction.atomic(), because(reason):
        audit.record("feedback.name-looked-at", obj=item, detail={"reason": reason})
        return ItemAuthor.objects.select_related("person").get(item=item).person
