"""Addresses of audit: the log for machines, the explorer for people."""

from __future__ import annotations

from django.urls import path
from django.views.decorators.gzip import gzip_page

from audit.views import coverage, explorer, health, keeping, log, packs, review, saved, stood, trust

urlpatterns = [
    path("log/checkpoint", log.checkpoint, name="log-checkpoint"),
    path("log/cosigned", log.cosigned, name="log-cosigned"),
    path("log/keys", log.keys, name="log-keys"),
    path("log/vkey", log.key, name="log-key"),
    path("log/tile/entries/<path:path>", gzip_page(log.EntryBundle.as_view()), name="log-entries"),
    path("log/tile/<path:path>", log.hashes, name="log-tile"),
    path("audit", explorer.entries, name="audit"),
    path("audit/health", health.page, name="audit-health"),
    path("audit/trust", trust.page, name="audit-trust"),
    path("audit/trust/verify", trust.verify, name="audit-verify"),
    path("audit/trust/clear-up", trust.clear_up, name="audit-clear-up"),
    path("audit/entries/<int:seq>", explorer.entry, name="audit-entry"),
    path("audit/entries/<int:seq>/proof", explorer.proof, name="audit-proof"),
    path("audit/views", saved.views, name="audit-views"),
    path("audit/views/<int:pk>", saved.view, name="audit-view"),
    path("audit/views/<int:pk>/delete", saved.delete, name="audit-view-delete"),
    path("audit/views/<int:pk>/mail", saved.mail, name="audit-view-mail"),
    path("audit/review", review.index, name="audit-reviews"),
    path("audit/review/<int:pk>", review.detail, name="audit-review"),
    path("audit/review/<int:pk>/draw", review.draw, name="audit-review-draw"),
    path("audit/review/<int:pk>/judge", review.judge, name="audit-review-judge"),
    path("audit/review/<int:pk>/sign", review.sign, name="audit-review-sign"),
    path("audit/coverage", coverage.page, name="audit-coverage"),
    path("audit/coverage.csv", coverage.table, name="audit-coverage-csv"),
    path("audit/records/<str:model>/<path:object_id>", stood.record_page, name="audit-record"),
    path("audit/restore/<str:model>/<path:object_id>", stood.restore, name="audit-restore"),
    path("audit/packs", packs.packs, name="audit-packs"),
    path("audit/packs/new", packs.new, name="audit-pack-new"),
    path("audit/packs/<int:pk>", packs.pack, name="audit-pack"),
    path("audit/packs/<int:pk>/cancel", packs.cancel, name="audit-pack-cancel"),
    path("audit/packs/<int:pk>/file", packs.download, name="audit-pack-file"),
    path("audit/lists", stood.lists, name="audit-lists"),
    path("audit/lists/<str:model>", stood.list_page, name="audit-list"),
    path("audit/subjects/<str:kind>/<path:key>", stood.timeline_page, name="audit-subject"),
    path("audit/keeping", keeping.overview, name="audit-keeping"),
    path("audit/keeping/retention/<slug:name>", keeping.retention_page, name="audit-retention"),
    path("audit/keeping/holds/new", keeping.hold_new, name="audit-hold-new"),
    path("audit/keeping/holds/<int:pk>", keeping.hold_page, name="audit-hold"),
    path("audit/keeping/holds/<int:pk>/release", keeping.hold_release, name="audit-hold-release"),
    path("audit/keeping/holds/<int:pk>/confirm", keeping.hold_confirm, name="audit-hold-confirm"),
    path("audit/keeping/holds/<int:pk>/keep", keeping.hold_keep, name="audit-hold-keep"),
    path("audit/keeping/erasures/new", keeping.erasure_new, name="audit-erasure-new"),
    path("audit/keeping/erasures/<uuid:pk>", keeping.erasure_page, name="audit-erasure"),
    path("audit/keeping/erasures/<uuid:pk>/confirm", keeping.erasure_confirm, name="audit-erasure-confirm"),
    path("audit/keeping/erasures/<uuid:pk>/withdraw", keeping.erasure_withdraw, name="audit-erasure-withdraw"),
    path("audit/keeping/erasures/<uuid:pk>/certificate.<str:ending>", keeping.certificate, name="audit-certificate"),
]
