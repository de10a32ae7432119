"""Pages of feedback."""

from __future__ import annotations

from django.urls import path

from feedback.views import anonymous, filing, items, recommendations

urlpatterns = [
    path("feedback/new", filing.new, name="feedback-new"),
    path("items", items.box, name="items"),
    path("items/<str:ref>", items.item, name="item"),
    path("items/<str:ref>/filed", filing.filed, name="item-filed"),
    path("items/<str:ref>/voice", items.voice, name="item-voice"),
    path("items/<str:ref>/reply", items.reply, name="item-reply"),
    path("items/<str:ref>/status", items.move, name="item-status"),
    path("items/<str:ref>/name", items.name, name="item-name"),
    path("recommendations", recommendations.mine, name="recommendations"),
    path("recommendations/<path:uid>", recommendations.one, name="recommendation"),
    path("anonymous/new", anonymous.new, name="anonymous-new"),
    path("anonymous/items", anonymous.file, name="anonymous-items"),
    path("anonymous/receipts", anonymous.look_up, name="anonymous-receipts"),
]
