"""What services raise when a command cannot be done; pages and API turn each into one answer (portal/refusals.py).

Bad input raises Django's ValidationError (422), a forbidden act Django's PermissionDenied (403), a record that the
caller may not see Http404 or DoesNotExist (404). The rest are here.
"""

from __future__ import annotations

from typing import Any


class DomainError(Exception):
    """A command refused for a reason that a person can act on. `code` is for programs, the message for people."""

    status = 409

    def __init__(self, code: str, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.extra = extra


class Conflict(DomainError):
    """The state does not allow this move, or it changed meanwhile (409)."""


class Forbidden(DomainError):
    """Seen but not allowed, with a code that says why (403)."""

    status = 403


class TooMany(DomainError):
    """Called too often (429); `extra["retry_after"]` is whole seconds."""

    status = 429
