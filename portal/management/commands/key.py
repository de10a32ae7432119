"""`manage.py key EMAIL|STAFF NUMBER|SYSTEM --scope ...`: issue a key from the server's own command line."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from audit.context import acting
from audit.services import system_actor
from portal.models import AISystem
from portal.selectors.people import by_sign_in_name
from portal.services import keys


class Command(BaseCommand):
    """Prints the key as the last word of its output."""

    help = "Issue a key for a person (by e-mail or staff number) or for an AI system (by its short name)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("whose", help="a person's e-mail or staff number, or the short name of an AI system")
        parser.add_argument(
            "--scope", action="append", default=[], help=f"{', '.join(keys.SYSTEM_SCOPES)}; for a person {', '.join(keys.PERSONAL_SCOPES)}"
        )
        parser.add_argument("--days", type=int, default=90, help="how long it lasts")
        parser.add_argument("--label", default="command line", help="what will use it")

    def handle(self, *args: Any, whose: str, scope: list[str], days: int, label: str, **options: Any) -> None:
        system = AISystem.objects.filter(slug=whose).first()
        person = None if system else by_sign_in_name(whose)
        if system is None and person is None:
            raise CommandError(f"There is no person and no AI system called {whose!r}.")
        scopes = scope or list(keys.SYSTEM_SCOPES if system else keys.PERSONAL_SCOPES)
        try:
            with acting(system_actor("command line"), channel="command"), transaction.atomic():
                issued = keys.issue(actor=None, label=label, scopes=scopes, system=system, person=person, days=days)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write(f"A key for {system or person} ({', '.join(issued.key.scopes)}), for {days} days: {issued.text}")
