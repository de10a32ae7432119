"""`manage.py audit_check`: is the capture of changes in place, and did anything slip in without an actor."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from audit.capture.check import check, keep


class Command(BaseCommand):
    """Exit code 0 when all is as the migrations made it, 1 when something is not. The result is an entry either way."""

    help = "Compare triggers, functions and grants of the audit trail with what the migrations expect."

    def handle(self, *args: Any, **options: Any) -> None:
        report = check()
        for note in report.notes:
            self.stdout.write(f"Note: {note}")
        for finding in report.findings:
            self.stdout.write(f"- {finding}")
        if keep(report, channel="command") is None:
            self.stdout.write(
                "Note: this result was not recorded: the role that serves may not say so. Set DATABASE_SEALER_URL for this command."
            )
        if report.findings:
            self.stdout.write(f"Capture is NOT in order: {len(report.findings)} findings.")
            sys.exit(1)
        self.stdout.write(f"Capture is in order: {report.governed} governed models.")
