"""Everything under /api/v1/: each app's part, joined by string."""

from __future__ import annotations

from django.urls import include, path

from portal.api.schema import Schema
from portal.api.systems import Keys, Systems, Versions

urlpatterns = [
    path("schema", Schema.as_view(), name="api-schema"),
    path("systems", Systems.as_view(), name="api-systems"),
    path("systems/<slug:slug>/versions", Versions.as_view(), name="api-system-versions"),
    path("systems/<slug:slug>/keys", Keys.as_view(), name="api-system-keys"),
    path("", include("feedback.api.urls")),
    path("", include("governance.api.urls")),
    path("", include("audit.api.urls")),
]
