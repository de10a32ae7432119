"""Who hears about an item, and in which words. Called inside the transaction of the change."""

from __future__ import annotations

import datetime as dt
import uuid

from django.utils.translation import gettext as _

from feedback.models import Item
from feedback.selectors.items import answerers
from portal import clock
from portal.models import Person
from portal.services.notices import tell


def tell_those_who_care(item: Item, *, kind: str, event: str, subject: str, words: str, but: Person) -> None:
    """Tell the author and everyone who added a voice. `event` names the change and makes each notice once.

    The author of a confidential item is told in words, and under a key, that name no item, and by the kind of notice that
    a voice gets: the outbox and its entries must not say who filed what, nor that somebody did. It comes with the next
    morning, so that its time points to no single answer.
    """
    url = f"/items/{item.ref}"
    context = {"ref": item.ref, "text": item.text[:200], "words": words, "status": item.get_status_display(), "system": item.system.name}
    people = set(Person.objects.filter(voices__item=item, is_active=True))
    if item.author is not None:
        people.add(item.author)
    for person in people - {but}:
        tell(kind=kind, recipient=person, dedupe_key=f"{kind}:{item.ref}:{event}", subject=subject, context=context, url=url)
    confidential = getattr(item, "confidential_author", None)
    if confidential is not None and confidential.person not in people | {but}:
        tell(
            kind=kind,
            recipient=confidential.person,
            dedupe_key=f"{kind}:{uuid.uuid5(confidential.pk, event)}",
            subject=_("There is news about something you filed"),
            context={},
            url="/items?mine=1",
            due_at=next_morning(clock.now()),
        )


def next_morning(now: dt.datetime) -> dt.datetime:
    return (now + dt.timedelta(days=1)).replace(hour=6, minute=0, second=0, microsecond=0)


def tell_answerers(item: Item, *, day: dt.date) -> None:
    """Tell those who answer that a concern or an incident came in: it should not wait for somebody to look."""
    for person in answerers(item, day):
        if person.pk == item.author_id:
            continue
        tell(
            kind="feedback.needs-answer",
            recipient=person,
            dedupe_key=f"feedback.needs-answer:{item.ref}",
            subject=_("%(kind)s about %(system)s: %(ref)s")
            % {"kind": item.get_kind_display(), "system": item.system.name, "ref": item.ref},
            context={
                "ref": item.ref,
                "text": item.text[:200],
                "kind": str(item.get_kind_display()),
                "system": item.system.name,
                "reply_due": item.reply_due.isoformat(),
            },
            url=f"/items/{item.ref}",
        )
