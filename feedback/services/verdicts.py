"""Did this fix it for you? A No reopens the item, under a new promise."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit.context import acting
from feedback import policies, workflow
from feedback.models import Item, StatusChange, Verdict, Voice
from feedback.services.answers import locked, touch
from feedback.services.items import LONGEST_TEXT, confidential_intake
from feedback.services.telling import tell_answerers_of_no
from portal import clock
from portal.errors import Conflict
from portal.models import Person


def give(item: Item, *, actor: Person | None, fixed: bool, words: str = "") -> Verdict:
    """The verdict of the author, or of somebody who said "me too", on the last move to done; a later one replaces it.

    `actor` is None for the holder of a receipt. Raises PermissionDenied, ValidationError (too long),
    Conflict("not_done") when the item was never done or is open again for another reason.
    """
    words = words.strip()
    if len(words) > LONGEST_TEXT:
        raise ValidationError(
            {"words": ValidationError(_("At most %(count)s characters, please.") % {"count": LONGEST_TEXT}, code="too_long")}
        )
    with transaction.atomic():
        item = locked(item)
        nameless = actor is None or (policies.is_author(actor, item) and item.identity != Item.Identity.NAMED)
        if actor is not None and not nameless and not may_give(actor, item):
            raise PermissionDenied(_("Whoever filed it, or said “me too”, says whether it is fixed."))
        move = asked_about(item)
        if move is None:
            raise Conflict("not_done", _("Nothing was done about this that could be judged now."), obj=item)
        with _nameless() if nameless else nullcontext():
            verdict, _new = Verdict.objects.update_or_create(
                move=move, person=None if nameless else actor, defaults={"fixed": fixed, "words": words, "at": clock.now()}
            )
            if not fixed and item.status == workflow.DONE:
                _reopen(item, None if nameless else actor, words)
    return verdict


def may_give(person: Person, item: Item) -> bool:
    """The author, and everyone whose voice is on the item."""
    return policies.is_author(person, item) or Voice.objects.filter(item=item, person=person).exists()


def asked_about(item: Item) -> StatusChange | None:
    """The move to done that "did this fix it?" is about: the last one, while the item is done or reopened by a No to it."""
    last = item.status_changes.order_by("-id").first()
    if last is None:
        return None
    if last.to_status == workflow.DONE:
        return last
    done = item.status_changes.filter(to_status=workflow.DONE).order_by("-id").first()
    said_no = last.to_status == workflow.REOPENED and done is not None and done.verdicts.filter(fixed=False).exists()
    return done if said_no else None


def _reopen(item: Item, actor: Person | None, words: str) -> None:
    words = words or str(_("This did not fix it for me."))
    StatusChange.objects.create(item=item, from_status=item.status, to_status=workflow.REOPENED, words=words, by=actor, at=clock.now())
    item.status = workflow.REOPENED
    touch(item, reopened=True)
    tell_answerers_of_no(item, words=words, but=actor)


def _nameless() -> AbstractContextManager[object]:
    return acting(confidential_intake(), channel="task", request_id="")
