"""policy.json: what is in a pack and what is not, how long what is kept, and what holds or erasures touch it."""

from __future__ import annotations

import json
from typing import Any

from django.utils import translation

from audit.keeping.erased import erasures
from audit.keeping.rules import DATA_CLASSES
from audit.models import LegalHold, RetentionPolicy

IN = [
    "Every entry that was asked for: who (by pseudonym), when, what, about which record, which fields, and the recorded values.",
    "The names behind the pseudonyms in it, as they stood when it was made.",
    "Hashes that lead from each entry to the signed checkpoint; cosignatures and time stamps where there are any.",
]
OUT = [
    "Passwords, secrets, digests of keys, last sign-in: never recorded.",
    "Who wrote in confidence: kept apart from the audit trail, in no version and no entry.",
    "Who wrote anonymously: nobody knows.",
    "Values that were erased or whose time was over: their entries are here, and the entries that erased them.",
]


def policy() -> bytes:
    """The file, as it stands now."""
    with translation.override("en"):
        kept = dict(RetentionPolicy.objects.values_list("data_class", "keep_days"))
        table = [
            {
                "data_class": one.name,
                "holds": str(one.holds),
                "seen_by": str(one.seen_by),
                "erasable": str(one.erasable),
                "keep_days": kept.get(one.name),
            }
            for one in DATA_CLASSES
        ]
    body: dict[str, Any] = {
        "in": IN,
        "not_in": OUT,
        "retention": table,
        "retention_note": "keep_days null: kept for ever.",
        "legal_holds_in_force": [
            {"hold": str(hold), "kind": hold.kind, "placed_at": hold.placed_at.isoformat(), "model": hold.model, "object": hold.object}
            for hold in LegalHold.objects.filter(released_at=None).order_by("id")
        ],
        "erasures": [
            {"entry_id": one.entry, "at": one.at.isoformat(), "action": one.action, "entries": sum(b - a + 1 for a, b in one.ranges)}
            for one in erasures()
        ],
    }
    return (json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
