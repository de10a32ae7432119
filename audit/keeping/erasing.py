"""Which connection erases: alias `eraser` (DATABASE_ERASER_URL, role lm_eraser), which only the worker and commands have."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.db import connections

ALIAS = "eraser"


def eraser_alias() -> str:
    """The alias to erase by; raises ImproperlyConfigured where this process has none, such as the web server."""
    if ALIAS in connections.settings:
        return ALIAS
    with connections["default"].cursor() as cursor:
        # One role for everything: it may, and the trust page says so.
        cursor.execute("select has_function_privilege('audit_erase_person(uuid)', 'execute')")
        (may,) = cursor.fetchone()
    if may:
        return "default"
    raise ImproperlyConfigured(
        "DATABASE_ERASER_URL is not set: this process may not erase. The worker and `manage.py erase_person` need it."
    )
