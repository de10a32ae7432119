"""How the audit trail is doing: for those who read it and for those who run the server. It shows no entry."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit.access import HEALTH, READ, needing
from audit.health import BATCHES, DAYS, health


@needing(*HEALTH)
@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    shown = {"health": (found := health()), "seal": found.seal, "batches": BATCHES, "days": DAYS}
    return render(request, "audit/health.html", shown | {"reader": request.user.has_perm(READ)})
