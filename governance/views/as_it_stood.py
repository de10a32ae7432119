"""A pilot as it stood at an instant, for those who read the audit trail. No form and no button there changes anything."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from audit import services as audit
from audit.explore.stood import past_or_none
from governance.models import Pilot
from governance.selectors import as_it_stood
from portal.permissions import SignedIn


def page(request: SignedIn, slug: str) -> HttpResponse:
    """The page `/pilots/<slug>?at=`; an empty time is now."""
    if not request.user.has_perm("audit.read"):
        raise PermissionDenied
    at = past_or_none(request.GET["at"]) or timezone.now()
    try:
        found = as_it_stood.stood(slug, at)
    except Pilot.DoesNotExist as error:
        raise Http404 from error
    steps = as_it_stood.steps(slug, at)
    key = str(found.pilot.id) if found else ""
    audit.record("audit.pilot-read", model="governance.pilot", object_id=key, detail={"pilot": slug, "at": at.isoformat()})
    shown = {"stood": found, "slug": slug, "at": at, "before": steps.before, "after": steps.after}
    return render(request, "governance/pilot_as_it_stood.html", shown)
