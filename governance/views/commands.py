"""Hold, Stop, resume, end, leave: what changes who has the AI without widening it."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from governance import forms, policies
from governance.selectors import cohort
from governance.services import ending, leaving, requests, stopping
from governance.views.pilots import answered_for, pilot_of
from portal.permissions import SignedIn, everyone
from portal.views.submitting import done, form_page


@everyone
@require_http_methods(["GET", "POST"])
def stop(request: SignedIn, slug: str) -> HttpResponse:
    """The first tap shows the fall-back plan, the second stops. The reason may follow."""
    pilot = answered_for(request, slug, policies.may_stop)
    if request.method == "POST":
        stopping.stop(actor=request.user, pilot=pilot, reason=request.POST.get("reason", ""))
        messages.success(request, _("Stop is in force: the gate answers no to everybody. See below which programs have noticed."))
        return redirect(pilot)
    return render(request, "governance/stop.html", {"pilot": pilot, "people": len(cohort.exposed_people(pilot))})


@everyone
@require_http_methods(["GET", "POST"])
def hold(request: SignedIn, slug: str) -> HttpResponse:
    pilot = answered_for(request, slug, policies.may_hold)
    form = forms.ReasonForm(request.POST or None)
    if request.method == "POST" and done(form, partial(stopping.hold, actor=request.user, pilot=pilot)):
        messages.success(request, _("Held: whoever has the AI keeps it, nobody new gets it."))
        return redirect(pilot)
    lead = _("Whoever has the AI keeps it. Nobody new gets it until two people sign its return.")
    return form_page(
        request, form, title=_("Hold %(pilot)s?") % {"pilot": pilot}, lead=lead, submit=_("Hold"), back=pilot.get_absolute_url()
    )


@everyone
@require_http_methods(["GET", "POST"])
def reason(request: SignedIn, slug: str) -> HttpResponse:
    pilot = answered_for(request, slug, policies.may_give_reason)
    form = forms.ReasonForm(request.POST or None)
    if request.method == "POST" and done(form, partial(stopping.give_reason, actor=request.user, pilot=pilot)):
        messages.success(request, _("Thank you. The reason is on the timeline."))
        return redirect(pilot)
    return form_page(
        request, form, title=_("Why was %(pilot)s stopped?") % {"pilot": pilot}, submit=_("Give the reason"), back=pilot.get_absolute_url()
    )


@everyone
@require_http_methods(["GET", "POST"])
def resume(request: SignedIn, slug: str) -> HttpResponse:
    """Prefilled from the grant; freezes it and calls for the two signatures."""
    pilot = answered_for(request, slug, policies.may_stop)
    form = forms.ResumeForm(request.POST or None)
    asked: list[Any] = []

    def ask(**values: Any) -> None:
        draft = requests.prepare_resume(actor=request.user, pilot=pilot, **values)
        asked.append(requests.submit(actor=request.user, request=draft))

    if request.method == "POST" and done(form, ask):
        messages.success(request, _("It waits for two signatures: an overseer and an executive."))
        return redirect("request", pk=asked[0].pk)
    lead = _("The same people, the same version, the same end. An overseer and an executive sign; whoever stopped it does not.")
    return form_page(
        request,
        form,
        title=_("Resume %(pilot)s?") % {"pilot": pilot},
        lead=lead,
        submit=_("Ask for signatures"),
        back=pilot.get_absolute_url(),
    )


@everyone
@require_http_methods(["GET", "POST"])
def end(request: SignedIn, slug: str) -> HttpResponse:
    pilot = answered_for(request, slug, policies.may_end)
    form = forms.EndForm(request.POST or None)
    if request.method == "POST" and done(form, partial(ending.end, actor=request.user, pilot=pilot)):
        messages.success(request, _("Ended. The lessons are shown to whoever proposes the next pilot."))
        return redirect(pilot)
    lead = _("Ending a pilot is a result like any other. It is final: a restart is a new pilot that follows this one.")
    return form_page(
        request, form, title=_("End %(pilot)s?") % {"pilot": pilot}, lead=lead, submit=_("End the pilot"), back=pilot.get_absolute_url()
    )


@everyone
@require_http_methods(["GET", "POST"])
def leave(request: SignedIn, slug: str) -> HttpResponse:
    pilot = pilot_of(request, slug)
    form = forms.LeaveForm(request.POST or None)
    if request.method == "POST" and done(form, partial(leaving.leave, actor=request.user, pilot=pilot)):
        messages.success(request, _("Done: the AI no longer works for you here."))
        return redirect(pilot)
    lead = _("It is switched off for you at once. Nobody has to agree, and you stay out of this pilot.")
    return form_page(
        request, form, title=_("Leave %(pilot)s?") % {"pilot": pilot}, lead=lead, submit=_("Leave"), back=pilot.get_absolute_url()
    )
