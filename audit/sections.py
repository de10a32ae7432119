"""The pages of the audit trail, in the order of their navigation (templates/audit/_sections.html)."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# (name of the route, words)
SECTIONS: list[tuple[str, str | Promise]] = [
    ("audit", _("Entries")),
    ("audit-views", _("Saved views")),
    ("audit-lists", _("As it stood")),
    ("audit-trust", _("Trust")),
    ("audit-health", _("Health")),
    ("audit-packs", _("Export packs")),
    ("audit-reviews", _("Reviews")),
    ("audit-coverage", _("Coverage")),
    ("audit-keeping", _("Keeping and erasing")),
]
