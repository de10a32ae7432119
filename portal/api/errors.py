"""RFC 9457 problem details for everything that the API refuses."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from portal.refusals import Refusal, invalid, record_refusal, refusal_of, title_of

PROBLEM = "application/problem+json"


def problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER: the one mapping of portal.refusals, plus what DRF itself raises; None for a defect."""
    refusal = refusal_of(error) or _of_framework(error)
    if refusal is None:
        return None
    set_rollback()
    request = context["request"]
    response = Response(body(refusal), status=refusal.status, content_type=PROBLEM)
    if refusal.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if refusal.status == 429:
        response["Retry-After"] = str(int(refusal.extra.get("retry_after", 60)))
    if refusal.status == 405:
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    record_refusal(request, refusal)
    return response


def body(refusal: Refusal) -> dict[str, Any]:
    """The JSON members; what the refusal carries beside is added where JSON can hold it (`blockers`, `digest`, ...)."""
    extra = {name: value for name, value in refusal.extra.items() if isinstance(value, (str, int, list, dict)) and name != "obj"}
    return {
        **extra,
        "type": "about:blank",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
        "code": refusal.code,
        "errors": refusal.errors,
    }


def problem_response(refusal: Refusal) -> JsonResponse:
    """A problem for code outside a DRF view (an unknown address, a middleware)."""
    return JsonResponse(body(refusal), status=refusal.status, content_type=PROBLEM)


def not_found(request: HttpRequest) -> JsonResponse:
    return problem_response(Refusal(404, "not_found", title_of(404), _("No such address in this interface; see /api/v1/schema.")))


def _of_framework(error: Exception) -> Refusal | None:  # noqa: PLR0911 - a table
    if isinstance(error, exceptions.ValidationError):
        return invalid(_flatten(error.get_full_details()))
    if isinstance(error, exceptions.NotAuthenticated):
        return Refusal(401, "not_authenticated", title_of(401), _("Send `Authorization: Bearer <key>`, or sign in."))
    if isinstance(error, exceptions.AuthenticationFailed):
        return Refusal(401, str(error.get_codes()), title_of(401), str(error.detail))
    if isinstance(error, exceptions.PermissionDenied):
        return Refusal(403, "forbidden", title_of(403), str(error.detail))
    if isinstance(error, exceptions.Throttled):
        return Refusal(
            429, "throttled", title_of(429), str(error.detail), extra={"retry_after": int(getattr(error, "wait", None) or 60) + 1}
        )
    if isinstance(error, exceptions.APIException):
        return Refusal(error.status_code, str(error.get_codes()), title_of(error.status_code), str(error.detail))
    return None


def _flatten(details: Any, pointer: str = "") -> list[dict[str, str]]:
    """DRF's nested error details as a flat list with JSON pointers."""
    if isinstance(details, dict) and set(details) == {"message", "code"} and not isinstance(details["message"], (dict, list)):
        return [{"pointer": pointer, "code": str(details["code"]), "detail": str(details["message"])}]
    found: list[dict[str, str]] = []
    if isinstance(details, dict):
        for name, inner in details.items():
            found.extend(_flatten(inner, pointer if name == "non_field_errors" else f"{pointer}/{name}"))
    elif isinstance(details, list):
        nested = len(details) > 1 and any(not _is_leaf(inner) for inner in details)
        for place, inner in enumerate(details):
            found.extend(_flatten(inner, f"{pointer}/{place}" if nested else pointer))
    return found


def _is_leaf(details: Any) -> bool:
    return isinstance(details, dict) and set(details) == {"message", "code"}
