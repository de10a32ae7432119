"""Tell people things: rows written with the change that causes them, delivered once by a task.

A row's unique key says what it is about, so that raising it again does nothing. Delivery claims a row (lease, attempt
counted) and commits, sends, then marks it. Whoever dies in between leaves a lease that runs out; the mail is then sent
again with the same Message-ID. That is the one way in which a mail server can get a notice twice.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils.module_loading import import_string

from audit import services as audit
from audit.context import acting
from audit.nudge import nudge
from portal import clock
from portal.mail import message_of
from portal.models import Notice, Person
from portal.schedule import NOTICE_RULES
from portal.selectors.notices import inbox

logger = logging.getLogger(__name__)

LEASE = dt.timedelta(minutes=5)
TRIES = 8
FIRST_WAIT = dt.timedelta(seconds=30)


@dataclass(frozen=True)
class Draft:
    """A notice that a rule finds due: the arguments of `tell`."""

    kind: str
    recipient: Person
    dedupe_key: str
    subject: str
    context: dict[str, Any] = field(default_factory=dict)
    url: str = ""
    due_at: dt.datetime | None = None
    channels: tuple[str, ...] = (Notice.Channel.APP, Notice.Channel.MAIL)


def tell(
    *,
    kind: str,
    recipient: Person,
    dedupe_key: str,
    subject: str,
    context: dict[str, Any] | None = None,
    url: str = "",
    due_at: dt.datetime | None = None,
    channels: Iterable[str] = (Notice.Channel.APP, Notice.Channel.MAIL),
) -> None:
    """Put a notice in the outbox, inside the caller's transaction; the same `dedupe_key` again does nothing.

    `context` is plain JSON for the mail's templates; `url` an address in the portal. Mail only to those who have an
    address and want it. `due_at` (now) is when it is sent.
    """
    due_at = due_at or clock.now()
    mailed = bool(recipient.email) and recipient.wants_mail
    rows = [
        Notice(
            dedupe_key=f"{dedupe_key}:{recipient.pk.hex}:{channel}",
            kind=kind,
            recipient=recipient,
            channel=channel,
            subject=subject[:200],
            context=context or {},
            url=url,
            due_at=due_at,
        )
        for channel in channels
        if recipient.is_active and (channel != Notice.Channel.MAIL or mailed)
    ]
    Notice.objects.bulk_create(rows, ignore_conflicts=True)
    if rows and due_at <= clock.now():
        nudge("portal.deliver_notices")


def raise_due(now: dt.datetime) -> int:
    """Ask every app's rules what is due and put it in the outbox; answers how many drafts there were.

    One at a time over all hosts: a second caller does nothing. A rule that fails is logged and the others still run.
    """
    found = 0
    with transaction.atomic():
        if not _alone("portal.raise_due"):
            return 0
        for name in NOTICE_RULES:
            try:
                with transaction.atomic():
                    due: Callable[[dt.datetime], Iterable[Draft]] = import_string(f"{name}.due")
                    for draft in due(now):
                        tell(**vars(draft))
                        found += 1
            except Exception:
                logger.exception("The notice rules of %s failed", name)
    return found


def deliver(seconds: float = 180) -> int:
    """Send what is due, one at a time, for at most about so long; answers how many went out.

    Any number of callers may run at once. What is left is for the next tick.
    """
    sent = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until and (notice := claim()) is not None:
        sent += send(notice)
    return sent


def claim() -> Notice | None:
    """The next notice that is due and that nobody holds, leased and committed; None when there is none."""
    now = clock.now()
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    with transaction.atomic():
        waiting = Notice.objects.filter(free, state=Notice.State.WAITING, due_at__lte=now)
        notice = waiting.order_by("due_at", "id").select_for_update(skip_locked=True, of=("self",)).select_related("recipient").first()
        if notice is not None and notice.attempts >= TRIES:
            # Every sender that tried died: somebody has to look at it.
            Notice.objects.filter(pk=notice.pk).update(state=Notice.State.FAILED, error="SenderDied")
        elif notice is not None:
            notice.leased_until = now + LEASE
            notice.attempts += 1
            notice.save(update_fields=["leased_until", "attempts"])
            return notice
    return None if notice is None else claim()


def send(notice: Notice) -> bool:
    """Deliver a claimed notice and mark it; True when it went out. A failure is kept in the row and tried again."""
    person = notice.recipient
    mail = notice.channel == Notice.Channel.MAIL
    if not person.is_active or (mail and not (person.email and person.wants_mail)):
        _mark(notice, state=Notice.State.DROPPED)
        return False
    try:
        if mail:
            message_of(notice).send()
    except Exception as error:  # noqa: BLE001 - whatever a mail server or a template raises, the next notice must go out
        # The class alone: a mail server's answer repeats addresses.
        logger.warning("Notice %s was not delivered (%s, try %s)", notice.pk, type(error).__name__, notice.attempts)
        _failed(notice, type(error).__name__)
        return False
    with transaction.atomic():
        if _mark(notice, state=Notice.State.SENT, sent_at=clock.now(), error=""):
            with acting(audit.system_actor("notices"), channel="task"):
                audit.record("portal.notice-sent", obj=person, detail={"kind": notice.kind, "channel": notice.channel})
    return True


def mark_read(person: Person) -> int:
    """Mark everything in the inbox as read; answers how many were not."""
    unread = inbox(person).filter(read_at=None)
    return unread.update(read_at=clock.now())


def _failed(notice: Notice, error: str) -> None:
    if notice.attempts >= TRIES:
        _mark(notice, state=Notice.State.FAILED, error=error)
    else:
        wait = FIRST_WAIT * 4 ** (notice.attempts - 1)
        _mark(notice, leased_until=clock.now() + min(wait, dt.timedelta(hours=12)), error=error)


def _mark(notice: Notice, **values: Any) -> bool:
    """Compare and set: False when the lease ran out meanwhile and another sender holds the row."""
    held = Notice.objects.filter(pk=notice.pk, state=Notice.State.WAITING, attempts=notice.attempts)
    return bool(held.update(**values))


def _alone(name: str) -> bool:
    """True when this transaction is the only one under `name`, on all hosts, until it ends."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(hashtext(%s))", [name])
        row = cursor.fetchone()
    return bool(row and row[0])
