"""One tap on the portal's own page: the same events as a tool would send, through the same way in."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from audit.context import acting
from audit.services import system_actor
from feedback import ingest
from feedback.models import Outcome, Recommendation
from feedback.models.recommendations import OutcomeKind, Reason
from feedback.selectors.recommendations import effective, outcomes_of
from feedback.services import events
from portal import clock
from portal.errors import Conflict
from portal.models import Person


def decide(recommendation: Recommendation, *, actor: Person, outcome: str, once: str, after: str = "") -> None:
    """Accept, adjust (`after` says to what), override or dismiss: in force at once. `once` makes a second tap of the same button nothing.

    Raises ValidationError for an adjustment without a value.
    """
    if outcome not in OutcomeKind.values:
        raise ValidationError(_("Accept it, adjust it or override it."), code="outcome_unknown")
    standing = effective(outcomes_of(recommendation))
    data: dict[str, Any] = {"outcome": outcome, "supersedes": standing.event.event_id if standing else ""}
    if outcome == OutcomeKind.ADJUSTED:
        if not after.strip():
            raise ValidationError({"after": ValidationError(_("Say what you changed it to."), code="required")})
        data |= {"before": recommendation.proposal, "after": after.strip()}
    _send(recommendation, actor, once, data)


def give_reason(recommendation: Recommendation, *, actor: Person, reason: str = "", text: str = "", once: str) -> None:
    """The reason for what stands, or, with neither reason nor text, that it was skipped. The time of the decision stays.

    Raises Conflict when there is nothing to give a reason for.
    """
    standing = _standing(recommendation)
    if reason and reason not in Reason.values:
        raise ValidationError({"reason": ValidationError(_("Choose one of the reasons."), code="reason_unknown")})
    data = {
        "outcome": standing.kind,
        "reason": reason,
        "text": text.strip()[:2000],
        "reason_skipped": not reason and not text.strip(),
        "before": standing.before,
        "after": standing.after,
        "supersedes": standing.event.event_id,
    }
    _send(recommendation, actor, once, data, at=standing.occurred_at.isoformat())


def undo(recommendation: Recommendation, *, actor: Person, once: str) -> None:
    """Take back what stands; it remains on record as undone. Raises Conflict when nothing stands."""
    standing = _standing(recommendation)
    _send(recommendation, actor, once, {"undo": True, "supersedes": standing.event.event_id})


def _standing(recommendation: Recommendation) -> Outcome:
    standing = effective(outcomes_of(recommendation))
    if standing is None:
        raise Conflict("nothing_decided", _("Nothing has been decided here yet."))
    return standing


def _send(recommendation: Recommendation, actor: Person, once: str, data: dict[str, Any], *, at: str = "") -> None:
    """As a system actor and without request id: the audit trail shows that a tap came, never whose."""
    try:
        name = str(uuid.UUID(once))
    except ValueError:
        name = str(uuid.uuid4())
    event = {
        "specversion": "1.0",
        "id": name,
        "source": f"{settings.PUBLIC_URL}/recommendations",
        "type": ingest.OUTCOME,
        "subject": recommendation.uid,
        "time": at or clock.now().isoformat(),
        "data": {"person": actor.staff_number, "recommendation": recommendation.uid, **data},
    }
    with acting(system_actor("recommendation-page"), channel="page", request_id=""):
        result = events.accept(recommendation.system, [msgspec.json.encode(event)], person=actor)[0]
    if result.status == "invalid":
        raise ValidationError(result.detail, code=result.code)
