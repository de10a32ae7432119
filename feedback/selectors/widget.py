"""Who a widget's token speaks for, and what the widget may show of a recommendation."""

from __future__ import annotations

import datetime as dt
import hmac
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature, Signer

from feedback import reasons
from feedback.models import Recommendation
from portal.models import AISystem, ApiKey, Person

SCOPE = "widget:sessions"
LASTS = dt.timedelta(hours=1)


def token_for(key: ApiKey, person: Person, until: dt.datetime) -> str:
    """A signed token of one person in one system: the page that holds it may act as them there until `until`.

    Its first part tells two people apart, and says nobody to anybody. It ends with the key that asked for it.
    """
    body = _signer().sign_object({"key": key.pk, "person": person.staff_number, "until": int(until.timestamp())})
    return f"{_mark(key.system_id, person)}.{body}"


def person_of_token(text: str, system: AISystem, now: dt.datetime) -> Person | None:
    """The person, or None: forged, expired, of another system, of a key that was revoked, of somebody who left."""
    mark, _dot, body = text.partition(".")
    try:
        said: dict[str, Any] = _signer().unsign_object(body)
    except (BadSignature, ValueError):
        return None
    if said["until"] <= now.timestamp():
        return None
    asker = ApiKey.objects.live(now).filter(pk=said["key"], system=system, scopes__contains=[SCOPE])
    person = Person.objects.select_related("unit").filter(staff_number=said["person"], is_active=True).first()
    if person is None or not hmac.compare_digest(mark.encode(), _mark(system.pk, person).encode()) or not asker.exists():
        return None
    return person


def explained(row: Recommendation) -> dict[str, Any]:
    """The explanation line: what the tool itself showed. Never what the person did with it: their system's key asked for the token."""
    return {
        "recommendation": row.uid,
        "why": reasons.why(row.explanation),
        "sure": reasons.percent(row.confidence),
        "version": row.version,
        "reason_required": row.system.reason_required,
    }


def _signer() -> Signer:
    return Signer(salt="feedback.widget")


def _mark(system: int | None, person: Person) -> str:
    return hmac.digest(str(settings.SECRET_KEY).encode(), f"widget:{system}:{person.pk}".encode(), "sha256").hex()[:16]
