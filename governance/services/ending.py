"""Ending a pilot: a respected outcome, with cause, lessons, and what the people who objected were told."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit.context import because
from audit.nudge import nudge
from feedback.services import answers
from governance import policies
from governance.models import Pilot
from governance.selectors import lessons as lessons_of
from governance.services import reminders, transitions
from portal import clock
from portal.models import Person


@transaction.atomic
def end(*, actor: Person, pilot: Pilot, outcome: str, cause: str, lessons: str, told_objectors: str) -> Pilot:
    """End the pilot for good; a restart is a new pilot that follows it. Every text is required.

    By an executive over the unit; after the end date also by the lead. `lapsed` is the outcome of a pilot past that date alone.
    Whoever objected in the suggestion box hears back: `told_objectors` as a reply on each of their items, and a notice.
    """
    pilot = transitions.locked(pilot)
    if not policies.may_end(actor, pilot):
        raise PermissionDenied(_("Only an executive may end this pilot before its end date."))
    given = {"outcome": outcome, "cause": cause, "lessons": lessons, "told_objectors": told_objectors}
    wrong = {field: [_("This is part of ending a pilot.")] for field, text in given.items() if not text.strip()}
    if outcome and outcome not in Pilot.Outcome.values:
        wrong["outcome"] = [_("Choose one of the outcomes.")]
    elif outcome == Pilot.Outcome.LAPSED and not pilot.lapsed:
        wrong["outcome"] = [_("Its end date lies ahead: it has not lapsed.")]
    if wrong:
        raise ValidationError(wrong)
    pilot.outcome = Pilot.Outcome(outcome)
    pilot.cause, pilot.lessons, pilot.told_objectors = cause.strip(), lessons.strip(), told_objectors.strip()
    pilot.ended_at, pilot.ended_by = clock.now(), actor
    with because(cause):
        transitions.move(pilot, "end", actor=actor, reason=cause.strip())
    reminders.tell_ended(pilot)
    for item in lessons_of.objections(pilot):
        answers.tell_of_ending(item, actor=actor, text=pilot.told_objectors)
    nudge("audit.seal")
    return pilot
