"""The one mapping from what a service raises to what pages and API answer, and the one place that records refusals.

A command that was refused (403, 409) leaves an attempt entry and nothing else: it is written here, after the rollback, in
a transaction of its own. So does a look that was refused (403); looks that find nothing leave nothing.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from audit import services as audit
from portal.errors import DomainError

logger = logging.getLogger(__name__)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


# What of an address tells which record was asked for. A person's page is told by their pseudonym.
_KEPT = frozenset({"pk", "seq", "ref", "slug", "model", "object_id", "kind", "number", "step", "signature", "person", "public_id"})
_KEPT_VALUE = re.compile(r"[A-Za-z0-9._-]{1,80}")
_PARAMETER = re.compile(r"<(?:[a-z]+:)?(?P<name>[a-z_]+)>")


@dataclass(frozen=True)
class Refusal:
    """What to answer: `code` for programs, `detail` for people, `errors` by field (`pointer` is a JSON pointer)."""

    status: int
    code: str
    title: str
    detail: str
    errors: list[dict[str, str]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


def titles() -> dict[int, str]:
    return {
        400: _("This request cannot be read"),
        401: _("Please sign in"),
        403: _("You may not do this"),
        404: _("There is nothing here for you"),
        405: _("This address does not take that kind of request"),
        409: _("This cannot be done now"),
        415: _("This kind of content is not taken here"),
        422: _("Something in what you sent needs changing"),
        429: _("Too many tries"),
    }


def title_of(status: int) -> str:
    return titles().get(status, _("This request was refused"))


def refusal_of(error: BaseException) -> Refusal | None:
    """The answer to `error`, or None when it is a defect (500) and not a refusal."""
    if isinstance(error, DomainError):
        return Refusal(error.status, error.code, title_of(error.status), error.message, extra=error.extra)
    if isinstance(error, ValidationError):
        return invalid(list(field_errors(error)))
    if isinstance(error, PermissionDenied):
        return Refusal(403, "forbidden", title_of(403), str(error) or _("Your roles do not include this."))
    if isinstance(error, (Http404, ObjectDoesNotExist)):
        return Refusal(404, "not_found", title_of(404), _("It does not exist, or it is not yours to see."))
    if _unstorable(error):
        return Refusal(422, "text_invalid", title_of(422), _("A text here holds a character that no text can hold, such as U+0000."))
    return None


def _unstorable(error: BaseException) -> bool:
    """Whether a text was refused on its way into the database: U+0000, or half a surrogate pair. The net under what reads input."""
    if isinstance(error, UnicodeEncodeError):
        return error.encoding == "utf-8"
    return isinstance(error, DataError) and ("NUL" in str(error) or getattr(error.__cause__, "sqlstate", "") in {"22021", "22P05"})


def invalid(errors: list[dict[str, str]]) -> Refusal:
    """The answer to input that is wrong: in the words of the one thing that is, or how many things are."""
    if len(errors) == 1:
        return Refusal(422, errors[0]["code"], title_of(422), errors[0]["detail"], errors)
    return Refusal(422, "invalid", title_of(422), _("%(count)s things need changing.") % {"count": len(errors)}, errors)


def field_errors(error: ValidationError) -> Iterator[dict[str, str]]:
    """One `{pointer, code, detail}` for each thing wrong; an empty pointer means the whole request."""
    if hasattr(error, "error_dict"):
        for name, problems in error.error_dict.items():
            pointer = "" if name == NON_FIELD_ERRORS else f"/{name}"
            for problem in problems:
                yield {"pointer": pointer, "code": problem.code or "invalid", "detail": problem.messages[0]}
    else:
        for problem in error.error_list:
            yield {"pointer": "", "code": problem.code or "invalid", "detail": problem.messages[0]}


def record_refusal(request: HttpRequest, refusal: Refusal) -> None:
    """Leave an attempt entry for what was refused to someone who is signed in; never fail the answer because of it."""
    recorded = {403} if request.method in SAFE_METHODS else {403, 409}
    if refusal.status not in recorded or not request.user.is_authenticated:
        return
    try:
        audit.refused(
            f"{request.method} /{_asked_for(request)}",
            code=refusal.code,
            status=refusal.status,
            obj=refusal.extra.get("obj"),
            **_about(request),
        )
    except Exception:
        logger.exception("A refusal could not be recorded (code %s)", refusal.code)


def _asked_for(request: HttpRequest) -> str:
    """The address as far as it may be kept: the route, with numbers and short names filled in. No token, no query, nobody's name."""
    if request.resolver_match is None:
        return ""
    given = request.resolver_match.kwargs

    def told(found: re.Match[str]) -> str:
        value = str(given.get(found["name"], ""))
        return value if found["name"] in _KEPT and _KEPT_VALUE.fullmatch(value) else found[0]

    return _PARAMETER.sub(told, request.resolver_match.route)


def _about(request: HttpRequest) -> dict[str, str]:
    """The record that the address names, where it names one in so many words."""
    given = request.resolver_match.kwargs if request.resolver_match else {}
    model, key = str(given.get("model", "")), str(given.get("object_id", ""))
    try:
        apps.get_model(model)
    except (LookupError, ValueError):
        return {}
    return {"model": model.lower(), "object_id": key} if _KEPT_VALUE.fullmatch(key) else {}


def page(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The error page for a refusal (templates/403.html and so on); Retry-After for 429."""
    known = refusal.status in {400, 403, 404, 409, 422, 429}
    response = render(request, f"{refusal.status}.html" if known else "refused.html", {"refusal": refusal}, status=refusal.status)
    if refusal.status == 429:
        response["Retry-After"] = str(int(refusal.extra.get("retry_after", 60)))
    return response


class RefusalMiddleware:
    """Turns what a page's service raised into its error page. The API has its own way in (portal/api/errors.py)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        refusal = refusal_of(exception)
        if refusal is None:
            return None
        record_refusal(request, refusal)
        return page(request, refusal)
