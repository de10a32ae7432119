"""Addresses of audit: the log for machines, the explorer for people."""

from __future__ import annotations

from django.urls import path
from django.views.decorators.gzip import gzip_page

from audit.views import explorer, log

urlpatterns = [
    path("log/checkpoint", log.checkpoint, name="log-checkpoint"),
    path("log/vkey", log.key, name="log-key"),
    path("log/tile/entries/<path:path>", gzip_page(log.EntryBundle.as_view()), name="log-entries"),
    path("log/tile/<path:path>", log.hashes, name="log-tile"),
    path("audit", explorer.entries, name="audit"),
    path("audit/entries/<int:seq>", explorer.entry, name="audit-entry"),
    path("audit/entries/<int:seq>/proof", explorer.proof, name="audit-proof"),
    path("audit/records/<str:model>/<path:object_id>", explorer.record_page, name="audit-record"),
]
