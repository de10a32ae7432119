"""Input of the pages: shape only. What the rules say is in the services."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from governance.models import Criterion, ExpansionRequest, Pilot, Signature, Stage
from governance.services.pilots import DEFAULT_LADDER, PromiseDraft, RuleDraft, StageDraft
from portal import clock
from portal.calendar import at_local, zone_of
from portal.forms import UnitChoice
from portal.models import AISystem, Person, Role, RoleAssignment, Unit
from portal.selectors.people import by_sign_in_name
from portal.widgets import CheckCards, ChoiceCards

if TYPE_CHECKING:
    SystemField = forms.ModelChoiceField[AISystem]
    PersonField = forms.ModelChoiceField[Person]
else:
    SystemField = forms.ModelChoiceField
    PersonField = forms.ModelChoiceField

AREA = {"rows": 3}
MOST_PEOPLE = re.compile(r"[1-9][0-9]{0,5}")


class PeopleField(forms.CharField):
    """People, one a line, by staff number or e-mail; cleaned to a list of Person."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocapitalize": "none"})

    def to_python(self, value: Any) -> Any:
        found: dict[Any, Person] = {}
        unknown = []
        for name in re.split(r"[\n,;]+", super().to_python(value) or ""):
            if not name.strip():
                continue
            person = by_sign_in_name(name)
            if person is None:
                unknown.append(name.strip())
            else:
                found[person.pk] = person
        if unknown:
            raise ValidationError(gettext("Nobody here is called %(names)s.") % {"names": ", ".join(unknown)}, code="person_unknown")
        return list(found.values())


class LadderField(forms.CharField):
    """A ladder, one rung a line: `kind, name, most people`; cleaned to a list of StageDraft."""

    widget = forms.Textarea(attrs={"rows": 6, "spellcheck": "false"})

    def to_python(self, value: Any) -> Any:
        rungs = []
        for line in (super().to_python(value) or "").splitlines():
            if not line.strip():
                continue
            parts = [part.strip() for part in line.split(",")]
            if len(parts) != 3 or parts[0] not in Stage.Kind.values or not parts[1] or not MOST_PEOPLE.fullmatch(parts[2]):
                raise ValidationError(
                    gettext("“%(line)s” is no rung. Write kind, name, most people; kinds are %(kinds)s.")
                    % {"line": line.strip(), "kinds": ", ".join(Stage.Kind.values)},
                    code="rung_invalid",
                )
            rungs.append(StageDraft(kind=parts[0], name=parts[1], size=int(parts[2])))
        return rungs


def _day_field(label: Any, **kwargs: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}), **kwargs)


def _hour_field() -> forms.TimeField:
    return forms.TimeField(label=_("At"), initial=dt.time(18), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))


class RuleFields(forms.Form):
    """One rule: its name, figure, comparison and threshold."""

    rule_name = forms.CharField(label=_("In a few words"), max_length=120)
    figure = forms.ChoiceField(label=_("The figure"), choices=Criterion.Figure.choices)
    comparator = forms.ChoiceField(label=_("Is"), choices=Criterion.Comparator.choices)
    threshold = forms.DecimalField(label=_("This number"), max_digits=12, decimal_places=2)

    def rule(self) -> RuleDraft:
        values = self.cleaned_data
        return RuleDraft(
            name=values.pop("rule_name"),
            figure=values.pop("figure"),
            comparator=values.pop("comparator"),
            threshold=values.pop("threshold"),
        )


