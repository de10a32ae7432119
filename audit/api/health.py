"""How the audit trail is doing, for programs."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.access import HEALTH, KEY_SCOPES
from audit.health import as_plain, health
from audit.log.canonical import render_time


class HealthView(APIView):
    """Seal lag, batches, growth, room for payloads, and the last verification. Shows no entry."""

    needs = HEALTH
    scopes = KEY_SCOPES

    @extend_schema(operation_id="audit_health", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(as_plain(health(), render_time))
