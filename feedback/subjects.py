"""What an item consists of, and what of feedback stands in a person's timeline (see audit.subjects).

Only what somebody did in office: answers and moves. What people file, say, add their voice to or decide never does.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from audit.explore.ever import ever, named
from audit.subjects import Act, Subject
from feedback.models import Item, Merge, Reply, StatusChange, Voice


def _answers_of(person: uuid.UUID) -> Iterable[str]:
    """Keys of the replies that a person gave in office, as text."""
    return [str(key) for key in ever(Reply, writer_id=person, side=Reply.Side.ANSWER)]


PERSON_ACTS = (Act("feedback.reply", objects=_answers_of), Act("feedback.statuschange"), Act("feedback.merge"))


def parts_of_items(items: Collection[int]) -> tuple[tuple[str, str], ...]:
    """Replies, moves, voices and merges that ever belonged to these items. Never who filed one that is not named: no row here says it."""
    found = [pair for model in (Reply, StatusChange, Voice) for pair in named(model, ever(model, item_id__in=list(items)))]
    return (*found, *named(Merge, ever(Merge, source_id__in=list(items))))


def item(key: str) -> Subject | None:
    """`FB-123` or its number."""
    row = Item.objects.by_ref(key if key.upper().startswith("FB-") else f"FB-{key}").first()
    if row is None:
        return None
    return Subject("item", row.ref, row.ref, f"/items/{row.ref}", (*named(Item, [row.pk]), *parts_of_items([row.pk])))


KINDS = {"item": item}


def subject_key(model: str, object_id: str) -> tuple[str, str] | None:
    """The subject that a record is the head of, as (kind, key)."""
    return ("item", f"FB-{object_id}") if model == "feedback.item" else None


def said(model: str, action: str, values: Mapping[str, Any], before: Mapping[str, Any]) -> str | None:
    """Filing, answers, moves and voices in plain words."""
    if action == "created":
        told = {"item": values.get("item_id", values.get("id")), "status": values.get("to_status")}
        told |= {"source": values.get("source_id"), "target": values.get("target_id")}
        words = {
            "feedback.item": _("filed FB-%(item)s"),
            "feedback.reply": _("answered FB-%(item)s") if values.get("side") == Reply.Side.ANSWER else _("added words to FB-%(item)s"),
            "feedback.statuschange": _("moved FB-%(item)s to “%(status)s”"),
            "feedback.voice": _("added a voice to FB-%(item)s"),
            "feedback.merge": _("made FB-%(source)s part of FB-%(target)s"),
        }
        return words[model] % told if model in words else None
    if model == "feedback.voice" and action == "deleted":
        return _("took a voice back from FB-%(item)s") % {"item": values.get("item_id")}
    return None


NOT_RESTORABLE = {
    "feedback.item": _lazy("What somebody said is never written by anybody else. Answer it, or move it, on its page."),
    "feedback.reply": _lazy("An answer is never restored. Answer once more; both stay."),
    "feedback.statuschange": _lazy("A move is never restored. Move the item to where it belongs, with words."),
    "feedback.follow": _lazy("What somebody follows or mutes is their own: they choose it once more themselves."),
    "feedback.kiosk": _lazy("A kiosk opens a way in: set up another one."),
    "feedback.mention": _lazy("Who was called by name was told: call them once more in a comment."),
    "feedback.merge": _lazy("Two items are made one, or two, on their own pages."),
    "feedback.verdict": _lazy("Whether it was fixed is said by those who filed it: they say it once more themselves."),
    "feedback.voice": _lazy("A voice is its holder's own: they add it once more themselves."),
}
