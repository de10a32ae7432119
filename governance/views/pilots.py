"""Pilots: the list, one pilot, proposing and completing one, the light lane."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from governance import forms, policies
from governance.models import Pilot, ReadinessAction
from governance.selectors import lessons as lessons_of
from governance.selectors import pages
from governance.services import light, pilots
from governance.views import as_it_stood
from portal.models import Person
from portal.permissions import SignedIn, everyone, needs
from portal.views.submitting import done, form_page


def pilot_of(request: SignedIn, slug: str) -> Pilot:
    """The pilot, when this person may see it; else 404."""
    rows = Pilot.objects.visible_to(request.user).select_related(
        "system__unit", "unit", "stage", "lead", "sponsor", "halted_by", "ended_by", "follows"
    )
    return get_object_or_404(rows.prefetch_related("oversights"), slug=slug)


def answered_for(request: SignedIn, slug: str, may: Callable[[Person, Pilot], bool]) -> Pilot:
    """The pilot, when this person may do `may` to it: 404 for what they may not see, 403 for what they may not do."""
    pilot = pilot_of(request, slug)
    if not may(request.user, pilot):
        raise PermissionDenied(_("Only the people who answer for this pilot may do that."))
    return pilot


@everyone
@require_safe
def index(request: SignedIn) -> HttpResponse:
    ended = "ended" in request.GET
    context = {"rows": pages.pilot_rows(request.user, ended=ended), "ended": ended, "may_propose": request.user.has_perm("pilots.lead")}
    return render(request, "governance/pilots.html", context)


@everyone
@require_safe
def detail(request: SignedIn, slug: str) -> HttpResponse:
    """The pilot as it is; with `?at=`, for those who read the audit trail, as it stood."""
    if "at" in request.GET:
        return as_it_stood.page(request, slug)
    pilot = pilot_of(request, slug)
    return render(request, "governance/pilot.html", {"pilot": pilot, "page": pages.pilot_page(pilot, request.user)})


@needs("pilots.lead")
@require_http_methods(["GET", "POST"])
def propose(request: SignedIn) -> HttpResponse:
    form = forms.ProposeForm(request.POST or None, person=request.user, initial=forms.chosen(request.GET))
    if request.method == "POST" and done(form, partial(pilots.propose, actor=request.user)):
        messages.success(request, _("Proposed. Start it with a few volunteers, or complete it for the full lane."))
        return redirect("pilot", slug=form.cleaned_data["slug"])
    lead = _("A pilot is bounded: a unit, an end date, a way back, and a rule that stops it.")
    words = {"title": _("Propose a pilot"), "lead": lead, "submit": _("Propose"), "back": "/pilots"}
    found = lessons_of.similar(request.user, **form.meant())
    status = 422 if form.is_bound else 200
    return render(request, "governance/propose.html", {"form": form, "lessons": found, **words}, status=status)


@everyone
@require_safe
def lessons(request: SignedIn) -> HttpResponse:
    """Ended pilots by what they taught, searched by words."""
    text = request.GET.get("q", "").strip()
    if len(text) > lessons_of.LONGEST_QUERY:
        raise ValidationError(_("Search for at most %(most)d characters.") % {"most": lessons_of.LONGEST_QUERY}, code="query_too_long")
    context = {"q": text, "lessons": lessons_of.search(request.user, text), "may_propose": request.user.has_perm("pilots.lead")}
    context["may_see_ended"] = any(pages.pilot_rows(request.user, ended=True))
    return render(request, "governance/lessons.html", context)


@everyone
@require_http_methods(["GET", "POST"])
def start(request: SignedIn, slug: str) -> HttpResponse:
    """The light lane."""
    pilot = answered_for(request, slug, policies.may_prepare)
    form = forms.LightForm(request.POST or None)
    asked: list[Any] = []

    def ask(**values: Any) -> None:
        asked.append(light.ask(actor=request.user, pilot=pilot, **values))

    if request.method == "POST" and done(form, ask):
        messages.success(request, _("It waits for one signature."))
        return redirect("request", pk=asked[0].pk)
    words = {"title": _("Start with volunteers"), "submit": _("Ask for the signature"), "back": pilot.get_absolute_url()}
    lead = _(
        "The light lane: up to five volunteers, at most 30 days, one signature. Intended use, overseer, stop rule and the way back are on the pilot."
    )
    return form_page(request, form, lead=lead, **words)


@everyone
@require_http_methods(["GET", "POST"])
def complete(request: SignedIn, slug: str) -> HttpResponse:
    pilot = answered_for(request, slug, policies.may_prepare)
    form = forms.CompleteForm(request.POST or None, pilot=pilot)
    if request.method == "POST" and done(form, partial(pilots.complete, actor=request.user, pilot=pilot)):
        messages.success(request, _("Saved. What was written here is part of what is signed next."))
        return redirect(pilot)
    lead = _(
        "Due before the second stage: figures from before, a success criterion, the promise, a tested fall-back plan, people informed."
    )
    return form_page(
        request, form, title=_("Complete %(pilot)s") % {"pilot": pilot}, lead=lead, submit=_("Save"), back=pilot.get_absolute_url()
    )


@everyone
@require_POST
def make_ready(request: SignedIn, slug: str) -> HttpResponse:
    pilot = pilots.make_ready(actor=request.user, pilot=pilot_of(request, slug), lane=Pilot.Lane.FULL)
    messages.success(request, _("Ready. Prepare the request for its first stage."))
    return redirect(pilot)


@everyone
@require_http_methods(["GET", "POST"])
def measure(request: SignedIn, slug: str) -> HttpResponse:
    pilot = answered_for(request, slug, policies.may_prepare)
    form = forms.MeasureForm(request.POST or None)
    if request.method == "POST" and done(form, partial(pilots.measure, actor=request.user, pilot=pilot)):
        messages.success(request, _("Recorded beside the promise."))
        return redirect(pilot)
    return form_page(request, form, title=_("Measured against the promise"), submit=_("Record"), back=pilot.get_absolute_url())


@everyone
@require_http_methods(["GET", "POST"])
def finish_action(request: SignedIn, slug: str, pk: int) -> HttpResponse:
    pilot = pilot_of(request, slug)
    action = get_object_or_404(ReadinessAction, pilot=pilot, pk=pk)
    form = forms.EvidenceForm(request.POST or None)
    if request.method == "POST" and done(form, partial(pilots.finish_action, actor=request.user, action=action)):
        messages.success(request, _("Done."))
        return redirect(pilot)
    return form_page(request, form, title=action.what, submit=_("Mark as done"), back=pilot.get_absolute_url())
