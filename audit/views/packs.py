"""Export packs for people: the list, asking for one, its progress, the download. Each step is an entry."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit.access import needing
from audit.context import current
from audit.explore.entries import labels
from audit.forms import PackForm
from audit.models import Entry, Pack
from audit.packs import asking
from audit.packs.selection import Choice
from audit.services import NobodyActs

EXPORT = "audit.export"
MOST = 100
exporters = needing(EXPORT)


def actor_of() -> Any:
    """The pseudonym of whoever acts."""
    actor = current().actor
    if actor is None:
        raise NobodyActs("A pack was asked for outside audit.context.acting.")
    return actor


def choice_of(values: dict[str, Any]) -> Choice:
    """A Choice from the form's or the interface's names; without a kind: the query where there is one, else everything."""
    query = values.get("q") or ""
    kind = values.get("kind") or (Pack.Kind.QUERY if query else Pack.Kind.ALL)
    return Choice(kind, query, values.get("subject_kind") or "", values.get("subject_key") or "")


@exporters
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def packs(request: HttpRequest) -> HttpResponse:
    """The list; a POST asks for one (`q` alone is enough) and leads to its page."""
    if request.method == "POST":
        return _ask(request)
    found = list(Pack.objects.order_by("-id")[:MOST])
    names = labels({pack.asked_by for pack in found})
    return render(request, "audit/packs.html", {"rows": [(pack, names.get(pack.asked_by, "–")) for pack in found]})


@exporters
@never_cache
@require_safe
def new(request: HttpRequest) -> HttpResponse:
    initial = {name: request.GET[name] for name in ("kind", "q", "subject_kind", "subject_key") if name in request.GET}
    return render(request, "audit/pack_new.html", {"form": PackForm(initial=initial)})


def _ask(request: HttpRequest) -> HttpResponse:
    data = request.POST.copy()
    data.setdefault("kind", choice_of({"q": data.get("q", "")}).kind)
    form = PackForm(data)
    if form.is_valid():
        try:
            pack = asking.ask(choice_of(form.cleaned_data), actor=actor_of(), checkpoint=form.cleaned_data["checkpoint"])
        except ValidationError as error:
            for name, problems in _problems(error).items():
                form.add_error({"query": "q"}.get(name, name) if name != NON_FIELD_ERRORS else "q", problems)
        else:
            return redirect(pack)
    return render(request, "audit/pack_new.html", {"form": form}, status=422)


def _problems(error: ValidationError) -> dict[str, Any]:
    return error.error_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.error_list}


@exporters
@never_cache
@require_safe
def pack(request: HttpRequest, pk: int) -> HttpResponse:
    """One pack: how far it is (asked again every two seconds until it is finished), then the file."""
    found = Pack.objects.filter(pk=pk).first()
    if found is None:
        return _gone(request, pk)
    shown = {"pack": found, "asker": labels([found.asked_by]).get(found.asked_by, "–")}
    if request.headers.get("HX-Request"):
        # A finished pack needs its whole page: the button, and no more polling.
        answer = render(request, "audit/_pack_progress.html", shown)
        if not found.unfinished:
            answer["HX-Refresh"] = "true"
        return answer
    return render(request, "audit/pack.html", shown)


def _gone(request: HttpRequest, pk: int) -> HttpResponse:
    """A pack that was here: when it was deleted, and why. 404 for one that never was."""
    deleted = Entry.objects.filter(action="audit.export-deleted", model="audit.pack", object=str(pk)).first()
    if deleted is None:
        raise Http404
    return render(request, "audit/pack_gone.html", {"number": f"P-{pk}", "deleted": deleted}, status=410)


@exporters
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    asking.cancel(get_object_or_404(Pack, pk=pk))
    messages.success(request, _("Cancelled."))
    return redirect("audit-packs")


@exporters
@require_safe
def download(request: HttpRequest, pk: int) -> Any:
    """The zip, streamed. Each download is an entry."""
    found = Pack.objects.filter(pk=pk).first()
    return file_answer(found) if found is not None else _gone(request, pk)


def file_answer(found: Pack) -> FileResponse:
    """The file as an answer; raises Conflict when there is none to give."""
    return FileResponse(
        asking.take(found),
        as_attachment=True,
        filename=found.file,
        content_type="application/zip",
        headers={"Cache-Control": "no-store", "Content-Length": str(found.size)},
    )
