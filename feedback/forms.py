"""Input of the pages of feedback: shape only."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from feedback import workflow
from feedback.models import Item
from feedback.models.recommendations import Reason
from feedback.selectors.items import systems_to_tell_about
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


class NameForm(forms.Form):
    reason = words(_("Why do you need the name?"), rows=2, help_text=_("The look and this reason are recorded for good."))


class ReasonForm(forms.Form):
    reason = forms.ChoiceField(label=_("Reason"), choices=Reason.choices, widget=ChoiceCards(), required=False)
    text = words(_("In your words"), rows=2, required=False)
