"""The audit explorer: search the entries, read one with its proof, see a record as it stood. Looking is an entry, too."""

from __future__ import annotations

import base64
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit import explorer, selectors
from audit.access import readers
from audit.forms import CompareForm
from audit.search import Query, instant_or_none, parse
from audit.services import record


@readers
@never_cache
@require_safe
def entries(request: HttpRequest) -> HttpResponse:
    """The list. A query that cannot be read shows its error and no rows (422)."""
    text, cursor = request.GET.get("q", ""), request.GET.get("cursor", "")
    shown: dict[str, Any] = {"q": text, "cursor": cursor, "seal": selectors.seal_state()}
    try:
        query = parse(text)
    except ValidationError as error:
        return render(request, "audit/entries.html", shown | {"error": error.messages[0], "query": Query(())}, status=422)
    page = explorer.entries(query, cursor=cursor)
    if query.terms and not cursor:
        record("audit.searched", detail={"query": str(query)})
    chips = [(term, str(query.without(term))) for term in query.terms]
    return render(request, "audit/entries.html", shown | {"page": page, "query": query, "chips": chips})


@readers
@never_cache
@require_safe
def entry(request: HttpRequest, seq: int) -> HttpResponse:
    """One entry: who, when, why, what changed, and the proof that it is in the log."""
    try:
        row, leaf = explorer.entry_at(seq)
        proof = selectors.proof(seq) if seq < selectors.log_size() else None
    except explorer.NoSuchRecord as error:
        raise Http404 from error
    record("audit.entry-read", model=row.entry.model, object_id=row.entry.object, detail={"entry": seq})
    shown = {
        "row": row,
        "leaf": bytes(leaf.data).decode(),
        "proof": proof,
        "hashes": [base64.b64encode(hash_).decode() for hash_ in proof.hashes] if proof else [],
        "seal": selectors.seal_state(),
        "governed": explorer.model_called(row.entry.model) is not None,
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


@readers
@never_cache
@require_safe
def record_page(request: HttpRequest, model: str, object_id: str) -> HttpResponse:
    """Everything about one record: its timeline, the record as it stood (`?at=`), two versions compared (`?a=&b=`)."""
    page = explorer.entries_of(model, object_id, cursor=request.GET.get("cursor", ""))
    if not page.rows:
        raise Http404
    shown: dict[str, Any] = {
        "page": page,
        "model": model,
        "object_id": object_id,
        "name": next((row.record for row in page.rows if row.entry.ver), page.rows[0].record),
    }
    shown |= _state(request, model, object_id) if explorer.model_called(model) else {}
    record(
        "audit.record-read",
        model=model,
        object_id=object_id,
        detail={name: value for name, value in request.GET.items() if name in {"at", "a", "b"}},
    )
    return render(request, "audit/record.html", shown)


def _state(request: HttpRequest, model: str, object_id: str) -> dict[str, Any]:
    """What a governed record's page shows besides its timeline; ValidationError for a time or number that is none."""
    at = instant_or_none(request.GET.get("at", ""))
    try:
        if "a" in request.GET or "b" in request.GET:
            form = CompareForm(request.GET)
            if not form.is_valid():
                raise ValidationError({name: problems.as_data() for name, problems in form.errors.items()})
            old, new = explorer.numbered(model, object_id, *sorted((form.cleaned_data["a"], form.cleaned_data["b"])))
            return {"governed": True, "old": old, "new": new, "changes": explorer.difference(old, new)}
        newest = explorer.versions(model, object_id).last()
        if at is None:
            at_version = explorer.as_it_stood(model, object_id, newest.history_date) if newest else None
            return {"governed": True, "version": at_version}
        return {"governed": True, "at": at, "version": explorer.as_it_stood(model, object_id, at)}
    except explorer.NoSuchRecord as error:
        raise Http404 from error
