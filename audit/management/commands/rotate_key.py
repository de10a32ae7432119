"""`manage.py rotate_key`: a new key for the log, named by the old one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.log.rotation import NotSealed, rotate
from audit.log.sealing import LogBroken
from audit.log.signing import KeyMissing, key_path


class Command(BaseCommand):
    """Cut off at any point, it can be run again. For a key that is lost: `seal --new-key`."""

    help = "Hand the log over to a new signing key: the old one names it, in the log and in a note that both sign."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--to",
            metavar="FILE",
            help="Where to write the new key when the old one's folder is read only; then put it in the old one's place yourself.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = rotate(to=Path(options["to"]) if options["to"] else None)
        except (KeyMissing, LogBroken, NotSealed) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Old key: {done.old}\nNew key: {done.new}")
        if not done.in_place:
            self.stdout.write(
                f"Now put {options['to']} in the place of {key_path()} and start the worker again: until then nothing is sealed."
            )
        self.stdout.write("Tell your witnesses. Readers who know the old key learn the new one from /log/keys.")
