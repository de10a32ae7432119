"""GET, POST /pilots, GET /pilots/{slug}, POST /pilots/{slug}/hold, /stop, /end."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api import shapes
from governance.api.lessons import LessonShape, shown
from governance.models import Pilot
from governance.selectors import lessons
from governance.services import ending, pilots, stopping
from governance.services.pilots import ActionDraft, PromiseDraft, RuleDraft, StageDraft
from portal.api.idempotency import ONCE, idempotent
from portal.api.pagination import PAGE, listing, page_of
from portal.permissions import Allowed, person_of


def read(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The validated body; 422 names every field that is wrong."""
    given = shape(data=request.data)
    given.is_valid(raise_exception=True)
    values: dict[str, Any] = given.validated_data
    return values


class Proposed(shapes.PilotDetail):
    lessons = LessonShape(many=True)


class Pilots(APIView):
    permission_classes = (Allowed,)
    needs = {"POST": ("pilots.lead",)}
    scopes = {"GET": "read", "POST": "write"}

    @extend_schema(operation_id="pilots_list", parameters=PAGE, responses=page_of("PilotPage", shapes.PilotOut(many=True)))
    def get(self, request: Request) -> Response:
        """Pilots that the caller may see; `?condition=` and `?system=` filter."""
        rows = Pilot.objects.visible_to(person_of(request)).select_related("system", "unit", "stage")
        if condition := request.query_params.get("condition"):
            rows = rows.filter(condition=condition)
        if system := request.query_params.get("system"):
            rows = rows.filter(system__slug=system)
        return listing(request, rows, order=("name", "id"), render=lambda row: shapes.PilotOut(row).data)

    @extend_schema(operation_id="pilots_propose", parameters=ONCE, request=shapes.PilotIn, responses={201: Proposed})
    @idempotent
    def post(self, request: Request) -> Response:
        """Propose a pilot, led by the caller. The answer holds what ended pilots like it taught."""
        values = read(shapes.PilotIn, request)
        drafts: dict[str, Any] = {
            "stages": [StageDraft(**stage) for stage in values.pop("stages", [])] or pilots.DEFAULT_LADDER,
            "stop_rules": [RuleDraft(**rule) for rule in values.pop("stop_rules", [])],
            "criteria": [RuleDraft(**rule) for rule in values.pop("criteria", [])],
            "actions": [ActionDraft(**action) for action in values.pop("actions", [])],
            "promise": PromiseDraft(**values.pop("promise")) if "promise" in values else None,
        }
        pilot = pilots.propose(actor=person_of(request), **values, **drafts)
        taught = lessons.similar(pilot.lead, system=pilot.system, unit=pilot.unit, purpose=pilot.purpose)
        return Response({**shapes.PilotDetail(pilot).data, "lessons": shown(taught)}, status=201)


class OfPilot(APIView):
    """A command on one pilot that the caller may see."""

    permission_classes = (Allowed,)
    scopes = {"GET": "read", "POST": "write"}

    def pilot(self, request: Request, slug: str) -> Pilot:
        rows = Pilot.objects.visible_to(person_of(request)).select_related("system__unit", "unit", "stage").prefetch_related("stages")
        return get_object_or_404(rows, slug=slug)

    def answer(self, pilot: Pilot) -> Response:
        return Response(shapes.PilotDetail(pilot).data)


class PilotView(OfPilot):
    @extend_schema(operation_id="pilots_read", responses=shapes.PilotDetail)
    def get(self, request: Request, slug: str) -> Response:
        """One pilot: where on its ladder, its rules, how many people have the AI now."""
        return self.answer(self.pilot(request, slug))


class Hold(OfPilot):
    @extend_schema(operation_id="pilots_hold", parameters=ONCE, request=shapes.Because, responses=shapes.PilotDetail)
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        """Nobody new gets the AI."""
        return self.answer(stopping.hold(actor=person_of(request), pilot=self.pilot(request, slug), **read(shapes.Because, request)))


def _reason_if_any(request: Request) -> str:
    """A Stop without its reason is better than none: what cannot be read is left out, and may follow."""
    try:
        return str(read(shapes.MaybeBecause, request)["reason"])
    except (exceptions.ValidationError, exceptions.ParseError, exceptions.UnsupportedMediaType):
        return ""


class Stop(OfPilot):
    @extend_schema(operation_id="pilots_stop", parameters=ONCE, request=shapes.MaybeBecause, responses=shapes.PilotDetail)
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        """Nobody has the AI, from this commit on. The reason may follow."""
        return self.answer(stopping.stop(actor=person_of(request), pilot=self.pilot(request, slug), reason=_reason_if_any(request)))


class End(OfPilot):
    @extend_schema(operation_id="pilots_end", parameters=ONCE, request=shapes.EndIn, responses=shapes.PilotDetail)
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        """End the pilot for good, with cause, lessons, and what the people who objected were told."""
        return self.answer(ending.end(actor=person_of(request), pilot=self.pilot(request, slug), **read(shapes.EndIn, request)))
