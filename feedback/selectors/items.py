"""The suggestion box as people see it. Every list is a constant number of queries."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback.models import Item, Reply, StatusChange, Voice
from feedback.models.items import ItemQuerySet
from portal.models import AISystem, Person, Role, RoleAssignment

# Sort name -> keyset order (portal.selectors.keyset); each has its index.
SORTS: dict[str, tuple[str, ...]] = {
    "new": ("-id",),
    "reach": ("-voice_count", "-id"),
    "stale": ("moved_at", "id"),
}


def box(person: Person) -> ItemQuerySet:
    """Items this person may see, with what a row of the list shows; `has_my_voice` says whether theirs is among the voices."""
    mine = Voice.objects.filter(item=OuterRef("pk"), person=person)
    return (
        Item.objects.visible_to(person)
        .select_related("system", "unit", "author", "confidential_author")
        .annotate(has_my_voice=Exists(mine))
    )


def of_ref(person: Person, ref: str) -> Item:
    """The item called `ref` (FB-123). Raises DoesNotExist, also for one that this person may not see."""
    return box(person).by_ref(ref).get()


def filtered(rows: ItemQuerySet, query: Mapping[str, str], *, person: Person) -> ItemQuerySet:
    """`rows` by kind, status, system (slug), unit (path), `open=1`, `mine=1`, `waiting=1` (for an answer from this person).

    Unknown values give an empty list, never an error: a list's address may be old.
    """
    for name, lookup in (
        ("kind", "kind"),
        ("status", "status"),
        ("severity", "severity"),
        ("system", "system__slug"),
        ("unit", "unit__path__startswith"),
    ):
        if query.get(name):
            rows = rows.filter(**{lookup: query[name]})
    if query.get("open"):
        rows = rows.open()
    if query.get("mine"):
        rows = rows.filter(Q(author=person) | Q(confidential_author__person=person))
    if query.get("waiting"):
        rows = rows.filter(answerable_by(person)).unanswered()
    return rows


def answerable_by(person: Person) -> Q:
    """Items that this person may answer: the same rule as policies.may_answer, for lists."""
    rule = Q(pk__in=[])
    for held in person.current_roles:
        if held.role == Role.LEAD:
            over = Q(unit__path__startswith=held.unit.path)
            shared = ~Q(identity=Item.Identity.NAMED) & Q(unit__path__in=held.unit.line)
            rule |= (over | shared) & ~Q(kind=Item.Kind.CONCERN)
        if held.role == Role.COMPLIANCE:
            rule |= Q(unit__path__startswith=held.unit.path, kind=Item.Kind.CONCERN)
    return rule


def answerers(item: Item, day: dt.date) -> list[Person]:
    """The people who may answer `item` on `day`: the leads (for a concern, compliance) over its unit."""
    role = Role.COMPLIANCE if item.kind == Item.Kind.CONCERN else Role.LEAD
    over = Q(unit__path__in=item.unit.line)
    if role == Role.LEAD and item.identity != Item.Identity.NAMED:
        over |= Q(unit__path__startswith=item.unit.path)
    held = RoleAssignment.objects.in_force(day).filter(over, role=role, person__is_active=True)
    return list(Person.objects.filter(pk__in=held.values("person")).order_by("staff_number"))


@dataclass(frozen=True)
class Happening:
    """One line of an item's timeline. `reply` is the number of the words that their writer may change."""

    at: dt.datetime
    what: str
    who: str
    words: str
    is_answer: bool
    reply: int | None = None
    side: str = ""
    writer: uuid.UUID | None = None
    edited_at: dt.datetime | None = None


_WHAT = {
    Reply.Side.ANSWER: gettext_lazy("Answered"),
    Reply.Side.AUTHOR: gettext_lazy("Added"),
    Reply.Side.COMMENT: gettext_lazy("Commented"),
    Reply.Side.NOTE: gettext_lazy("Internal note"),
}


def timeline(item: Item, *, notes: bool = False) -> list[Happening]:
    """Replies and moves, newest first: two queries. `notes` shows what those who answer wrote for each other."""
    replies = item.replies.select_related("writer")
    found = [
        Happening(
            at=reply.at,
            what=str(_WHAT[Reply.Side(reply.side)]),
            who=reply.writer.name if reply.writer else _("who filed it"),
            words=reply.text,
            is_answer=reply.side == Reply.Side.ANSWER,
            reply=reply.pk,
            side=reply.side,
            writer=reply.writer_id,
            edited_at=reply.edited_at,
        )
        for reply in (replies if notes else replies.exclude(side=Reply.Side.NOTE))
    ]
    found += [
        Happening(
            at=move.at,
            what=move.get_to_status_display(),
            who=move.by.name if move.by else _("who filed it"),
            words=move.words,
            is_answer=True,
        )
        for move in item.status_changes.select_related("by")
    ]
    return sorted(found, key=lambda happening: happening.at, reverse=True)


def followed(item: Item, person: Person) -> str:
    """How this person hears of the item besides as its author or voice: follow, mute or neither."""
    row = item.follows.filter(person=person).first()
    return "neither" if row is None else "mute" if row.muted else "follow"


def filed_for_author(item: Item) -> str:
    """Who put a named item here in its author's name, as a tool may; empty when the author did. One query, two for a tool."""
    if item.proxy is not None:
        return item.proxy.name
    if item.author_id and item.channel == Item.Channel.KIOSK:
        return _("a kiosk")
    first = item.history.order_by("history_id").first() if item.author_id else None
    if first is None or first.history_user_id in {None, item.author_id}:
        return ""
    by = str(first.history_user)
    return item.system.name if by == f"system:{item.system.slug}" else by


def we_did(item: Item, happenings: list[Happening]) -> Happening | None:
    """The last word from someone who answers: what stands right under "you said"."""
    return next((happening for happening in happenings if happening.is_answer), None)


@dataclass(frozen=True)
class YouSaid:
    """An item that was closed with words, for "you said, we did"."""

    item: Item
    words: str
    at: dt.datetime


def you_said_we_did(person: Person, *, since: dt.datetime, limit: int = 3) -> list[YouSaid]:
    """The latest items marked done since `since` that this person may see: one query."""
    moves = (
        StatusChange.objects.filter(to_status=Item.Status.DONE, item__status=Item.Status.DONE, at__gte=since)
        .filter(item__in=Item.objects.visible_to(person))
        .select_related("item", "item__system")
        .order_by("-at", "-id")[:limit]
    )
    return [YouSaid(item=move.item, words=move.words, at=move.at) for move in moves]


def own(person: Person, *, limit: int = 3) -> list[Item]:
    """The person's own latest items, named and confidential."""
    mine = Item.objects.filter(Q(author=person) | Q(confidential_author__person=person))
    return list(mine.select_related("system").order_by("-id")[:limit])


def systems_to_tell_about(person: Person) -> QuerySet[AISystem]:
    """The AI systems that a person can file about."""
    return AISystem.objects.visible_to(person).filter(retired_on=None).order_by("name")
