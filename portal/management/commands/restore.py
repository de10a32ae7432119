"""`manage.py restore FILE`: a backup into an empty database, erasures done again, everything verified; only then it serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from audit.keeping import erasure, ledger, restores
from audit.log.findings import Finding
from audit.log.sealing import LogBroken
from audit.log.signing import KeyMissing
from portal.dumping import DumpFailed, is_empty, load


class Command(BaseCommand):
    """Web server and worker must be stopped."""

    help = "Restore a backup into an empty database, do again the erasures since, verify it, and let it be served."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--new-key", action="store_true", help="Go on with a new signing key after the old one was lost.")

    def handle(self, *args: Any, **options: Any) -> None:
        file = Path(options["file"]).absolute()
        checkpoint = _read(file)
        self._load(file)
        call_command("migrate", database="owner", interactive=False, verbosity=0)
        _refuse(restores.check(checkpoint), "What was restored does not verify")
        lost = restores.lost()
        try:
            again = erasure.replay()
            size = restores.take_on(erasures=again, new_key=options["new_key"])
        except (ledger.LedgerBroken, LogBroken, KeyMissing) as error:
            raise CommandError(f"{error} Nothing is served until this is put right.") from error
        _refuse(restores.finished("owner"), "The restored database does not verify")
        self.stdout.write(f"Restored and verified: {size} entries. Erasures done again: {again}.")
        if lost:
            self.stdout.write(f"{lost} entries that were signed after the backup are lost; the log says so (audit.rollback-accepted).")
        if not checkpoint:
            self.stdout.write(
                f"There was no {file.name}.checkpoint to compare with: that this backup was not edited rests on its own keys alone."
            )

    def _load(self, file: Path) -> None:
        """Put the backup into the empty database; go on with one that was restored and not verified."""
        if not is_empty():
            with connections["owner"].cursor() as cursor:
                cursor.execute("select to_regclass('audit_restored') is not null")
                (ours,) = cursor.fetchone()
            if ours and restores.unverified("owner"):
                self.stdout.write("This database was restored before and not verified: going on from there.")
                return
            raise CommandError("This database is not empty. Restore into an empty one: a new database, or a new data folder (--data DIR).")
        try:
            load(file, last=restores.BEGAN)
        except DumpFailed as error:
            raise CommandError(str(error)) from error


def _read(file: Path) -> str:
    """The checkpoint beside the backup, or nothing."""
    if not file.is_file():
        raise CommandError(f"There is no file {file}.")
    beside = file.with_name(f"{file.name}.checkpoint")
    try:
        return beside.read_text(encoding="utf-8") if beside.exists() else ""
    except (OSError, UnicodeError) as error:
        raise CommandError(f"{beside} cannot be read: {error}") from error


def _refuse(findings: list[Finding], words: str) -> None:
    if findings:
        listed = "\n".join(f"- {finding}" for finding in findings[:20])
        raise CommandError(f"{words} ({len(findings)} findings). It is not served.\n{listed}")
