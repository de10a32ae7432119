"""What the AI recommended to me, and one tap to accept, adjust or override it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from feedback import reasons
from feedback.forms import ReasonForm
from feedback.models import Item, Recommendation
from feedback.models.recommendations import Reason
from feedback.selectors import recommendations as selector
from feedback.services import tapping
from portal import clock
from portal.permissions import SignedIn, everyone
from portal.selectors.keyset import keyset

PAGE = 30
NEEDS_REASON = frozenset({"adjusted", "overridden"})


@everyone
@require_safe
def mine(request: SignedIn) -> HttpResponse:
    """Those shown to me, newest first; `?open=1` those still open."""
    now = clock.now()
    rows = selector.mine(request.user)
    if request.GET.get("open"):
        rows = rows.undecided(now)
    page = keyset(rows, order=("-occurred_at", "-id"), cursor=request.GET.get("cursor", ""), limit=PAGE)
    context = {
        "rows": [
            {
                "row": row,
                "card": selector.card(row),
                "expired": not row.outcome and row.expires_at is not None and row.expires_at <= now,
                "url": _address(row),
            }
            for row in page.rows
        ],
        "next": page.next,
        "first": bool(request.GET.get("cursor")),
    }
    return render(request, "feedback/recommendations.html", context)


@everyone
@require_http_methods(["GET", "HEAD", "POST"])
def one(request: SignedIn, uid: str) -> HttpResponse:
    """One recommendation; a POST with `do` is one tap."""
    row = selector.of_person(request.user, uid, system=request.GET.get("system", ""))
    if request.method != "POST":
        return _page(request, row)
    do = request.POST.get("do", "")
    try:
        TAPS[do](request, row)
    except KeyError:
        return _page(request, row, status=422, wrong=_("Accept it, adjust it or override it."))
    except ValidationError as error:
        return _page(request, row, status=422, wrong=error.messages[0])
    asked = {"why": "1"} if do in NEEDS_REASON else {}
    return HttpResponseRedirect(_address(row, **asked))


def _page(request: SignedIn, row: Recommendation, *, status: int = 200, wrong: str = "") -> HttpResponse:
    outcomes = selector.outcomes_of(row)
    standing = selector.effective(outcomes)
    asks = (
        standing is not None and standing.kind in NEEDS_REASON and not standing.reason and not standing.text and not standing.reason_skipped
    )
    context = {
        "row": row,
        "card": selector.card(row),
        "proposal": reasons.as_text(row.proposal),
        "alternatives": [reasons.as_text(one) for one in row.alternatives],
        "standing": standing,
        "after": reasons.as_text(standing.after) if standing else "",
        "asks_reason": asks,
        "reason_word": Reason(standing.reason).label if standing and standing.reason in Reason.values else "",
        "form": ReasonForm(),
        "once": uuid.uuid4(),
        "action": _address(row),
        "wrong": wrong,
        "tell_url": f"{reverse('feedback-new')}?{urlencode({'recommendation': row.uid, 'system': row.system.slug})}",
        "items": list(Item.objects.filter(recommendation=row, author=request.user).order_by("id")),
        "expired": row.expires_at is not None and row.expires_at <= clock.now(),
    }
    return render(request, "feedback/recommendation.html", context, status=status)


def _address(row: Recommendation, **query: str) -> str:
    address = reverse("recommendation", kwargs={"uid": row.uid})
    return f"{address}?{urlencode({'system': row.system.slug, **query})}"


def _decide(outcome: str) -> Callable[[SignedIn, Recommendation], Any]:
    def tap(request: SignedIn, row: Recommendation) -> None:
        posted = request.POST
        tapping.decide(row, actor=request.user, outcome=outcome, once=posted.get("once", ""), after=posted.get("after", ""))
        messages.success(request, _("Done: it is in force."))

    return tap


def _give_reason(request: SignedIn, row: Recommendation) -> None:
    posted = request.POST
    tapping.give_reason(row, actor=request.user, reason=posted.get("reason", ""), text=posted.get("text", ""), once=posted.get("once", ""))
    messages.success(request, _("Thank you. That helps to make it better."))


def _skip(request: SignedIn, row: Recommendation) -> None:
    tapping.give_reason(row, actor=request.user, once=request.POST.get("once", ""))


def _undo(request: SignedIn, row: Recommendation) -> None:
    tapping.undo(row, actor=request.user, once=request.POST.get("once", ""))
    messages.success(request, _("Taken back. Decide again when you like."))


TAPS: dict[str, Callable[[SignedIn, Recommendation], Any]] = {
    "accepted": _decide("accepted"),
    "adjusted": _decide("adjusted"),
    "overridden": _decide("overridden"),
    "dismissed": _decide("dismissed"),
    "reason": _give_reason,
    "skip": _skip,
    "undo": _undo,
}
