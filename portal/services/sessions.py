"""End the sessions of one person."""

from __future__ import annotations

from django.contrib.sessions.models import Session
from django.utils import timezone

from portal.models import Person


def end_sessions(person: Person) -> int:
    """Delete every live session of `person`; answers how many. Inside the caller's transaction."""
    ended = 0
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get("_auth_user_id") == str(person.pk):
            session.delete()
            ended += 1
    return ended
