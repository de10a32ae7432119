"""Error pages for what Django refuses before a view runs: an unknown address, a missing CSRF token."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from portal.api.errors import not_found as problem_not_found
from portal.api.errors import problem_response
from portal.refusals import Refusal, page, refusal_of, title_of


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problem_not_found(request)
    return page(request, Refusal(404, "not_found", title_of(404), _("It does not exist, or it is not yours to see.")))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    refusal = refusal_of(exception) or Refusal(403, "forbidden", title_of(403), _("Your roles do not include this."))
    return problem_response(refusal) if request.path.startswith("/api/") else page(request, refusal)


def too_many(request: HttpRequest) -> HttpResponse:
    """What django-allauth shows when its limits are reached."""
    detail = _("Too many tries from here. Wait a minute, then try again.")
    return page(request, Refusal(429, "throttled", title_of(429), detail, extra={"retry_after": 60}))


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW: most often a page that was left open over a sign-out."""
    detail = _("This page was open for too long. Go back, load it again, and send it once more.")
    refusal = Refusal(403, "csrf_failed", title_of(403), detail)
    return problem_response(refusal) if request.path.startswith("/api/") else page(request, refusal)
