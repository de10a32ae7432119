"""`manage.py seal`: seal now what the worker would seal within seconds."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.context import acting
from audit.log.head import kept_head
from audit.log.rotation import replace_lost
from audit.log.sealing import LogBroken, seal
from audit.log.signing import KeyMissing
from audit.log.tlog import FormatError
from audit.selectors import newest_checkpoint
from audit.services import record, system_actor


class Command(BaseCommand):
    """Waits up to half a minute while another sealer works."""

    help = "Seal every committed entry into the log and sign a checkpoint."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--new-key", action="store_true", help="Go on with a new signing key after the old one was lost.")

        parser.add_argument(
            "--accept-rollback",
            action="store_true",
            help="Go on from an older state after the database was put back from a backup. This is recorded.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["accept_rollback"]:
            newest = newest_checkpoint()
            with acting(system_actor("sealer"), channel="command"):
                record("audit.rollback-accepted", detail={"signed_here": _kept_size(), "in_database": newest.size if newest else 0})
        try:
            new_key = replace_lost() if options["new_key"] else ""
            sealed = seal(wait_seconds=30, new_key=options["new_key"], accept_rollback=options["accept_rollback"])
        except (KeyMissing, LogBroken) as error:
            raise CommandError(str(error)) from error
        if sealed.busy:
            raise CommandError("Another sealer has been at work for 30 seconds. Try again when it is done.")
        if new_key:
            self.stdout.write(
                f"The log goes on under a new key that the old one has not named. Give it to everyone who verifies: {new_key}"
            )
        self.stdout.write(f"Sealed {sealed.new} new entries. The log has {sealed.size}.")


def _kept_size() -> int | None:
    try:
        kept = kept_head()
    except (OSError, FormatError):
        return None
    return kept.size if kept else None
