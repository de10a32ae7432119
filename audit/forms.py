"""What the explorer's pages take from their query strings, besides the query itself (audit/explore/search.py)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from audit.models import Judgement, Pack
from audit.models.views import MOST_LETTERS
from audit.review.reviewing import Scope
from audit.subjects import kinds


class CompareForm(forms.Form):
    """Two versions of a record, by number."""

    a = forms.IntegerField(min_value=1, max_value=2**31 - 1)
    b = forms.IntegerField(min_value=1, max_value=2**31 - 1)


class RestoreForm(forms.Form):
    """Why a version is restored, and over which newest version of the record."""

    current = forms.IntegerField(min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)
    reason = forms.CharField(label=_("Why"), max_length=1000, widget=forms.Textarea(attrs={"rows": 2}))


class SavedViewForm(forms.Form):
    """A query with a name."""

    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("It stands in mails about it, so do not put anything confidential there.")
    )
    query = forms.CharField(label=_("Query"), max_length=MOST_LETTERS, help_text=_("As in the search box of the audit trail."))
    shared = forms.BooleanField(label=_("Share it with everyone who may read the audit trail"), required=False)


MOST_PASTED = 20_000


class ConfirmForm(forms.Form):
    """A checkpoint that was kept outside, pasted."""

    text = forms.CharField(
        label=_("The checkpoint from your mail"),
        max_length=MOST_PASTED,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("The line with the log's name, the number of entries and the root; or the whole file that you kept."),
    )


class ClearingForm(forms.Form):
    """What a checkpoint was that did not fit."""

    words = forms.CharField(label=_("What it was"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))


class ReviewForm(forms.Form):
    """A period, what of it, and whether all of it or a sample. Days are UTC, both included."""

    purpose = forms.CharField(label=_("What it is for"), max_length=200, help_text=_("Such as: signatures of the third quarter."))
    since = forms.DateField(
        label=_("From (UTC)"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("If left empty: since the last signed review."),
    )
    until = forms.DateField(
        label=_("To, this day included (UTC)"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("If left empty: up to now."),
    )
    query = forms.CharField(
        label=_("Only entries that fit this query"),
        max_length=MOST_LETTERS,
        required=False,
        help_text=_("As in the search box: kind:signature."),
    )
    sample = forms.IntegerField(
        label=_("Random sample of so many"), required=False, min_value=1, max_value=500, help_text=_("If left empty: all of them.")
    )

    def scope(self) -> Scope:
        """What was asked for, with whole days."""
        given = self.cleaned_data
        return Scope(
            since=_begin(given["since"]),
            until=_begin(given["until"] + dt.timedelta(days=1)) if given["until"] else None,
            query=given["query"],
            sample=given["sample"],
        )


def _begin(day: dt.date | None) -> dt.datetime | None:
    return None if day is None else dt.datetime.combine(day, dt.time(), dt.UTC)


class JudgeForm(forms.Form):
    """What one entry of a review is like."""

    seq = forms.IntegerField(min_value=0, max_value=2**63 - 1)
    verdict = forms.ChoiceField(choices=Judgement.Verdict.choices)
    note = forms.CharField(max_length=2000, required=False)


class ReviewSignForm(forms.Form):
    """A signature under a review."""

    conclusion = forms.CharField(label=_("What you conclude"), max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))
    password = forms.CharField(
        label=_("Your password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    digest = forms.RegexField(r"^[0-9a-f]{64}$", widget=forms.HiddenInput)


class PackForm(forms.Form):
    """What goes into an export pack. The names are those that the interface for programs uses."""

    kind = forms.ChoiceField(choices=Pack.Kind.choices, label=_("What goes in"), initial=Pack.Kind.ALL)
    q = forms.CharField(
        required=False,
        max_length=400,
        strip=True,
        label=_("Query"),
        help_text=_("Where a query is chosen above, as in the search of the audit trail: exactly what it finds goes in."),
    )
    subject_kind = forms.ChoiceField(required=False, label=_("Dossier of a"))
    subject_key = forms.CharField(
        required=False, max_length=120, label=_("Which one"), help_text=_("As its address ends: route-optimiser-northfield, 7")
    )
    checkpoint = forms.CharField(
        required=False,
        max_length=20_000,
        label=_("A checkpoint that the auditor keeps"),
        help_text=_("Paste its text, and the pack can be compared with it."),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["subject_kind"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("Choose")), *((kind, kind) for kind in sorted(kinds()))]
