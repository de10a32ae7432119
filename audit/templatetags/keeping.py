"""`{% load keeping %}{% holds_on model object_id %}`: the legal holds that cover a record, on its page."""

from __future__ import annotations

from typing import Any

from django import template

from audit.keeping.holds import holds_on as found

register = template.Library()


@register.inclusion_tag("audit/_holds.html")
def holds_on(model: str, object_id: str) -> dict[str, Any]:
    """A banner for each hold in force; nothing where there is none."""
    return {"holds": found(model, object_id)}
