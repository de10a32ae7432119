"""Set the widget up on the pages of an AI tool: a key, the sites it may be used from, what to copy, and whether it works."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from portal.forms import BrowserKeyForm, OriginsForm
from portal.models import AISystem, ApiKey
from portal.permissions import SignedIn, needs
from portal.services import keys
from portal.views.submitting import done, form_page


@needs("systems.manage")
@require_http_methods(["GET", "POST"])
def set_up(request: SignedIn, slug: str) -> HttpResponse:
    """A new key is shown in this answer and never again, so there is no redirect."""
    system = _system(request, slug)
    form = BrowserKeyForm(request.POST if request.method == "POST" else None)
    issued: list[keys.IssuedKey] = []
    issue = partial(keys.issue_for_browser, actor=request.user, system=system)
    if request.method == "POST" and done(form, lambda **given: issued.append(issue(**given))):
        form = BrowserKeyForm()
    rows = list(_keys(system))
    context = {
        "system": system,
        "keys": rows,
        "form": form,
        "issued": issued[0] if issued else None,
        "portal": settings.PUBLIC_URL,
        "first": min((row.last_used_at for row in rows if row.last_used_at), default=None),
    }
    return render(request, "feedback/widget.html", context, status=422 if form.is_bound else 200)


@needs("systems.manage")
@require_http_methods(["GET", "POST"])
def origins(request: SignedIn, slug: str, pk: int) -> HttpResponse:
    """The sites that a key may be used from."""
    key = _key(request, slug, pk)
    form = OriginsForm(request.POST if request.method == "POST" else None, initial={"origins": "\n".join(key.origins)})
    if request.method == "POST" and done(form, partial(keys.change_origins, key, actor=request.user)):
        messages.success(request, _("Saved. Pages of other sites are refused from now on."))
        return redirect("system-widget", slug=slug)
    back = reverse("system-widget", args=[slug])
    return form_page(request, form, title=_("Where %(label)s may be used") % {"label": key.label}, submit=_("Save"), back=back)


@needs("systems.manage")
@require_POST
def revoke(request: SignedIn, slug: str, pk: int) -> HttpResponse:
    keys.revoke(_key(request, slug, pk), actor=request.user)
    messages.success(request, _("Key revoked. Pages that use it keep what people write until they get a new one."))
    return redirect("system-widget", slug=slug)


def _system(request: SignedIn, slug: str) -> AISystem:
    return get_object_or_404(AISystem.objects.visible_to(request.user).select_related("unit"), slug=slug)


def _keys(system: AISystem) -> QuerySet[ApiKey]:
    return system.keys.filter(kind=ApiKey.Kind.BROWSER)


def _key(request: SignedIn, slug: str, pk: int) -> ApiKey:
    return get_object_or_404(_keys(_system(request, slug)), pk=pk)
