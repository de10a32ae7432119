"""The organisation's tree, for administrators."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.forms import MoveUnitForm, NewUnitForm, UnitForm
from portal.permissions import SignedIn, needs
from portal.selectors import units as select
from portal.services import units
from portal.views.submitting import done, form_page


@needs("people.manage")
@require_safe
def index(request: SignedIn) -> HttpResponse:
    return render(request, "portal/units.html", {"units": select.tree(request.user)})


@needs("people.manage")
@require_http_methods(["GET", "POST"])
def new(request: SignedIn) -> HttpResponse:
    form = NewUnitForm(
        request.POST if request.method == "POST" else None, person=request.user, initial={"parent": request.GET.get("below")}
    )
    if request.method == "POST" and done(form, partial(units.create, actor=request.user)):
        messages.success(request, _("The unit is there."))
        return redirect("units")
    return form_page(request, form, title=_("New unit"), submit=_("Add unit"), back=reverse("units"))


@needs("people.manage")
@require_http_methods(["GET", "POST"])
def detail(request: SignedIn, pk: int) -> HttpResponse:
    """A unit, who holds a role there, and its calendar."""
    unit = get_object_or_404(select.tree(request.user), pk=pk)
    start = {"name": unit.name, "time_zone": unit.time_zone, "country": unit.country, "subdivision": unit.subdivision}
    form = UnitForm(request.POST if request.method == "POST" else None, person=request.user, initial=start)
    if request.method == "POST" and done(form, partial(units.change, unit, actor=request.user)):
        messages.success(request, _("Saved."))
        return redirect("unit", pk=pk)
    context = {
        "unit": unit,
        "form": form,
        "roles": select.roles_over(unit),
        "move": MoveUnitForm(person=request.user, initial={"parent": unit.parent}),
    }
    return render(request, "portal/unit.html", context, status=422 if form.is_bound else 200)


@needs("people.manage")
@require_POST
def move(request: SignedIn, pk: int) -> HttpResponse:
    unit = get_object_or_404(select.tree(request.user), pk=pk)
    form = MoveUnitForm(request.POST, person=request.user)
    if done(form, partial(units.move, unit, actor=request.user)):
        messages.success(request, _("Moved, with everything below it."))
        return redirect("unit", pk=pk)
    return form_page(request, form, title=_("Move %(unit)s") % {"unit": unit}, submit=_("Move"), back=reverse("unit", args=[pk]))
