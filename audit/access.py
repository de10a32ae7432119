"""Who may read the audit trail: the permission `audit.read` for people, the scope `audit:read` (or `read`) for keys.

audit imports no other app, so its pages carry marks of its own, under the name that the table of routes and roles reads.
The API asks DRF's default permission, which settings name, with `needs` and `scopes`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

READ = "audit.read"
KEY_SCOPES = {"GET": ("audit:read", "read")}

View = Callable[..., HttpResponse]


def readers(view: View) -> View:
    """A page for those who may read the audit trail."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.has_perm(READ):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    checked.access = (READ,)  # type: ignore[attr-defined]
    return checked


def public(view: View) -> View:
    """A page that needs no sign-in."""
    view = login_not_required(view)
    view.access = ("public",)  # type: ignore[attr-defined]
    return view
