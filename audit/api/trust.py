"""How far the log can be trusted, for programs; and the confirmation of a checkpoint that was kept outside."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.access import KEY_SCOPES, READ
from audit.forms import MOST_PASTED
from audit.log import verifying
from audit.log.canonical import render_time
from audit.outside import confirming
from audit.services import record
from audit.trust import as_plain, trust


class ConfirmationBody(serializers.Serializer[Any]):
    """A checkpoint as somebody kept it: the line from a mail (log, entries, root) or the whole file."""

    text = serializers.CharField(max_length=MOST_PASTED)


class ConfirmedBody(serializers.Serializer[Any]):
    size = serializers.IntegerField()
    at = serializers.DateTimeField()
    mailed = serializers.BooleanField()


class ClearingBody(serializers.Serializer[Any]):
    """What a checkpoint was that did not fit."""

    words = serializers.CharField(max_length=2000)


class AskedBody(serializers.Serializer[Any]):
    """`new` is false where one is under way already; its result is `last_verification` of the trust page."""

    new = serializers.BooleanField()


class TrustView(APIView):
    """How long entries stay unsealed, who could still cheat, and what stands outside: keys, witnesses, stamps, confirmations."""

    needs = (READ,)
    scopes = KEY_SCOPES

    @extend_schema(operation_id="audit_trust", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        record("audit.trust-read")
        return Response(as_plain(trust(), render_time))


class ConfirmView(APIView):
    """Compare a checkpoint that was mailed with the log. One that does not fit is answered with 422, and is an entry."""

    needs = (READ,)
    scopes = {"POST": ("write",)}

    @extend_schema(operation_id="audit_confirm_checkpoint", request=ConfirmationBody, responses={201: ConfirmedBody})
    def post(self, request: Request) -> Response:
        body = ConfirmationBody(data=request.data)
        body.is_valid(raise_exception=True)
        done = confirming.confirm(body.validated_data["text"])
        return Response({"size": done.size, "at": render_time(done.at), "mailed": done.mailed}, status=201)


class ClearingView(APIView):
    """Say what a checkpoint was that did not fit: the warning goes from every page, and the words stay. 409 when none is open."""

    needs = (READ,)
    scopes = {"POST": ("write",)}

    @extend_schema(operation_id="audit_clear_up_checkpoint", request=ClearingBody, responses={204: None})
    def post(self, request: Request) -> Response:
        body = ClearingBody(data=request.data)
        body.is_valid(raise_exception=True)
        confirming.clear_up(body.validated_data["words"])
        return Response(status=204)


class VerificationView(APIView):
    """Have the worker verify the whole trail now."""

    needs = (READ,)
    scopes = {"POST": ("write",)}

    @extend_schema(operation_id="audit_ask_verification", request=None, responses={202: AskedBody})
    def post(self, request: Request) -> Response:
        return Response({"new": verifying.ask()}, status=202)
