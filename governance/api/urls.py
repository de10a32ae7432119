"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import path

from governance.api import as_it_stood, lessons, pilots, requests

urlpatterns = [
    path("pilots", pilots.Pilots.as_view(), name="api-pilots"),
    path("pilots/<str:slug>", pilots.PilotView.as_view(), name="api-pilot"),
    path("pilots/<str:slug>/hold", pilots.Hold.as_view(), name="api-pilot-hold"),
    path("pilots/<str:slug>/stop", pilots.Stop.as_view(), name="api-pilot-stop"),
    path("pilots/<str:slug>/end", pilots.End.as_view(), name="api-pilot-end"),
    path("audit/pilots/<str:slug>", as_it_stood.StoodPilotView.as_view(), name="api-audit-pilot"),
    path("lessons", lessons.Lessons.as_view(), name="api-lessons"),
    path("expansion-requests", requests.Requests.as_view(), name="api-requests"),
    path("expansion-requests/<int:pk>", requests.RequestView.as_view(), name="api-request"),
    path("expansion-requests/<int:pk>/submit", requests.Submit.as_view(), name="api-request-submit"),
    path("expansion-requests/<int:pk>/withdraw", requests.Withdraw.as_view(), name="api-request-withdraw"),
    path("expansion-requests/<int:pk>/apply", requests.Apply.as_view(), name="api-request-apply"),
    path("expansion-requests/<int:pk>/brief", requests.Brief.as_view(), name="api-request-brief"),
    path("expansion-requests/<int:pk>/signatures", requests.Signatures.as_view(), name="api-request-signatures"),
]
