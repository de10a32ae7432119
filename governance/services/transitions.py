"""How a pilot moves: the row is locked, the table asked, both versions counted, and the move written down."""

from __future__ import annotations

from django.utils.translation import gettext as _

from governance import workflow
from governance.models import ExpansionRequest, Pilot, Stage, Transition
from portal import clock
from portal.errors import Conflict
from portal.models import Person


def locked(pilot: Pilot) -> Pilot:
    """The pilot as it is now, under a row lock; call inside a transaction, and before locking one of its requests."""
    return Pilot.objects.select_for_update(of=("self",)).select_related("unit", "system", "lead", "sponsor", "stage").get(pk=pilot.pk)


def move(
    pilot: Pilot, command: str, *, actor: Person, reason: str = "", stage: Stage | None = None, request: ExpansionRequest | None = None
) -> Transition:
    """Carry out `command` on a locked pilot; the caller sets further fields before and nothing after. Saves the pilot.

    Raises Conflict("illegal_move") when the condition does not allow it.
    """
    if not workflow.may_pilot(command, pilot.condition):
        raise Conflict(
            "illegal_move",
            _("This pilot is %(condition)s; that is not possible now.") % {"condition": pilot.get_condition_display().lower()},
            condition=pilot.condition,
            command=command,
        )
    before = pilot.condition
    pilot.condition = workflow.PILOT_MOVES[command][1]
    if stage is not None:
        pilot.stage = stage
    pilot.base_version += 1
    pilot.eval_version += 1
    pilot.save()
    return Transition.objects.create(
        pilot=pilot,
        command=command,
        from_condition=before,
        to_condition=pilot.condition,
        stage=pilot.stage,
        actor=actor,
        reason=reason,
        at=clock.now(),
        request=request,
        digest=request.digest if request else "",
    )


def note(pilot: Pilot, command: str, *, actor: Person, reason: str = "") -> Transition:
    """Write something down on the pilot's timeline that does not move it (a reason given later, a rule completed)."""
    return Transition.objects.create(
        pilot=pilot,
        command=command,
        from_condition=pilot.condition,
        to_condition=pilot.condition,
        stage=pilot.stage,
        actor=actor,
        reason=reason,
        at=clock.now(),
    )
