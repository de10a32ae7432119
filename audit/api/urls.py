"""Addresses of audit below /api/v1/."""

from __future__ import annotations

from django.urls import path

from audit.api import feed, health, keeping, packs, review, saved, stood, trust, views

urlpatterns = [
    path("audit/health", health.HealthView.as_view(), name="api-audit-health"),
    path("audit/trust", trust.TrustView.as_view(), name="api-audit-trust"),
    path("audit/trust/confirmations", trust.ConfirmView.as_view(), name="api-audit-confirmations"),
    path("audit/trust/clearings", trust.ClearingView.as_view(), name="api-audit-clearings"),
    path("audit/trust/verifications", trust.VerificationView.as_view(), name="api-audit-verifications"),
    path("audit/entries", views.Entries.as_view(), name="api-audit-entries"),
    path("audit/entries/<int:seq>", views.OneEntry.as_view(), name="api-audit-entry"),
    path("audit/entries/<int:seq>/proof", views.Proof.as_view(), name="api-audit-proof"),
    path("audit/views", saved.SavedViews.as_view(), name="api-audit-views"),
    path("audit/views/<int:pk>", saved.OneSavedView.as_view(), name="api-audit-view"),
    path("audit/views/<int:pk>/subscription", saved.ViewSubscription.as_view(), name="api-audit-view-subscription"),
    path("audit/objects/<str:model>/<path:object_id>/versions", views.Versions.as_view(), name="api-audit-versions"),
    path("audit/objects/<str:model>/<path:object_id>/compare", stood.Compare.as_view(), name="api-audit-compare"),
    path("audit/objects/<str:model>/<path:object_id>/restore", stood.Restore.as_view(), name="api-audit-restore"),
    path("audit/packs", packs.Packs.as_view(), name="api-audit-packs"),
    path("audit/packs/<int:pk>", packs.OnePack.as_view(), name="api-audit-pack"),
    path("audit/packs/<int:pk>/file", packs.PackFile.as_view(), name="api-audit-pack-file"),
    path("audit/lists/<str:model>", stood.Lists.as_view(), name="api-audit-list"),
    path("audit/subjects/<str:kind>/<path:key>", stood.Subjects.as_view(), name="api-audit-subject"),
    path("audit/retention", keeping.RetentionTable.as_view(), name="api-audit-retention"),
    path("audit/retention/<slug:name>", keeping.RetentionOf.as_view(), name="api-audit-retention-of"),
    path("audit/holds", keeping.Holds.as_view(), name="api-audit-holds"),
    path("audit/holds/<int:pk>", keeping.OneHold.as_view(), name="api-audit-hold"),
    path("audit/holds/<int:pk>/release", keeping.HoldRelease.as_view(), name="api-audit-hold-release"),
    path("audit/holds/<int:pk>/confirm", keeping.HoldConfirm.as_view(), name="api-audit-hold-confirm"),
    path("audit/holds/<int:pk>/keep", keeping.HoldKeep.as_view(), name="api-audit-hold-keep"),
    path("audit/erasures", keeping.Erasures.as_view(), name="api-audit-erasures"),
    path("audit/erasures/<uuid:pk>", keeping.OneErasure.as_view(), name="api-audit-erasure"),
    path("audit/erasures/<uuid:pk>/confirm", keeping.ErasureConfirm.as_view(), name="api-audit-erasure-confirm"),
    path("audit/erasures/<uuid:pk>/withdraw", keeping.ErasureWithdraw.as_view(), name="api-audit-erasure-withdraw"),
    path("audit/coverage", feed.Coverage.as_view(), name="api-audit-coverage"),
    path("audit/feed", feed.Feed.as_view(), name="api-audit-feed"),
    path("audit/reviews", review.Reviews.as_view(), name="api-audit-reviews"),
    path("audit/reviews/<int:pk>", review.OneReview.as_view(), name="api-audit-review"),
    path("audit/reviews/<int:pk>/draw", review.Draw.as_view(), name="api-audit-review-draw"),
    path("audit/reviews/<int:pk>/judgements", review.Judgements.as_view(), name="api-audit-review-judge"),
    path("audit/reviews/<int:pk>/signature", review.Signature.as_view(), name="api-audit-review-sign"),
]