class ProposeForm(RuleFields):
    """What a pilot needs before anyone may have its AI."""

    name = forms.CharField(label=_("Name"), max_length=120)
    slug = forms.CharField(
        label=_("Flag key"), max_length=80, help_text=_("What the AI asks the gate for, such as route-optimiser-northfield.")
    )
    system = SystemField(label=_("AI system"), queryset=AISystem.objects.none(), empty_label=_("Choose"))
    unit = UnitChoice(label=_("Unit"))
    sponsor = PersonField(
        label=_("Sponsor"), queryset=Person.objects.none(), empty_label=_("Choose"), help_text=_("Who wants it and pays for it.")
    )
    overseers = PeopleField(
        label=_("Overseers"), help_text=_("Who watches it at work and may stop it alone. One per line: staff number or e-mail.")
    )
    purpose = forms.CharField(
        label=_("Intended use"), widget=forms.Textarea(attrs=AREA), help_text=_("What it is for here, and what it is not for.")
    )
    fall_back = forms.CharField(
        label=_("How to go back"), widget=forms.Textarea(attrs=AREA), help_text=_("How the work goes on when it is stopped.")
    )
    ends_on = _day_field(_("Ends on"))
    ends_hour = _hour_field()
    stages = LadderField(
        label=_("Ladder"),
        help_text=_("One rung per line, lowest first: kind, name, most people."),
        initial="\n".join(f"{stage.kind}, {stage.name}, {stage.size}" for stage in DEFAULT_LADDER),
    )
    follows = forms.ModelChoiceField(
        label=_("Follows"),
        queryset=Pilot.objects.none(),
        required=False,
        empty_label=_("None"),
        help_text=_("An ended pilot whose lessons this one answers."),
    )

    field_order = (
        "name",
        "slug",
        "system",
        "unit",
        "purpose",
        "sponsor",
        "overseers",
        "fall_back",
        "ends_on",
        "ends_hour",
        "stages",
        "follows",
    )

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rule_name"].label = _("Stop rule, in a few words")
        # What most pilots begin with; every part of it can be changed.
        usual = {"rule_name": gettext("No incident"), "figure": "incidents", "comparator": "gt", "threshold": 0}
        self.initial = {**usual, **self.initial}
        visible = {
            "system": AISystem.objects.visible_to(person),
            "unit": Unit.objects.visible_to(person),
            "sponsor": Person.objects.filter(is_active=True, roles__in=_roles(Role.SPONSOR)).distinct(),
            "follows": Pilot.objects.visible_to(person).filter(condition=Pilot.Condition.ENDED),
        }
        for name, rows in visible.items():
            self.fields[name].queryset = rows  # type: ignore[attr-defined]

    def meant(self) -> dict[str, Any]:
        """System, unit and purpose as far as they are chosen, right or not: for what earlier pilots taught about them."""
        given = self.data if self.is_bound else self.initial
        return {
            "system": _one_of(self.fields["system"].queryset, given.get("system")),  # type: ignore[attr-defined]
            "unit": _one_of(self.fields["unit"].queryset, given.get("unit")),  # type: ignore[attr-defined]
            "purpose": str(given.get("purpose", "")),
        }

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            values["ends_at"] = at_local(values["unit"], values.pop("ends_on"), values.pop("ends_hour"))
            values["stop_rules"] = [self.rule()]
        return values


def chosen(given: Any) -> dict[str, str]:
    """What an address such as /pilots/new?system=4&unit=2 chooses beforehand."""
    return {name: given[name] for name in ("system", "unit") if str(given.get(name, "")).isascii() and str(given.get(name, "")).isdigit()}


def _one_of(rows: Any, key: Any) -> Any:
    """The row with this key among those on offer, or None."""
    text = str(key or "")
    return rows.filter(pk=int(text)).first() if text.isascii() and text.isdigit() and len(text) < 19 else None


def _roles(role: str) -> Any:
    return RoleAssignment.objects.in_force(clock.now().date()).filter(role=role)


class LightForm(forms.Form):
    volunteers = PeopleField(
        label=_("Volunteers"), help_text=_("One to five people who want to try it. One per line: staff number or e-mail.")
    )
    recommendation = forms.CharField(label=_("What you ask for, in one sentence"), max_length=300, required=False)


