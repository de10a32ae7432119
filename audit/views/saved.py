"""Saved views of the audit trail: list, keep, change, delete, and be told when something new fits."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from audit.access import readers
from audit.explore import saved
from audit.forms import SavedViewForm
from audit.models import SavedView, Subscription


@readers
@require_http_methods(["GET", "POST"])
def views(request: HttpRequest) -> HttpResponse:
    """The list, and a form for a new one (which the search page fills in, too)."""
    form = SavedViewForm(request.POST or None)
    if request.method == "POST" and _saved(request, form) is not None:
        messages.success(request, _("Saved. It is in this list and opens with one click."))
        return redirect("audit-views")
    shown = {"views": saved.views_of(_reader(request)), "form": form, "periods": Subscription.Every.choices}
    return render(request, "audit/views.html", shown, status=422 if form.is_bound else 200)


@readers
@require_http_methods(["GET", "POST"])
def view(request: HttpRequest, pk: int) -> HttpResponse:
    """Change one's own view; of a shared one, its words."""
    found = _view(request, pk)
    own = found.owner == _reader(request)
    if request.method == "POST":
        saved.may_change(found, actor=_reader(request))
    form = SavedViewForm(request.POST or None, initial={"name": found.name, "query": found.query, "shared": found.shared})
    if request.method == "POST" and _saved(request, form, found) is not None:
        messages.success(request, _("Saved."))
        return redirect("audit-views")
    shown = {"view": found, "own": own, "form": form, "owner": saved.owner_of(found)}
    return render(request, "audit/view.html", shown, status=422 if form.is_bound else 200)


@readers
@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one's own view away."""
    saved.delete_view(_view(request, pk), actor=_reader(request))
    messages.success(request, _("Deleted. Nobody is told about it any more."))
    return redirect("audit-views")


@readers
@require_POST
def mail(request: HttpRequest, pk: int) -> HttpResponse:
    """Be told about news every hour, day or week; with no period, never again."""
    found, every = _view(request, pk), request.POST.get("every", "")
    if every:
        saved.subscribe(found, actor=_reader(request), every=every, now=timezone.now())
        messages.success(request, _("You will be told when something new fits, with a count and a link."))
    else:
        told = saved.unsubscribe(found, actor=_reader(request))
        messages.success(
            request, _("You will not be told about it any more.") if told else _("You were not told about it: nothing changed.")
        )
    return redirect("audit-views")


def _reader(request: HttpRequest) -> Any:
    return request.user.pk


def _view(request: HttpRequest, pk: int) -> SavedView:
    try:
        return saved.view_of(pk, _reader(request))
    except saved.NoSuchView as error:
        raise Http404 from error


def _saved(request: HttpRequest, form: forms.Form, found: SavedView | None = None) -> SavedView | None:
    """The view as it was kept; None, with the errors in the form, when something is wrong."""
    if not form.is_valid():
        return None
    try:
        return saved.save_view(actor=_reader(request), view=found, **form.cleaned_data)
    except ValidationError as error:
        problems = error.error_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.error_list}
        for name, wrong in problems.items():
            form.add_error(name if name in form.fields else None, wrong)
        return None
