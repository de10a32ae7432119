"""Retention, legal holds and erasures: the table, and every step that needs a second person. For `audit.keep`."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit.access import needing
from audit.errors import DomainError
from audit.keeping import erasure, holds, retention
from audit.keeping import overview as keeping
from audit.keeping.forms import ErasureForm, HoldForm, PasswordForm, ReasonForm, RetentionForm, confirmed, keeper
from audit.keeping.preview import preview
from audit.models.keeping import ErasureRequest, LegalHold
from audit.services import record

keepers = needing("audit.keep")


@keepers
@never_cache
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Everything on one page: what is kept how long, what is held, who was erased."""
    record("audit.keeping-read")
    shown = {
        "table": retention.table(),
        "holds": keeping.hold_rows(keeping.holds()),
        "erasures": keeping.erasure_rows(keeping.erasures()),
    }
    return render(request, "audit/keeping.html", shown)


@keepers
@never_cache
@require_http_methods(["GET", "POST"])
def retention_page(request: HttpRequest, name: str) -> HttpResponse:
    """Choose (`?days=`), see what would go, and confirm it with a password."""
    form = RetentionForm(request.GET if "days" in request.GET else None)
    password = PasswordForm(request.POST if request.method == "POST" else None)
    try:
        shown: dict[str, Any] = {"kept": retention.kept(name), "form": form, "password": password}
        if form.is_bound and form.is_valid():
            shown["preview"] = retention.preview(name, form.cleaned_data["days"])
    except LookupError as error:
        raise Http404 from error
    except ValidationError as error:
        _put(form, error)
    preview = shown.get("preview")
    if password.is_bound and preview is not None:
        digest = request.POST.get("digest", "")
        if _tried(request, password, digest, lambda: retention.confirm(name, preview.days, actor=keeper(request), digest=digest)):
            messages.success(request, _("In force. What is older goes in the coming night."))
            return redirect("audit-keeping")
    return render(request, "audit/retention.html", shown, status=422 if form.errors or password.errors else 200)


@keepers
@never_cache
@require_http_methods(["GET", "POST"])
def hold_new(request: HttpRequest) -> HttpResponse:
    """Place a hold. `?kind=object&what=governance.pilot/7` fills the form."""
    form = HoldForm(request.POST if request.method == "POST" else None, initial=request.GET.dict())
    if form.is_bound and form.is_valid():
        try:
            hold = holds.place(actor=keeper(request), **form.cleaned_data)
        except ValidationError as error:
            _put(form, error)
        else:
            messages.success(request, _("Held. Nothing that it covers expires or is erased."))
            return redirect("audit-hold", pk=hold.pk)
    return render(request, "audit/hold_new.html", {"form": form}, status=422 if form.is_bound else 200)


@keepers
@never_cache
@require_safe
def hold_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One hold, and the two steps of its release."""
    return _hold(request, get_object_or_404(LegalHold, pk=pk))


def _hold(request: HttpRequest, hold: LegalHold, form: forms.Form | None = None) -> HttpResponse:
    form = form or (ReasonForm() if hold.release_asked_by is None else PasswordForm())
    shown = {"row": keeping.hold_rows([hold])[0], "hold": hold, "form": form, "own": hold.release_asked_by == request.user.pk}
    return render(request, "audit/hold.html", shown, status=422 if form.is_bound else 200)


@keepers
@require_POST
def hold_release(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the release, with the reason and a password."""
    hold = get_object_or_404(LegalHold, pk=pk)
    form = ReasonForm(request.POST)
    reason = request.POST.get("reason", "").strip()
    if _tried(request, form, holds.release_digest(hold, reason), lambda: holds.ask_release(hold, actor=keeper(request), reason=reason)):
        messages.success(request, _("Asked for. Somebody else in compliance confirms it."))
        return redirect("audit-hold", pk=pk)
    return _hold(request, hold, form)


