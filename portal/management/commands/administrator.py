"""`manage.py administrator STAFF_NUMBER NAME`: the first person of an empty portal, or a way back in."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from audit.context import acting
from audit.services import system_actor
from portal.models import Role, Unit
from portal.services import people, units


class Command(BaseCommand):
    """Reads the password from the terminal, or from standard input when that is no terminal."""

    help = "Add a person who administers the whole organisation; makes the organisation too when there is none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("staff_number")
        parser.add_argument("name")
        parser.add_argument("--email", default="")
        parser.add_argument("--organisation", default="Organisation", help="its name, when there is no unit yet")

    def handle(self, *args: Any, staff_number: str, name: str, email: str, organisation: str, **options: Any) -> None:
        password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        try:
            with acting(system_actor("command line"), channel="command"), transaction.atomic():
                top = self.top(organisation)
                person = people.add(actor=None, staff_number=staff_number, name=name, unit=top, email=email, password=password)
                people.give_role(person, actor=None, role=Role.ADMINISTRATOR, unit=top)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write(f"{person.name} administers {top.name} and signs in with {person.staff_number}.")

    def top(self, organisation: str) -> Unit:
        found = Unit.objects.filter(parent=None).first()
        return found or units.create(actor=None, name=organisation, slug="organisation")
