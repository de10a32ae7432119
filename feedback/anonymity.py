"""The path for people who give no name: answered before anything that could know who calls."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.urls import resolve

from portal.refusals import refusal_of

PREFIX = "/anonymous/"

# What a request says about its sender, beyond what the answer needs. Server variables of the same names go, too.
IDENTIFYING = frozenset({"REMOTE_ADDR", "REMOTE_HOST", "REMOTE_PORT", "REMOTE_USER"})
NEEDED_HEADERS = frozenset({"HTTP_HOST", "HTTP_ACCEPT", "HTTP_X_FORWARDED_PROTO"})


class AnonymousWayIn:
    """Answers everything under /anonymous/ itself. Stands before session, authentication, CSRF and the request's context.

    The view sees a request without cookies, credentials, address, browser and referrer; the answer sets no cookie and is
    kept by nobody. No exception leaves with the request attached, so that no log line is about its sender.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        forget_sender(request)
        try:
            match = resolve(request.path_info)
            response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        except Exception as error:
            refusal = refusal_of(error)
            if refusal is None:
                raise
            response = HttpResponse(status=refusal.status)
        if hasattr(response, "render") and not getattr(response, "is_rendered", True):
            response.render()
        response.cookies.clear()
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "no-referrer"
        response["X-Frame-Options"] = "DENY"
        return response


def forget_sender(request: HttpRequest) -> None:
    """Take out of the request whatever could tell who sent it."""
    for name in list(request.META):
        if name in IDENTIFYING or (name.startswith("HTTP_") and name not in NEEDED_HEADERS):
            del request.META[name]
    request.COOKIES = {}
    request.__dict__.pop("headers", None)
    request.user = AnonymousUser()
