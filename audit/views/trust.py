"""The trust page: how far the log can be trusted, and a person's confirmation of a mailed checkpoint."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from audit.access import readers
from audit.forms import ClearingForm, ConfirmForm
from audit.log import verifying
from audit.models.witnesses import Confirmation
from audit.outside import confirming
from audit.services import record
from audit.trust import trust


@readers
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Read it, or (POST) paste a checkpoint that was mailed."""
    if request.headers.get("HX-Request"):
        return _progress(request)
    if request.method != "POST":
        record("audit.trust-read")
        return _page(request)
    form = ConfirmForm(request.POST)
    if form.is_valid():
        try:
            done = confirming.confirm(form.cleaned_data["text"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _fits(done))
            return redirect("audit-trust")
    return _page(request, form=form)


@readers
@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """Have the worker verify everything; the trust page says what it found."""
    if verifying.ask():
        messages.success(request, _("The worker verifies the whole trail. What it finds is an entry, and stands on this page."))
    else:
        messages.info(request, _("The worker is verifying already."))
    return redirect("audit-trust")


@readers
@require_POST
def clear_up(request: HttpRequest) -> HttpResponse:
    """Say what a checkpoint was that did not fit: the warning goes from every page."""
    form = ClearingForm(request.POST)
    if not form.is_valid():
        return _page(request, clearing=form)
    confirming.clear_up(form.cleaned_data["words"])
    messages.success(request, _("Cleared up. Your words are an entry."))
    return redirect("audit-trust")


def _page(request: HttpRequest, *, form: ConfirmForm | None = None, clearing: ClearingForm | None = None) -> HttpResponse:
    found = trust()
    shown = {"trust": found, "seal": found.seal, "form": form or ConfirmForm(), "clearing": clearing or ClearingForm()}
    return render(request, "audit/trust.html", shown, status=422 if form or clearing else 200)


def _progress(request: HttpRequest) -> HttpResponse:
    """What htmx asks for while a verification runs; once it is over the whole page is wanted."""
    since = verifying.pending()
    answer = render(request, "audit/_verifying.html", {"trust": {"verifying": since}})
    if since is None:
        answer["HX-Refresh"] = "true"
    return answer


def _fits(done: Confirmation) -> str:
    if done.mailed:
        words = _("Your checkpoint of %(size)d entries fits the log. Your confirmation is an entry.")
    else:
        words = _(
            "Your checkpoint of %(size)d entries fits the log. This server has not mailed it before the newest one, so it shows nothing about outside."
        )
    return words % {"size": done.size}
