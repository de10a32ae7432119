"""Issue and revoke keys. A key is shown once, as the answer of `issue`, and never again."""

from __future__ import annotations

import datetime as dt
import secrets
import string
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from portal import clock
from portal.errors import Forbidden
from portal.models import AISystem, ApiKey, Person
from portal.origins import read_origin
from portal.policies import require_over
from portal.selectors.keys import digest_of
from portal.services.sessions import end_sessions

SYSTEM_SCOPES = ("events:write", "gate:read", "items:write", "widget:sessions")
BROWSER_SCOPES = ("widget",)
PERSONAL_SCOPES = ("read", "write", "audit:read")
LONGEST = dt.timedelta(days=366)
MOST_ORIGINS = 20
USED_EVERY = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class IssuedKey:
    """The row, and the text to show once."""

    key: ApiKey
    text: str


def issue(
    *, actor: Person | None, label: str, scopes: list[str], system: AISystem | None = None, person: Person | None = None, days: int = 90
) -> IssuedKey:
    """A new key, bound to one system or acting as one person; ends after `days` (at most 366).

    `actor` is None for the command line. Raises ValidationError for unknown scopes or a missing label.
    """
    if system is not None:
        require_over(actor, "systems.manage", system.unit)
    elif actor is not None and (person is None or actor.pk != person.pk):
        raise Forbidden("key_of_another", _("A personal key is made by the person it acts as."))
    allowed = SYSTEM_SCOPES if system is not None else PERSONAL_SCOPES
    wrong = {}
    if not scopes or set(scopes) - set(allowed):
        wrong["scopes"] = ValidationError(_("Choose from: %(scopes)s.") % {"scopes": ", ".join(allowed)}, code="scope_unknown")
    if not label.strip():
        wrong["label"] = ValidationError(_("Say what will use this key."), code="required")
    if not 1 <= days <= LONGEST.days:
        wrong["days"] = ValidationError(_("A key lasts 1 to %(days)s days.") % {"days": LONGEST.days}, code="days_range")
    if person is not None and not person.is_active:
        wrong["person"] = ValidationError(_("This person has left."), code="person_left")
    if wrong:
        raise ValidationError(wrong)
    kind = ApiKey.Kind.SYSTEM if system is not None else ApiKey.Kind.PERSONAL
    return _made(days, kind=kind, system=system, person=person, label=label.strip(), scopes=sorted(set(scopes), key=allowed.index))


def issue_for_browser(*, actor: Person | None, system: AISystem, label: str, origins: list[str], days: int = LONGEST.days) -> IssuedKey:
    """A key that may stand in a web page: it files feedback for `system`, from the pages of `origins` alone.

    Raises ValidationError for an origin that is none, or a missing label.
    """
    require_over(actor, "systems.manage", system.unit)
    wrong, found = _wrong_origins(origins)
    if not label.strip():
        wrong["label"] = ValidationError(_("Say what will use this key."), code="required")
    if not 1 <= days <= LONGEST.days:
        wrong["days"] = ValidationError(_("A key lasts 1 to %(days)s days.") % {"days": LONGEST.days}, code="days_range")
    if wrong:
        raise ValidationError(wrong)
    scopes = list(BROWSER_SCOPES)
    return _made(days, kind=ApiKey.Kind.BROWSER, system=system, person=None, label=label.strip(), scopes=scopes, origins=found)


def change_origins(key: ApiKey, *, actor: Person, origins: list[str]) -> ApiKey:
    """The pages a browser key may be used from, from now on. Raises ValidationError; DoesNotExist for another kind of key."""
    wrong, found = _wrong_origins(origins)
    if wrong:
        raise ValidationError(wrong)
    with transaction.atomic():
        held = ApiKey.objects.select_for_update(of=("self",)).select_related("system__unit")
        key = held.get(pk=key.pk, kind=ApiKey.Kind.BROWSER, revoked_at=None)
        require_over(actor, "systems.manage", key.system.unit if key.system else None)
        key.origins = found
        key.save(update_fields=["origins"])
    return key


def _wrong_origins(origins: list[str]) -> tuple[dict[str, ValidationError], list[str]]:
    """What is wrong with a list of origins (nothing: an empty mapping), and the list as it is kept."""
    found = list(dict.fromkeys(read_origin(origin) or "" for origin in origins if origin.strip()))
    if not found or "" in found:
        message = _("Name the sites, one a line, such as https://planner.example. Without https only on this machine; no path.")
        return {"origins": ValidationError(message, code="origin_invalid")}, []
    if len(found) > MOST_ORIGINS:
        return {"origins": ValidationError(_("At most %(count)s sites.") % {"count": MOST_ORIGINS}, code="too_many")}, []
    return {}, found


def _made(days: int, **values: Any) -> IssuedKey:
    prefix = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _place in range(10))
    secret = secrets.token_urlsafe(32)
    now = clock.now()
    key = ApiKey.objects.create(prefix=prefix, digest=digest_of(secret), created_at=now, expires_at=now + dt.timedelta(days=days), **values)
    return IssuedKey(key, f"lm_{prefix}_{secret}")


def revoke(key: ApiKey, *, actor: Person) -> ApiKey:
    """End a key now; revoking a revoked one changes nothing."""
    with transaction.atomic():
        key = ApiKey.objects.select_for_update(of=("self",)).select_related("system__unit", "person").get(pk=key.pk)
        if key.system is not None:
            require_over(actor, "systems.manage", key.system.unit)
        elif key.person_id != actor.pk:
            raise Forbidden("key_of_another", _("A personal key is revoked by the person it acts as."))
        if key.revoked_at is None:
            key.revoked_at = clock.now()
            key.save(update_fields=["revoked_at"])
    return key


def end_access_of(person: Person) -> None:
    """End every session and key of `person`, inside the caller's transaction (a role or the account was lost)."""
    end_sessions(person)
    ApiKey.objects.filter(person=person, revoked_at=None).update(revoked_at=clock.now())


def note_use(key: ApiKey) -> None:
    """Remember when a key was last used, at most once a minute."""
    now = clock.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
    if key.last_used_at is None or key.last_used_at < now - USED_EVERY:
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def note_day(key: ApiKey) -> None:
    """Remember that a key was used at all, dated to the day: for what must not be timed (anonymous filings)."""
    day = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    if key.last_used_at is None:
        ApiKey.objects.filter(pk=key.pk, last_used_at=None).update(last_used_at=day)
