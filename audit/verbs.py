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
    "audit.proof-taken": "took the proof of an entry",
    "audit.refused": "was refused",
    "audit.checked": "checked the capture of changes",
    "audit.rollback-accepted": "let the log go on from a restored backup",
}


@cache
def declared() -> dict[str, str]:
    """Every verb of every installed app, with its words."""
    found = dict(ROW_VERBS)
    for app in apps.get_app_configs():
        if find_spec(f"{app.name}.verbs") is not None:
            found.update(getattr(import_module(f"{app.name}.verbs"), "VERBS", {}))
    return found
