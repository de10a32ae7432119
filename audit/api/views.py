"""The audit trail for programs: entries, proofs, versions. For those who may read it, and every look is an entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import selectors
from audit.access import KEY_SCOPES, READ
from audit.api.serializers import EntryPage, EntryWithLeaf, VersionPage, entry_body, version_body
from audit.explore import entries as explorer
from audit.explore import stood
from audit.explore.search import HINTS, QUALIFIERS, instant_or_none, query_of
from audit.services import record


class AuditView(APIView):
    """For those who may read the audit trail, by session or by key."""

    needs: tuple[str, ...] = (READ,)
    scopes: Mapping[str, tuple[str, ...]] = KEY_SCOPES


class Entries(AuditView):
    """Entries, newest first."""

    @extend_schema(
        operation_id="audit_entries",
        parameters=[
            *(OpenApiParameter(name, description=str(words)) for name, words in HINTS.items()),
            OpenApiParameter(
                "q", description="A query as in the search box: words, quoted words, qualifiers such as `actor:tom`, `-` takes away."
            ),
            OpenApiParameter(
                "looks",
                enum=["show", "hide"],
                description="`hide` leaves looks at the trail and notices out, as the page does. All entries when absent.",
            ),
            OpenApiParameter("cursor"),
            OpenApiParameter("limit", type=OpenApiTypes.INT, description="1 to 200, 50 when absent."),
        ],
        responses=EntryPage,
    )
    def get(self, request: Request) -> Response:
        given = request.query_params
        query = query_of(**{name: given.get(name, "") for name in (*QUALIFIERS, "q")})
        looks, limit = given.get("looks", "show"), explorer.limit_of(given.get("limit", ""))
        if looks not in {"show", "hide"}:
            raise ValidationError({"looks": ValidationError(_("Choose show or hide."), code="looks_unknown")})
        page = explorer.entries(query, cursor=given.get("cursor", ""), limit=limit, looks=looks == "show")
        if query.terms and not given.get("cursor"):
            record("audit.searched", detail={"query": str(query)})
        return Response({"results": [entry_body(row) for row in page.rows], "next": page.next, "not_indexed": page.waiting})


class OneEntry(AuditView):
    """One entry by its place in the log, with the bytes that were sealed."""

    @extend_schema(operation_id="audit_entry", responses=EntryWithLeaf)
    def get(self, request: Request, seq: int) -> Response:
        try:
            row, leaf = explorer.entry_at(seq)
        except explorer.NoSuchRecord as error:
            raise Http404 from error
        record("audit.entry-read", model=row.entry.model, object_id=row.entry.object, detail={"entry": seq})
        return Response(entry_body(row) | {"leaf": bytes(leaf.data).decode()})


class Proof(AuditView):
    """The proof that an entry is in the log (C2SP tlog-proof)."""

    @extend_schema(operation_id="audit_proof", responses={(200, "text/plain"): OpenApiResponse(OpenApiTypes.STR)})
    def get(self, request: Request, seq: int) -> HttpResponse:
        try:
            text = str(selectors.proof(seq))
        except selectors.NotInLog as error:
            raise Http404 from error
        record("audit.proof-taken", detail={"entry": seq})
        return HttpResponse(text, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


class Versions(AuditView):
    """The versions of a record, oldest first; with `at`, only the one in force at that time."""

    @extend_schema(
        operation_id="audit_versions", parameters=[OpenApiParameter("at", description="Date or time, UTC.")], responses=VersionPage
    )
    def get(self, request: Request, model: str, object_id: str) -> Response:
        at = instant_or_none(request.query_params.get("at", ""))
        try:
            found = stood.version_list(model, object_id) if at is None else [stood.as_it_stood(model, object_id, at)]
        except explorer.NoSuchRecord as error:
            raise Http404 from error
        record("audit.record-read", model=model, object_id=object_id, detail={"at": at.isoformat()} if at else {})
        results: list[dict[str, Any]] = [version_body(version) for version in found if version is not None]
        return Response({"results": results, "next": None})