@keepers
@require_POST
def hold_confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Confirm a release that somebody else asked for."""
    hold = get_object_or_404(LegalHold, pk=pk)
    form = PasswordForm(request.POST)
    digest = holds.release_digest(hold, hold.release_reason)
    if _tried(request, form, digest, lambda: holds.confirm_release(hold, actor=keeper(request))):
        messages.success(request, _("Released: it holds nothing any more."))
        return redirect("audit-hold", pk=pk)
    return _hold(request, hold, form)


@keepers
@require_POST
def hold_keep(request: HttpRequest, pk: int) -> HttpResponse:
    """Turn the release down: the hold stays."""
    holds.keep_on(get_object_or_404(LegalHold, pk=pk), actor=keeper(request))
    messages.success(request, _("The hold stays."))
    return redirect("audit-hold", pk=pk)


@keepers
@never_cache
@require_http_methods(["GET", "POST"])
def erasure_new(request: HttpRequest) -> HttpResponse:
    """Ask for the erasure of a person, with a password."""
    form = ErasureForm(request.POST if request.method == "POST" else None, initial=request.GET.dict())
    asked: list[ErasureRequest] = []
    values = {name: request.POST.get(name, "") for name in ("person", "why", "reference")}
    if form.is_bound and _tried(
        request, form, f"audit.erasure-asked:{values['person']}", lambda: asked.append(erasure.ask(actor=keeper(request), **values))
    ):
        messages.success(request, _("Asked for. Somebody else in compliance confirms it; until then nothing happens."))
        return redirect("audit-erasure", pk=asked[0].pk)
    return render(request, "audit/erasure_new.html", {"form": form}, status=422 if form.is_bound else 200)


@keepers
@never_cache
@require_safe
def erasure_page(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One erasure: its steps, and its certificate once it is done."""
    asked = get_object_or_404(ErasureRequest, pk=pk)
    if request.headers.get("HX-Request"):
        # The page asks every two seconds while the worker erases; then it wants the certificate.
        over = asked.state != "confirmed" or asked.refused
        return HttpResponse(status=204, headers={"HX-Refresh": "true"} if over else {})
    return _erasure(request, asked)


def _erasure(request: HttpRequest, asked: ErasureRequest, form: forms.Form | None = None) -> HttpResponse:
    form = form or PasswordForm()
    shown: dict[str, Any] = {
        "row": keeping.erasure_rows([asked])[0],
        "asked": asked,
        "form": form,
        "may": request.user.pk not in (asked.asked_by, asked.person),
    }
    if asked.done_at:
        record("audit.certificate-read", obj=asked)
        shown["certificate"] = erasure.certificate(asked)
        shown["place"] = keeping.place_of(asked.entry)
    if asked.state == "asked":
        shown["preview"] = preview(asked.person)
    return render(request, "audit/erasure.html", shown, status=422 if form.is_bound else 200)


@keepers
@require_POST
def erasure_confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Confirm it: the worker erases within seconds."""
    asked = get_object_or_404(ErasureRequest, pk=pk)
    form = PasswordForm(request.POST)
    if _tried(request, form, erasure.confirm_digest(asked), lambda: erasure.confirm(asked, actor=keeper(request))):
        messages.success(request, _("Confirmed. It is done within a minute, and its certificate is here then."))
        return redirect("audit-erasure", pk=pk)
    return _erasure(request, asked, form)


@keepers
@require_POST
def erasure_withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    erasure.withdraw(get_object_or_404(ErasureRequest, pk=pk), actor=keeper(request))
    messages.success(request, _("Withdrawn: nothing was erased."))
    return redirect("audit-erasure", pk=pk)


@keepers
@never_cache
@require_safe
def certificate(request: HttpRequest, pk: uuid.UUID, ending: str) -> HttpResponse:
    """The certificate as a file: txt or json."""
    asked = get_object_or_404(ErasureRequest, pk=pk)
    if asked.done_at is None or ending not in {"txt", "json"}:
        raise Http404
    record("audit.certificate-read", obj=asked)
    text = erasure.certificate_text(asked) if ending == "txt" else erasure.certificate_json(asked)
    kind = "text/plain" if ending == "txt" else "application/json"
    headers = {"Content-Disposition": f'attachment; filename="erasure-{asked.pk}.{ending}"', "Cache-Control": "no-store"}
    return HttpResponse(text, content_type=f"{kind}; charset=utf-8", headers=headers)


def _tried(request: HttpRequest, form: forms.Form, digest: str, act: Any) -> bool:
    """Check the password for `digest`, then act; False with the errors in the form. A refusal for another reason is an error page."""
    if not form.is_valid():
        return False
    try:
        confirmed(request, form.cleaned_data["password"], digest)
        act()
    except ValidationError as error:
        _put(form, error)
        return False
    except DomainError as error:
        if error.code in {"preview_changed", "open_duties", "person_unknown", "erased_already", "own_erasure"}:
            form.add_error(None, error.message)
            return False
        raise
    return True


def _put(form: forms.Form, error: ValidationError) -> None:
    problems = error.error_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.error_list}
    for name, found in problems.items():
        form.add_error(name if name in form.fields else None, found)
