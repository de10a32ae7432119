"""Give feedback, and the page that says what happens next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feedback.forms import ItemForm
from feedback.models import Item, Recommendation
from feedback.promises import REPLY_WITHIN
from feedback.selectors import recommendations
from feedback.selectors.items import of_ref, systems_to_tell_about
from feedback.services import items, standing_in
from portal.models import AISystem, Person
from portal.permissions import SignedIn, everyone, public
from portal.views.submitting import done

WORKER = Path(__file__).resolve().parent.parent / "static" / "feedback" / "worker.js"


@everyone
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: SignedIn) -> HttpResponse:
    """Two taps and a sentence. `?recommendation=` puts what the AI said on top, `?system=` chooses the system."""
    person = request.user
    about = _recommendation(request, person)
    fixed = about.system if about else _only(person)
    made: list[Item] = []
    if request.method == "POST":
        form = ItemForm(request.POST, person=person, fixed=fixed)
        if done(form, lambda **given: made.append(_file(person, given))):
            return redirect("item-filed", ref=made[0].ref)
    else:
        initial = {
            "system": request.GET.get("system", ""),
            "kind": request.GET.get("kind", ""),
            "recommendation": about.uid if about else "",
        }
        form = ItemForm(initial={name: value for name, value in initial.items() if value}, person=person, fixed=fixed)
    context = {
        "form": form,
        "system": fixed,
        "card": recommendations.card(about) if about else None,
        "days": REPLY_WITHIN[Item.Severity.NORMAL],
        "about": about,
    }
    return render(request, "feedback/new.html", context, status=422 if form.is_bound else 200)


@everyone
@require_safe
def filed(request: SignedIn, ref: str) -> HttpResponse:
    """The receipt: the number, and the day by which an answer is promised."""
    return render(request, "feedback/filed.html", {"item": of_ref(request.user, ref)})


@everyone
@require_POST
def withdraw(request: SignedIn, ref: str) -> HttpResponse:
    """Take back what somebody else filed in one's name."""
    found = of_ref(request.user, ref)
    standing_in.withdraw(found, actor=request.user, words=request.POST.get("words", ""))
    messages.success(request, _("Withdrawn. Whoever filed it is told."))
    return redirect("item", ref=found.ref)


@public
@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker. It stands at the root, because from below /static/ it could not answer for any page."""
    response = HttpResponse(WORKER.read_text(), content_type="text/javascript")
    response["Cache-Control"] = "no-cache"
    return response


def _file(person: Person, given: dict[str, Any]) -> Item:
    if given["on_behalf"].strip():
        return _file_for(person, given)
    return items.file(
        actor=person,
        system=given["system"],
        kind=given["kind"],
        text=given["text"],
        identity=given["identity"] or items.default_identity(given["kind"]),
        recommendation_uid=given["recommendation"],
    )


def _file_for(person: Person, given: dict[str, Any]) -> Item:
    """In a colleague's name; what is wrong with the person stands beside their staff number."""
    if given["identity"] == Item.Identity.CONFIDENTIAL or given["recommendation"]:
        message = _("For a colleague: with their name, and about no recommendation of yours.")
        raise ValidationError({"on_behalf": ValidationError(message, code="named_only")})
    try:
        return standing_in.file_for(
            proxy=person, staff_number=given["on_behalf"], system=given["system"], kind=given["kind"], text=given["text"]
        )
    except ValidationError as error:
        wrong = dict(error.error_dict) if hasattr(error, "error_dict") else {}
        if "person" in wrong:
            wrong["on_behalf"] = wrong.pop("person")
            raise ValidationError(wrong) from error
        raise


def _recommendation(request: SignedIn, person: Person) -> Recommendation | None:
    uid = request.POST.get("recommendation", "") or request.GET.get("recommendation", "")
    system = request.POST.get("system", "") or request.GET.get("system", "")
    return recommendations.of_person(person, uid, system=system) if uid else None


def _only(person: Person) -> AISystem | None:
    """The one system that a person has, for the heading."""
    found = list(systems_to_tell_about(person)[:2])
    return found[0] if len(found) == 1 else None
