"""What services raise when a command cannot be done; pages and API turn each into one answer (portal/refusals.py).

Bad input raises Django's ValidationError (422), a forbidden act Django's PermissionDenied (403), a record that the
caller may not see Http404 or DoesNotExist (404). The rest are here.
"""

from __future__ import annotations

from audit.errors import Conflict, DomainError

__all__ = ["Conflict", "DomainError", "Forbidden", "TooMany"]


class Forbidden(DomainError):
    """Seen but not allowed, with a code that says why (403)."""

    status = 403


class TooMany(DomainError):
    """Called too often (429); `extra["retry_after"]` is whole seconds."""

    status = 429
