"""Pages of portal."""

from __future__ import annotations

from django.urls import include, path

from portal.views import own, people, probes, systems, units
from portal.views.home import home

urlpatterns = [
    path("", home, name="home"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
    path("api/v1/", include("portal.api.urls")),
    path("units", units.index, name="units"),
    path("units/new", units.new, name="unit-new"),
    path("units/<int:pk>", units.detail, name="unit"),
    path("units/<int:pk>/move", units.move, name="unit-move"),
    path("people", people.index, name="people"),
    path("people/new", people.new, name="person-new"),
    path("people/<uuid:pk>", people.detail, name="person"),
    path("people/<uuid:pk>/change", people.change, name="person-change"),
    path("people/<uuid:pk>/password", people.password, name="person-password"),
    path("people/<uuid:pk>/leave", people.leave, name="person-leave"),
    path("people/<uuid:pk>/roles", people.give_role, name="role-give"),
    path("people/<uuid:pk>/roles/<int:role>/end", people.end_role, name="role-end"),
    path("systems", systems.index, name="systems"),
    path("systems/new", systems.new, name="system-new"),
    path("systems/<slug:slug>", systems.detail, name="system"),
    path("systems/<slug:slug>/change", systems.change, name="system-change"),
    path("systems/<slug:slug>/versions", systems.declare, name="system-versions"),
    path("systems/<slug:slug>/keys", systems.system_keys, name="system-keys"),
    path("systems/<slug:slug>/keys/<int:pk>/revoke", systems.revoke, name="system-key-revoke"),
    path("notices", own.inbox, name="notices"),
    path("notices/read", own.read, name="notices-read"),
    path("notices/undelivered", own.undelivered, name="notices-undelivered"),
    path("keys", own.own_keys, name="own-keys"),
    path("keys/<int:pk>/revoke", own.revoke_own_key, name="own-key-revoke"),
    path("kept", own.kept, name="kept"),
    path("kept/mail", own.mail, name="kept-mail"),
    path("mail-off/<str:token>", own.mail_off, name="mail-off"),
]
