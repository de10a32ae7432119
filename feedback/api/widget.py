"""The widget on the pages of an AI tool: POST /widget/sessions (its server), /widget/items, /outcomes, /recommendations (its pages)."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feedback.selectors.recommendations import of_person
from feedback.selectors.widget import SCOPE, explained, person_of_token
from feedback.services import widget
from portal import clock
from portal.api.browsers import ForPages
from portal.api.idempotency import ONCE, idempotent
from portal.models import ApiKey, Person
from portal.permissions import Allowed

TOKEN = [OpenApiParameter("Widget-Token", str, OpenApiParameter.HEADER, required=True, description="From POST /widget/sessions.")]


class SessionIn(serializers.Serializer[Any]):
    person = serializers.CharField(max_length=120, help_text="Staff number or e-mail of who is signed in to the tool.")


class WidgetItemIn(serializers.Serializer[Any]):
    kind = serializers.CharField()
    text = serializers.CharField(allow_blank=True, required=False, default="", help_text="May be empty for friction.")
    identity = serializers.CharField(required=False, help_text="named or confidential; a concern is confidential unless you say named.")
    recommendation = serializers.CharField(required=False, allow_blank=True, max_length=200)


class OutcomeIn(serializers.Serializer[Any]):
    recommendation = serializers.CharField(max_length=200)
    outcome = serializers.CharField(help_text="accepted, adjusted, overridden or dismissed.")
    after = serializers.CharField(required=False, allow_blank=True, max_length=2000, help_text="What it was adjusted to.")
    reason = serializers.CharField(required=False, allow_blank=True)
    text = serializers.CharField(required=False, allow_blank=True, max_length=2000)


SESSION = inline_serializer("WidgetSession", {"token": serializers.CharField(), "expires_at": serializers.DateTimeField()})
FILED = inline_serializer("WidgetFiled", {"ref": serializers.CharField(), "reply_due": serializers.DateField()})
DECIDED = inline_serializer("WidgetDecided", {"outcome": serializers.CharField()})
EXPLAINED = inline_serializer(
    "WidgetExplanation",
    {
        "recommendation": serializers.CharField(),
        "why": serializers.CharField(),
        "sure": serializers.CharField(),
        "version": serializers.CharField(),
        "reason_required": serializers.BooleanField(),
    },
)


class Sessions(APIView):
    """The tool's server asks for a token of the person who is signed in there; its page puts it on the element."""

    permission_classes = (Allowed,)
    needs = ("widget.open",)
    scopes = {"POST": SCOPE}

    @extend_schema(operation_id="widget_open", request=SessionIn, responses={201: SESSION})
    def post(self, request: Request) -> Response:
        key = _key(request)
        widget.limit(key)
        token, until = widget.open_session(key, **_given(request, SessionIn))
        return Response({"token": token, "expires_at": until}, status=201, headers={"Cache-Control": "no-store"})


class ForPeople(ForPages):
    """Called from a page with the browser key, and a token that says for whom."""

    needs: tuple[str, ...] = ()
    scopes = {"GET": "widget", "POST": "widget"}

    def person(self, request: Request) -> Person:
        key = _key(request)
        widget.limit(key)
        found = person_of_token(request.headers.get("Widget-Token", ""), widget.system_of(key), clock.now())
        if found is None:
            raise AuthenticationFailed(_("This token is unknown or has ended. Load the page again."), code="token_invalid")
        return found


class WidgetItems(ForPeople):
    @extend_schema(operation_id="widget_file", parameters=TOKEN + ONCE, request=WidgetItemIn, responses={201: FILED})
    @idempotent
    def post(self, request: Request) -> Response:
        """Named or confidential feedback. Anonymous feedback goes to /anonymous/widget, which knows nobody."""
        item = widget.file(_key(request), actor=self.person(request), **_given(request, WidgetItemIn))
        return Response({"ref": item.ref, "reply_due": item.reply_due}, status=201)


class WidgetOutcomes(ForPeople):
    @extend_schema(operation_id="widget_decide", parameters=TOKEN + ONCE, request=OutcomeIn, responses={201: DECIDED})
    @idempotent
    def post(self, request: Request) -> Response:
        """Accept, adjust, override or dismiss a recommendation shown to this person, with its reason; in force at once."""
        given = _given(request, OutcomeIn)
        once = request.headers.get("Idempotency-Key") or str(uuid.uuid4())
        widget.decide(_key(request), actor=self.person(request), once=once, **given)
        return Response({"outcome": given["outcome"]}, status=201)


class WidgetRecommendation(ForPeople):
    @extend_schema(operation_id="widget_explain", parameters=TOKEN, responses=EXPLAINED)
    def get(self, request: Request, uid: str) -> Response:
        """The explanation line of a recommendation shown to this person. What they decided is not told."""
        person = self.person(request)
        return Response(explained(of_person(person, uid, system=widget.system_of(_key(request)).slug)))


def _given(request: Request, shape: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    read = shape(data=request.data)
    read.is_valid(raise_exception=True)
    values: dict[str, Any] = read.validated_data
    return values


def _key(request: Request) -> ApiKey:
    key: Any = request.auth
    assert isinstance(key, ApiKey)
    return key
