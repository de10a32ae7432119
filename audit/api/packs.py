"""Export packs for programs: ask, follow, cancel, download. With a personal key of someone who may export."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.http import FileResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.access import KEY_SCOPES
from audit.api.once import ONCE, once
from audit.log.canonical import render_time
from audit.models import Pack
from audit.packs import asking
from audit.views.packs import EXPORT, actor_of, choice_of, file_answer

LIMIT = 50


class PackIn(serializers.Serializer[Any]):
    """What goes in: everything, what fits the query `q`, or the dossier of a subject."""

    kind = serializers.ChoiceField(choices=Pack.Kind.choices, required=False)
    q = serializers.CharField(required=False, allow_blank=True, max_length=400)
    subject_kind = serializers.CharField(required=False, allow_blank=True, max_length=20)
    subject_key = serializers.CharField(required=False, allow_blank=True, max_length=120)
    checkpoint = serializers.CharField(
        required=False, allow_blank=True, max_length=20_000, help_text="Text of a checkpoint that the reader keeps."
    )


class PackOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=Pack.State.choices)
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    problem = serializers.CharField()
    asked_by = serializers.UUIDField()
    asked_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    size = serializers.IntegerField()
    sha256 = serializers.CharField()


class PackPage(serializers.Serializer[Any]):
    results = PackOut(many=True)
    next = serializers.CharField(allow_null=True)


def pack_body(pack: Pack) -> dict[str, Any]:
    names = ("kind", "title", "state", "done", "total", "problem", "size", "sha256")
    return {
        "id": pack.pk,
        **{name: getattr(pack, name) for name in names},
        "asked_by": str(pack.asked_by),
        "asked_at": render_time(pack.asked_at),
        "expires_at": render_time(pack.expires_at) if pack.expires_at else None,
    }


class ExportView(APIView):
    """For those who may export."""

    needs = (EXPORT,)
    scopes = {**KEY_SCOPES, "POST": ("write",), "DELETE": ("write",)}


class Packs(ExportView):
    """Export packs, newest first."""

    @extend_schema(operation_id="audit_packs", parameters=[OpenApiParameter("cursor")], responses=PackPage)
    def get(self, request: Request) -> Response:
        cursor = request.query_params.get("cursor", "")
        rows = Pack.objects.order_by("-id")
        if cursor:
            if not re.fullmatch(r"[0-9]{1,18}", cursor, re.ASCII):
                raise ValidationError(_("This cursor is not one that this list handed out. Start again without it."), code="cursor_invalid")
            rows = rows.filter(pk__lt=int(cursor))
        found = list(rows[: LIMIT + 1])
        more = str(found[LIMIT - 1].pk) if len(found) > LIMIT else None
        return Response({"results": [pack_body(pack) for pack in found[:LIMIT]], "next": more})

    @extend_schema(operation_id="audit_pack_ask", parameters=ONCE, request=PackIn, responses={201: PackOut})
    @once
    def post(self, request: Request) -> Response:
        form = PackIn(data=request.data)
        form.is_valid(raise_exception=True)
        values = form.validated_data
        pack = asking.ask(choice_of(values), actor=actor_of(), checkpoint=values.get("checkpoint", ""))
        return Response(pack_body(pack), status=201)


class OnePack(ExportView):
    """One pack: how far it is."""

    @extend_schema(operation_id="audit_pack", responses=PackOut)
    def get(self, request: Request, pk: int) -> Response:
        return Response(pack_body(get_object_or_404(Pack, pk=pk)))

    @extend_schema(operation_id="audit_pack_cancel", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        asking.cancel(get_object_or_404(Pack, pk=pk))
        return Response(status=204)


class PackFile(ExportView):
    """The zip of a finished pack. Each download is an entry."""

    @extend_schema(operation_id="audit_pack_file", responses={(200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY)})
    def get(self, request: Request, pk: int) -> FileResponse:
        return file_answer(get_object_or_404(Pack, pk=pk))
