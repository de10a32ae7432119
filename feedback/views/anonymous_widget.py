"""Anonymous feedback from the widget. Reached through feedback.anonymity alone: of the sender the request knows the page's origin."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from feedback import receipts
from feedback.services import widget
from feedback.views.anonymous import answer_json, client_id, text_of
from portal.api.browsers import allow, preflight
from portal.api.errors import problem_response
from portal.models import ApiKey
from portal.permissions import public
from portal.refusals import Refusal, title_of
from portal.selectors.keys import browser_key_of


@csrf_exempt
@public
def file(request: HttpRequest) -> HttpResponse:
    """POST a filing as JSON with the browser key in it; the receipt stands in this answer and nowhere else."""
    origin = request.META.get("HTTP_ORIGIN", "")
    if request.method == "OPTIONS":
        return preflight(origin, "POST, OPTIONS")
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    known: list[ApiKey] = []

    def act(given: dict[str, Any]) -> HttpResponse:
        key = browser_key_of(text_of(given, "key"), origin)
        if key is None:
            detail = _("This key is unknown, expired, revoked, or not for pages of this origin.")
            return problem_response(Refusal(401, "key_invalid", title_of(401), detail))
        known.append(key)
        code = widget.file_without_name(
            key,
            {"client_id": client_id(given), **{name: text_of(given, name) for name in ("kind", "text", "recommendation")}},
        )
        return JsonResponse({"receipt": receipts.spaced(code), "visible": "tomorrow"}, status=201)

    answer = answer_json(request, act)
    allow(answer, origin if known else "")
    return answer
