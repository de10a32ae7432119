"""The path for people who give no name: answered before anything that could know who calls."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.urls import resolve

from portal.refusals import refusal_of
from portal.senders import sender_of

KIOSK = "/kiosk/"
PREFIXES = ("/anonymous/", KIOSK)
# Who tries one-time codes is counted by a hash of the address: enrolling a device is no filing.
ENROL = f"{KIOSK}enrol"
# The one cookie that passes, and under /kiosk/ alone: which device this is, and nothing about a person.
DEVICE = "kiosk"

# What a request says about its sender, beyond what the answer needs. Server variables of the same names go, too.
IDENTIFYING = frozenset({"REMOTE_ADDR", "REMOTE_HOST", "REMOTE_PORT", "REMOTE_USER"})
# `Origin` names the site that a page is from: the widget is answered on pages of known sites alone.
NEEDED_HEADERS = frozenset({"HTTP_HOST", "HTTP_ACCEPT", "HTTP_X_FORWARDED_PROTO", "HTTP_ORIGIN"})


class AnonymousWayIn:
    """Answers everything under /anonymous/ and /kiosk/ itself. Stands before session, authentication, CSRF and the request's context.

    The view sees a request without cookies (but for the token of a kiosk's device), credentials, address, browser and
    referrer; the answer sets no other cookie and is kept by nobody. No exception leaves with the request attached, so that
    no log line is about its sender. The device's cookie is SameSite=Strict: no other site can file with it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIXES):
            return self.get_response(request)
        kept = {DEVICE} if request.path_info.startswith(KIOSK) else set()
        sender = sender_of(request) if request.path_info == ENROL and request.method == "POST" else ""
        forget_sender(request, kept)
        request.sender = sender  # type: ignore[attr-defined]
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
        for name in set(response.cookies) - kept:
            del response.cookies[name]
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "no-referrer"
        response["X-Frame-Options"] = "DENY"
        return response


def forget_sender(request: HttpRequest, kept: set[str]) -> None:
    """Take out of the request whatever could tell who sent it; of its cookies, all but those `kept`."""
    cookies = {name: value for name, value in request.COOKIES.items() if name in kept}
    for name in list(request.META):
        if name in IDENTIFYING or (name.startswith("HTTP_") and name not in NEEDED_HEADERS):
            del request.META[name]
    request.COOKIES = cookies
    request.__dict__.pop("headers", None)
    request.user = AnonymousUser()
