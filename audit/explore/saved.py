"""Saved views: a query with a name, one's own or shared; and who is told when new entries fit one."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from audit.explore.entries import labels
from audit.explore.finding import count_between, indexed_to
from audit.explore.lexemes import ACTION, ACTOR, VIEW, Clause, Phrase, facet, words_of
from audit.explore.search import parse
from audit.models import SavedView, Subscription
from audit.verbs import declared

# The kind of the notices, by which their sending is known in the trail: it is no news.
NOTICE = "audit.view-matches"
MOST_COUNTED = 1_000
MOST_VIEWS = 200
_MORNING = 6  # o'clock, UTC


class NoSuchView(LookupError):
    """There is no such view, or it is somebody else's and not shared."""


@dataclass(frozen=True)
class Listed:
    """A view as a list shows it; `every` is how often the reader is told of news, or empty."""

    view: SavedView
    owner: str
    own: bool
    every: str


@dataclass(frozen=True)
class News:
    """New entries fit a view. `count` is counted up to MOST_COUNTED; `broken` says why the view cannot be searched any more."""

    subscription: int
    view: int
    name: str
    subscriber: uuid.UUID
    first: int
    last: int
    count: int
    broken: str = ""


def views_of(reader: uuid.UUID) -> list[Listed]:
    """Every view that a reader may use, by name. Three database queries."""
    found = list(SavedView.objects.visible_to(reader).order_by("name", "id"))
    every = dict(Subscription.objects.filter(subscriber=reader).values_list("view_id", "every"))
    names = labels({view.owner for view in found})
    return [Listed(view, names.get(view.owner, str(view.owner)), view.owner == reader, every.get(view.pk, "")) for view in found]


def view_of(pk: int, reader: uuid.UUID) -> SavedView:
    """One view that a reader may use; raises NoSuchView."""
    view = SavedView.objects.visible_to(reader).filter(pk=pk).first() if 0 < pk < 2**63 else None
    if view is None:
        raise NoSuchView(f"There is no view {pk}.")
    return view


def owner_of(view: SavedView) -> str:
    """Who keeps it, by label."""
    return labels({view.owner}).get(view.owner, str(view.owner))


def save_view(*, actor: uuid.UUID, name: str, query: str, shared: bool, view: SavedView | None = None) -> SavedView:
    """Keep a query under a name, or change a view of one's own.

    Raises ValidationError (query_invalid, query_missing, name_taken, too_many) and PermissionDenied.
    """
    try:
        asked = parse(query)
    except ValidationError as error:
        raise ValidationError({"query": error.error_list}) from error
    if not asked.terms:
        raise ValidationError(
            {"query": ValidationError(_("Write what to look for: a view of everything is the list itself."), code="query_missing")}
        )
    if view is None:
        if SavedView.objects.filter(owner=actor).count() >= MOST_VIEWS:
            raise ValidationError(_("You have %(most)s views. Delete one first.") % {"most": MOST_VIEWS}, code="too_many")
        view = SavedView(owner=actor)
    else:
        may_change(view, actor=actor)
    view.name, view.query, view.shared = name.strip(), str(asked), shared
    try:
        with transaction.atomic():
            view.save()
            if not shared:
                view.subscriptions.exclude(subscriber=actor).delete()
    except IntegrityError as error:
        message = _("You have a view of this name. Choose another name.")
        raise ValidationError({"name": ValidationError(message, code="name_taken")}) from error
    return view


def may_change(view: SavedView, *, actor: uuid.UUID) -> None:
    """Raises PermissionDenied for anybody but the owner."""
    if view.owner != actor:
        raise PermissionDenied


def delete_view(view: SavedView, *, actor: uuid.UUID) -> None:
    """Take a view of one's own away, with its subscriptions; raises PermissionDenied."""
    may_change(view, actor=actor)
    view.delete()


def subscribe(view: SavedView, *, actor: uuid.UUID, every: str, now: dt.datetime) -> None:
    """Tell `actor` of what fits from now on; another period changes only when. Raises ValidationError(every_invalid)."""
    if every not in Subscription.Every.values:
        known = ", ".join(Subscription.Every.values)
        raise ValidationError({"every": ValidationError(_("Say how often: %(known)s.") % {"known": known}, code="every_invalid")})
    with transaction.atomic():
        Subscription.objects.update_or_create(
            view=view,
            subscriber=actor,
            defaults={"every": every, "next_at": next_time(every, now)},
            create_defaults={"every": every, "next_at": next_time(every, now), "told_to": _sealed_to()},
        )


def unsubscribe(view: SavedView, *, actor: uuid.UUID) -> bool:
    """Tell `actor` no more; nothing happens where there was nothing, and the answer says so."""
    return bool(Subscription.objects.filter(view=view, subscriber=actor).delete()[0])


def next_time(every: str, now: dt.datetime) -> dt.datetime:
    """When the next mail may go out: on the hour, in the morning, on Monday morning (UTC)."""
    now = now.astimezone(dt.UTC)
    hour = now.replace(minute=0, second=0, microsecond=0) + dt.timedelta(hours=1)
    if every == Subscription.Every.HOUR:
        return hour
    days = 1 if now.hour >= _MORNING else 0
    if every == Subscription.Every.WEEK:
        days = (-now.weekday()) % 7 or 7 * days
    return now.replace(hour=_MORNING, minute=0, second=0, microsecond=0) + dt.timedelta(days=days)


def take_news(now: dt.datetime) -> Iterator[News]:
    """What to tell, each subscription whose time has come once: call it in the transaction that keeps the telling.

    Told is about places in the log, so what comes late is told later, and nothing twice. Reading is no news: neither who
    looked through this very view, nor what the subscriber looked at, nor that such notices were sent.
    """
    to = indexed_to()
    due = Subscription.objects.filter(next_at__lte=now).select_related("view").order_by("id")
    for subscription in due.select_for_update(of=("self",), skip_locked=True):
        view, first = subscription.view, subscription.told_to
        subscription.told_to, subscription.next_at = max(first, to), next_time(subscription.every, now)
        subscription.save(update_fields=["told_to", "next_at"])
        if not view.shared and view.owner != subscription.subscriber:
            continue
        about = (subscription.pk, view.pk, view.name, subscription.subscriber, first, to - 1)
        try:
            condition = parse(view.query).condition
        except ValidationError as error:
            yield News(*about, count=0, broken=error.messages[0])
            continue
        count = count_between(condition, first, to - 1, most=MOST_COUNTED + 1, without=_no_news(subscription)) if to > first else 0
        if count:
            yield News(*about, count=count)


def _no_news(subscription: Subscription) -> tuple[Clause, ...]:
    def one(kind: str, value: str) -> Phrase:
        return Phrase((facet(kind, value),))

    own = one(ACTOR, str(subscription.subscriber))
    looking = [name for name in declared() if name.startswith("audit.") and name.endswith(("-read", ".searched", "-taken"))]
    return (
        Clause(((one(VIEW, str(subscription.view_id)),),), negated=True),
        Clause(tuple((own, one(ACTION, name)) for name in looking), negated=True),
        Clause(((one(ACTION, "portal.notice-sent"), Phrase(tuple(words_of(NOTICE)))),), negated=True),
    )


def _sealed_to() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(max(seq) + 1, 0) from audit_leaf")
        return int(cursor.fetchone()[0])
