"""Rows for tests, made directly: what they are, not how they came about. Each takes any field by name."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from typing import Any

from django.contrib.auth.hashers import make_password

from audit.context import acting
from audit.services import name_actor, system_actor
from portal.models import AISystem, ApiKey, Person, RoleAssignment, SystemVersion, Unit
from portal.selectors.keys import digest_of

PASSWORD = "correct horse battery"
# One hash for everybody: hashing is slow on purpose.
_PASSWORD_HASH: list[str] = []
_numbers = itertools.count(1000)
LONG_AGO = dt.date(2026, 1, 5)


def by_test(actor: uuid.UUID | None = None) -> Any:
    """The context in which set-up writes: the system actor `tests`."""
    return acting(actor or system_actor("tests"), channel="command")


def unit(slug: str, parent: Unit | None = None, **fields: Any) -> Unit:
    path = f"{parent.path if parent else '/'}{slug}/"
    with by_test():
        return Unit.objects.create(
            slug=slug,
            parent=parent,
            path=path,
            **{"name": slug.replace("-", " ").capitalize(), "time_zone": "Europe/London", "country": "GB", "subdivision": "ENG"} | fields,
        )


def person(name: str, unit: Unit, **fields: Any) -> Person:
    if not _PASSWORD_HASH:
        _PASSWORD_HASH.append(make_password(PASSWORD))
    given = name.split(maxsplit=1)[0].lower()
    values = {
        "staff_number": f"T{next(_numbers)}",
        "email": f"{given}@brightline.example",
        "joined_on": LONG_AGO,
        "password_chosen_by_holder": True,
    }
    values |= fields
    with by_test():
        made = Person.objects.create(name=name, unit=unit, password=_PASSWORD_HASH[0], **values)
        name_actor(made.pk, "person", made.name)
    return made


def role(person: Person, role: str, unit: Unit, **fields: Any) -> RoleAssignment:
    with by_test():
        return RoleAssignment.objects.create(person=person, role=role, unit=unit, **{"starts_on": LONG_AGO} | fields)


def system(slug: str, unit: Unit, **fields: Any) -> AISystem:
    name = slug.replace("-", " ").capitalize()
    with by_test():
        return AISystem.objects.create(slug=slug, unit=unit, **{"name": name, "purpose": f"{name}, for tests."} | fields)


def version(system: AISystem, label: str = "2.4.0", **fields: Any) -> SystemVersion:
    with by_test():
        return SystemVersion.objects.create(system=system, label=label, **{"deployed_at": dt.datetime(2026, 1, 6, tzinfo=dt.UTC)} | fields)


def key(*, scopes: list[str], system: AISystem | None = None, person: Person | None = None, **fields: Any) -> str:
    """The text of a new key."""
    number = next(_numbers)
    prefix, secret = f"t{number:09d}", f"{number:043d}"
    values = {"label": "tests", "created_at": dt.datetime(2026, 1, 6, tzinfo=dt.UTC)} | fields
    kind = ApiKey.Kind.SYSTEM if system else ApiKey.Kind.PERSONAL
    with by_test():
        ApiKey.objects.create(kind=kind, system=system, person=person, scopes=scopes, prefix=prefix, digest=digest_of(secret), **values)
    return f"lm_{prefix}_{secret}"
