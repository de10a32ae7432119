"""How django-allauth signs people in here: staff number or e-mail with a password, nobody signs up by themselves.

Sign-in, a failed try and sign-out are entries. A failed try names the account it was aimed at by its pseudonym, never
what was typed.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.signals import password_changed
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from audit import services as audit
from audit.context import acting
from portal.models import Person
from portal.selectors.people import by_sign_in_name


class AccountAdapter(DefaultAccountAdapter):
    """Sign-up is closed: an administrator adds people."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": _("This staff number or e-mail and password do not belong together."),
        "email_password_mismatch": _("This staff number or e-mail and password do not belong together."),
        "invalid_login": _("This staff number or e-mail and password do not belong together."),
        "too_many_login_attempts": _("Too many tries with this name. Wait five minutes, then try again."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        super().login(request, user)
        with acting(user.pk, channel="page"):
            audit.record("portal.signed-in", obj=user)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        aimed_at = by_sign_in_name(str(credentials.get("email") or credentials.get("username") or ""))
        with acting(audit.system_actor("sign-in"), channel="page"):
            audit.record("portal.sign-in-failed", obj=aimed_at)

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        with acting(audit.system_actor("sign-in"), channel="page"):
            audit.record("portal.sign-in-failed", obj=user, detail={"code": "left"})
        return super().respond_user_inactive(request, user)


@receiver(password_changed)
def password_was_changed(sender: object, request: HttpRequest, user: Person, **kwargs: Any) -> None:
    """By the person themselves, who may sign with it; one set by an administrator is recorded by its service."""
    Person.objects.filter(pk=user.pk).update(password_chosen_by_holder=True)
    audit.record("portal.password-changed", obj=user)


@receiver(user_logged_out)
def signed_out(sender: object, request: HttpRequest, user: Person | None, **kwargs: Any) -> None:
    """Django's own signal: also sent when a session ends because another account signs in."""
    if user is not None:
        with acting(user.pk, channel="page"):
            audit.record("portal.signed-out", obj=user)
