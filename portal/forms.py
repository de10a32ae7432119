"""Input of the administrator's pages: shape only. What the rules say is in the services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.forms import ChangePasswordForm, LoginForm
from django import forms
from django.utils.translation import gettext_lazy as _

from portal.models import AISystem, Person, RiskTier, Role, Unit, VersionRule
from portal.services.keys import PERSONAL_SCOPES, SYSTEM_SCOPES
from portal.services.systems import CHANGEABLE
from portal.widgets import CheckCards

SCOPES = {
    "events:write": _("send recommendations and outcomes"),
    "gate:read": _("ask the gate who may have the AI"),
    "items:write": _("file feedback"),
    "widget:sessions": _("let people act in the widget on its own pages"),
    "read": _("read what you may read"),
    "write": _("do what you may do, except sign"),
    "audit:read": _("read the audit trail, where your role may"),
}


class SignInForm(LoginForm):
    """Staff number or e-mail, and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = self.fields["login"]
        name.label = _("Staff number or e-mail")
        name.widget = forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"})
        self.fields["password"].widget.attrs.pop("placeholder", None)


class OwnPasswordForm(ChangePasswordForm):
    """A new password by its holder. The old one again would still be known to whoever set it."""

    def clean_password1(self) -> str:
        new: str = self.cleaned_data["password1"]
        if self.user and self.user.check_password(new):
            raise forms.ValidationError(_("Choose another password than the one you have."), code="password_same")
        return new


if TYPE_CHECKING:
    UnitField = forms.ModelChoiceField[Unit]
else:
    UnitField = forms.ModelChoiceField


class UnitChoice(UnitField):
    """A unit, shown with its place in the tree."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=Unit.objects.all(), **{"empty_label": _("Choose"), **kwargs})

    def label_from_instance(self, obj: Unit) -> str:
        return "\u2003" * (obj.path.count("/") - 2) + obj.name


class Scoped(forms.Form):
    """A form whose unit fields offer what `person` may see."""

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, UnitChoice):
                field.queryset = Unit.objects.visible_to(person)


class UnitForm(Scoped):
    name = forms.CharField(label=_("Name"), max_length=120)
    time_zone = forms.CharField(
        label=_("Time zone"), max_length=60, required=False, help_text=_("Such as Europe/London. If left empty: as the unit above.")
    )
    country = forms.CharField(
        label=_("Country"), max_length=2, required=False, help_text=_("Two letters. Its public holidays are no working days here.")
    )
    subdivision = forms.CharField(label=_("Subdivision"), max_length=6, required=False, help_text=_("Such as ENG, where holidays differ."))


class NewUnitForm(UnitForm):
    field_order = ("parent", "name", "slug", "time_zone", "country", "subdivision")

    parent = UnitChoice(label=_("Below"), required=False, empty_label=_("Nothing: this is the organisation"))
    slug = forms.SlugField(label=_("Short name"), max_length=40, help_text=_("Small letters, digits and hyphens; it stays for ever."))


class MoveUnitForm(Scoped):
    parent = UnitChoice(label=_("Move below"), required=False, empty_label=_("Nothing: the top"))


class PersonForm(Scoped):
    staff_number = forms.CharField(label=_("Staff number"), max_length=40)
    name = forms.CharField(label=_("Name"), max_length=120)
    email = forms.EmailField(
        label=_("E-mail"), required=False, help_text=_("Without one they sign in by staff number and get notices in the portal only.")
    )
    unit = UnitChoice(label=_("Unit"))


class NewPersonForm(PersonForm):
    password = forms.CharField(
        label=_("First password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 10 characters. Without one they cannot sign in yet."),
    )


class PeopleFilter(Scoped):
    text = forms.CharField(label=_("Name, staff number or e-mail"), required=False)
    unit = UnitChoice(label=_("Unit"), required=False, empty_label=_("All"))
    left = forms.BooleanField(label=_("Only those who left"), required=False)


class PasswordForm(forms.Form):
    password = forms.CharField(label=_("New password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))


class RoleForm(Scoped):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    unit = UnitChoice(label=_("Over"), help_text=_("And everything below it."))
    starts_on = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}), help_text=_("If left empty: today.")
    )
    ends_on = forms.DateField(
        label=_("Until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("The role ends before this day. If left empty: no end."),
    )


class SystemForm(Scoped):
    name = forms.CharField(label=_("Name"), max_length=120)
    unit = UnitChoice(label=_("Unit"))
    purpose = forms.CharField(
        label=_("What it is for"), widget=forms.Textarea(attrs={"rows": 3}), help_text=_("In words that its users would recognise.")
    )
    supplier = forms.CharField(label=_("Supplier"), max_length=120, required=False)
    risk_tier = forms.ChoiceField(label=_("Risk"), choices=RiskTier.choices, initial=RiskTier.LIMITED)
    version_rule = forms.ChoiceField(label=_("Which versions a grant lets through"), choices=VersionRule.choices, initial=VersionRule.EXACT)
    reason_required = forms.BooleanField(label=_("Refuse to show a recommendation without a plain reason"), required=False)
    switch_off = forms.CharField(
        label=_("How to switch it off by hand"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Read in an emergency: where to click, whom to call."),
    )


class NewSystemForm(SystemForm):
    field_order = ("name", "slug", "unit", "purpose")

    slug = forms.SlugField(label=_("Short name"), max_length=60, help_text=_("Small letters, digits and hyphens; it stays for ever."))


class VersionForm(forms.Form):
    label = forms.CharField(label=_("Version"), max_length=60)
    notes = forms.CharField(label=_("What changed"), required=False, widget=forms.Textarea(attrs={"rows": 2}))


class KeyForm(forms.Form):
    allowed: tuple[str, ...] = ()

    label = forms.CharField(label=_("What will use it"), max_length=80)
    scopes = forms.MultipleChoiceField(label=_("It may"), widget=CheckCards(hints={scope: scope for scope in SCOPES}))
    days = forms.IntegerField(label=_("For how many days"), min_value=1, max_value=366, initial=90)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = [(scope, SCOPES[scope]) for scope in self.allowed]  # type: ignore[attr-defined]


class SystemKeyForm(KeyForm):
    allowed = SYSTEM_SCOPES


class PersonalKeyForm(KeyForm):
    allowed = PERSONAL_SCOPES


class OriginsForm(forms.Form):
    origins = forms.CharField(
        label=_("Pages it may be used from"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2, "autocapitalize": "none", "spellcheck": "false"}),
        help_text=_("One site a line, such as https://planner.example."),
    )

    def clean_origins(self) -> list[str]:
        return [line.strip() for line in str(self.cleaned_data["origins"]).splitlines() if line.strip()]


class BrowserKeyForm(OriginsForm):
    field_order = ("label", "origins", "days")

    label = forms.CharField(label=_("What will use it"), max_length=80)
    days = forms.IntegerField(label=_("For how many days"), min_value=1, max_value=366, initial=366)


def values_of_system(system: AISystem) -> dict[str, Any]:
    """What the form starts with."""
    return {name: getattr(system, name) for name in CHANGEABLE}


def values_of_person(person: Person) -> dict[str, Any]:
    return {"staff_number": person.staff_number, "name": person.name, "email": person.email or "", "unit": person.unit}
