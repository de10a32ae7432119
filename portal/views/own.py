"""What belongs to whoever is signed in: notices, own keys, and what is kept about them."""

from __future__ import annotations

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit.context import acting
from portal.forms import PersonalKeyForm
from portal.kept import kept_about
from portal.mail import MAIL_OFF_SALT
from portal.models import Person
from portal.permissions import SignedIn, everyone, needs, public
from portal.selectors import notices as select
from portal.selectors.keyset import keyset
from portal.services import keys, notices
from portal.services import people as people_service
from portal.views.submitting import done


@everyone
@require_safe
def inbox(request: SignedIn) -> HttpResponse:
    cursor = request.GET.get("cursor", "")
    page = keyset(select.inbox(request.user), order=("-due_at", "-id"), cursor=cursor)
    context = {"notices": page.rows, "next": page.next, "first": bool(cursor), "unread": select.unread_count(request.user)}
    return render(request, "portal/notices.html", context)


@everyone
@require_POST
def read(request: SignedIn) -> HttpResponse:
    notices.mark_read(request.user)
    return redirect("notices")


@needs("people.manage")
@require_safe
def undelivered(request: SignedIn) -> HttpResponse:
    """Mails that do not get out: kind, error and next try; neither text nor recipient."""
    return render(request, "portal/undelivered.html", {"notices": select.undelivered()[:200]})


@everyone
@require_http_methods(["GET", "POST"])
def own_keys(request: SignedIn) -> HttpResponse:
    """Keys that act as this person. A new one is shown in this answer and never again."""
    person = request.user
    form = PersonalKeyForm(request.POST if request.method == "POST" else None)
    issued: list[keys.IssuedKey] = []
    if request.method == "POST" and done(form, lambda **given: issued.append(keys.issue(actor=person, person=person, **given))):
        form = PersonalKeyForm()
    context = {"keys": person.keys.all(), "form": form, "issued": issued[0] if issued else None}
    return render(request, "portal/own_keys.html", context, status=422 if form.is_bound else 200)


@everyone
@require_POST
def revoke_own_key(request: SignedIn, pk: int) -> HttpResponse:
    keys.revoke(get_object_or_404(request.user.keys, pk=pk), actor=request.user)
    messages.success(request, _("Key revoked. Programs that use it are refused from now on."))
    return redirect("own-keys")


@everyone
@require_safe
def kept(request: SignedIn) -> HttpResponse:
    """Everything kept about the person who asks, and nobody else."""
    return render(request, "portal/kept.html", {"person": request.user, "parts": kept_about(request.user)})


@everyone
@require_POST
def mail(request: SignedIn) -> HttpResponse:
    people_service.want_mail(request.user, wanted=request.POST.get("wanted") == "yes")
    messages.success(request, _("Saved."))
    return redirect("kept")


@csrf_exempt
@public
@require_http_methods(["GET", "POST"])
def mail_off(request: HttpRequest, token: str) -> HttpResponse:
    """Where List-Unsubscribe points. Looking changes nothing (mail scanners follow links); one POST ends the mails."""
    try:
        person = Person.objects.get(pk=signing.loads(token, salt=MAIL_OFF_SALT), is_active=True)
    except (signing.BadSignature, Person.DoesNotExist) as error:
        raise Http404 from error
    if request.method == "POST":
        with acting(person.pk, channel="page"):
            people_service.want_mail(person, wanted=False)
    return render(request, "portal/mail_off.html", {"off": request.method == "POST" or not person.wants_mail})
