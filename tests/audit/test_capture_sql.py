"""What migrations installed is never changed under them."""

from __future__ import annotations

import hashlib

from audit import triggers
from audit.triggers import Capture

FROZEN = "1003a887e1089a20b99e8bf4d60d7dcce01d24e970793cc82a52dac28607fde6"


def test_capture_sql__released_version__is_frozen() -> None:
    """If this fails you changed SQL that migrations name. Put the change into the next version beside it (audit/triggers.py)."""
    capture = Capture("app.thing", "app_thing", "app_historicalthing", (("id", "id"), ("name", "name"), ("unit_id", "unit_id")), "record")
    text = triggers.foundation(1) + triggers.install(capture, 1) + triggers.remove(capture)
    assert hashlib.sha256(text.encode()).hexdigest() == FROZEN
