"""The navigation between the pages of the audit trail: `{% load sections %}{% audit_sections %}` under the page's head."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context
from django.urls import reverse

from audit.sections import SECTIONS

register = template.Library()


@register.inclusion_tag("audit/_sections.html", takes_context=True)
def audit_sections(context: Context) -> dict[str, Any]:
    """Links to every section; the page's own is marked."""
    here = context["request"].path
    return {"links": [(reverse(name), words, reverse(name) == here) for name, words in SECTIONS]}
