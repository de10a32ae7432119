"""Requests: preparing one, the brief with its signature, and the list of decisions."""

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
from governance.models import ExpansionRequest, Grant
from governance.selectors import pages, waiting
from governance.services import applying, requests, revoking, signatures
from governance.views.pilots import answered_for
from portal import stepup
from portal.errors import Conflict
from portal.models import Person
from portal.permissions import SignedIn, everyone, needs
from portal.refusals import record_refusal, refusal_of
from portal.views.submitting import done, form_page


def request_of(request: SignedIn, pk: int) -> ExpansionRequest:
    """The expansion request, when this person may see it; else 404."""
    rows = ExpansionRequest.objects.visible_to(request.user).select_related(
        "pilot__unit", "pilot__system", "pilot__lead", "stage", "requester", "answers"
    )
    return get_object_or_404(rows.prefetch_related("contributors", "pilot__oversights"), pk=pk)


def answered_for_request(request: SignedIn, pk: int, may: Callable[[Person, ExpansionRequest], bool]) -> ExpansionRequest:
    """The request, when this person may do `may` to it: 404 for what they may not see, 403 for what they may not do."""
    asked = request_of(request, pk)
    if not may(request.user, asked):
        raise PermissionDenied(_("Only the people who answer for this request may do that."))
    return asked


@needs("requests.read")
@require_safe
def decisions(request: SignedIn) -> HttpResponse:
    mine = waiting.to_sign(request.user)
    context = {"waiting": mine, "others": pages.in_review(request.user, mine), "decided": pages.decided(request.user)}
    return render(request, "governance/decisions.html", context)


@everyone
@require_http_methods(["GET", "POST"])
def expand(request: SignedIn, slug: str) -> HttpResponse:
    """Prepare the request for the next stage; the next page shows its brief before anything is submitted."""
    pilot = answered_for(request, slug, policies.may_prepare)
    stage = requests.next_stage(pilot) or pilot.stage
    form = forms.WidenForm(request.POST or None, pilot=pilot, stage=stage)
    asked: list[Any] = []

    def prepare(**values: Any) -> None:
        if stage is not None:
            values["stage"] = stage
        asked.append(requests.prepare_widen(actor=request.user, pilot=pilot, **values))

    if request.method == "POST" and done(form, prepare):
        return redirect("request", pk=asked[0].pk)
    title = _("Ask for %(stage)s") % {"stage": stage.name if stage else ""}
    lead = _("Say who gets the AI next, and why. The brief is put together from what happened so far.")
    return form_page(request, form, title=title, lead=lead, submit=_("Show the brief"), back=pilot.get_absolute_url())


@everyone
@require_safe
def detail(request: SignedIn, pk: int) -> HttpResponse:
    asked = request_of(request, pk)
    return _brief(request, asked, forms.SignForm())


def _brief(request: SignedIn, asked: ExpansionRequest, form: forms.SignForm) -> HttpResponse:
    page = pages.brief_page(asked, request.user)
    return render(request, "governance/request.html", {"asked": asked, "page": page, "form": form}, status=422 if form.is_bound else 200)


@everyone
@require_POST
def sign(request: SignedIn, pk: int) -> HttpResponse:
    """The signature on what was on the screen: password, then the act, in one post."""
    asked = request_of(request, pk)
    form = forms.SignForm(request.POST)
    if not form.is_valid():
        return _brief(request, asked, form)
    values = form.cleaned_data
    try:
        stepup.confirm(request, values.pop("password"), values["digest"])
        step_up = stepup.require(request, values["digest"])
        signatures.sign(actor=request.user, request=asked, step_up=step_up, **values)
    except ValidationError as error:
        form.add_error(None, error)
        return _brief(request, asked, form)
    except Conflict as error:
        if error.code != "changed":
            raise
        return _changed(request, asked, error)
    messages.success(request, _("Signed. It is in the audit trail, bound to exactly what you read."))
    return redirect(asked)


