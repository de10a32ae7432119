"""The result of a verification as an entry, and what the last ones said."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from audit.context import acting
from audit.log.bodies import count_of, detail_of
from audit.log.findings import Report
from audit.log.sealing import sealer_alias
from audit.models import Entry
from audit.nudge import nudge
from audit.services import record, record_result, system_actor

VERIFIED = "audit.verified"
ASKED = "audit.verification-asked"
SHOWN = 20
LET_FALL = dt.timedelta(hours=4)  # the time limit of the task


@dataclass(frozen=True)
class Verified:
    """One verification as its entry says it; `counts` is empty where the entry's content is not there any more."""

    entry: int
    at: dt.datetime
    counts: dict[str, Any]
    first: list[str]

    @property
    def findings(self) -> int:
        return count_of(self.counts.get("findings", 0))


def may_keep() -> bool:
    """Whether this database takes an entry: a standby and a session that only reads do not."""
    with connection.cursor() as cursor:
        cursor.execute("select current_setting('transaction_read_only') = 'off'")
        return bool(cursor.fetchone()[0])


def results(action: str) -> QuerySet[Entry]:
    """What checks (`audit.checked`) and verifications left, newest first: what the serving role says of itself is none."""
    return Entry.objects.filter(action=action).exclude(db_role="lm_app").order_by("-id")


def keep(report: Report, *, channel: str, seconds: float) -> int | None:
    """Record what a verification counted and found, as the sealer's role. Answers the entry's id, None where this process may not."""
    detail = {
        "entries": report.entries,
        "versions": report.records,
        "checkpoints": report.checkpoints,
        "waiting": report.waiting,
        "erased": report.erased,
        "findings": len(report.findings),
        "complete": report.complete,
        "first": [str(finding) for finding in report.findings[:SHOWN]],
        "seconds": int(seconds),
    }
    with acting(system_actor("verification"), channel=channel):
        return record_result(VERIFIED, detail, using=sealer_alias())


def ask() -> bool:
    """Have the worker verify everything now; False where it was asked for already and is not done."""
    if pending() is not None:
        return False
    record(ASKED)
    nudge("audit.verify")
    return True


def pending() -> dt.datetime | None:
    """Since when a verification that somebody asked for is under way; None when none is, or the worker has let it fall."""
    asked = Entry.objects.filter(action=ASKED).order_by("-id").values_list("id", "at").first()
    if asked is None or timezone.now() - asked[1] > LET_FALL or results(VERIFIED).filter(id__gt=asked[0]).exists():
        return None
    return asked[1]


def last_verified() -> Verified | None:
    """The newest verification that was recorded; None before the first."""
    row = results(VERIFIED).values_list("id", "at", "payload__body").first()
    if row is None:
        return None
    detail = detail_of(row[2])
    first = detail.pop("first", [])
    return Verified(row[0], row[1], detail, [str(line) for line in first] if isinstance(first, list) else [])


def last_failed() -> Verified | None:
    """The newest verification where it found something; None where it found nothing."""
    last = last_verified()
    return last if last is not None and last.findings else None
