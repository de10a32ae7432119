"""Taking a grant back: whoever had the AI through it alone loses it. Narrowing needs no approval (P4)."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit.context import because
from governance import policies
from governance.models import Grant
from governance.services import transitions
from portal import clock
from portal.errors import Conflict
from portal.models import Person


@transaction.atomic
def revoke_grant(*, actor: Person, grant: Grant, reason: str) -> Grant:
    """End one grant before its time, for good; by whoever may stop the pilot. People with another grant keep the AI."""
    pilot = transitions.locked(grant.pilot)
    grant = Grant.objects.select_for_update(of=("self",)).select_related("stage").get(pk=grant.pk)
    if not policies.may_stop(actor, pilot):
        raise PermissionDenied(_("Only the people who answer for this pilot may take a grant back."))
    if not reason.strip():
        raise ValidationError({"reason": [_("Say why.")]})
    if grant.revoked_at is not None:
        raise Conflict("already_revoked", _("This grant was taken back already."))
    grant.revoked_at, grant.revoked_by, grant.revoke_reason = clock.now(), actor, reason.strip()
    pilot.base_version += 1
    pilot.eval_version += 1
    with because(reason):
        grant.save()
        pilot.save()
        transitions.note(pilot, "revoke", actor=actor, reason=f"{grant}, {grant.stage}: {reason.strip()}")
    return grant
