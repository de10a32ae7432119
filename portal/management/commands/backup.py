"""`manage.py backup FILE`: the whole database in one file, and the newest checkpoint beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.context import acting
from audit.selectors import newest_checkpoint
from audit.services import record, system_actor
from portal.dumping import DumpFailed, dump


class Command(BaseCommand):
    """While the portal runs; nothing waits for it."""

    help = "Write a backup of the database, with the log's newest checkpoint beside it (FILE.checkpoint)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        file = Path(options["file"]).absolute()
        checkpoint = file.with_name(f"{file.name}.checkpoint")
        for each in (file, checkpoint):
            if each.exists():
                raise CommandError(f"{each} exists. Give another name, or remove it.")
        head = newest_checkpoint()  # before the dump, which then holds at least this
        with acting(system_actor("backup"), channel="command"):
            record("audit.backup-made", detail={"entries": head.size if head else 0})
        try:
            dump(file)
            if head:
                checkpoint.write_text(head.note, encoding="utf-8")
        except DumpFailed as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"Backup written: {file} ({file.stat().st_size:,} bytes), {head.size if head else 0} sealed entries.")
        self.stdout.write("It is not encrypted, and it holds everything: keep it where only you can read it.")
        self.stdout.write(
            f"Keep apart from it, and always the newest: {settings.LOG_KEY_FILE}, {settings.ERASURE_LEDGER_FILE} and SECRET_KEY."
        )
