"""Calls from pages of other sites: a publishable key, bound to origins; CORS for those alone; never a cookie."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.views import APIView

from audit.context import become
from portal.api.authentication import Program, program
from portal.models import ApiKey
from portal.permissions import Allowed
from portal.selectors.keys import browser_key_of, is_host
from portal.services.keys import note_use

HEADERS = "Authorization, Content-Type, Idempotency-Key, Widget-Token"
READABLE = "Retry-After, Idempotent-Replayed"


class BrowserKeyAuthentication(BaseAuthentication):
    """Signs in by browser key from one of its origins; sets `request.auth` to it and `request.user` to its system's Program."""

    def authenticate(self, request: Request) -> tuple[Program, ApiKey]:
        parts = get_authorization_header(request).split()
        text = parts[1].decode("latin-1") if len(parts) == 2 and parts[0].lower() == b"bearer" else ""
        key = browser_key_of(text, request.headers.get("Origin", ""))
        if key is None or key.system is None:
            raise AuthenticationFailed("This key is unknown, expired, revoked, or not for pages of this origin.", code="key_invalid")
        note_use(key)
        user = program(key.system)
        become(user.pk)
        request._request.user = user  # type: ignore[assignment]  # refusals are recorded from the plain request
        return user, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BrowserKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BrowserKeyAuthentication
    name = "browserKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A browser key, from a page of one of its origins."}


class ForPages(APIView):
    """A view that pages of other sites call. A preflight is answered without a key, to origins of live browser keys alone."""

    authentication_classes = (BrowserKeyAuthentication,)
    permission_classes = (Allowed,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method != "OPTIONS":
            super().initial(request, *args, **kwargs)

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        return preflight(request.headers.get("Origin", ""), ", ".join(self.allowed_methods))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if request.method != "OPTIONS":
            allow(response, request.headers["Origin"] if isinstance(request.auth, ApiKey) else "")
            response["Cache-Control"] = "no-store"
        return response


def preflight(origin: str, methods: str) -> HttpResponse:
    """The answer to OPTIONS from a page of `origin`."""
    answer = HttpResponse(status=204)
    host = is_host(origin)
    allow(answer, origin if host else "")
    if host:
        answer["Access-Control-Allow-Methods"] = methods
        answer["Access-Control-Allow-Headers"] = HEADERS
        answer["Access-Control-Max-Age"] = "600"
    return answer


def allow(response: HttpResponseBase, origin: str) -> None:
    """Let pages of `origin` read the answer (of nobody, for an empty one). Never with credentials."""
    patch_vary_headers(response, ["Origin"])
    if origin:
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Expose-Headers"] = READABLE
