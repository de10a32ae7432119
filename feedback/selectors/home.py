"""What the home page shows of feedback: one's own items, and what was done for everyone this month."""

from __future__ import annotations

import datetime as dt

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from feedback.selectors.items import own, you_said_we_did
from feedback.tones import tone
from portal import clock
from portal.home import Panel, Row
from portal.models import Person
from portal.words import shortened

MONTH = dt.timedelta(days=31)
LONGEST = 90


def panels(person: Person) -> list[Panel]:
    """Two queries."""
    return [_own(person), _done(person)]


def _own(person: Person) -> Panel:
    rows = [
        Row(
            title=shortened(item.text, LONGEST),
            url=f"/items/{item.ref}",
            note=f"{item.ref} · {item.system.name}",
            state=str(item.get_status_display()),
            tone=tone(item.status),
        )
        for item in own(person)
    ]
    return Panel(
        title=_("Yours"),
        rows=rows,
        empty=_("Nothing filed yet. What should your AI know?"),
        more_url="/items?mine=1",
        more=_("All of yours"),
    )


def _done(person: Person) -> Panel:
    rows = [
        Row(
            title=pair.item.ref,
            url=f"/items/{pair.item.ref}",
            note=_("You said · %(people)s") % {"people": _people(pair.item.people)},
            said=shortened(pair.item.text, LONGEST),
            answer=pair.words,
            state=str(pair.item.get_status_display()),
            tone=tone(pair.item.status),
        )
        for pair in you_said_we_did(person, since=clock.now() - MONTH)
    ]
    return Panel(
        title=_("You said, we did"),
        rows=rows,
        empty=_("Nothing was finished this month."),
        more_url="/items?status=done",
        more=_("All that was done"),
    )


def _people(count: int) -> str:
    return ngettext("%(count)s person", "%(count)s people", count) % {"count": count}
