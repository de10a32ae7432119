"""What the words of an item and of its replies were, version by version."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils.translation import gettext as _

from feedback.models import Item, Reply


@dataclass(frozen=True)
class Edit:
    """The words as they stood from `at` on; `before` is what they were until then, empty for the first."""

    what: str
    at: dt.datetime
    text: str
    before: str


def edits_of(item: Item, *, notes: bool) -> list[Edit]:
    """Every wording of the item and of its replies that were changed, oldest first: three queries. Notes for those who answer."""
    found = _wordings(item.ref, list(item.history.order_by("history_id").values_list("history_date", "text")))
    replies = item.replies.exclude(edited_at=None)
    if not notes:
        replies = replies.exclude(side=Reply.Side.NOTE)
    by_reply: dict[int, list[tuple[dt.datetime, str]]] = {}
    versions = Reply.history.filter(id__in=[reply.pk for reply in replies]).order_by("history_id")
    for pk, at, text in versions.values_list("id", "history_date", "text"):
        by_reply.setdefault(pk, []).append((at, text))
    for pk, rows in by_reply.items():
        found += _wordings(_("Reply %(number)s") % {"number": pk}, rows)
    return found


def _wordings(what: str, rows: list[tuple[dt.datetime, str]]) -> list[Edit]:
    found: list[Edit] = []
    for at, text in rows:
        if not found or found[-1].text != text:
            found.append(Edit(what, at, text, found[-1].text if found else ""))
    return found
