"""The first page after sign-in."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal import clock
from portal.calendar import zone_of
from portal.home import panels_for, waiting_for
from portal.models import Person
from portal.permissions import SignedIn, everyone


@everyone
@require_safe
def home(request: SignedIn) -> HttpResponse:
    """What waits for this person, then what became of what they said, and the pilots of their unit."""
    person = request.user
    waiting = waiting_for(person)
    return render(request, "portal/home.html", {"greeting": _greeting(person), "waiting": waiting, "panels": panels_for(person)})


def _greeting(person: Person) -> str:
    hour = clock.now().astimezone(zone_of(person.unit)).hour
    name = person.name.split(" ")[0]
    if hour < 12:
        return _("Good morning, %(name)s") % {"name": name}
    if hour < 18:
        return _("Good afternoon, %(name)s") % {"name": name}
    return _("Good evening, %(name)s") % {"name": name}
