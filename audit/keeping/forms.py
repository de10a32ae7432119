"""Input of the pages about keeping: shape only. What the rules say is in holds, retention and erasure."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from audit.models.keeping import ErasureRequest, LegalHold


def confirmed(request: Any, password: str, digest: str) -> None:
    """Check the password of whoever is signed in, for exactly `digest`, as a signature does (settings.AUDIT_STEP_UP)."""
    import_string(f"{settings.AUDIT_STEP_UP}.confirm")(request, password, digest)
    import_string(f"{settings.AUDIT_STEP_UP}.require")(request, digest)


def keeper(request: Any) -> uuid.UUID:
    """The person who decides. Raises PermissionDenied for a program: its key acts as nobody."""
    if not isinstance(request.user.pk, uuid.UUID):
        raise PermissionDenied
    return request.user.pk


class PasswordForm(forms.Form):
    """Whoever is signed in says so once more."""

    password = forms.CharField(
        label=_("Your password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class ReasonForm(PasswordForm):
    field_order = ("reason", "password")

    reason = forms.CharField(label=_("Why it may go now"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))


class RetentionForm(forms.Form):
    days = forms.IntegerField(label=_("Keep for how many days"), required=False, help_text=_("Empty: for ever."))


class HoldForm(forms.Form):
    kind = forms.ChoiceField(label=_("Hold"), choices=LegalHold.Kind.choices)
    what = forms.CharField(
        label=_("Which"),
        max_length=400,
        help_text=_(
            "A record as its page names it (governance.pilot/7), a person (staff number, e-mail or pseudonym), or a query "
            "with actor:, action:, object:, after: and before:."
        ),
    )
    reason = forms.CharField(label=_("Why it must stay"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))


class ErasureForm(PasswordForm):
    field_order = ("person", "why", "reference", "password")

    person = forms.CharField(
        label=_("Staff number, e-mail or pseudonym"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    why = forms.ChoiceField(label=_("Why"), choices=ErasureRequest.Why.choices)
    reference = forms.CharField(label=_("Case number"), max_length=80, required=False, help_text=_("Without a name: this stays."))
