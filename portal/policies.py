"""Who may administer what, beyond holding the role somewhere."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from portal.models import Person, Role, Unit

# Whoever administers accounts could otherwise give themselves a signature.
SIGNING_ROLES = frozenset({Role.SPONSOR, Role.EXECUTIVE, Role.COMPLIANCE})


def require_over(actor: Person | None, permission: str, unit: Unit | None) -> None:
    """Raises PermissionDenied unless `actor` holds `permission` over `unit` (over everything, for None).

    `actor` None is the command line, which whoever runs the server may use.
    """
    if actor is None:
        return
    if unit is None:
        allowed = any(actor.has_perm(permission, top) for top in Unit.objects.filter(parent=None))
    else:
        allowed = actor.has_perm(permission, unit)
    if not allowed:
        raise PermissionDenied(_("Your role does not reach this unit."))


def roles_clash(one: str, other: str) -> bool:
    """True when no person may hold both: administrators cannot sign."""
    return (one == Role.ADMINISTRATOR and other in SIGNING_ROLES) or (other == Role.ADMINISTRATOR and one in SIGNING_ROLES)
