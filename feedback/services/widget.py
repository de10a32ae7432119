"""What people do in the widget, on the pages of the AI tool itself: through the same services as everywhere else."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from feedback.bursts import Burst
from feedback.models import Intake, Item
from feedback.selectors.directory import directory_of
from feedback.selectors.recommendations import of_person
from feedback.selectors.widget import LASTS, token_for
from feedback.services import intake, items, tapping
from portal import clock
from portal.errors import TooMany
from portal.models import AISystem, ApiKey, Person
from portal.services import limits
from portal.services.keys import note_day

A_MINUTE = 300  # calls with one key
WAITING = 2000  # anonymous filings about one system, until the night
_anonymous = Burst(60)


def open_session(key: ApiKey, *, person: str) -> tuple[str, dt.datetime]:
    """A token for `person` (staff number or e-mail) on the pages of the key's system, and when it ends.

    Raises ValidationError for somebody unknown here.
    """
    assert key.system is not None
    found = directory_of(key.system, [person]).person(person)
    if found is None or not found.is_active:
        message = _("Say who uses it: a staff number or an e-mail address known here.")
        raise ValidationError({"person": ValidationError(message, code="person_unknown")})
    until = clock.now() + LASTS
    return token_for(key, found, until), until


def limit(key: ApiKey) -> None:
    """Count a call with this key. Raises TooMany."""
    now = clock.now()
    if limits.count(f"widget:{key.pk}", until=now + dt.timedelta(minutes=1)) > A_MINUTE:
        raise TooMany("throttled", _("Too many calls with this key. Wait a minute."), retry_after=60)


def file(key: ApiKey, *, actor: Person, kind: str, text: str, identity: str = "", recommendation: str = "") -> Item:
    """Named or confidential feedback about the key's system. Frustration needs no words."""
    return items.file(
        actor=actor,
        system=system_of(key),
        kind=kind,
        text=words(kind, text),
        identity=identity or items.default_identity(kind),
        recommendation_uid=recommendation,
        channel=Item.Channel.WIDGET,
    )


def decide(
    key: ApiKey, *, actor: Person, recommendation: str, outcome: str, once: str, after: str = "", reason: str = "", text: str = ""
) -> None:
    """Accept, adjust, override or dismiss what the system recommended to the actor, and the reason in the same step.

    The same `once` decides once. Raises DoesNotExist for a recommendation that was not theirs.
    """
    row = of_person(actor, recommendation, system=system_of(key).slug)
    try:
        why = str(uuid.uuid5(uuid.UUID(once), "reason"))
    except ValueError as error:
        raise ValidationError({"once": ValidationError(_("A random UUID of your own."), code="invalid")}) from error
    with transaction.atomic():
        tapping.decide(row, actor=actor, outcome=outcome, once=once, after=after)
        if reason or text.strip():
            tapping.give_reason(row, actor=actor, reason=reason, text=text, once=why)


def file_without_name(key: ApiKey, given: dict[str, Any]) -> str:
    """Through the anonymous way in; returns the receipt. Counts nothing that is kept, and dates the key to the day at most."""
    system = system_of(key)
    wait = _anonymous.take(str(key.pk), time.monotonic())
    if wait or Intake.objects.filter(system=system).count() >= WAITING:
        raise TooMany("throttled", _("Too much came from here. Try again later."), retry_after=wait or 3600)
    code = intake.file(**{**given, "text": words(given["kind"], given["text"])}, system=system.slug)
    note_day(key)
    return code


def words(kind: str, text: str) -> str:
    return text if text.strip() or kind != Item.Kind.FRICTION else _("I am just frustrated with this screen.")


def system_of(key: ApiKey) -> AISystem:
    """The key's system. Raises DoesNotExist once it is retired."""
    if key.system is None or key.system.retired_on is not None:
        raise AISystem.DoesNotExist
    return key.system
