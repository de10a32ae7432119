"""What can happen, in words. Each app lists its acts in `<app>/verbs.py` as `VERBS`; an act not listed cannot be recorded."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec

from django.apps import apps

# What triggers write by themselves.
ROW_VERBS: dict[str, str] = {"created": "created", "changed": "changed", "deleted": "deleted"}

VERBS: dict[str, str] = {
    "audit.searched": "searched the audit trail",
    "audit.entry-read": "read an entry with its values",
    "audit.record-read": "read the versions of a record",
    "audit.list-read": "read a list as it stood",
    "audit.subject-read": "read a timeline",
    "audit.pilot-read": "read a pilot as it stood",
    "audit.restored": "restored a version of a record",
    "audit.proof-taken": "took the proof of an entry",
    "audit.reviews-read": "read the reviews of the audit trail",
    "audit.coverage-read": "read the coverage of the audit trail",
    "audit.feed-read": "fetched sealed entries for a security monitor",
    "audit.refused": "was refused",
    "audit.checked": "checked the capture of changes",
    "audit.payload-erased": "erased a person's content",
    "audit.payload-expired": "deleted what was kept long enough",
    "audit.keeping-read": "looked at retention, holds and erasures",
    "audit.certificate-read": "read the certificate of an erasure",
    "audit.backup-made": "made a backup",
    "audit.backup-restored": "restored the database from a backup",
    "audit.rollback-accepted": "let the log go on from a restored backup",
    "audit.key-rotated": "handed the log over to a new key",
    "audit.key-replaced": "let the log go on with a new key after the old one was lost",
    "audit.cosigned": "had a checkpoint cosigned by a witness",
    "audit.witness-refused": "was refused by a witness: the log does not continue what it saw",
    "audit.stamped": "had a checkpoint stamped with the time",
    "audit.checkpoint-confirmed": "confirmed that a mailed checkpoint fits the log",
    "audit.checkpoint-differs": "found that a mailed checkpoint does not fit the log",
    "audit.checkpoint-cleared": "cleared up why a checkpoint did not fit the log",
    "audit.verification-asked": "had the audit trail verified",
    "audit.export-asked": "asked for an export pack",
    "audit.export-contents": "put an export pack together",
    "audit.export-made": "finished an export pack",
    "audit.export-failed": "could not make an export pack",
    "audit.export-cancelled": "cancelled an export pack",
    "audit.export-taken": "downloaded an export pack",
    "audit.export-deleted": "deleted an export pack",
    "audit.receipt-taken": "took the receipt of a decision",
    "audit.verified": "verified the audit trail",
    "audit.trust-read": "read how far the log can be trusted",
}


# Sent by the portal for every mail and every line in somebody's list of news.
NOTICE_SENT = "portal.notice-sent"


@cache
def quiet() -> tuple[str, ...]:
    """Looks at the trail itself, and notices: lists on screen leave them out until asked. What was taken away is none of them."""
    looks = [name for name in declared() if name.startswith("audit.") and name.endswith(("-read", ".searched"))]
    return (*sorted(looks), NOTICE_SENT)


@cache
def declared() -> dict[str, str]:
    """Every verb of every installed app, with its words."""
    found = dict(ROW_VERBS)
    for app in apps.get_app_configs():
        if find_spec(f"{app.name}.verbs") is not None:
            found.update(getattr(import_module(f"{app.name}.verbs"), "VERBS", {}))
    return found
