"""Which notices of feedback are due: everything past its promised day, computed anew each time, told once a week."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.utils.translation import gettext as _

from feedback.models import Item
from feedback.promises import day_of
from feedback.selectors.items import answerers
from portal.services.notices import Draft

AGAIN_AFTER = 7  # days


def due(now: dt.datetime) -> Iterator[Draft]:
    """A reminder to those who answer for each late item; again each week it stays late. A missed day is made up for."""
    tomorrow = now.date() + dt.timedelta(days=1)  # no zone is ahead of UTC by more than a day
    for item in Item.objects.late(tomorrow).select_related("system", "unit").order_by("id"):
        today = day_of(item.unit, now)
        if not item.is_late(today):
            continue
        week = (today - item.reply_due).days // AGAIN_AFTER
        for person in answerers(item, today):
            yield Draft(
                kind="feedback.reply-late",
                recipient=person,
                dedupe_key=f"feedback.reply-late:{item.ref}:{item.reply_due.isoformat()}:{week}",
                subject=_("%(ref)s waits for an answer since %(day)s") % {"ref": item.ref, "day": item.reply_due.isoformat()},
                context={
                    "ref": item.ref,
                    "text": item.text[:200],
                    "system": item.system.name,
                    "reply_due": item.reply_due.isoformat(),
                    "voices": item.voice_count,
                },
                url=f"/items/{item.ref}",
            )
