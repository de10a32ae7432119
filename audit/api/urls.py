"""Addresses of audit below /api/v1/."""

from __future__ import annotations

from django.urls import path

from audit.api import views

urlpatterns = [
    path("audit/entries", views.Entries.as_view(), name="api-audit-entries"),
    path("audit/entries/<int:seq>", views.OneEntry.as_view(), name="api-audit-entry"),
    path("audit/entries/<int:seq>/proof", views.Proof.as_view(), name="api-audit-proof"),
    path("audit/objects/<str:model>/<path:object_id>/versions", views.Versions.as_view(), name="api-audit-versions"),
]
