"""What people do with an item besides filing and answering it: follow, comment, edit, judge, merge. Each is one POST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feedback import policies
from feedback.forms import CommentForm, EditForm, MergeForm, NoteForm, PartForm, VerdictForm
from feedback.models import Item, Reply
from feedback.selectors import items as selector
from feedback.selectors.edits import edits_of
from feedback.services import editing, following, merging, talking, verdicts
from feedback.views.items import item_page
from portal.permissions import SignedIn, everyone, needs
from portal.views.submitting import done, form_page


@everyone
@require_POST
def follow(request: SignedIn, ref: str) -> HttpResponse:
    found = selector.of_ref(request.user, ref)
    following.choose(found, actor=request.user, choice=request.POST.get("choice", ""))
    return redirect("item", ref=found.ref)


@everyone
@require_POST
def comment(request: SignedIn, ref: str) -> HttpResponse:
    return _said(request, ref, "comment_form", CommentForm, talking.comment, _("Sent."))


@needs("items.triage", "concerns.answer")
@require_POST
def note(request: SignedIn, ref: str) -> HttpResponse:
    return _said(request, ref, "note_form", NoteForm, talking.note, _("Noted, for those who answer."))


@everyone
@require_POST
def verdict(request: SignedIn, ref: str) -> HttpResponse:
    """Did this fix it for you? `fixed` is yes or no."""
    found = selector.of_ref(request.user, ref)
    form = VerdictForm(request.POST)
    if not done(form, lambda fixed, words: verdicts.give(found, actor=request.user, fixed=fixed == "yes", words=words)):
        return item_page(request, found, status=422, verdict_form=form)
    fixed = form.cleaned_data["fixed"] == "yes"
    messages.success(request, _("Good. Thank you.") if fixed else _("Thank you. It is open again, and those who answer are told."))
    return redirect("item", ref=found.ref)


@needs("items.triage", "concerns.answer")
@require_POST
def merge(request: SignedIn, ref: str) -> HttpResponse:
    """Make this item part of another one."""
    found = selector.of_ref(request.user, ref)
    form, made = MergeForm(request.POST), []

    def act(into: str, reason: str) -> None:
        target = selector.box(request.user).by_ref(into.strip()).first()
        if target is None:
            raise forms.ValidationError(
                {"into": forms.ValidationError(_("There is no item with this number in your box."), code="unknown")}
            )
        made.append(merging.merge(found, target, actor=request.user, reason=reason))

    if not done(form, act):
        return item_page(request, found, status=422, merge_form=form)
    messages.success(request, _("Merged. Everybody who spoke there is told, and their voices count here."))
    return redirect("item", ref=made[0].target.ref)


@needs("items.triage", "concerns.answer")
@require_http_methods(["GET", "HEAD", "POST"])
def part(request: SignedIn, ref: str) -> HttpResponse:
    """Undo a merge: two items again."""
    found = selector.of_ref(request.user, ref)
    merge_ = found.merges.filter(undone_at=None).select_related("target").first()
    if merge_ is None or not policies.may_answer(request.user, found):
        raise Http404
    form = PartForm(request.POST or None)
    if request.method == "POST" and done(form, lambda words: merging.undo(merge_, actor=request.user, words=words)):
        messages.success(request, _("Two items again."))
        return redirect("item", ref=found.ref)
    title = _("Part %(ref)s from %(target)s") % {"ref": found.ref, "target": merge_.target.ref}
    lead = _("Voices, followers and replies that came over go back, unless their people took them back meanwhile.")
    return form_page(request, form, title=title, submit=_("Part them"), lead=lead, back=f"/items/{merge_.target.ref}")


@everyone
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: SignedIn, ref: str) -> HttpResponse:
    """Other words for one's own item."""
    found = selector.of_ref(request.user, ref)
    if not policies.is_author(request.user, found):
        raise Http404
    return _edit(request, found, found.text, lambda text: editing.edit_item(found, actor=request.user, text=text))


@everyone
@require_http_methods(["GET", "HEAD", "POST"])
def edit_reply(request: SignedIn, ref: str, pk: int) -> HttpResponse:
    """Other words for one's own reply."""
    found = selector.of_ref(request.user, ref)
    reply = found.replies.filter(pk=pk).first() if pk < 2**63 else None
    own = reply is not None and (
        reply.writer_id == request.user.pk or (reply.writer_id is None and policies.is_author(request.user, found))
    )
    if reply is None or not own:
        raise Http404
    return _edit(request, found, reply.text, lambda text: editing.edit_reply(reply, actor=request.user, text=text))


@everyone
@require_safe
def edits(request: SignedIn, ref: str) -> HttpResponse:
    """What the words were before they were changed."""
    found = selector.of_ref(request.user, ref)
    rows = edits_of(found, notes=policies.may_answer(request.user, found))
    return render(request, "feedback/edits.html", {"item": found, "edits": list(reversed(rows))})


def _said(request: SignedIn, ref: str, name: str, form_class: type[forms.Form], act: Callable[..., Reply], thanks: str) -> HttpResponse:
    found = selector.of_ref(request.user, ref)
    form = form_class(request.POST)
    if not done(form, lambda text: act(found, actor=request.user, text=text)):
        more: dict[str, Any] = {name: form}
        return item_page(request, found, status=422, **more)
    messages.success(request, thanks)
    return redirect("item", ref=found.ref)


def _edit(request: SignedIn, item: Item, text: str, act: Callable[..., Any]) -> HttpResponse:
    form = EditForm(request.POST) if request.method == "POST" else EditForm(initial={"text": text})
    if form.is_bound and done(form, act):
        return redirect("item", ref=item.ref)
    lead = _("What it said before stays readable under “Edits”.")
    return form_page(request, form, title=_("Change your words"), submit=_("Save"), lead=lead, back=f"/items/{item.ref}")
