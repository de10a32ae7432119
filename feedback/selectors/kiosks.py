"""Kiosks and printed codes: whose they are to keep, and which one a code or a device means."""

from __future__ import annotations

import hashlib

from django.db.models import Q, QuerySet

from feedback import receipts
from feedback.models import Kiosk
from portal.models import Person, Unit
from portal.roles import PERMISSIONS

CODE_LENGTH = 6
KEPT_BY = ("items.triage", "systems.manage")


def kept_by(person: Person) -> QuerySet[Kiosk]:
    """The kiosks of the units that this person answers for or administers, revoked ones last."""
    return Kiosk.objects.select_related("unit", "system", "made_by").filter(_over(person, "unit__path")).order_by("revoked_at", "name")


def units_kept_by(person: Person) -> QuerySet[Unit]:
    """The units in which this person may set up a kiosk."""
    return Unit.objects.filter(_over(person, "path"))


def of_code(typed: str) -> Kiosk | None:
    """The kiosk of a short code as printed or typed; None for a wrong or revoked one."""
    code = receipts.read(typed, length=CODE_LENGTH)
    if code is None:
        return None
    return Kiosk.objects.select_related("system__unit", "unit").filter(code=code, revoked_at=None, system__retired_on=None).first()


def of_device(token: str) -> Kiosk | None:
    """The kiosk that the device with this token is; None for an unknown or revoked one."""
    if not token:
        return None
    rows = Kiosk.objects.select_related("system__unit", "unit")
    return rows.filter(digest=digest_of(token), revoked_at=None, system__retired_on=None).first()


def digest_of(token: str) -> bytes:
    """What is kept of a device's token and of a one-time code. Both are random."""
    return hashlib.sha256(token.encode()).digest()


def _over(person: Person, field: str) -> Q:
    roles = {role for name in KEPT_BY for role in PERMISSIONS[name]}
    over = Q(pk__in=[])
    for held in person.current_roles:
        if held.role in roles:
            over |= Q(**{f"{field}__startswith": held.unit.path})
    return over
