"""Keep the kiosks of one's units: set up, enrol, print, revoke. And the short address that a QR code opens."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feedback import qr, receipts
from feedback.forms import KioskForm
from feedback.models import Kiosk
from feedback.selectors.items import systems_to_tell_about
from feedback.selectors.kiosks import kept_by, of_code
from feedback.services import kiosks
from portal import clock
from portal.models import Person
from portal.permissions import SignedIn, needs, public
from portal.senders import sender_of
from portal.views.submitting import done, form_page


@needs("items.triage", "systems.manage")
@require_safe
def all_kept(request: SignedIn) -> HttpResponse:
    return render(request, "feedback/kiosks.html", {"kiosks": kept_by(request.user)})


@needs("items.triage", "systems.manage")
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: SignedIn) -> HttpResponse:
    form = KioskForm(request.POST if request.method == "POST" else None, person=request.user)
    made: list[Kiosk] = []
    if request.method == "POST" and done(form, lambda **given: made.append(kiosks.make(actor=request.user, **given))):
        return redirect("kiosk-kept", pk=made[0].pk)
    lead = _("A tablet on a wall, or just a printed code at the coffee machine. It knows no person.")
    return form_page(request, form, title=_("Set up a kiosk"), submit=_("Set up"), lead=lead, back=reverse("kiosks"))


@needs("items.triage", "systems.manage")
@require_safe
def one(request: SignedIn, pk: int) -> HttpResponse:
    return _page(request, _of(request.user, pk))


@needs("items.triage", "systems.manage")
@require_POST
def one_time_code(request: SignedIn, pk: int) -> HttpResponse:
    """The code stands in this answer and nowhere else."""
    kiosk = _of(request.user, pk)
    code = receipts.spaced(kiosks.one_time_code(kiosk, actor=request.user))
    kiosk.refresh_from_db()
    response = _page(request, kiosk, code=code)
    response["Cache-Control"] = "no-store"
    return response


@needs("items.triage", "systems.manage")
@require_POST
def revoke(request: SignedIn, pk: int) -> HttpResponse:
    kiosks.revoke(_of(request.user, pk), actor=request.user)
    messages.success(request, _("Revoked. The device and the printed code stopped working."))
    return redirect("kiosk-kept", pk=pk)


@needs("items.triage", "systems.manage")
@require_safe
def sheet(request: SignedIn, pk: int) -> HttpResponse:
    """A6, to print and hang up."""
    kiosk = get_object_or_404(kept_by(request.user), pk=pk, revoked_at=None)
    return render(request, "feedback/kiosk_sheet.html", {"kiosk": kiosk, "address": qr.address(kiosk), "qr": qr.svg(kiosk)})


@public
@require_safe
def short(request: HttpRequest, code: str) -> HttpResponse:
    """What a printed code opens: the form with the AI system chosen, one's own when signed in, else the one without a name.

    Who opens a right code leaves no trace. Wrong ones are counted by a hash of the sender's address, for ten minutes.
    """
    sender = sender_of(request)
    kiosks.refuse_guessing(sender)
    kiosk = of_code(code)
    if kiosk is None:
        kiosks.guessed_wrong(sender)
        return render(request, "feedback/code_unknown.html", status=404)
    own = isinstance(request.user, Person) and systems_to_tell_about(request.user).filter(pk=kiosk.system_id).exists()
    form = reverse("feedback-new" if own else "anonymous-new")
    return redirect(f"{form}?{urlencode({'system': kiosk.system.slug})}")


def _of(person: Person, pk: int) -> Kiosk:
    return get_object_or_404(kept_by(person), pk=pk) if pk < 2**63 else get_object_or_404(Kiosk.objects.none())


def _page(request: SignedIn, kiosk: Kiosk, **more: Any) -> HttpResponse:
    open_until = kiosk.enrolment_ends_at if kiosk.enrolment and kiosk.enrolment_ends_at else None
    context = {
        "kiosk": kiosk,
        "address": qr.address(kiosk),
        "enrol_at": request.build_absolute_uri(reverse("kiosk-enrol")),
        "code_open": open_until if open_until and open_until > clock.now() else None,
    } | more
    return render(request, "feedback/kiosk_kept.html", context)
