"""Who hears about an item, and in which words. Called inside the transaction of the change."""

from __future__ import annotations

import datetime as dt
import uuid

from django.db.models import Q
from django.utils.translation import gettext as _

from feedback.models import Item, ItemAuthor, Reply
from feedback.selectors.items import answerers
from portal import clock
from portal.models import Person
from portal.services.notices import tell


def tell_those_who_care(item: Item, *, kind: str, event: str, subject: str, words: str, but: Person | None) -> None:
    """Tell the author, everyone who added a voice and those who follow, but none who muted it. `event` names the change and makes each notice once.

    The author of a confidential item is told in words, and under a key, that name no item, and by the kind of notice that
    a voice gets: the outbox and its entries must not say who filed what, nor that somebody did. It comes with the next
    morning, so that its time points to no single answer.
    """
    url = f"/items/{item.ref}"
    context = {"ref": item.ref, "text": item.text[:200], "words": words, "status": item.get_status_display(), "system": item.system.name}
    for person in _those_who_care(item) - {but}:
        tell(kind=kind, recipient=person, dedupe_key=f"{kind}:{item.ref}:{event}", subject=subject, context=context, url=url)
    _tell_in_confidence(item, kind=kind, event=event, but=but)


def _those_who_care(item: Item) -> set[Person]:
    """The named author, the voices, the followers, and the named authors of what was merged into it; none who muted it."""
    caring = Q(voices__item=item) | Q(follows__item=item, follows__muted=False) | Q(items__merged_into=item)
    people = set(Person.objects.filter(caring, is_active=True))
    if item.author is not None:
        people.add(item.author)
    return people - set(Person.objects.filter(follows__item=item, follows__muted=True))


def _tell_in_confidence(item: Item, *, kind: str, event: str, but: Person | None) -> None:
    """Tell the confidential authors of the item and of what was merged into it, without saying what it is about."""
    authors = ItemAuthor.objects.select_related("person").filter(Q(item=item) | Q(item__merged_into=item))
    told = _those_who_care(item) | ({but} if but else set())
    for confidential in authors:
        if confidential.person in told:
            continue
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


def tell_answerers_of_no(item: Item, *, words: str, but: Person | None) -> None:
    """Tell those who answer that what was done did not fix it for somebody."""
    day = clock.now().date()
    for person in answerers(item, day):
        if person != but:
            tell(
                kind="feedback.not-fixed",
                recipient=person,
                dedupe_key=f"feedback.not-fixed:{item.ref}:{item.reply_due.isoformat()}",
                subject=_("%(ref)s is not fixed for somebody") % {"ref": item.ref},
                context={"ref": item.ref, "text": item.text[:200], "words": words, "system": item.system.name},
                url=f"/items/{item.ref}",
            )


def tell_mentioned(reply: Reply, item: Item, people: list[Person]) -> None:
    """Tell those who were called by name in a comment, an answer or a note."""
    for person in people:
        tell(
            kind="feedback.mentioned",
            recipient=person,
            dedupe_key=f"feedback.mentioned:{reply.pk}",
            subject=_("%(name)s mentions you on %(ref)s")
            % {"name": reply.writer.name if reply.writer else _("Whoever filed it"), "ref": item.ref},
            context={"ref": item.ref, "text": reply.text[:200], "system": item.system.name},
            url=f"/items/{item.ref}",
        )
