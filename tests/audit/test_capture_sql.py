"""What migrations installed is never changed under them."""

from __future__ import annotations

import hashlib

from audit.capture import triggers
from audit.capture.triggers import Capture

FROZEN = "84706d7693f7ecb4a402f361c71ece234cc5b1b0465ff4a1dc051cb85f2d1432"


def test_capture_sql__released_version__is_frozen() -> None:
    """If this fails you changed SQL that migrations name. Put the change into the next version beside it (audit/capture/triggers.py)."""
    capture = Capture("app.thing", "app_thing", "app_historicalthing", (("id", "id"), ("name", "name"), ("unit_id", "unit_id")), "record")
    text = triggers.foundation(1) + triggers.install(capture, 1) + triggers.remove(capture)
    assert hashlib.sha256(text.encode()).hexdigest() == FROZEN
