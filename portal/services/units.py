"""The organisation's tree: create, rename, move."""

from __future__ import annotations

import zoneinfo

import holidays
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat, Substr
from django.utils.translation import gettext as _

from portal.models import Person, Unit
from portal.policies import require_over


def create(
    *, actor: Person | None, name: str, slug: str, parent: Unit | None = None, time_zone: str = "", country: str = "", subdivision: str = ""
) -> Unit:
    """A unit below `parent` (or at the top). Time zone, country and subdivision come from the parent when left empty."""
    with transaction.atomic():
        _lock_tree()
        if parent is not None:
            parent = Unit.objects.get(pk=parent.pk)
            require_over(actor, "people.manage", parent)
            time_zone, country = time_zone or parent.time_zone, country or parent.country
            subdivision = subdivision or (parent.subdivision if country == parent.country else "")
        elif Unit.objects.exists():
            require_over(actor, "people.manage", None)
        unit = Unit(name=name, slug=slug, parent=parent, time_zone=time_zone or "UTC", country=country, subdivision=subdivision)
        unit.path = f"{parent.path if parent else '/'}{slug}/"
        check(unit)
        unit.save()
    return unit


def change(unit: Unit, *, actor: Person, name: str, time_zone: str, country: str = "", subdivision: str = "") -> Unit:
    """Rename a unit or change its calendar. Its slug and path stay: addresses and grants name them."""
    with transaction.atomic():
        unit = Unit.objects.select_for_update().get(pk=unit.pk)
        require_over(actor, "people.manage", unit)
        unit.name, unit.time_zone, unit.country, unit.subdivision = name, time_zone, country, subdivision
        check(unit)
        unit.save()
    return unit


def move(unit: Unit, *, actor: Person, parent: Unit | None) -> Unit:
    """Put a unit with everything below it under another one. Roles given above either place change with it."""
    with transaction.atomic():
        _lock_tree()
        unit = Unit.objects.get(pk=unit.pk)
        parent = Unit.objects.get(pk=parent.pk) if parent else None
        require_over(actor, "people.manage", unit)
        require_over(actor, "people.manage", parent)
        if parent is not None and parent.path.startswith(unit.path):
            raise ValidationError({"parent": ValidationError(_("A unit cannot be moved below itself."), code="unit_below_itself")})
        old, new = unit.path, f"{parent.path if parent else '/'}{unit.slug}/"
        if old == new:
            return unit
        unit.parent, unit.path = parent, new
        check(unit)
        Unit.objects.filter(pk=unit.pk).update(parent=parent)
        Unit.objects.filter(path__startswith=old).update(path=Concat(Value(new), Substr(F("path"), len(old) + 1)))
        unit.refresh_from_db()
    return unit


def check(unit: Unit) -> None:
    """Raises ValidationError with the field that needs changing."""
    wrong: dict[str, ValidationError] = {}
    if unit.time_zone not in zoneinfo.available_timezones():
        wrong["time_zone"] = ValidationError(_("Write a time zone by its name, such as Europe/London."), code="time_zone_unknown")
    known = holidays.list_supported_countries()
    if unit.country and unit.country not in known:
        wrong["country"] = ValidationError(_("Write the country's two letters, such as GB."), code="country_unknown")
    elif unit.subdivision and unit.subdivision not in known.get(unit.country, []):
        wrong["subdivision"] = ValidationError(_("This country has no such subdivision."), code="subdivision_unknown")
    if Unit.objects.filter(path=unit.path).exclude(pk=unit.pk).exists():
        wrong["slug"] = ValidationError(_("There is already a unit with this short name here."), code="unit_exists")
    if len(unit.path) > 400:
        wrong["slug"] = ValidationError(_("The tree is too deep here."), code="unit_too_deep")
    if wrong:
        raise ValidationError(wrong)
    unit.clean_fields(exclude=["path"])


def _lock_tree() -> None:
    """One change of the tree's shape at a time: paths are rewritten in bulk."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext('portal.units'))")
