"""Names the actor, the channel and the request for everything a request writes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from audit.context import acting

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_API_PATHS = ("/api/", "/ofrep/")


class ActingMiddleware:
    """Stands after authentication. A key that the API resolves later takes over with `audit.context.become`.

    Takes a well-formed `X-Request-ID` from the caller, else makes one, and answers with it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        user = getattr(request, "user", None)
        actor = user.pk if user is not None and user.is_authenticated else None
        channel = "api" if request.path.startswith(_API_PATHS) else "page"
        with acting(actor, channel=channel, request_id=request_id):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response
