"""The audit explorer: search the entries, read one with its proof. Looking is an entry, too."""

from __future__ import annotations

import base64
import re
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit import selectors, subjects
from audit.access import readers
from audit.explore import entries as explorer
from audit.explore import stood
from audit.explore.saved import NoSuchView, view_of
from audit.explore.search import HINTS, Query, Term, parse, suggestions
from audit.keeping.erased import erased_on
from audit.models import SavedView
from audit.services import record


@readers
@never_cache
@require_safe
def entries(request: HttpRequest) -> HttpResponse:
    """The list: what fits `q`, or a saved view (`?view=`), of which `new` asks for the places from there on.

    A query that cannot be read shows its error and no rows (422). A search is an entry, its further pages are none.
    """
    view = _view(request)
    text, cursor = request.GET.get("q", view.query if view else ""), request.GET.get("cursor", "")
    shown: dict[str, Any] = {"q": text, "cursor": cursor, "view": view, "seal": selectors.seal_state(), "hints": HINTS.items()}
    try:
        query = _query(request, text)
    except ValidationError as error:
        return render(request, "audit/entries.html", shown | {"error": error.messages[0], "query": Query(())}, status=422)
    looks = request.GET.get("looks") == "show" or bool(request.GET.get("new"))
    page = explorer.entries(query, cursor=cursor, looks=looks)
    if query.terms and not cursor:
        record("audit.searched", detail={"query": str(query)} | ({"view": view.pk} if view else {}))
    chips = [(term, str(query.without(term))) for term in query.terms]
    shown |= {"q": str(query) if query.terms else text, "page": page, "query": query, "chips": chips}
    return render(request, "audit/entries.html", shown | {"suggestions": suggestions(str(query))})


@readers
@never_cache
@require_safe
def entry(request: HttpRequest, seq: int) -> HttpResponse:
    """One entry: who, when, why, what changed, and the proof that it is in the log. Beside the list (htmx) its main part alone."""
    try:
        row, leaf = explorer.entry_at(seq)
        proof = selectors.proof(seq) if seq < selectors.log_size() else None
    except explorer.NoSuchRecord as error:
        raise Http404 from error
    record("audit.entry-read", model=row.entry.model, object_id=row.entry.object, detail={"entry": seq})
    shown: dict[str, Any] = {
        "row": row,
        "governed": stood.model_called(row.entry.model) is not None,
        "links": subjects.links(row.entry.model, row.entry.object, row.values),
        "erasure": erased_on([row.entry.pk]).get(row.entry.pk) if row.erased else None,
    }
    if request.headers.get("HX-Request"):
        return render(request, "audit/_entry.html", shown)
    shown |= {
        "leaf": bytes(leaf.data).decode(),
        "proof": proof,
        "hashes": [base64.b64encode(hash_).decode() for hash_ in proof.hashes] if proof else [],
        "seal": selectors.seal_state(),
    }
    return render(request, "audit/entry.html", shown)


@readers
@require_safe
def proof(request: HttpRequest, seq: int) -> HttpResponse:
    """The proof as a tlog-proof file, which verifies without this server."""
    try:
        text = str(selectors.proof(seq))
    except selectors.NotInLog as error:
        raise Http404 from error
    record("audit.proof-taken", detail={"entry": seq})
    headers = {"Content-Disposition": f'attachment; filename="entry-{seq}.tlog-proof"', "Cache-Control": "no-store"}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


def _view(request: HttpRequest) -> SavedView | None:
    number = request.GET.get("view", "")
    if not number:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", number, re.ASCII):
        raise Http404
    try:
        return view_of(int(number), request.user.pk)  # type: ignore[arg-type]  # audit knows no model of people
    except NoSuchView as error:
        raise Http404 from error


def _query(request: HttpRequest, text: str) -> Query:
    """The query of the box, narrowed to places that are new since `new`."""
    query, new = parse(text), request.GET.get("new", "")
    if not new:
        return query
    return Query((*query.terms, Term("seq", f"{new}-"))).checked()
