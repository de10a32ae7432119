"""Governance on the home page: the pilots of a person's units."""

from __future__ import annotations

from django.utils.translation import gettext as _

from governance.selectors import pages
from portal.home import Panel, Row
from portal.models import Person

MOST = 5


def panels(person: Person) -> list[Panel]:
    """Live pilots that the person may see."""
    found = [
        Row(
            title=row.pilot.name,
            url=row.pilot.get_absolute_url(),
            note=row.pilot.stage.name if row.pilot.stage else _("Not started"),
            state=row.word,
            tone=row.tone,
        )
        for row in pages.pilot_rows(person)[:MOST]
    ]
    empty = _("No AI is being tried in your units at the moment.")
    return [Panel(title=_("Pilots in your units"), rows=found, empty=empty, more=_("All pilots"), more_url="/pilots")]
