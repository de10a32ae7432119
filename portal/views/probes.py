"""What a load balancer asks: is the process alive, and can it serve."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from portal.permissions import public
from portal.selectors.readiness import readiness


@public
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@public
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Database, migrations, broker and seal lag. 503 when the database or its tables are missing; the rest only warns."""
    state = readiness()
    return JsonResponse(state, status=200 if state["status"] != "down" else 503)
