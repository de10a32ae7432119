"""Who is meant by the names that tools use for people: a staff number or an e-mail address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models.functions import Lower

from portal.models import AISystem, Person, Unit


@dataclass(frozen=True)
class Directory:
    """The people and units that one call names."""

    people: dict[str, Person]
    units: dict[str, Unit]
    only: Person | None = None

    def person(self, name: str) -> Person | None:
        return self.only or self.people.get(name.strip().lower())

    def known(self, name: str) -> Person:
        """The person behind a name that was found before; raises KeyError otherwise."""
        return self.only or self.people[name.strip().lower()]

    def unit(self, name: str, person: Person) -> int:
        """The unit named by path or slug; the person's own where that names none."""
        found = self.units.get(name.strip())
        return found.pk if found else person.unit_id


def directory_of(system: AISystem, names: Iterable[str], *, person: Person | None = None) -> Directory:
    """Two queries, however many names. People who have left are found: their events may arrive late."""
    root = "/" + system.unit.path.split("/")[1] + "/"
    units: dict[str, Unit] = {}
    for unit in Unit.objects.filter(path__startswith=root):
        units.setdefault(unit.slug, unit)
        units[unit.path] = unit
    if person is not None:
        return Directory({}, units, only=person)
    wanted = {name.strip().lower() for name in names}
    rows = Person.objects.annotate(number=Lower("staff_number"), address=Lower("email"))
    people: dict[str, Person] = {}
    for found in rows.filter(number__in=wanted) | rows.filter(address__in=wanted):
        people[found.staff_number.lower()] = found
        if found.email:
            people.setdefault(found.email.lower(), found)
    return Directory(people, units)
