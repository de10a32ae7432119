"""A restored database: erasures done again, the log taken on, everything verified, and only then served.

`unverified` is what the web server and /readyz ask; a web server that was already running asks `may_serve`. The steps are called by `manage.py restore`, in this order: `BEGAN`,
`check` against the checkpoint that lay beside the backup, `audit.keeping.erasure.replay`, `take_on`, and `finished`.
"""

from __future__ import annotations

import sys
import threading

from django.db import DatabaseError, connections

from audit.capture.check import in_place
from audit.context import acting
from audit.log.findings import Finding
from audit.log.head import head_path, kept_head
from audit.log.sealing import seal
from audit.log.tlog import FormatError
from audit.log.verification import verify
from audit.selectors import newest_checkpoint
from audit.services import record, system_actor

MESSAGE = "This database was restored and has not been verified. Run `python3 manage.py restore` again, or restore it anew; then start."


def unverified(using: str = "default") -> bool:
    """True between a restore and the verification of what it restored."""
    with connections[using].cursor() as cursor:
        cursor.execute("select exists (select from audit_restored where verified_at is null)")
        return bool(cursor.fetchone()[0])


def refuse_unverified() -> None:
    """End this process rather than serve such a database. One that does not answer is /readyz's matter."""
    try:
        stop = unverified()
    except DatabaseError:
        return
    finally:
        connections["default"].close()
    if stop:
        sys.exit(MESSAGE)


_seen_verified = threading.Event()


def may_serve() -> bool:
    """False while the database is a restored one that was not verified. Costs a query until the first answer, and none afterwards."""
    if not _seen_verified.is_set():
        try:
            if unverified():
                return False
        except DatabaseError:
            return True  # what does not answer, or has no tables, shows nobody anything
        _seen_verified.set()
    return True


# The last statement of the transaction that loads a backup: whoever sees its tables sees that they were not verified.
BEGAN = "insert into public.audit_restored default values;"


def check(checkpoint: str) -> list[Finding]:
    """What does not fit in the restored database, its age aside."""
    return [finding for finding in verify(receipt=checkpoint).findings if finding.where != str(head_path())]


def lost() -> int:
    """How many entries were signed on this machine after the backup was made: they are not in it."""
    newest = newest_checkpoint()
    try:
        kept = kept_head()
    except (OSError, FormatError):
        return 0
    return max(0, kept.size - (newest.size if newest else 0)) if kept else 0


def take_on(*, erasures: int, new_key: bool = False) -> int:
    """Record the restore, and let the log go on from what was restored; answers its size. Raises LogBroken, KeyMissing."""
    newest = newest_checkpoint()
    told = {"in_database": newest.size if newest else 0, "lost": lost(), "erasures_done_again": erasures}
    with acting(system_actor("restore"), channel="command"):
        record("audit.backup-restored", detail=told)
        record("audit.rollback-accepted", detail={"signed_here": told["in_database"] + told["lost"], "in_database": told["in_database"]})
    return seal(wait_seconds=30, accept_rollback=True, new_key=new_key).size


def finished(using: str) -> list[Finding]:
    """Verify everything once more, and that capture, guards and grants came back; without a finding it may be served."""
    findings = [*verify().findings, *(Finding("capture", words) for words in in_place(using).findings)]
    if not findings:
        with connections[using].cursor() as cursor:
            cursor.execute("update audit_restored set verified_at = clock_timestamp() where verified_at is null")
    return findings
