"""`manage.py verify_audit [FILE]`: recompute the whole audit trail and say what is not as it was sealed.

As the nightly task does, it leaves an entry of what it found; not with a FILE or `--key`, which may be what is wrong.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.log import verifying
from audit.log.tlog import FormatError, VerifierKey
from audit.log.verification import verify
from audit.selectors import newest_checkpoint


class Command(BaseCommand):
    """Exit code 0 when everything fits, 1 when something does not."""

    help = "Check entries, payloads, versions, live records, tiles and checkpoints against each other."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", metavar="FILE", help="A checkpoint or proof of this log that you kept: it must fit as well.")
        parser.add_argument("--key", metavar="VKEY", help="The log's public key as you keep it, instead of the one stored beside the log.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            trusted = VerifierKey.parse(options["key"]) if options["key"] else None
            receipt = Path(options["file"]).read_text(encoding="utf-8") if options["file"] else ""
        except (FormatError, OSError, UnicodeError) as error:
            raise CommandError(f"This cannot be read: {error}") from error
        began = time.monotonic()
        report = verify(trusted=trusted, receipt=receipt)
        if trusted is None and not receipt and verifying.may_keep():
            kept = verifying.keep(report, channel="command", seconds=time.monotonic() - began)
            if kept is None:
                self.stdout.write(
                    "Note: this result was not recorded: the role that serves may not say so. Set DATABASE_SEALER_URL for this command."
                )
        head = newest_checkpoint()
        for line in report.erasures:
            self.stdout.write(f"Note: {line}.")
        counted = f"{report.entries} sealed entries, {report.records} versions, {report.checkpoints} checkpoints"
        if not report.good:
            for finding in report.findings:
                self.stdout.write(f"- {finding}")
            more = "" if report.complete else " There may be more: the check stopped here."
            self.stdout.write(f"The audit trail does NOT verify: {len(report.findings)} findings in {counted}.{more}")
            sys.exit(1)
        self.stdout.write(f"The audit trail verifies: {counted}. Root {bytes(head.root).hex() if head else 'none yet'}.")
        if report.waiting:
            self.stdout.write(f"{report.waiting} newer entries wait to be sealed; run `manage.py seal`.")
        if receipt:
            self.stdout.write("Your file fits: this log still begins with what it says.")
