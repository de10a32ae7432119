"""POST /events, and GET /recommendations/{id}."""

from __future__ import annotations

from typing import IO, Any

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feedback import ingest
from feedback.api import shapes
from feedback.models import Item
from feedback.selectors import recommendations
from feedback.services import events
from portal.api.errors import problem_response
from portal.models import AISystem, ApiKey, Person
from portal.permissions import Allowed
from portal.refusals import Refusal, title_of


class Bytes(BaseParser):
    """The body as it came: events are decoded one by one, in feedback.ingest."""

    media_type = "*/*"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream.read(ingest.MAX_BYTES + 1)


class Events(APIView):
    """Recommendations shown and what people did, from the AI system that the key belongs to."""

    permission_classes = (Allowed,)
    needs = ("events.send",)
    scopes = {"POST": "events:write"}
    parser_classes = (Bytes,)

    @extend_schema(
        operation_id="events_send",
        request=dict.fromkeys(sorted(ingest.BATCH_TYPES | ingest.SINGLE_TYPES | ingest.LINE_TYPES), OpenApiTypes.OBJECT),
        responses={200: OpenApiTypes.OBJECT, 207: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request) -> Response | HttpResponse:
        system = _system(request)
        body: Any = request.data or b""
        try:
            body = ingest.inflate(body, request.headers.get("Content-Encoding", ""))
            raws = ingest.split(body, request.content_type or "")
        except ingest.Unreadable as error:
            return problem_response(Refusal(error.status, error.code, title_of(error.status), error.message))
        results = events.accept(system, raws)
        answer = {
            "accepted": sum(result.status == "accepted" for result in results),
            "duplicate": sum(result.status == "duplicate" for result in results),
            "rejected": sum(not result.taken for result in results),
            "items": [vars(result) for result in results],
        }
        return Response(answer, status=207 if answer["rejected"] else 200)


class OneRecommendation(APIView):
    """A person sees their own, with what they decided; a system sees what it showed, never to whom or what came of it.

    Whoever may issue a system's key could else read what a named person decided.
    """

    permission_classes = (Allowed,)
    needs: tuple[str, ...] = ()
    scopes = {"GET": ("read", "events:write")}

    @extend_schema(operation_id="recommendations_read", parameters=[OpenApiParameter("system", str)], responses=shapes.RECOMMENDATION)
    def get(self, request: Request, uid: str) -> Response:
        if isinstance(request.user, Person):
            row = recommendations.of_person(request.user, uid, system=request.query_params.get("system", ""))
            refs = [item.ref for item in Item.objects.filter(recommendation=row).order_by("id")]
            return Response(shapes.recommendation(row, recommendations.outcomes_of(row), refs))
        return Response(self._of_system(_system(request), uid))

    def _of_system(self, system: AISystem, uid: str) -> dict[str, Any]:
        shown = recommendations.of_system(system, uid)
        if not shown:
            raise Http404
        each = [shapes.said(row) for row in shown]
        return each[0] if len(each) == 1 else {**each[0], "shown": each}


def _system(request: Request) -> AISystem:
    """The system that the caller's key belongs to; a person without a key never gets here."""
    key: Any = request.auth
    assert isinstance(key, ApiKey)
    assert key.system is not None
    return key.system
