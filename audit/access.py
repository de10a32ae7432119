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
from django.utils.translation import gettext as _

READ = "audit.read"
# How the trail is doing shows no entry: whoever runs the server may know it, too.
HEALTH = (READ, "systems.manage")
KEY_SCOPES = {"GET": ("audit:read", "read")}

View = Callable[..., HttpResponse]


def needing(*names: str) -> Callable[[View], View]:
    """A page for those who hold one of the named permissions (`audit.restore`)."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not any(request.user.has_perm(name) for name in names):
                raise PermissionDenied(_("The audit trail is read by compliance. This attempt is recorded."))
            return view(request, *args, **kwargs)

        checked.access = names  # type: ignore[attr-defined]
        return checked

    return decorate


#: A page for those who may read the audit trail.
readers = needing(READ)


def public(view: View) -> View:
    """A page that needs no sign-in."""
    view = login_not_required(view)
    view.access = ("public",)  # type: ignore[attr-defined]
    return view
