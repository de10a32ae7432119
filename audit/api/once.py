"""`Idempotency-Key` for audit's writes. The app that keeps the answers is named by settings: audit imports no other app."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from django.conf import settings

_keeper: Any = import_module(settings.AUDIT_ONCE)
#: For `extend_schema(parameters=...)`.
ONCE: list[Any] = _keeper.ONCE
#: Around the handler of a write.
once: Callable[[Callable[..., Any]], Callable[..., Any]] = _keeper.idempotent
