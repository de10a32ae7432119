"""The OpenAPI document. docs/openapi.yaml is its committed copy."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny


@extend_schema(exclude=True)
class Schema(SpectacularAPIView):
    """Open to anybody: it describes the interface and holds nothing of the organisation."""

    permission_classes = [AllowAny]
    authentication_classes = []
