"""The part of /api/v1/ that belongs to feedback."""

from __future__ import annotations

from django.urls import path

from feedback.api.events import Events, OneRecommendation
from feedback.api.items import ItemReplies, Items, ItemStatus, ItemVoice, OneItem, SimilarItems
from feedback.api.joining import ItemComments, ItemEdits, ItemFollow, ItemMerge, ItemPart, ItemText, ItemVerdict, ReplyText
from feedback.api.kiosks import ItemWithdraw, KioskCode, Kiosks, OneKiosk
from feedback.api.widget import Sessions, WidgetItems, WidgetOutcomes, WidgetRecommendation

urlpatterns = [
    path("widget/sessions", Sessions.as_view(), name="api-widget-sessions"),
    path("widget/items", WidgetItems.as_view(), name="api-widget-items"),
    path("widget/outcomes", WidgetOutcomes.as_view(), name="api-widget-outcomes"),
    path("widget/recommendations/<path:uid>", WidgetRecommendation.as_view(), name="api-widget-recommendation"),
    path("events", Events.as_view(), name="api-events"),
    path("recommendations/<path:uid>", OneRecommendation.as_view(), name="api-recommendation"),
    path("items", Items.as_view(), name="api-items"),
    path("items/similar", SimilarItems.as_view(), name="api-items-similar"),
    path("items/<str:ref>", OneItem.as_view(), name="api-item"),
    path("items/<str:ref>/voice", ItemVoice.as_view(), name="api-item-voice"),
    path("items/<str:ref>/replies", ItemReplies.as_view(), name="api-item-replies"),
    path("items/<str:ref>/text", ItemText.as_view(), name="api-item-text"),
    path("items/<str:ref>/replies/<int:pk>/text", ReplyText.as_view(), name="api-reply-text"),
    path("items/<str:ref>/edits", ItemEdits.as_view(), name="api-item-edits"),
    path("items/<str:ref>/comments", ItemComments.as_view(), name="api-item-comments"),
    path("items/<str:ref>/follow", ItemFollow.as_view(), name="api-item-follow"),
    path("items/<str:ref>/verdict", ItemVerdict.as_view(), name="api-item-verdict"),
    path("items/<str:ref>/merge", ItemMerge.as_view(), name="api-item-merge"),
    path("items/<str:ref>/part", ItemPart.as_view(), name="api-item-part"),
    path("items/<str:ref>/withdraw", ItemWithdraw.as_view(), name="api-item-withdraw"),
    path("kiosks", Kiosks.as_view(), name="api-kiosks"),
    path("kiosks/<int:pk>", OneKiosk.as_view(), name="api-kiosk"),
    path("kiosks/<int:pk>/code", KioskCode.as_view(), name="api-kiosk-code"),
    path("items/<str:ref>/status", ItemStatus.as_view(), name="api-item-status"),
]
