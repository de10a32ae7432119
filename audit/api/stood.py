"""Lists, timelines, comparisons and restores for programs. Reading is an entry; restoring needs `audit.restore`."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit import subjects
from audit.access import KEY_SCOPES
from audit.api.once import ONCE, once
from audit.api.serializers import EntryPage, VersionBody, entry_body, version_body
from audit.api.views import AuditView
from audit.explore import entries as explorer
from audit.explore import restoring, stood
from audit.explore.entries import NoSuchRecord
from audit.explore.timeline import timeline
from audit.forms import CompareForm
from audit.log.canonical import render_time
from audit.services import record

AT = OpenApiParameter("at", description="Date or time, UTC; now when absent.")
PAGE = (OpenApiParameter("cursor"), OpenApiParameter("limit", type=OpenApiTypes.INT, description="1 to 200, 50 when absent."))


class ListedBody(serializers.Serializer[Any]):
    """One record as it stood: short values by column. `erased_at` says when its content was erased."""

    key = serializers.CharField()
    cells = serializers.DictField(child=serializers.CharField())
    at = serializers.DateTimeField()
    erased_at = serializers.DateTimeField(allow_null=True)


class ListPage(serializers.Serializer[Any]):
    results = ListedBody(many=True)
    next = serializers.CharField(allow_null=True)


class PartBody(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(["same", "removed", "added"])
    text = serializers.CharField()


class DifferenceBody(serializers.Serializer[Any]):
    """One field that differs; `parts` word by word, with long stretches that did not change left out in their middle."""

    field = serializers.CharField()
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)
    parts = PartBody(many=True)


class Comparison(serializers.Serializer[Any]):
    old = VersionBody()
    new = VersionBody()
    differences = DifferenceBody(many=True)


class RestorePreview(serializers.Serializer[Any]):
    """What a restore would do. Send `current` back with it. A `refusal` that is not empty says why it cannot be done."""

    version = serializers.IntegerField()
    current = serializers.IntegerField()
    deleted = serializers.BooleanField()
    changes = DifferenceBody(many=True)
    kept = DifferenceBody(many=True)
    refusal = serializers.CharField(allow_blank=True)


class RestoreBody(serializers.Serializer[Any]):
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    current = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    reason = serializers.CharField(max_length=restoring.LONGEST_REASON)


def _difference(one: stood.Difference) -> dict[str, Any]:
    parts = [{"kind": part.kind, "text": part.text} for part in one.parts]
    return {"field": one.field, "before": one.before, "after": one.after, "parts": parts}


class Lists(AuditView):
    """All records of a kind as they stood."""

    @extend_schema(
        operation_id="audit_list",
        parameters=[AT, *PAGE, OpenApiParameter("of", description="What they refer to, as `column:key` (`system_id:3`); several narrow.")],
        responses=ListPage,
    )
    def get(self, request: Request, model: str) -> Response:
        given = request.query_params
        at = stood.past_or_none(given.get("at", "")) or timezone.now()
        of = {name: key for name, _colon, key in (pair.partition(":") for pair in given.getlist("of"))}
        limit = explorer.limit_of(given.get("limit", ""))
        try:
            page = stood.listing(model, at, of=of, cursor=given.get("cursor", ""), limit=limit)
        except NoSuchRecord as error:
            raise Http404 from error
        if not given.get("cursor"):
            record("audit.list-read", model=model, detail={"at": at.isoformat()} | of)
        results = [
            {"key": row.key, "cells": row.cells, "at": render_time(row.at), "erased_at": render_time(row.erased.at) if row.erased else None}
            for row in page.rows
        ]
        return Response({"results": results, "next": page.next})


class Subjects(AuditView):
    """The timeline of a pilot, a request, an item; of a person their acts of governance alone."""

    @extend_schema(
        operation_id="audit_timeline",
        parameters=[OpenApiParameter("only", description="A kind of record (`governance.signature`), or `acts`."), *PAGE],
        responses=EntryPage,
    )
    def get(self, request: Request, kind: str, key: str) -> Response:
        given = request.query_params
        try:
            subject = subjects.subject_of(kind, key)
        except subjects.NoSuchSubject as error:
            raise Http404 from error
        only, limit = given.get("only", ""), explorer.limit_of(given.get("limit", ""))
        page = timeline(subject, kind=only, cursor=given.get("cursor", ""), limit=limit)
        if not given.get("cursor"):
            told = {"kind": subject.kind, "key": subject.key} | ({"only": only} if only else {})
            record("audit.subject-read", model=subject.model, object_id=subject.object_id, detail=told)
        return Response({"results": [entry_body(row) for row in page.rows], "next": page.next})


class Compare(AuditView):
    """Two versions of a record, field by field and word by word."""

    @extend_schema(
        operation_id="audit_compare",
        parameters=[OpenApiParameter(name, type=OpenApiTypes.INT, required=True, description="A version's number.") for name in "ab"],
        responses=Comparison,
    )
    def get(self, request: Request, model: str, object_id: str) -> Response:
        form = CompareForm(request.query_params)
        if not form.is_valid():
            raise serializers.ValidationError(form.errors.get_json_data())
        try:
            old, new = stood.numbered(model, object_id, *sorted((form.cleaned_data["a"], form.cleaned_data["b"])))
        except NoSuchRecord as error:
            raise Http404 from error
        record("audit.record-read", model=model, object_id=object_id, detail={"a": old.ver, "b": new.ver})
        differs = [_difference(one) for one in stood.difference(old, new)]
        return Response({"old": version_body(old), "new": version_body(new), "differences": differs})


class Restore(AuditView):
    """Restoring a version as a new change: what it would do, and doing it."""

    needs = ("audit.restore",)
    scopes = {**KEY_SCOPES, "POST": ("write",)}

    @extend_schema(
        operation_id="audit_restore_preview",
        parameters=[OpenApiParameter("version", type=OpenApiTypes.INT, required=True)],
        responses=RestorePreview,
    )
    def get(self, request: Request, model: str, object_id: str) -> Response:
        number = restoring.number_of(request.query_params.get("version", ""))
        try:
            found = restoring.preview(model, object_id, number)
        except NoSuchRecord as error:
            raise Http404 from error
        record("audit.record-read", model=model, object_id=object_id, detail={"restore": number})
        return Response(
            {
                "version": found.version.ver,
                "current": found.current.ver,
                "deleted": found.gone,
                "changes": [_difference(one) for one in found.changes],
                "kept": [_difference(one) for one in found.kept],
                "refusal": found.refusal,
            }
        )

    @extend_schema(operation_id="audit_restore", parameters=ONCE, request=RestoreBody, responses=VersionBody)
    @once
    def post(self, request: Request, model: str, object_id: str) -> Response:
        """409 `changed_meanwhile` when `current` is not the newest version any more, 409 `not_restorable` with the reason."""
        given = RestoreBody(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        try:
            new = restoring.restore(model, object_id, values["version"], current=values["current"], reason=values["reason"])
        except NoSuchRecord as error:
            raise Http404 from error
        return Response(version_body(new))
