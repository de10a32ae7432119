"""Sign-in, sign-out and password: django-allauth's views at our addresses (no trailing slash), under its names."""

from __future__ import annotations

from allauth.account import views
from django.urls import path

from portal.permissions import everyone, public

urlpatterns = [
    path("sign-in", public(views.login), name="account_login"),
    path("sign-out", public(views.logout), name="account_logout"),
    path("inactive", public(views.account_inactive), name="account_inactive"),
    path("password", everyone(views.password_change), name="account_change_password"),
]
