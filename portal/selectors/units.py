"""The tree of units, for those who administer it."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet

from portal import clock
from portal.models import Person, RoleAssignment, Unit


def tree(person: Person) -> QuerySet[Unit]:
    """Units that `person` sees, in the order of the tree, each with how many people and AI systems are right there."""
    return Unit.objects.visible_to(person).annotate(
        here=Count("people", filter=Q(people__is_active=True), distinct=True), systems_here=Count("systems", distinct=True)
    )


def roles_over(unit: Unit) -> QuerySet[RoleAssignment]:
    """Roles in force over a unit, also those given above it; the widest first."""
    held = RoleAssignment.objects.in_force(clock.now().date()).filter(unit__path__in=unit.line)
    return held.select_related("person", "unit").order_by("unit__path", "role", "person__name")
