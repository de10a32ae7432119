"""Roles on views: the first of three steps (then `visible_to` gives 404, then the service's policy gives 403).

A page without one of these decorators fails tests/test_permissions.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from portal.models import Person

View = Callable[..., HttpResponseBase]


class SignedIn(HttpRequest):
    """The request of a page behind `needs` or `everyone`: its user is a person."""

    user: Person


def person_of(request: HttpRequest | Request) -> Person:
    """The person who calls. Raises PermissionDenied for a program: its key acts as nobody."""
    if not isinstance(request.user, Person):
        raise PermissionDenied
    return request.user


def needs(*names: str) -> Callable[[View], View]:
    """A page for people who hold at least one of the named permissions (portal/roles.py), anywhere."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not any(request.user.has_perm(name) for name in names):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        checked.access = names  # type: ignore[attr-defined]
        return checked

    return decorate


def everyone(view: View) -> View:
    """A page for everyone who is signed in (LoginRequiredMiddleware sees to that)."""
    view.access = ("everyone",)  # type: ignore[attr-defined]
    return view


def public(view: View) -> View:
    """A page that needs no sign-in."""
    view = login_not_required(view)
    view.access = ("public",)  # type: ignore[attr-defined]
    return view


class Allowed(BasePermission):
    """DRF permission: `scope` for keys (on the view, by method), `needs` for people.

    A view sets `needs = ("audit.read",)` (or by method: `{"POST": ("systems.manage",)}`) or leaves it empty for every
    signed-in person, and `scopes = {"GET": "read", ...}` for what a key must carry (a tuple: any one of them). A key
    without the scope gets 403, and so does a method that is not in `scopes`. A system key is asked for its scope alone.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        key: Any = request.auth
        if key is not None:
            scopes = getattr(view, "scopes", {}).get(request.method, ())
            if not ({scopes} if isinstance(scopes, str) else set(scopes)) & set(key.scopes):
                return False
            if key.person_id is None:
                return True
        names = getattr(view, "needs", ())
        if isinstance(names, dict):
            names = names.get(request.method, ())
        return not names or any(request.user.has_perm(name) for name in names)
