"""Who someone is (django-allauth's check of staff number or e-mail and password) and what they may do (the roles in force)."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend

from portal.roles import PERMISSIONS


class RoleBackend(AuthenticationBackend):
    """`person.has_perm("audit.read")` by role, over a unit when one is given as `obj`. Django's own permissions are not used."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """True when a role in force grants `perm` (over the unit `obj`, where given). An unknown name raises KeyError."""
        return bool(user_obj.is_authenticated and user_obj.is_active and user_obj.holds(*PERMISSIONS[perm], over=obj))
