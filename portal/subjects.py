"""What of a person stands in their timeline: roles given and taken, by them and to them (see audit.subjects)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from audit import services as audit
from audit.explore.ever import ever, named
from audit.subjects import Act, Restorable, Subject
from audit.subjects import about_person as given_to
from portal.models import Person, RoleAssignment
from portal.services import units

PERSON_ACTS = (Act("portal.roleassignment"),)


def person(key: str) -> Subject | None:
    """Somebody by key or staff number. Their account itself is no part of it: where they work and what they use is not an act."""
    try:
        row = Person.objects.filter(pk=uuid.UUID(key)).first()
    except ValueError:
        row = Person.objects.filter(staff_number__iexact=key).first()
    if row is None:
        return None
    return Subject("person", str(row.pk), row.name, reverse("person", args=[row.pk]), given_to(row.pk), person=row.pk)


KINDS = {"person": person}


def subject_key(model: str, object_id: str) -> tuple[str, str] | None:
    """The subject that a record is the head of, as (kind, key)."""
    return ("person", object_id) if model == "portal.person" else None


def about_person(person: uuid.UUID) -> tuple[tuple[str, str], ...]:
    """Roles that were ever given."""
    return named(RoleAssignment, ever(RoleAssignment, person_id=person))


def said(model: str, action: str, values: Mapping[str, Any], before: Mapping[str, Any]) -> str | None:
    """Roles in plain words."""
    if model != "portal.roleassignment":
        return None
    words = {"created": _("gave the role of %(role)s"), "deleted": _("took the role of %(role)s back")}
    if action == "changed":
        return _("ended the role of %(role)s on %(day)s") % {"role": values.get("role"), "day": values.get("ends_on") or "–"}
    return words[action] % {"role": values.get("role")} if action in words else None


def _no_password(row: Any) -> None:
    """Nobody comes back with a password: an administrator sets one, and the person chooses their own."""
    row.set_unusable_password()


def _unit_fits(row: Any) -> None:
    """A unit that comes back stands where its parent stands now."""
    row.path = f"{row.parent.path if row.parent else '/'}{row.slug}/"
    units.check(row)


def _name_again(row: Any) -> None:
    audit.name_actor(row.pk, "person", row.name)


# What describes a record. What decides who may do or see what is left to those who answer for it: parents and short names
# of units, where somebody works, risk tier and version rule of a system.
RESTORABLE = {
    "portal.unit": Restorable(frozenset({"name", "time_zone", "country", "subdivision"}), check=_unit_fits),
    "portal.aisystem": Restorable(frozenset({"name", "purpose", "supplier", "switch_off"})),
    "portal.systemversion": Restorable(frozenset({"notes"})),
    "portal.person": Restorable(frozenset({"name", "email", "staff_number"}), bring_back=_no_password, after=_name_again),
}
NOT_RESTORABLE = {
    "portal.roleassignment": _lazy("A role is never restored: an administrator gives it anew, from today."),
    "portal.apikey": _lazy("A key is never restored: whoever needs one makes a new one, and its programs get the new text."),
}
