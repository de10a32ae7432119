"""What the audit trail got, for tests of portal."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from audit.models import Entry


def acts(prefix: str = "portal.") -> list[str]:
    """The acts of portal, oldest first."""
    return list(Entry.objects.filter(action__startswith=prefix).order_by("id").values_list("action", flat=True))


def last(action: str) -> Entry:
    return Entry.objects.filter(action=action).latest("id")


def versions_of(obj: Model) -> Any:
    """The versions of one object, as simple-history's queryset."""
    return type(obj).history.filter(id=obj.pk)  # type: ignore[attr-defined]