class CompleteForm(RuleFields):
    """What the full lane, or the second stage, needs; what is there already is not asked again."""

    baseline = forms.CharField(label=_("Figures from before the AI"), widget=forms.Textarea(attrs=AREA))
    fall_back_tested_on = _day_field(_("Fall-back plan tested on"))
    people_informed_on = _day_field(_("People informed on"))
    statement = forms.CharField(label=_("Promise"), max_length=200, help_text=_("What it is said to bring. It stays on record as written."))
    target = forms.DecimalField(label=_("Promised figure"), max_digits=12, decimal_places=2)
    measure = forms.CharField(label=_("Unit of the figure"), max_length=40, help_text=_("Such as % fuel."))
    cost = forms.CharField(label=_("Cost"), max_length=80, required=False)

    field_order = ("baseline", "fall_back_tested_on", "people_informed_on", "statement", "target", "measure", "cost")

    def __init__(self, *args: Any, pilot: Pilot, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pilot = pilot
        self.fields["rule_name"].label = _("Success criterion, in a few words")
        if hasattr(pilot, "promise"):
            for name in ("statement", "target", "measure", "cost"):
                del self.fields[name]
        if pilot.criteria.filter(kind=Criterion.Kind.SUCCESS).exists():
            for name in ("rule_name", "figure", "comparator", "threshold"):
                del self.fields[name]
        for name in ("baseline", "fall_back_tested_on", "people_informed_on"):
            self.initial.setdefault(name, getattr(pilot, name))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            if "rule_name" in values:
                values["criteria"] = [self.rule()]
            if "statement" in values:
                values["promise"] = PromiseDraft(**{name: values.pop(name) for name in ("statement", "target", "measure", "cost")})
        return values


class WidenForm(forms.Form):
    """Who else gets the AI, how many, until when, and why."""

    recommendation = forms.CharField(label=_("What you ask for, and why, in one sentence"), max_length=300)
    units = forms.ModelMultipleChoiceField(label=_("Units"), queryset=Unit.objects.none(), required=False, widget=CheckCards)
    people = PeopleField(label=_("And these people"), required=False, help_text=_("One per line: staff number or e-mail."))
    excluded = PeopleField(label=_("But not these"), required=False, help_text=_("One per line, too."))
    ceiling = forms.IntegerField(label=_("At most this many people"), min_value=1)
    ends_on = _day_field(_("Until"))
    ends_hour = _hour_field()
    conditions = forms.CharField(label=_("Conditions"), widget=forms.Textarea(attrs=AREA), required=False, help_text=_("One per line."))

    def __init__(self, *args: Any, pilot: Pilot, stage: Stage | None, asked: ExpansionRequest | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pilot = pilot
        self.fields["units"].queryset = Unit.objects.within(pilot.system.unit)  # type: ignore[attr-defined]
        ends_at = asked.ends_at if asked else pilot.ends_at
        local = ends_at.astimezone(zone_of(pilot.unit))
        start: dict[str, Any] = {
            "ends_on": local.date(),
            "ends_hour": local.time(),
            "ceiling": stage.size if stage else 1,
            "units": [pilot.unit_id],
        }
        if asked is not None:
            named = Person.objects.filter(pk__in=[*asked.cohort["people"], *asked.cohort["excluded"]])
            by_key = {str(person.pk): person.email or person.staff_number for person in named}
            start |= {"ceiling": asked.ceiling, "units": asked.cohort["units"], "recommendation": asked.recommendation}
            start |= {name: "\n".join(by_key[key] for key in asked.cohort[name] if key in by_key) for name in ("people", "excluded")}
            start["conditions"] = "\n".join(asked.conditions)
        for name, value in start.items():
            self.initial.setdefault(name, value)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            values["ends_at"] = at_local(self.pilot.unit, values.pop("ends_on"), values.pop("ends_hour"))
            values["units"] = list(values["units"])
            values["conditions"] = [line.strip() for line in values["conditions"].splitlines() if line.strip()]
        return values


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Why"), widget=forms.Textarea(attrs=AREA), help_text=_("Kept in the audit trail."))


class LeaveForm(forms.Form):
    reason = forms.CharField(
        label=_("Why, if you want to say"),
        widget=forms.Textarea(attrs=AREA),
        required=False,
        help_text=_("You need no reason. If you give one, it is kept."),
    )


class ResumeForm(forms.Form):
    cause = forms.CharField(label=_("What went wrong"), widget=forms.Textarea(attrs=AREA))
    fix = forms.CharField(label=_("What was done about it"), widget=forms.Textarea(attrs=AREA))


class EndForm(forms.Form):
    """Ending well: nothing of this is optional."""

    outcome = forms.ChoiceField(label=_("How it ends"), choices=Pilot.Outcome.choices, widget=ChoiceCards)
    cause = forms.CharField(label=_("Why it ends"), widget=forms.Textarea(attrs=AREA))
    lessons = forms.CharField(
        label=_("What we learned"),
        widget=forms.Textarea(attrs=AREA),
        help_text=_("Shown to everybody who proposes or signs a pilot, in the whole organisation."),
    )
    told_objectors = forms.CharField(label=_("What the people who objected were told"), widget=forms.Textarea(attrs=AREA))


class EvidenceForm(forms.Form):
    evidence = forms.CharField(
        label=_("How it shows"), widget=forms.Textarea(attrs=AREA), help_text=_("A date, a list, a document: what someone could check.")
    )


class MeasureForm(forms.Form):
    starts_on = _day_field(_("From"))
    ends_on = _day_field(_("To"))
    value = forms.DecimalField(label=_("Measured figure"), max_digits=12, decimal_places=2)
    method = forms.CharField(label=_("How it was measured"), max_length=200)


class SignForm(forms.Form):
    """A decision on the brief that was on the screen."""

    digest = forms.RegexField(r"^[0-9a-f]{64}$", widget=forms.HiddenInput)
    decision = forms.ChoiceField(choices=Signature.Decision.choices)
    reason = forms.CharField(label=_("Reason, kept in the audit trail"), required=False)
    password = forms.CharField(label=_("Your password"), widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}))
