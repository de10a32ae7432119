"""Input of the pages of feedback: shape only."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from feedback import workflow
from feedback.models import Item
from feedback.models.recommendations import Reason
from feedback.selectors.items import systems_to_tell_about
from feedback.selectors.kiosks import units_kept_by
from feedback.services.kiosks import KINDS as KIOSK_KINDS
from portal.forms import Scoped, UnitChoice
from portal.models import AISystem, Person
from portal.widgets import ChoiceCards

if TYPE_CHECKING:
    SystemField = forms.ModelChoiceField[AISystem]
else:
    SystemField = forms.ModelChoiceField

KIND_HINTS = {
    Item.Kind.IDEA: _("Make it better"),
    Item.Kind.PROBLEM: _("It gets in the way of the work"),
    Item.Kind.WRONG_ANSWER: _("Bad answer or false alarm"),
    Item.Kind.FRICTION: _("Buttons, words, speed"),
    Item.Kind.PRAISE: _("Worth keeping"),
    Item.Kind.CONCERN: _("Fairness, rules, rights: goes to compliance"),
    Item.Kind.INCIDENT: _("Someone was or could have been harmed"),
}
KINDS = [
    (Item.Kind.WRONG_ANSWER, _("It was wrong")),
    (Item.Kind.FRICTION, _("Hard to use")),
    (Item.Kind.IDEA, _("I have an idea")),
    (Item.Kind.PROBLEM, _("There is a problem")),
    (Item.Kind.PRAISE, _("It helped")),
    (Item.Kind.CONCERN, _("I have a concern")),
    (Item.Kind.INCIDENT, _("Something happened")),
]
IDENTITY_HINTS = {
    Item.Identity.NAMED: _("Everyone who can see the item"),
    Item.Identity.CONFIDENTIAL: _("Compliance alone, and each look is recorded"),
}


def words(label: Any, *, rows: int = 4, help_text: Any = "", required: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=4000, required=required, help_text=help_text, widget=forms.Textarea(attrs={"rows": rows})
    )


class ItemForm(forms.Form):
    """File under one's name or confidentially. `recommendation` fixes the system and stays with the form."""

    system = SystemField(label=_("About"), queryset=AISystem.objects.none(), empty_label=None, to_field_name="slug")
    kind = forms.ChoiceField(label=_("What happened?"), choices=KINDS, widget=ChoiceCards(hints=KIND_HINTS))
    text = words(_("What should it know?"), help_text=_("One sentence is enough."))
    identity = forms.ChoiceField(
        label=_("Who sees your name?"),
        choices=[(Item.Identity.NAMED, _("Everyone here")), (Item.Identity.CONFIDENTIAL, _("Only compliance"))],
        widget=ChoiceCards(hints=IDENTITY_HINTS),
        required=False,
        help_text=_("If you choose neither, a concern is confidential and anything else carries your name."),
    )
    on_behalf = forms.CharField(
        label=_("Their staff number"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
        help_text=_("It carries their name, and yours as who wrote it down. They are told and may withdraw it."),
    )
    recommendation = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)

    def __init__(self, *args: Any, person: Person, fixed: AISystem | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["system"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = systems_to_tell_about(person).select_related("unit")
        self.fields["text"].strip = True  # type: ignore[attr-defined]
        if fixed is not None:
            choice.widget = forms.HiddenInput()
            choice.initial = fixed.slug


class AnonymousForm(forms.Form):
    """The same without a person. Nothing here is read from or kept in a session."""

    id = forms.UUIDField(widget=forms.HiddenInput, required=False)
    system = forms.ChoiceField(label=_("About"))
    kind = forms.ChoiceField(label=_("What happened?"), choices=KINDS, widget=ChoiceCards(hints=KIND_HINTS))
    text = words(_("What should be known?"), help_text=_("Leave out what points to you: your route, your shift, a colleague's name."))
    at_once = forms.BooleanField(
        label=_("This is an incident: pass it on now"),
        required=False,
        help_text=_("Otherwise it waits for the night, when all filings enter together. Passed on now, its time can be seen."),
    )
    recommendation = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["system"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = list(AISystem.objects.filter(retired_on=None).order_by("name").values_list("slug", "name"))
        if not self.is_bound:
            self.initial.setdefault("id", uuid.uuid4())


@dataclass(frozen=True)
class Tile:
    """One of the kiosk's large buttons."""

    kind: str
    word: Any
    icon: str


_TILE_ICONS = {
    Item.Kind.WRONG_ANSWER: "circle-x",
    Item.Kind.FRICTION: "hand",
    Item.Kind.PROBLEM: "triangle-alert",
    Item.Kind.IDEA: "lightbulb",
    Item.Kind.PRAISE: "thumbs-up",
}


def kiosk_tiles() -> list[Tile]:
    """In the order in which they stand."""
    names = dict(KINDS)
    return [Tile(kind, names[kind], _TILE_ICONS[kind]) for kind in KIOSK_KINDS]


class KioskFilingForm(forms.Form):
    """One sentence at a kiosk. The device neither suggests nor remembers what was typed."""

    id = forms.UUIDField(widget=forms.HiddenInput)
    kind = forms.CharField(widget=forms.HiddenInput)
    text = words(_("What should be known?"), rows=3)
    staff_number = forms.CharField(
        label=_("Your staff number"),
        max_length=40,
        required=False,
        help_text=_("Left empty, nobody knows who you are. With it, your name stands on it, and you are told of the answer."),
    )

    def __init__(self, *args: Any, staff_numbers: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not staff_numbers:
            del self.fields["staff_number"]
        for field in self.fields.values():
            field.widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}
        if not self.is_bound:
            self.initial["id"] = uuid.uuid4()


class EnrolForm(forms.Form):
    code = forms.CharField(
        label=_("One-time code"),
        max_length=40,
        help_text=_("Eight letters and digits, from the kiosk's page. It works once, for half an hour."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )


class KioskForm(Scoped):
    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("Where it stands, such as Line 4 or Coffee machine, second floor."))
    unit = UnitChoice(label=_("Unit"))
    system = SystemField(label=_("About"), queryset=AISystem.objects.none(), empty_label=None, to_field_name="slug")
    staff_numbers = forms.BooleanField(
        label=_("People may also give their staff number"),
        required=False,
        help_text=_("Nobody checks it, so the person is told and may withdraw what was said. Otherwise the kiosk is nameless."),
    )

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, person=person, **kwargs)
        unit, system = self.fields["unit"], self.fields["system"]
        assert isinstance(unit, forms.ModelChoiceField)
        assert isinstance(system, forms.ModelChoiceField)
        unit.queryset = units_kept_by(person)
        system.queryset = systems_to_tell_about(person).select_related("unit")


class ReceiptForm(forms.Form):
    code = forms.CharField(
        label=_("Receipt code"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )


class AddWordsForm(ReceiptForm):
    code = forms.CharField(widget=forms.HiddenInput)
    reply = words(_("Add something"), rows=3, help_text=_("It appears tomorrow."), required=False)


class ReplyForm(forms.Form):
    text = words(
        _("Your answer"), rows=3, help_text=_("Everyone who can see the item reads it. The author and everyone who said “me too” are told.")
    )


class OwnReplyForm(forms.Form):
    text = words(_("Your words"), rows=3, help_text=_("Whoever answers reads them, and so does everyone who can see the item."))


class MoveForm(forms.Form):
    status = forms.ChoiceField(label=_("It becomes"), widget=ChoiceCards())
    words = words(_("In words"), rows=3, help_text=_("A status never changes without words."))

    def __init__(self, *args: Any, item: Item, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["status"]
        assert isinstance(choice, forms.ChoiceField)
        names = dict(Item.Status.choices)
        # All of them are valid input, so that the service can say which move is not allowed; the page offers those that are.
        choice.choices = [(name, names[name]) for name in workflow.STATUSES]
        choice.widget.choices = [(name, names[name]) for name in workflow.moves_from(item.status)]


class CommentForm(forms.Form):
    text = words(
        _("Your comment"), rows=2, help_text=_("Everyone who can see the item reads it. @ and a staff number tells that colleague.")
    )


class NoteForm(forms.Form):
    text = words(_("Your note"), rows=2, help_text=_("Only those who answer for this item read it."))


class EditForm(forms.Form):
    text = words(_("Your words"), rows=5)


class VerdictForm(forms.Form):
    fixed = forms.ChoiceField(choices=[("yes", _("Yes")), ("no", _("No"))])
    words = words(_("What is still wrong? You may leave this out."), rows=2, required=False)


class MergeForm(forms.Form):
    into = forms.CharField(label=_("It says the same as"), max_length=20, widget=forms.TextInput(attrs={"placeholder": "FB-12"}))
    reason = words(_("Why they are one"), rows=2, help_text=_("Everybody who spoke on this item reads it."))


class PartForm(forms.Form):
    words = words(_("Why they are two again"), rows=2)


class NameForm(forms.Form):
    reason = words(_("Why do you need the name?"), rows=2, help_text=_("The look and this reason are recorded for good."))


class ReasonForm(forms.Form):
    reason = forms.ChoiceField(label=_("Reason"), choices=Reason.choices, widget=ChoiceCards(), required=False)
    text = words(_("In your words"), rows=2, required=False)
