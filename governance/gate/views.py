"""OpenFeature Remote Evaluation Protocol: the addresses that any OpenFeature client asks.

Errors are OFREP's own, never problem details; no session, no cache and no broker is touched.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.gate import clients, evaluation
from portal import strict_json
from portal.api.authentication import KeyAuthentication
from portal.api.etags import tag_of, tagged
from portal.models import ApiKey
from portal.permissions import Allowed
from portal.refusals import refusal_of
from portal.selectors.people import by_sign_in_name

LARGEST_BODY = 65_536
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, If-None-Match, Authorization, X-API-Key",
    "Access-Control-Expose-Headers": "ETag, Retry-After",
    "Access-Control-Max-Age": "600",
}


class GateKeyAuthentication(KeyAuthentication):
    """A system key as `Authorization: Bearer`, or as `X-API-Key`, which some clients send."""

    def authenticate(self, request: Request) -> Any:
        if "Authorization" not in request.headers and (key := request.headers.get("X-API-Key")):
            request._request.META["HTTP_AUTHORIZATION"] = f"Bearer {key}"
            del request._request.headers  # a cached property, made from META when first read
        return super().authenticate(request)


class Refused(Exception):
    """An answer that is no evaluation: HTTP status and OFREP's error code."""

    def __init__(self, status: int, code: str, details: str) -> None:
        super().__init__(details)
        self.status, self.code, self.details = status, code, details


@extend_schema(exclude=True)
class Gate(APIView):
    """What both addresses share: sign-in by system key, the context, the errors and the headers."""

    authentication_classes = (GateKeyAuthentication,)
    permission_classes = (Allowed,)
    needs = ("gate.read",)
    scopes = {"POST": "gate:read"}

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """A browser's preflight carries no key."""
        return Response(status=204)

    def check_permissions(self, request: Request) -> None:
        if request.method != "OPTIONS":
            super().check_permissions(request)

    def perform_authentication(self, request: Request) -> None:
        if request.method != "OPTIONS":
            super().perform_authentication(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        for name, value in CORS.items():
            answer[name] = value
        answer["Cache-Control"] = "no-store"
        return answer

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, exceptions.APIException):
            status = exc.status_code
            code = exc.get_codes() if isinstance(exc.get_codes(), str) else "GENERAL"
            exc = Refused(status, "GENERAL", f"{exc.detail} ({code})")
            if status == 401:
                return self._error(exc, {"WWW-Authenticate": "Bearer"})
        elif not isinstance(exc, Refused) and (refusal := refusal_of(exc)):
            exc = Refused(refusal.status, "GENERAL", f"{refusal.detail} ({refusal.code})")
        if isinstance(exc, Refused):
            return self._error(exc)
        return super().handle_exception(exc)

    def _error(self, refused: Refused, headers: dict[str, str] | None = None) -> Response:
        body = {"errorCode": refused.code, "errorDetails": refused.details}
        if key := self.kwargs.get("key"):
            body = {"key": key, **body}
        return Response(body, status=refused.status, headers=headers)

    def key(self, request: Request) -> ApiKey:
        key = request.auth
        if not isinstance(key, ApiKey) or key.system is None:
            raise Refused(403, "GENERAL", "The gate is asked with the key of an AI system.")
        if key.kind == ApiKey.Kind.BROWSER and request.headers.get("Origin") not in key.origins:
            raise Refused(403, "GENERAL", "This key is not meant for this web origin.")
        return key

    def context(self, request: Request) -> tuple[str, dict[str, Any]]:
        """The targeting key and the attributes; Refused says what is wrong with the body."""
        body = request._request.body
        if len(body) > LARGEST_BODY:
            raise Refused(400, "PARSE_ERROR", "The body is larger than 64 KiB.")
        try:
            sent = strict_json.decode(body or b"{}")
        except strict_json.NotJSON as error:
            raise Refused(400, "PARSE_ERROR", str(error)) from error
        context = sent.get("context", {}) if isinstance(sent, dict) else None
        if not isinstance(context, dict):
            raise Refused(400, "INVALID_CONTEXT", "`context` is an object.")
        target = context.get("targetingKey")
        if not isinstance(target, str) or not target.strip():
            raise Refused(400, "TARGETING_KEY_MISSING", "Send the person's e-mail or staff number as `targetingKey`.")
        return target.strip(), context


class EvaluateFlag(Gate):
    """POST /ofrep/v1/evaluate/flags/{key}"""

    def post(self, request: Request, key: str) -> Response:
        caller = self.key(request)
        target, attributes = self.context(request)
        slug = key.removesuffix(evaluation.SHADOW_SUFFIX)
        pilots = evaluation.pilots_of(caller.system, slug)  # type: ignore[arg-type]  # `key` saw to it
        if not pilots:
            raise Refused(404, "FLAG_NOT_FOUND", "This system has no such pilot.")
        [(_pilot, answer, shadow)] = evaluation.evaluate(pilots, by_sign_in_name(target), attributes)
        clients.saw(caller, pilots)
        return Response(asdict(shadow if key != slug else answer))


class EvaluateFlags(Gate):
    """POST /ofrep/v1/evaluate/flags: every pilot of the key's system, with an ETag over version and result."""

    def post(self, request: Request) -> Response:
        caller = self.key(request)
        target, attributes = self.context(request)
        pilots = evaluation.pilots_of(caller.system)  # type: ignore[arg-type]  # `key` saw to it
        evaluated = evaluation.evaluate(pilots, by_sign_in_name(target), attributes)
        answers = [answer for _pilot, plain, shadow in evaluated for answer in (plain, shadow)]
        clients.saw(caller, pilots)
        # Over gate version and evaluated result: the same person who changes site gets another tag.
        tag = tag_of([(pilot.slug, pilot.eval_version) for pilot in pilots], answers)
        return tagged(request, Response({"flags": [asdict(answer) for answer in answers]}), tag)
