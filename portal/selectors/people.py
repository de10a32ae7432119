"""People, as those who may see them see them."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from portal import clock
from portal.models import Person, Role, RoleAssignment, Unit


def by_sign_in_name(text: str) -> Person | None:
    """The person whose staff number or e-mail is `text` (case aside), or None."""
    text = text.strip()
    if not text or "\x00" in text:
        return None
    return Person.objects.filter(Q(staff_number__iexact=text) | Q(email__iexact=text)).first()


def holders(role: str, unit: Unit) -> QuerySet[Person]:
    """Active people who hold `role` over `unit` today (given on it or on a unit above it)."""
    today = clock.now().date()
    held = RoleAssignment.objects.in_force(today).filter(role=role, unit__path__in=unit.line)
    return Person.objects.filter(is_active=True, pk__in=held.values("person_id"))


def administered_by(actor: Person) -> QuerySet[Person]:
    """People of the units over which `actor` is an administrator."""
    scope = Q(pk__in=[])
    for held in actor.current_roles:
        if held.role == Role.ADMINISTRATOR:
            scope |= Q(unit__path__startswith=held.unit.path)
    return Person.objects.filter(scope).select_related("unit")


def found(people: QuerySet[Person], *, text: str = "", unit: Unit | None = None, left: bool = False) -> QuerySet[Person]:
    """Narrow a list of people by name, staff number or e-mail, by unit, and to those who left."""
    if text.strip():
        words = text.strip()
        people = people.filter(Q(name__icontains=words) | Q(staff_number__icontains=words) | Q(email__icontains=words))
    if unit is not None:
        people = people.filter(unit__path__startswith=unit.path)
    return people.filter(is_active=not left)


def holders_anywhere(role: str) -> QuerySet[Person]:
    """Active people who hold `role` over any unit today."""
    held = RoleAssignment.objects.in_force(clock.now().date()).filter(role=role)
    return Person.objects.filter(is_active=True, pk__in=held.values("person_id")).order_by("name", "pk")
