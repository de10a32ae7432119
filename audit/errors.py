"""What a service raises when a command cannot be done now; the error mapper (portal/refusals.py) makes the answer of it."""

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
