"""Refuses, before anything looks at it, a request whose address could be looked up nowhere."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from portal.api.errors import problem_response
from portal.refusals import Refusal, page, title_of

MACHINES = ("/api/", "/ofrep/", "/log/")


class ReadableMiddleware:
    """Answers 400 where the path, the query or a cookie holds the character U+0000, or the path is no Unicode.

    No text of the database can hold these, so every look-up by them would fail, each in its own place.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _readable(request):
            return self.get_response(request)
        refusal = Refusal(400, "address_unreadable", title_of(400), _("The address holds a character that no address can have."))
        return problem_response(refusal) if request.path_info.startswith(MACHINES) else page(request, refusal)


def _readable(request: HttpRequest) -> bool:
    query = request.META.get("QUERY_STRING", "")
    # In a cookie Python reads backslash and octal digits as a character.
    if "\x00" in request.path_info or "%00" in query or "\x00" in query or "\\000" in request.META.get("HTTP_COOKIE", ""):
        return False
    try:
        request.path_info.encode()
    except UnicodeEncodeError:
        return False
    return True
