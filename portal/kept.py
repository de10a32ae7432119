"""What is kept about a person, gathered from every app by dotted path and shown to that person alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.formats import date_format
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from portal.models import Notice
from portal.services.tidying import NOTICES_KEPT

if TYPE_CHECKING:
    from portal.models import Person

# Dotted paths of `about(person) -> list[Part]`.
KEPT = ["feedback.selectors.kept.about"]


@dataclass(frozen=True)
class Part:
    """One heading: facts as (word, value), why they are kept, and until when."""

    title: str
    facts: list[tuple[str, object]]
    why: str
    until: str
    url: str = ""


def kept_about(person: Person) -> list[Part]:
    """Portal's own parts, then those of the other apps."""
    parts = [_account(person), _roles(person), _notices(person)]
    for name in KEPT:
        about: Callable[[Person], list[Part]] = import_string(name)
        parts.extend(about(person))
    return parts


def _account(person: Person) -> Part:
    facts: list[tuple[str, object]] = [
        (_("Name"), person.name),
        (_("Staff number"), person.staff_number),
        (_("E-mail"), person.email or _("none")),
        (_("Unit"), person.unit),
        (_("Here since"), date_format(person.joined_on, "j M Y")),
        (_("Pseudonym in the audit trail"), person.pk),
        (_("Keys"), person.keys.count()),
    ]
    return Part(_("Your account"), facts, _("So that you can sign in."), _("until it is erased after you leave."))


def _roles(person: Person) -> Part:
    facts: list[tuple[str, object]] = [
        (held.get_role_display(), _("%(unit)s, since %(day)s") % {"unit": held.unit, "day": date_format(held.starts_on, "j M Y")})
        for held in person.roles.select_related("unit").order_by("starts_on", "id")
    ]
    return Part(_("Your roles"), facts, _("To know who may decide what."), _("as long as decisions you took are kept."))


def _notices(person: Person) -> Part:
    count = Notice.objects.filter(recipient=person).count()
    kept_for = _("%(days)d days.") % {"days": NOTICES_KEPT.days}
    return Part(_("Notices to you"), [(_("Kept"), count)], _("To tell you once, and not twice."), kept_for)
