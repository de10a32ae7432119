"""The kiosk itself: tiles, one sentence, thanks. Reached through feedback.anonymity alone, with the device's token and nothing else."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from feedback import receipts
from feedback.anonymity import DEVICE, KIOSK
from feedback.forms import EnrolForm, KioskFilingForm, kiosk_tiles
from feedback.models import Item, Kiosk
from feedback.qr import svg
from feedback.selectors.kiosks import of_device
from feedback.services import kiosks
from portal.errors import TooMany
from portal.permissions import public
from portal.views.submitting import done

KEPT_FOR = 400 * 24 * 3600  # seconds, the longest that browsers keep a cookie


@public
def start(request: HttpRequest) -> HttpResponse:
    """The tiles; with `?kind=`, the sentence. A device that is not enrolled (any more) is told, and forgets what it kept."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponse(status=405, headers={"Allow": "GET"})
    kiosk = of_device(request.COOKIES.get(DEVICE, ""))
    if kiosk is None:
        return render(request, "feedback/kiosk_none.html")
    kiosks.seen(kiosk)
    kind = request.GET.get("kind", "")
    form = KioskFilingForm(initial={"kind": kind}, staff_numbers=kiosk.staff_numbers)
    return _page(request, kiosk, form, kind=kind if kind in kiosks.KINDS else "")


@public
def file(request: HttpRequest) -> HttpResponse:
    """POST the sentence; the answer is the receipt. A repeated `id` files once."""
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    kiosk = of_device(request.COOKIES.get(DEVICE, ""))
    if kiosk is None:
        return render(request, "feedback/kiosk_none.html", status=403)
    form = KioskFilingForm(request.POST, staff_numbers=kiosk.staff_numbers)
    made: list[str | Item] = []
    try:
        right = done(form, lambda id, **given: made.append(kiosks.file(kiosk, client_id=id, **given)))  # noqa: A006  the field's name
    except TooMany as error:
        return render(request, "feedback/kiosk_busy.html", {"words": error.message, "kiosk": kiosk}, status=429)
    if not right:
        return _page(request, kiosk, form, kind=request.POST.get("kind", ""), status=422)
    item = made[0] if isinstance(made[0], Item) else None
    code = made[0] if isinstance(made[0], str) else ""
    return render(request, "feedback/kiosk_filed.html", {"item": item, "code": receipts.spaced(code), "kiosk": kiosk}, status=201)


@public
def enrol(request: HttpRequest) -> HttpResponse:
    """Make this device the kiosk whose one-time code is typed here."""
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponse(status=405, headers={"Allow": "GET, POST"})
    form = EnrolForm(request.POST if request.method == "POST" else None)
    tokens: list[str] = []
    try:
        right = form.is_bound and done(form, lambda code: tokens.append(kiosks.enrol(code, sender=request.sender)[1]))  # type: ignore[attr-defined]
    except TooMany as error:
        form.add_error(None, ValidationError(error.message, code=error.code))
        return render(request, "feedback/kiosk_enrol.html", {"form": form}, status=429)
    if not right:
        return render(request, "feedback/kiosk_enrol.html", {"form": form}, status=422 if form.is_bound else 200)
    response = redirect("kiosk")
    secure = settings.PUBLIC_URL.startswith("https://")
    response.set_cookie(DEVICE, tokens[0], max_age=KEPT_FOR, path=KIOSK, secure=secure, httponly=True, samesite="Strict")
    return response


def _page(request: HttpRequest, kiosk: Kiosk, form: KioskFilingForm, *, kind: str, status: int = 200) -> HttpResponse:
    tiles = kiosk_tiles()
    context = {
        "kiosk": kiosk,
        "form": form,
        "tiles": tiles,
        "kind": kind,
        "chosen": next((tile.word for tile in tiles if tile.kind == kind), _("One sentence is enough.")),
        "qr": svg(kiosk),
    }
    return render(request, "feedback/kiosk.html", context, status=status)
