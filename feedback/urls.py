"""Pages of feedback."""

from __future__ import annotations

from django.urls import path

from feedback.views import anonymous, anonymous_widget, filing, items, joining, kiosk, kiosks, recommendations, widget

urlpatterns = [
    path("feedback/new", filing.new, name="feedback-new"),
    path("items", items.box, name="items"),
    path("items/alike", items.alike, name="items-alike"),
    path("items/<str:ref>", items.item, name="item"),
    path("items/<str:ref>/filed", filing.filed, name="item-filed"),
    path("items/<str:ref>/withdraw", filing.withdraw, name="item-withdraw"),
    path("items/<str:ref>/voice", items.voice, name="item-voice"),
    path("items/<str:ref>/reply", items.reply, name="item-reply"),
    path("items/<str:ref>/status", items.move, name="item-status"),
    path("items/<str:ref>/name", items.name, name="item-name"),
    path("items/<str:ref>/follow", joining.follow, name="item-follow"),
    path("items/<str:ref>/comment", joining.comment, name="item-comment"),
    path("items/<str:ref>/note", joining.note, name="item-note"),
    path("items/<str:ref>/verdict", joining.verdict, name="item-verdict"),
    path("items/<str:ref>/merge", joining.merge, name="item-merge"),
    path("items/<str:ref>/part", joining.part, name="item-part"),
    path("items/<str:ref>/edit", joining.edit, name="item-edit"),
    path("items/<str:ref>/replies/<int:pk>/edit", joining.edit_reply, name="reply-edit"),
    path("items/<str:ref>/edits", joining.edits, name="item-edits"),
    path("recommendations", recommendations.mine, name="recommendations"),
    path("recommendations/<path:uid>", recommendations.one, name="recommendation"),
    path("f/<str:code>", kiosks.short, name="short"),
    path("kiosks", kiosks.all_kept, name="kiosks"),
    path("kiosks/new", kiosks.new, name="kiosk-new"),
    path("kiosks/<int:pk>", kiosks.one, name="kiosk-kept"),
    path("kiosks/<int:pk>/code", kiosks.one_time_code, name="kiosk-code"),
    path("kiosks/<int:pk>/revoke", kiosks.revoke, name="kiosk-revoke"),
    path("kiosks/<int:pk>/sheet", kiosks.sheet, name="kiosk-sheet"),
    path("kiosk/", kiosk.start, name="kiosk"),
    path("kiosk/file", kiosk.file, name="kiosk-file"),
    path("kiosk/enrol", kiosk.enrol, name="kiosk-enrol"),
    path("worker.js", filing.worker, name="worker"),
    path("anonymous/new", anonymous.new, name="anonymous-new"),
    path("anonymous/items", anonymous.file, name="anonymous-items"),
    path("anonymous/widget", anonymous_widget.file, name="anonymous-widget"),
    path("systems/<slug:slug>/widget", widget.set_up, name="system-widget"),
    path("systems/<slug:slug>/widget/<int:pk>/origins", widget.origins, name="system-widget-origins"),
    path("systems/<slug:slug>/widget/<int:pk>/revoke", widget.revoke, name="system-widget-revoke"),
    path("anonymous/receipts", anonymous.look_up, name="anonymous-receipts"),
]
