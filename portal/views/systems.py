"""The register of AI systems: read by those it concerns, kept by administrators."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.forms import NewSystemForm, SystemForm, SystemKeyForm, VersionForm, values_of_system
from portal.models import AISystem, ApiKey
from portal.permissions import SignedIn, everyone, needs
from portal.services import keys, systems
from portal.views.submitting import done, form_page


@everyone
@require_safe
def index(request: SignedIn) -> HttpResponse:
    rows = AISystem.objects.visible_to(request.user).select_related("unit").prefetch_related("versions")
    return render(request, "portal/systems.html", {"systems": rows, "may_manage": request.user.has_perm("systems.manage")})


@needs("systems.manage")
@require_http_methods(["GET", "POST"])
def new(request: SignedIn) -> HttpResponse:
    form = NewSystemForm(request.POST if request.method == "POST" else None, person=request.user)
    if request.method == "POST" and done(form, partial(systems.register, actor=request.user)):
        messages.success(request, _("Registered. Declare its version and issue a key next."))
        return redirect("system", slug=form.cleaned_data["slug"])
    return form_page(request, form, title=_("Register an AI system"), submit=_("Register"), back=reverse("systems"))


@everyone
@require_safe
def detail(request: SignedIn, slug: str) -> HttpResponse:
    """What a system is for, which version runs, and how it is switched off."""
    system = _system(request, slug)
    manages = request.user.has_perm("systems.manage", system.unit)
    context = {"system": system, "versions": system.versions.all()[:20], "may_manage": manages, "version_form": VersionForm()}
    return render(request, "portal/system.html", context)


@needs("systems.manage")
@require_http_methods(["GET", "POST"])
def change(request: SignedIn, slug: str) -> HttpResponse:
    system = _system(request, slug)
    form = SystemForm(request.POST if request.method == "POST" else None, person=request.user, initial=values_of_system(system))
    if request.method == "POST" and done(form, partial(systems.change, system, actor=request.user)):
        messages.success(request, _("Saved."))
        return redirect("system", slug=slug)
    return form_page(request, form, title=_("Change %(name)s") % {"name": system}, submit=_("Save"), back=reverse("system", args=[slug]))


@needs("systems.manage")
@require_POST
def declare(request: SignedIn, slug: str) -> HttpResponse:
    system = _system(request, slug)
    form = VersionForm(request.POST)
    if done(form, partial(systems.declare_version, system, actor=request.user)):
        messages.success(request, _("Version declared."))
        return redirect("system", slug=slug)
    return form_page(
        request, form, title=_("A version of %(name)s") % {"name": system}, submit=_("Declare"), back=reverse("system", args=[slug])
    )


@needs("systems.manage")
@require_http_methods(["GET", "POST"])
def system_keys(request: SignedIn, slug: str) -> HttpResponse:
    """Keys of a system. A new one is shown in this answer and never again, so there is no redirect."""
    system = _system(request, slug)
    form = SystemKeyForm(request.POST if request.method == "POST" else None)
    issued: list[keys.IssuedKey] = []
    if request.method == "POST" and done(form, lambda **given: issued.append(keys.issue(actor=request.user, system=system, **given))):
        form = SystemKeyForm()
    context = {"system": system, "keys": system.keys.all(), "form": form, "issued": issued[0] if issued else None}
    return render(request, "portal/system_keys.html", context, status=422 if form.is_bound else 200)


@needs("systems.manage")
@require_POST
def revoke(request: SignedIn, slug: str, pk: int) -> HttpResponse:
    keys.revoke(get_object_or_404(ApiKey, pk=pk, system=_system(request, slug)), actor=request.user)
    messages.success(request, _("Key revoked. Programs that use it are refused from now on."))
    return redirect("system-keys", slug=slug)


def _system(request: SignedIn, slug: str) -> AISystem:
    return get_object_or_404(AISystem.objects.visible_to(request.user).select_related("unit"), slug=slug)
