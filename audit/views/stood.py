"""Records, lists and timelines as they stood, and the one way to restore a record. Read only, but for that; each look is an entry."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from audit import subjects
from audit.access import needing, readers
from audit.explore import entries as explorer
from audit.explore import restoring, stood
from audit.explore.entries import NoSuchRecord
from audit.explore.timeline import ACTS, kinds_of, timeline
from audit.forms import CompareForm, RestoreForm
from audit.history import governed_models
from audit.services import record

# The lists that people come for.
_FIRST = ("governance.pilot", "governance.expansionrequest", "governance.signature", "portal.person", "portal.roleassignment")


@readers
@never_cache
@require_safe
def record_page(request: HttpRequest, model: str, object_id: str) -> HttpResponse:
    """Everything about one record: its entries, the record as it stood (`?at=`), two versions compared (`?a=&b=`)."""
    cursor, looks = request.GET.get("cursor", ""), request.GET.get("looks") == "show"
    page = explorer.entries_of(model, object_id, cursor=cursor, looks=looks)
    if not page.rows and page.hidden:
        page = explorer.entries_of(model, object_id, cursor=cursor)
    if not page.rows:
        raise Http404
    shown: dict[str, Any] = {
        "page": page,
        "model": model,
        "object_id": object_id,
        "name": next((row.record for row in page.rows if row.entry.ver), page.rows[0].record),
        "may_restore": request.user.has_perm("audit.restore") and subjects.restorable(model) is not None,
    }
    try:
        shown |= _state(request, model, object_id) if stood.model_called(model) else {}
    except NoSuchRecord as error:
        raise Http404 from error
    state = shown.get("new") or shown.get("version") or shown.get("newest")
    shown["links"] = subjects.links(model, object_id, state.values if state else {})
    shown["subject"] = subjects.key_of_record(model, object_id) if "governed" in shown else None
    record("audit.record-read", model=model, object_id=object_id, detail=_asked(request, "at", "a", "b"))
    return render(request, "audit/record.html", shown)


def _state(request: HttpRequest, model: str, object_id: str) -> dict[str, Any]:
    """What a governed record's page shows besides its entries; ValidationError for a time or number that is none."""
    at = stood.past_or_none(request.GET.get("at", ""))
    newest = stood.as_it_stood(model, object_id)
    if newest is None:
        raise NoSuchRecord(object_id)
    if "a" in request.GET or "b" in request.GET:
        form = CompareForm(request.GET)
        if not form.is_valid():
            raise ValidationError({name: problems.as_data() for name, problems in form.errors.items()})
        first, second = sorted((form.cleaned_data["a"], form.cleaned_data["b"]))
        if second > newest.ver:
            raise ValidationError(_("It has versions 1 to %(most)s. Choose two of them.") % {"most": newest.ver}, code="version_unknown")
        if first == second:
            raise ValidationError(_("This is one version twice. Choose two different ones."), code="same_version")
        old, new = stood.numbered(model, object_id, first, second)
        return {"governed": True, "old": old, "new": new, "newest": newest, "changes": stood.difference(old, new)}
    version = newest if at is None else stood.as_it_stood(model, object_id, at)
    before, after = stood.around(model, object_id, version)
    named = stood.with_names(model, version, at or timezone.now()) if version else None
    return {"governed": True, "at": at, "version": named, "newest": newest, "before": before, "after": after}


@readers
@never_cache
@require_safe
def lists(request: HttpRequest) -> HttpResponse:
    """Which lists there are: one for each kind of governed record."""
    kinds = sorted(
        ((model._meta.label_lower, stood.words_of(model, plural=True)) for model in governed_models()),
        key=lambda kind: (_FIRST.index(kind[0]) if kind[0] in _FIRST else len(_FIRST), kind[1]),
    )
    return render(request, "audit/lists.html", {"kinds": kinds, "at": stood.past_or_none(request.GET.get("at", ""))})


@readers
@never_cache
@require_safe
def list_page(request: HttpRequest, model: str) -> HttpResponse:
    """All records of a kind as they stood at `?at=` (now without it), narrowed by what they refer to (`?system_id=3`)."""
    at = stood.past_or_none(request.GET.get("at", ""))
    of = {name: request.GET[name] for name in request.GET if name not in {"at", "cursor"} and request.GET[name]}
    cursor = request.GET.get("cursor", "")
    try:
        found = stood.listing(model, at or timezone.now(), of=of, cursor=cursor)
    except NoSuchRecord as error:
        raise Http404 from error
    if not cursor:
        record("audit.list-read", model=model, detail=_asked(request, "at", *of))
    title = stood.words_of(stood.governed(model), plural=True)
    shown = {"list": found, "model": model, "title": title, "at": at, "of": of, "now": timezone.now()}
    return render(request, "audit/list.html", shown | {"first": cursor})


@readers
@never_cache
@require_safe
def timeline_page(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    """Everything recorded about a pilot, a request, an item; of a person their acts of governance alone."""
    try:
        subject = subjects.subject_of(kind, key)
    except subjects.NoSuchSubject as error:
        raise Http404 from error
    only, cursor = request.GET.get("only", ""), request.GET.get("cursor", "")
    page = timeline(subject, kind=only, cursor=cursor, looks=only == ACTS or request.GET.get("looks") == "show")
    if not cursor:
        told = {"kind": subject.kind, "key": subject.key} | _asked(request, "only")
        record("audit.subject-read", model=subject.model, object_id=subject.object_id, detail=told)
    shown = {"subject": subject, "timeline": page, "kinds": kinds_of(subject), "only": only, "cursor": cursor, "now": timezone.now()}
    return render(request, "audit/timeline.html", shown)


@needing("audit.restore")
@never_cache
@require_http_methods(["GET", "POST"])
def restore(request: HttpRequest, model: str, object_id: str) -> HttpResponse:
    """What restoring a version (`?version=`) would change; by POST, with the reason, it is done."""
    if "version" not in request.GET and request.method != "POST":
        return redirect("audit-record", model, object_id)  # where one is chosen
    number = restoring.number_of(request.GET.get("version", ""))
    form = RestoreForm(request.POST if request.method == "POST" else None)
    try:
        if form.is_bound and (new := _restored(form, model, object_id, number)):
            messages.success(request, _("Restored: version %(new)s has the values of version %(old)s.") % {"new": new.ver, "old": number})
            return redirect("audit-record", model, object_id)
        preview = restoring.preview(model, object_id, number)
    except NoSuchRecord as error:
        raise Http404 from error
    record("audit.record-read", model=model, object_id=object_id, detail={"restore": number})
    shown = {"preview": preview, "form": form, "name": stood.name_of(model, object_id, preview.version.values)}
    return render(request, "audit/restore.html", shown, status=422 if form.is_bound else 200)


def _restored(form: RestoreForm, model: str, object_id: str, number: int) -> stood.Version | None:
    """The new version; None when something in the form needs changing."""
    if not form.is_valid():
        return None
    try:
        return restoring.restore(model, object_id, number, current=form.cleaned_data["current"], reason=form.cleaned_data["reason"])
    except ValidationError as error:
        for problem in error.messages:
            form.add_error("reason" if hasattr(error, "error_dict") and "reason" in error.error_dict else None, problem)
        return None


def _asked(request: HttpRequest, *names: str) -> dict[str, str]:
    return {name: request.GET[name] for name in names if request.GET.get(name)}
