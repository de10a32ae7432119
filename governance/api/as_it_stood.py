"""GET /audit/pilots/{slug}: a whole pilot as it stood at an instant."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import services as audit
from audit.access import KEY_SCOPES, READ
from audit.explore.stood import past_or_none
from audit.log.canonical import render_time
from governance.models import Pilot
from governance.selectors import as_it_stood
from portal.permissions import Allowed


class StoodBody(serializers.Serializer[Any]):
    """`records` are the recorded values of everything that belonged to the pilot then, by kind (`governance.signature`).

    `before` and `after` are the instants of the changes around it, to step from one to the next. Before the pilot existed
    `existed` is false and the rest is empty.
    """

    at = serializers.DateTimeField()
    existed = serializers.BooleanField()
    word = serializers.CharField(allow_blank=True)
    missing = serializers.ListField(child=serializers.CharField())
    erased_at = serializers.DateTimeField(allow_null=True)
    items = serializers.IntegerField()
    recommendations = serializers.IntegerField()
    records = serializers.DictField(child=serializers.ListField(child=serializers.DictField()))
    before = serializers.DateTimeField(allow_null=True)
    after = serializers.DateTimeField(allow_null=True)


class StoodPilotView(APIView):
    permission_classes = (Allowed,)
    needs = (READ,)
    scopes = KEY_SCOPES

    @extend_schema(
        operation_id="audit_pilot_as_it_stood",
        parameters=[OpenApiParameter("at", description="Date or time, UTC; now when absent.")],
        responses=StoodBody,
    )
    def get(self, request: Request, slug: str) -> Response:
        """A pilot with its stages, requests, signatures, grants, readiness, and its fifty newest items with their voices."""
        at = past_or_none(request.query_params.get("at", "")) or timezone.now()
        try:
            found = as_it_stood.stood(slug, at)
        except Pilot.DoesNotExist as error:
            raise Http404 from error
        steps = as_it_stood.steps(slug, at)
        key = str(found.pilot.id) if found else ""
        audit.record("audit.pilot-read", model="governance.pilot", object_id=key, detail={"pilot": slug, "at": at.isoformat()})
        body = {
            "at": render_time(at),
            "existed": found is not None,
            "word": found.word if found else "",
            "missing": found.missing if found else [],
            "erased_at": render_time(found.erased.at) if found and found.erased else None,
            "items": found.item_count if found else 0,
            "recommendations": found.shown if found else 0,
            "records": found.records if found else {},
            "before": render_time(steps.before) if steps.before else None,
            "after": render_time(steps.after) if steps.after else None,
        }
        return Response(body)
