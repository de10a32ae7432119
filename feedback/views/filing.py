"""Give feedback, and the page that says what happens next."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from feedback.forms import ItemForm
from feedback.models import Item, Recommendation
from feedback.promises import REPLY_WITHIN
from feedback.selectors import recommendations
from feedback.selectors.items import of_ref, systems_to_tell_about
from feedback.services import items
from portal.models import AISystem, Person
from portal.permissions import SignedIn, everyone
from portal.views.submitting import done


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


def _file(person: Person, given: dict[str, Any]) -> Item:
    return items.file(
        actor=person,
        system=given["system"],
        kind=given["kind"],
        text=given["text"],
        identity=given["identity"] or items.default_identity(given["kind"]),
        recommendation_uid=given["recommendation"],
    )


def _recommendation(request: SignedIn, person: Person) -> Recommendation | None:
    uid = request.POST.get("recommendation", "") or request.GET.get("recommendation", "")
    system = request.POST.get("system", "") or request.GET.get("system", "")
    return recommendations.of_person(person, uid, system=system) if uid else None


def _only(person: Person) -> AISystem | None:
    """The one system that a person has, for the heading."""
    found = list(systems_to_tell_about(person)[:2])
    return found[0] if len(found) == 1 else None
