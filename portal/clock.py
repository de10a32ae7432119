"""The time that business rules go by: one function, so that tests and the demonstration can say what day it is."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from contextvars import ContextVar

_frozen: ContextVar[dt.datetime | None] = ContextVar("frozen", default=None)


def now() -> dt.datetime:
    """The current instant in UTC, or the one that `at` has set."""
    return _frozen.get() or dt.datetime.now(dt.UTC)


@contextlib.contextmanager
def at(instant: dt.datetime) -> Iterator[None]:
    """Let `now` answer `instant` inside the block. Recorded times of the audit trail do not follow it."""
    token = _frozen.set(instant)
    try:
        yield
    finally:
        _frozen.reset(token)
