"""Reviews of the log: what was reviewed and what never, beginning one, judging its entries, signing it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit.access import needing
from audit.explore.entries import labels
from audit.forms import JudgeForm, ReviewForm, ReviewSignForm
from audit.models import Review
from audit.review import reading as review_reading
from audit.review import reviewing as review
from audit.review.sample import digest_of
from audit.services import record

reviewers = needing("audit.review")


@reviewers
@never_cache
@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The reviews so far, what is open, what was never reviewed; the form begins another one."""
    form = ReviewForm(request.POST or None)
    if request.method == "POST":
        made: list[Review] = []
        if _done(
            form,
            lambda **_given: made.append(review.begin(actor=_actor(request), purpose=form.cleaned_data["purpose"], scope=form.scope())),
        ):
            return redirect("audit-review", pk=made[0].pk)
    else:
        record("audit.reviews-read")
    shown = {"form": form, "page": review_reading.overview()}
    return render(request, "audit/reviews.html", shown, status=422 if form.is_bound else 200)


@reviewers
@never_cache
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One review: its period and seed, its entries, what was said about them."""
    found = get_object_or_404(Review, pk=pk)
    shown = _shown(request, found)
    record("audit.reviews-read", obj=found)
    return render(request, "audit/review.html", shown)


@reviewers
@require_POST
def draw(request: HttpRequest, pk: int) -> HttpResponse:
    review.draw(get_object_or_404(Review, pk=pk))
    return redirect("audit-review", pk=pk)


@reviewers
@require_POST
def judge(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Review, pk=pk)
    form = JudgeForm(request.POST)
    if _done(form, lambda **given: review.judge(found, actor=_actor(request), **given)):
        after = form.cleaned_data["seq"]
        place = request.POST.get("after", "")
        return redirect(f"/audit/review/{pk}?after={place}#entry-{after}" if place.isdigit() else f"/audit/review/{pk}#entry-{after}")
    return render(request, "audit/review.html", _shown(request, found) | {"judging": form}, status=422)


@reviewers
@require_POST
def sign(request: HttpRequest, pk: int) -> HttpResponse:
    """The signature under what was on the screen: password, then the act, in one post."""
    found = get_object_or_404(Review, pk=pk)
    form = ReviewSignForm(request.POST)

    def act(conclusion: str, digest: str, password: str) -> None:
        confirmed = import_module(settings.AUDIT_STEP_UP).confirm(request, password, digest)
        actor = _actor(request)
        name = labels({actor}).get(actor, str(actor))
        review.sign(found, actor=actor, name=name, conclusion=conclusion, shown=digest, confirmed=confirmed)

    if _done(form, act):
        messages.success(request, _("Signed. The signature is sealed with the next checkpoint."))
        return redirect("audit-review", pk=pk)
    return render(request, "audit/review.html", _shown(request, found) | {"signing": form}, status=422)


def _shown(request: HttpRequest, found: Review) -> dict[str, Any]:
    text = request.GET.get("after", "") or request.POST.get("after", "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 12):
        raise ValidationError(_("This place is not one that this list handed out. Start again without it."), code="cursor_invalid")
    looked, following = review_reading.looked_at(found, int(text or 0))
    people = {found.reviewer} | {one.by for each in looked for one in each.said}
    judged = set(found.judgements.values_list("seq", flat=True))
    return {
        "review": found,
        "looked": looked,
        "next": following,
        "after": text,
        "names": labels(people),
        "reviewer": labels({found.reviewer}).get(found.reviewer, str(found.reviewer)),
        "left": len(set(found.drawn) - judged) if found.is_listed else 0,
        "judged": len(judged),
        "digest": digest_of(review.content_of(found)) if found.is_drawn and not found.is_signed else "",
        "mine": found.reviewer == _actor(request),
        "signing": ReviewSignForm(),
    }


def _actor(request: HttpRequest) -> Any:
    return request.user.pk


def _done(form: Any, act: Callable[..., Any]) -> bool:
    """Call `act(**cleaned_data)` when the form is right; False, with the errors in it, when something is wrong."""
    if not form.is_valid():
        return False
    try:
        act(**form.cleaned_data)
    except ValidationError as error:
        problems = error.error_dict if hasattr(error, "error_dict") else {None: error.error_list}
        for name, found in problems.items():
            form.add_error(name if name in form.fields else None, found)
        return False
    return True
