"""All addresses of the portal, each app's by string."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("portal.views.urls")),
    path("account/", include("portal.views.account_urls")),
    path("", include("feedback.urls")),
    path("", include("governance.urls")),
    path("", include("audit.urls")),
]

handler403 = "portal.views.refused.forbidden"
handler404 = "portal.views.refused.not_found"
handler429 = "portal.views.refused.too_many"  # asked by django-allauth