def _changed(request: SignedIn, asked: ExpansionRequest, error: Conflict) -> HttpResponse:
    refusal = refusal_of(error)
    assert refusal is not None  # every Conflict has an answer
    record_refusal(request, refusal)
    return render(request, "governance/changed.html", {"asked": asked, "refusal": refusal, "changes": error.extra["changes"]}, status=409)


@everyone
@require_POST
def submit(request: SignedIn, pk: int) -> HttpResponse:
    asked = requests.submit(actor=request.user, request=request_of(request, pk))
    messages.success(request, _("Frozen and submitted. The people who sign have been told."))
    return redirect(asked)


@everyone
@require_http_methods(["GET", "POST"])
def revise(request: SignedIn, pk: int) -> HttpResponse:
    """Change it, or freeze it anew with today's figures: a new revision, for which earlier signatures do not count."""
    asked = answered_for_request(request, pk, policies.may_revise)
    resumes = asked.kind == ExpansionRequest.Kind.RESUME
    form: forms.ResumeForm | forms.WidenForm = (
        forms.ResumeForm(request.POST or None, initial={"cause": asked.cause, "fix": asked.fix})
        if resumes
        else forms.WidenForm(request.POST or None, pilot=asked.pilot, stage=asked.stage, asked=asked)
    )
    if request.method == "POST" and done(form, partial(requests.revise, actor=request.user, request=asked)):
        messages.success(request, _("Revised: a draft again, with today's figures. Submit it when it is right."))
        return redirect(asked)
    lead = _("Earlier signatures stay on record and no longer count.")
    return form_page(
        request, form, title=_("Revise %(ref)s") % {"ref": asked.ref}, lead=lead, submit=_("Save"), back=asked.get_absolute_url()
    )


@everyone
@require_http_methods(["GET", "POST"])
def withdraw(request: SignedIn, pk: int) -> HttpResponse:
    asked = answered_for_request(request, pk, policies.may_withdraw)
    form = forms.ReasonForm(request.POST or None)
    if request.method == "POST" and done(form, partial(requests.withdraw, actor=request.user, request=asked)):
        messages.success(request, _("Withdrawn."))
        return redirect(asked)
    return form_page(request, form, title=_("Withdraw %(ref)s?") % {"ref": asked.ref}, submit=_("Withdraw"), back=asked.get_absolute_url())


@everyone
@require_http_methods(["GET", "POST"])
def revoke(request: SignedIn, pk: int) -> HttpResponse:
    asked = answered_for_request(request, pk, policies.may_revoke)
    form = forms.ReasonForm(request.POST or None)
    if request.method == "POST" and done(form, partial(requests.revoke, actor=request.user, request=asked)):
        messages.success(request, _("Revoked: nothing was opened."))
        return redirect(asked)
    return form_page(
        request, form, title=_("Revoke the approval of %(ref)s?") % {"ref": asked.ref}, submit=_("Revoke"), back=asked.get_absolute_url()
    )


@everyone
@require_http_methods(["GET", "POST"])
def take_back(request: SignedIn, pk: int) -> HttpResponse:
    """End the grant that an applied request left, before its time."""
    asked = answered_for_request(request, pk, policies.may_revoke)
    grant = get_object_or_404(Grant.objects.select_related("pilot__unit"), request=asked)
    form = forms.ReasonForm(request.POST or None)
    if request.method == "POST" and done(form, partial(revoking.revoke_grant, actor=request.user, grant=grant)):
        messages.success(request, _("Taken back: whoever had the AI through this grant alone has it no longer."))
        return redirect(asked)
    lead = _("Whoever has the AI through this grant alone loses it at once. It does not come back without a new request.")
    return form_page(
        request,
        form,
        title=_("Take %(grant)s back?") % {"grant": grant},
        lead=lead,
        submit=_("Take it back"),
        back=asked.get_absolute_url(),
    )


@everyone
@require_POST
def apply(request: SignedIn, pk: int) -> HttpResponse:
    asked = applying.apply(actor=request.user, request=request_of(request, pk))
    messages.success(request, _("Applied: the gate is open for exactly these people."))
    return redirect(asked)
