"""What the audit trail covers, as a page and as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit.access import readers
from audit.log.canonical import render_time
from audit.review import coverage
from audit.services import record


@readers
@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Models, fields, triggers, entries; tables that are not covered, with the reason; writes without an actor."""
    found = coverage.report()
    record("audit.coverage-read")
    return render(request, "audit/coverage.html", {"coverage": found})


@readers
@never_cache
@require_safe
def table(request: HttpRequest) -> HttpResponse:
    """The same as CSV: one row a table."""
    found = coverage.report()
    record("audit.coverage-read", detail={"as": "csv"})
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["table", "model", "covered", "recorded", "excluded", "entries", "last entry (UTC)", "finding or reason"])
    for one in found.governed:
        last = render_time(one.last) if one.last else ""
        rows.writerow(
            [
                one.table,
                one.model,
                "yes",
                " ".join(one.recorded),
                " ".join(name for name, _why in one.excluded),
                one.entries,
                last,
                " ".join(one.wrong),
            ]
        )
    for other in found.others:
        rows.writerow([other.table, "", "no", "", "", "", "", other.reason or "Nobody has said why."])
    headers = {"Content-Disposition": 'attachment; filename="coverage.csv"', "Cache-Control": "no-store"}
    return HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)
