"""Confirm it is you, for one decision: a password typed within five minutes, for exactly the text that is signed."""

from __future__ import annotations

import datetime as dt
import hmac
from dataclasses import dataclass

from allauth.core import ratelimit
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from audit import services as audit
from portal import clock
from portal.errors import Forbidden, TooMany
from portal.permissions import person_of

MAX_AGE = dt.timedelta(seconds=300)
SESSION_KEY = "step_up"


@dataclass(frozen=True)
class StepUp:
    """How and when a person confirmed, and for which digest: goes into the signature."""

    method: str
    at: dt.datetime
    digest: str


def confirm(request: HttpRequest | Request, password: str, digest: str) -> StepUp:
    """Check the password of whoever is signed in, for the decision `digest`. Replaces an earlier unused one.

    Raises ValidationError on `password` when it is wrong, TooMany after the tries that settings.ACCOUNT_RATE_LIMITS allows, and
    Forbidden(reauthentication_required) for a key: only a session can confirm. Forbidden(choose_own_password) while the
    password is one that an administrator set, and so knows.
    """
    _refuse_keys(request)
    person = person_of(request)
    if person.has_usable_password() and not person.password_chosen_by_holder:
        text = _("An administrator set your password. Choose your own password first, then sign.")
        raise Forbidden("choose_own_password", text, link=reverse("account_change_password"))
    if not ratelimit.consume(request, action="reauthenticate", user=person):
        raise TooMany("step_up_tries", _("Too many tries. Wait five minutes, then try again."), retry_after=300)
    request.session.pop(SESSION_KEY, None)
    if not person.is_active or not person.has_usable_password() or not person.check_password(password):
        audit.record("portal.step-up-failed", obj=person)
        raise ValidationError({"password": ValidationError(_("This is not your password."), code="password_wrong")})
    now = clock.now()
    request.session[SESSION_KEY] = {"method": "password", "at": now.isoformat(), "digest": digest}
    audit.record("portal.step-up", obj=person, detail={"digest": digest})
    return StepUp("password", now, digest)


def require(request: HttpRequest | Request, digest: str) -> StepUp:
    """The confirmation for exactly `digest`, used up by this call. Raises Forbidden(reauthentication_required)."""
    _refuse_keys(request)
    held = request.session.pop(SESSION_KEY, None) or {"method": "", "at": dt.datetime.min.replace(tzinfo=dt.UTC).isoformat(), "digest": ""}
    at = dt.datetime.fromisoformat(held["at"])
    fresh = dt.timedelta(0) <= clock.now() - at <= MAX_AGE
    if not (hmac.compare_digest(held["digest"].encode(), digest.encode()) and fresh and digest):
        raise _required()
    return StepUp(held["method"], at, digest)


def _refuse_keys(request: HttpRequest | Request) -> None:
    if getattr(request, "auth", None) is not None or not hasattr(request, "session"):
        raise _required()


def _required() -> Forbidden:
    return Forbidden("reauthentication_required", _("Confirm your password for this decision, in the portal, then sign."))
