"""The suggestion box: list, item, and what can be done on an item's page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from feedback import policies
from feedback.forms import CommentForm, MergeForm, MoveForm, NameForm, NoteForm, OwnReplyForm, ReplyForm, VerdictForm
from feedback.models import Item
from feedback.selectors import items as selector
from feedback.selectors.names import who_filed
from feedback.selectors.recommendations import card_of_item
from feedback.selectors.search import matching, similar
from feedback.services import answers, verdicts, voices
from feedback.tones import tone
from portal import clock
from portal.models import Person
from portal.permissions import SignedIn, everyone, needs
from portal.selectors.keyset import keyset
from portal.views.submitting import done


@everyone
@require_safe
def box(request: SignedIn) -> HttpResponse:
    """The list: filters and sorts by query string, pages by cursor."""
    person = request.user
    sort = request.GET.get("sort", "new")
    order = selector.SORTS.get(sort, selector.SORTS["new"])
    rows = matching(selector.filtered(selector.box(person), request.GET, person=person), request.GET.get("q", ""))
    page = keyset(rows, order=order, cursor=request.GET.get("cursor", ""))
    today = clock.now().date()
    context = {
        "rows": [{"item": item, "tone": tone(item.status), "late": item.is_late(today)} for item in page.rows],
        "next": page.next,
        "first": bool(request.GET.get("cursor")),
        "sort": sort,
        "kinds": Item.Kind.choices,
        "statuses": Item.Status.choices,
        "systems": selector.systems_to_tell_about(person),
        "answering": any(person.has_perm(name) for name in ("items.triage", "concerns.answer")),
        "filtered": any(request.GET.get(name) for name in ("q", "kind", "status", "system", "open", "mine", "waiting")),
    }
    return render(request, "feedback/box.html", context)


@everyone
@require_safe
def alike(request: SignedIn) -> HttpResponse:
    """What others said that is like `text`: a part of the filing page, and a page of its own without JavaScript."""
    person = request.user
    system = selector.systems_to_tell_about(person).filter(pk=request.GET["system"]).first() if _number(request.GET.get("system")) else None
    rows = similar(person, request.GET.get("text", ""), system=system)
    template = "feedback/_alike.html" if request.headers.get("HX-Request") else "feedback/alike.html"
    return render(request, template, {"alike": rows})


def _number(text: str | None) -> bool:
    return text is not None and text.isascii() and text.isdecimal() and len(text) < 19


@everyone
@require_safe
def item(request: SignedIn, ref: str) -> HttpResponse:
    """The item; what became part of another leads there."""
    found = selector.of_ref(request.user, ref)
    if found.merged_into_id is not None and "parts" not in request.GET:
        return redirect(f"/items/FB-{found.merged_into_id}?from={found.ref}")
    return item_page(request, found)


def item_page(request: SignedIn, item: Item, *, status: int = 200, **more: Any) -> HttpResponse:
    """The page of an item; `more` replaces forms that were wrong, or adds the name that was looked at."""
    person = request.user
    may_answer, author = policies.may_answer(person, item), policies.is_author(person, item)
    happenings = selector.timeline(item, notes=may_answer)
    nameless = author and item.identity != Item.Identity.NAMED
    context = {
        "item": item,
        "tone": tone(item.status),
        "late": item.is_late(clock.now().date()),
        "timeline": happenings,
        "filed_for_author": selector.filed_for_author(item),
        "by_another": policies.filed_by_another(item),
        "we_did": selector.we_did(item, happenings),
        "card": card_of_item(item.about),
        "own": author,
        "shown_to_me": item.recommendation_id is not None and author,
        "reply_form": OwnReplyForm() if author else ReplyForm() if may_answer else None,
        "move_form": MoveForm(item=item) if may_answer else None,
        "note_form": NoteForm() if may_answer else None,
        "merge_form": MergeForm() if may_answer and item.merged_into_id is None else None,
        "comment_form": CommentForm() if not author and not may_answer and policies.may_comment(person, item) else None,
        "verdict_form": VerdictForm() if verdicts.asked_about(item) and verdicts.may_give(person, item) else None,
        "follows": None if nameless else selector.followed(item, person),
        "nameless": nameless,
        "came_from": request.GET.get("from", "")[:24],
        "name_form": NameForm() if policies.may_look_at_name(person, item) else None,
    } | more
    return render(request, "feedback/item.html", context, status=status)


@everyone
@require_POST
def voice(request: SignedIn, ref: str) -> HttpResponse:
    """Me too, or (`withdraw`) no longer."""
    found = selector.of_ref(request.user, ref)
    if request.POST.get("withdraw"):
        voices.withdraw(found, actor=request.user)
    else:
        voices.add(found, actor=request.user)
    return redirect("item", ref=found.ref)


@everyone
@require_POST
def reply(request: SignedIn, ref: str) -> HttpResponse:
    found = selector.of_ref(request.user, ref)
    form = (OwnReplyForm if policies.is_author(request.user, found) else ReplyForm)(request.POST)
    if not done(form, lambda text: answers.reply(found, actor=request.user, text=text)):
        return item_page(request, found, status=422, reply_form=form)
    messages.success(request, _("Sent. The author and everyone who said “me too” are told."))
    return redirect("item", ref=found.ref)


@needs("items.triage", "concerns.answer")
@require_POST
def move(request: SignedIn, ref: str) -> HttpResponse:
    found = selector.of_ref(request.user, ref)
    form = MoveForm(request.POST, item=found)
    if not done(form, lambda status, words: answers.move(found, actor=request.user, to=status, words=words)):
        return item_page(request, found, status=422, move_form=form)
    messages.success(request, _("Moved. The author and everyone who said “me too” are told, in your words."))
    return redirect("item", ref=found.ref)


@needs("names.look")
@require_POST
def name(request: SignedIn, ref: str) -> HttpResponse:
    """Who filed a confidential item: shown once, on this answer, after the look is recorded."""
    found = selector.of_ref(request.user, ref)
    form = NameForm(request.POST)
    names: list[Person] = []
    if not done(form, lambda reason: names.append(who_filed(found, actor=request.user, reason=reason))):
        return item_page(request, found, status=422, name_form=form)
    response = item_page(request, found, looked_at=names[0])
    response["Cache-Control"] = "no-store"
    return response
