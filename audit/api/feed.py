"""The feed of sealed entries for security monitors, and the coverage report, for programs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseNotModified
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.views import AuditView
from audit.feed import formats as siem
from audit.feed import reading as feed
from audit.log.canonical import render_time
from audit.review import coverage
from audit.services import record

NDJSON, SYSLOG = "application/x-ndjson", "text/plain; charset=utf-8"


class Feed(AuditView):
    """Sealed entries after a place of the log, in order and without a gap."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:  # noqa: FBT001, FBT002 - as in DRF
        """`?format=` is ours here; DRF would look for a renderer of that name."""
        renderer = self.get_renderers()[0]
        return renderer, renderer.media_type

    @extend_schema(
        operation_id="audit_feed",
        parameters=[
            OpenApiParameter(
                "format", enum=["ocsf", "syslog"], description="OCSF 1.3 as JSON lines (as long as nothing is said), or RFC 5424."
            ),
            OpenApiParameter("after", description="The last place you have; -1 or nothing for the beginning."),
            OpenApiParameter("limit", type=OpenApiTypes.INT, description="1 to 1000, 500 when absent."),
        ],
        responses={
            (200, NDJSON): OpenApiResponse(OpenApiTypes.STR, description="`Lastmile-Next` is the next `after`; empty when nothing is new."),
            304: OpenApiResponse(description="Nothing changed since `If-None-Match`."),
        },
    )
    def get(self, request: Request) -> HttpResponse:
        given = request.query_params
        form = given.get("format", "ocsf")
        if form not in {"ocsf", "syslog"}:
            raise ValidationError({"format": ValidationError(_("Choose ocsf or syslog."), code="format_unknown")})
        after = feed.after_of(given.get("after", ""))
        found = feed.page(after, feed.limit_of(given.get("limit", "")))
        last = found[-1].seq if found else after
        tag = f'"{form}-{after}-{last}"'
        headers = {"Lastmile-Next": str(last), "ETag": tag, "Cache-Control": "private, no-cache"}
        if request.headers.get("If-None-Match") == tag:
            return HttpResponseNotModified(headers=headers)
        if any(entry.action != feed.READ for entry in found):
            record(feed.READ, detail={"format": form, "after": after, "last": last, "count": len(found)})
        host = urlsplit(settings.PUBLIC_URL).hostname or "-"
        if form == "ocsf":
            body = b"".join(siem.ocsf_line(entry, origin=settings.LOG_ORIGIN) for entry in found)
        else:
            body = b"".join(siem.syslog_line(entry, host=host) for entry in found)
        return HttpResponse(body, content_type=NDJSON if form == "ocsf" else SYSLOG, headers=headers)


class ExcludedBody(serializers.Serializer[Any]):
    field = serializers.CharField()
    reason = serializers.CharField()


class CoveredBody(serializers.Serializer[Any]):
    """A governed model; `wrong` is empty while its triggers are in place."""

    model = serializers.CharField()
    table = serializers.CharField()
    data_class = serializers.CharField()
    recorded = serializers.ListField(child=serializers.CharField())
    excluded = ExcludedBody(many=True)
    entries = serializers.IntegerField()
    last = serializers.DateTimeField(allow_null=True)
    wrong = serializers.ListField(child=serializers.CharField())


class UncoveredBody(serializers.Serializer[Any]):
    table = serializers.CharField()
    reason = serializers.CharField()


class CoverageBody(serializers.Serializer[Any]):
    sound = serializers.BooleanField()
    findings = serializers.ListField(child=serializers.CharField())
    unattributed = serializers.IntegerField()
    governed = CoveredBody(many=True)
    others = UncoveredBody(many=True)


class Coverage(AuditView):
    """What the trail records, as the database stands now, and what it does not, with the reason."""

    @extend_schema(operation_id="audit_coverage", responses=CoverageBody)
    def get(self, request: Request) -> Response:
        found = coverage.report()
        record("audit.coverage-read", detail={"as": "api"})
        governed = [
            {
                "model": one.model,
                "table": one.table,
                "data_class": one.data_class,
                "recorded": one.recorded,
                "excluded": [{"field": name, "reason": why} for name, why in one.excluded],
                "entries": one.entries,
                "last": render_time(one.last) if one.last else None,
                "wrong": one.wrong,
            }
            for one in found.governed
        ]
        others = [{"table": one.table, "reason": one.reason} for one in found.others]
        told = {"sound": found.sound, "findings": found.findings, "unattributed": found.unattributed_count}
        return Response({**told, "governed": governed, "others": others})
