"""What the explorer's pages take from their query strings, besides the query itself (audit/search.py)."""

from __future__ import annotations

from django import forms


class CompareForm(forms.Form):
    """Two versions of a record, by number."""

    a = forms.IntegerField(min_value=1, max_value=2**31 - 1)
    b = forms.IntegerField(min_value=1, max_value=2**31 - 1)
