"""One way to send a form to a service: what the service says is wrong stands beside the field it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def done(form: forms.Form, act: Callable[..., Any]) -> bool:
    """Call `act(**cleaned_data)` when the form is right; False (with the errors in the form) when something is wrong."""
    if not form.is_valid():
        return False
    try:
        act(**form.cleaned_data)
    except ValidationError as error:
        problems = error.error_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.error_list}
        for name, found in problems.items():
            form.add_error(name if name in form.fields else None, found)
        return False
    return True


def form_page(request: HttpRequest, form: forms.Form, **words: Any) -> HttpResponse:
    """A page that is one form: `title`, `submit`, optional `lead` and `back` (an address). 422 when the form was wrong."""
    return render(request, "portal/form.html", {"form": form, **words}, status=422 if form.is_bound else 200)
