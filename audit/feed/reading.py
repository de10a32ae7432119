"""The feed of sealed entries: read by place in the log, so that a reader that stopped goes on where it was."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.translation import gettext as _

from audit import selectors
from audit.feed.formats import Sealed
from audit.models import Actor
from audit.verbs import declared

MOST = 1000
#: Reading the feed is an entry. Where nothing else is new it leaves none, or each look would find the one before.
READ = "audit.feed-read"
_ROWS = """
    select l.seq, e.id, e.at, e.actor, e.on_behalf, e.action, e.model, e.object, e.ver, e.channel, e.request_id, e.fields, l.hash
      from audit_leaf l join audit_entry e on e.id = l.entry_id
     where l.seq >= %s and l.seq < %s order by l.seq
"""


def page(after: int, limit: int) -> list[Sealed]:
    """Up to `limit` entries after place `after` (-1: from the first), without a gap. Only what a checkpoint covers. Three queries."""
    first = after + 1
    stop = min(first + limit, selectors.log_size())
    if stop <= first:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [first, stop])
        rows = cursor.fetchall()
    people = {row[3] for row in rows} | {row[4] for row in rows if row[4]}
    known: dict[UUID, tuple[str, str]] = {
        one: (label, kind) for one, label, kind in Actor.objects.filter(pk__in=people).values_list("id", "label", "kind")
    }
    words = declared()
    found = []
    for seq, id_, at, actor, on_behalf, action, model, obj, ver, channel, request, fields, hash_ in rows:
        label, kind = known.get(actor, ("", ""))
        found.append(
            Sealed(
                seq=seq,
                id=id_,
                at=at,
                actor=str(actor),
                label=label,
                kind=kind,
                on_behalf=str(on_behalf) if on_behalf else "",
                action=action,
                words=str(words.get(action, action)),
                model=model,
                object=obj,
                ver=ver,
                channel=channel,
                request_id=request,
                fields=tuple(fields),
                leaf_hash=base64.b64encode(bytes(hash_)).decode(),
            )
        )
    if [one.seq for one in found] != list(range(first, stop)):
        raise RuntimeError(f"The log has a gap between {first} and {stop}: run `manage.py verify_audit`.")
    return found


def following(after: int, *, batch: int = MOST) -> Iterator[Sealed]:
    """Everything sealed after a place, batch by batch, up to the newest checkpoint of the moment."""
    while found := page(after, batch):
        yield from found
        after = found[-1].seq


def after_of(text: str) -> int:
    """The cursor of a caller: a place of the log, or nothing (or -1) for the beginning. Raises ValidationError(cursor_invalid)."""
    if text in {"", "-1"}:
        return -1
    if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        raise ValidationError(
            {"after": ValidationError(_("Write the place of the last entry you have, such as 1200."), code="cursor_invalid")}
        )
    return int(text)


def limit_of(text: str) -> int:
    """How many entries at once: 1 to 1000, 500 when absent. Raises ValidationError(limit_invalid)."""
    if not text:
        return 500
    if not re.fullmatch(r"[0-9]{1,4}", text, re.ASCII) or not 1 <= int(text) <= MOST:
        raise ValidationError({"limit": ValidationError(_("Ask for 1 to %(most)s entries.") % {"most": MOST}, code="limit_invalid")})
    return int(text)
