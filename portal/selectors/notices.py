"""The inbox in the portal, and what could not be delivered."""

from __future__ import annotations

from django.db.models import QuerySet

from portal import clock
from portal.models import Notice, Person


def inbox(person: Person) -> QuerySet[Notice]:
    """What the portal has told `person`, newest first. Due is enough: it needs no worker."""
    return Notice.objects.filter(recipient=person, channel=Notice.Channel.APP, due_at__lte=clock.now()).exclude(state=Notice.State.DROPPED)


def unread_count(person: Person) -> int:
    return inbox(person).filter(read_at=None).count()


def undelivered() -> QuerySet[Notice]:
    """Notices that failed for good or are being tried again, for administrators: kind, time and error, no content."""
    return Notice.objects.exclude(error="").exclude(state__in=[Notice.State.SENT, Notice.State.DROPPED])
