"""Pages of governance, and the gate."""

from __future__ import annotations

from django.urls import path

from governance.gate import views as gate
from governance.views import commands, pilots, receipts, requests

urlpatterns = [
    path("pilots", pilots.index, name="pilots"),
    path("pilots/new", pilots.propose, name="pilot-new"),
    path("pilots/<str:slug>", pilots.detail, name="pilot"),
    path("pilots/<str:slug>/start", pilots.start, name="pilot-start"),
    path("pilots/<str:slug>/complete", pilots.complete, name="pilot-complete"),
    path("pilots/<str:slug>/ready", pilots.make_ready, name="pilot-ready"),
    path("pilots/<str:slug>/measure", pilots.measure, name="pilot-measure"),
    path("pilots/<str:slug>/actions/<int:pk>", pilots.finish_action, name="pilot-action"),
    path("pilots/<str:slug>/expand", requests.expand, name="pilot-expand"),
    path("pilots/<str:slug>/hold", commands.hold, name="pilot-hold"),
    path("pilots/<str:slug>/stop", commands.stop, name="pilot-stop"),
    path("pilots/<str:slug>/reason", commands.reason, name="pilot-reason"),
    path("pilots/<str:slug>/resume", commands.resume, name="pilot-resume"),
    path("pilots/<str:slug>/end", commands.end, name="pilot-end"),
    path("pilots/<str:slug>/leave", commands.leave, name="pilot-leave"),
    path("pilots/<str:slug>/steps/<int:step>/receipt", receipts.step, name="step-receipt"),
    path("lessons", pilots.lessons, name="lessons"),
    path("decisions", requests.decisions, name="decisions"),
    path("requests/<int:pk>", requests.detail, name="request"),
    path("requests/<int:pk>/receipt", receipts.decision, name="request-receipt"),
    path("requests/<int:pk>/signatures/<int:signature>/receipt", receipts.signature, name="signature-receipt"),
    path("requests/<int:pk>/sign", requests.sign, name="request-sign"),
    path("requests/<int:pk>/submit", requests.submit, name="request-submit"),
    path("requests/<int:pk>/revise", requests.revise, name="request-revise"),
    path("requests/<int:pk>/withdraw", requests.withdraw, name="request-withdraw"),
    path("requests/<int:pk>/revoke", requests.revoke, name="request-revoke"),
    path("requests/<int:pk>/take-back", requests.take_back, name="request-take-back"),
    path("requests/<int:pk>/apply", requests.apply, name="request-apply"),
    path("ofrep/v1/evaluate/flags", gate.EvaluateFlags.as_view(), name="ofrep-flags"),
    path("ofrep/v1/evaluate/flags/<str:key>", gate.EvaluateFlag.as_view(), name="ofrep-flag"),
]
