"""The part of /api/v1/ that belongs to feedback."""

from __future__ import annotations

from django.urls import path

from feedback.api.events import Events, OneRecommendation
from feedback.api.items import ItemReplies, Items, ItemStatus, ItemVoice, OneItem

urlpatterns = [
    path("events", Events.as_view(), name="api-events"),
    path("recommendations/<path:uid>", OneRecommendation.as_view(), name="api-recommendation"),
    path("items", Items.as_view(), name="api-items"),
    path("items/<str:ref>", OneItem.as_view(), name="api-item"),
    path("items/<str:ref>/voice", ItemVoice.as_view(), name="api-item-voice"),
    path("items/<str:ref>/replies", ItemReplies.as_view(), name="api-item-replies"),
    path("items/<str:ref>/status", ItemStatus.as_view(), name="api-item-status"),
]
