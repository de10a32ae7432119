"""Retention, legal holds and erasures for programs. Keys read; whatever is decided needs a session and a password."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.access import KEY_SCOPES
from audit.api.once import ONCE, once
from audit.keeping import erasure, holds, retention
from audit.keeping import overview as keeping
from audit.keeping.forms import confirmed, keeper
from audit.models.keeping import ErasureRequest, LegalHold
from audit.services import record


class KeepingView(APIView):
    """For `audit.keep`, by session; keys may read."""

    needs = ("audit.keep",)
    scopes = KEY_SCOPES


class GoingOut(serializers.Serializer[Any]):
    what = serializers.CharField()
    count = serializers.IntegerField()
    held = serializers.IntegerField()
    oldest = serializers.DateTimeField(allow_null=True)
    newest = serializers.DateTimeField(allow_null=True)


class PreviewOut(serializers.Serializer[Any]):
    """What would go. Send `digest` back to confirm exactly this."""

    days = serializers.IntegerField(allow_null=True)
    cutoff = serializers.DateTimeField(allow_null=True)
    going = GoingOut(many=True)
    digest = serializers.CharField()


class ClassOut(serializers.Serializer[Any]):
    """A data class. `confirmed` false: kept for ever, until somebody confirms a time."""

    data_class = serializers.CharField()
    keep_days = serializers.IntegerField(allow_null=True)
    confirmed = serializers.BooleanField()
    suggested_days = serializers.IntegerField(allow_null=True)
    floor_days = serializers.IntegerField()
    seen_by = serializers.CharField()
    erasable = serializers.CharField()


class ClassPage(serializers.Serializer[Any]):
    results = ClassOut(many=True)
    next = serializers.CharField(allow_null=True)


class PasswordIn(serializers.Serializer[Any]):
    password = serializers.CharField(trim_whitespace=False)


class RetentionIn(PasswordIn):
    days = serializers.IntegerField(allow_null=True)
    digest = serializers.CharField(max_length=64)


class HoldIn(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=LegalHold.Kind.choices)
    what = serializers.CharField(max_length=400)
    reason = serializers.CharField(max_length=2000)


class ReleaseIn(PasswordIn):
    reason = serializers.CharField(max_length=2000)


class HoldOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    what = serializers.CharField()
    reason = serializers.CharField()
    in_force = serializers.BooleanField()
    placed_by = serializers.CharField()
    placed_at = serializers.DateTimeField()
    release_asked_by = serializers.CharField()
    release_reason = serializers.CharField()
    released_by = serializers.CharField()
    released_at = serializers.DateTimeField(allow_null=True)


class HoldPage(serializers.Serializer[Any]):
    results = HoldOut(many=True)
    next = serializers.CharField(allow_null=True)


class ErasureIn(PasswordIn):
    person = serializers.CharField(max_length=200)
    why = serializers.ChoiceField(choices=ErasureRequest.Why.choices)
    reference = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")


class ErasureOut(serializers.Serializer[Any]):
    """`certificate` once it is done. `person` is the pseudonym."""

    id = serializers.UUIDField()
    person = serializers.CharField()
    state = serializers.CharField()
    why = serializers.CharField()
    reference = serializers.CharField()
    refused = serializers.CharField()
    asked_at = serializers.DateTimeField()
    confirmed_at = serializers.DateTimeField(allow_null=True)
    done_at = serializers.DateTimeField(allow_null=True)
    certificate = serializers.JSONField(allow_null=True)


class ErasurePage(serializers.Serializer[Any]):
    results = ErasureOut(many=True)
    next = serializers.CharField(allow_null=True)


class RetentionTable(KeepingView):
    """Every data class: how long it is kept, who sees it, whether it can be erased. Few: one page holds them."""

    @extend_schema(operation_id="audit_retention", responses=ClassPage)
    def get(self, request: Request) -> Response:
        record("audit.keeping-read")
        return Response({"results": [_class(kept) for kept in retention.table()], "next": None})


class RetentionOf(KeepingView):
    """One data class: what would go (GET, nothing is done), and putting it in force (POST)."""

    @extend_schema(
        operation_id="audit_retention_preview",
        parameters=[OpenApiParameter("days", int, description="Empty: for ever.")],
        responses=PreviewOut,
    )
    def get(self, request: Request, name: str) -> Response:
        text = request.query_params.get("days", "")
        if text and not (text.isascii() and text.isdecimal() and len(text) < 9):
            raise ValidationError({"days": ValidationError(_("Write a whole number of days."), code="invalid")})
        return Response(PreviewOut(_preview(name, int(text) if text else None)).data)

    @extend_schema(operation_id="audit_retention_confirm", request=RetentionIn, responses=ClassOut)
    def post(self, request: Request, name: str) -> Response:
        given = _read(RetentionIn, request)
        _preview(name, given["days"])
        confirmed(request, given["password"], given["digest"])
        retention.confirm(name, given["days"], actor=keeper(request), digest=given["digest"])
        return Response(_class(retention.kept(name)))


class Holds(KeepingView):
    """Legal holds, those in force first."""

    @extend_schema(operation_id="audit_holds", responses=HoldPage)
    def get(self, request: Request) -> Response:
        record("audit.keeping-read")
        return Response({"results": [_hold(row) for row in keeping.hold_rows(keeping.holds())], "next": None})

    @extend_schema(operation_id="audit_holds_place", parameters=ONCE, request=HoldIn, responses={201: HoldOut})
    @once
    def post(self, request: Request) -> Response:
        hold = holds.place(actor=keeper(request), **_read(HoldIn, request))
        return Response(_one(hold), status=201, headers={"Location": f"/api/v1/audit/holds/{hold.pk}"})


class OneHold(KeepingView):
    @extend_schema(operation_id="audit_hold", responses=HoldOut)
    def get(self, request: Request, pk: int) -> Response:
        return Response(_one(get_object_or_404(LegalHold, pk=pk)))


class HoldRelease(KeepingView):
    """The first of two: ask for the release."""

    @extend_schema(operation_id="audit_hold_release", request=ReleaseIn, responses=HoldOut)
    def post(self, request: Request, pk: int) -> Response:
        hold = get_object_or_404(LegalHold, pk=pk)
        given = _read(ReleaseIn, request)
        confirmed(request, given["password"], holds.release_digest(hold, given["reason"]))
        return Response(_one(holds.ask_release(hold, actor=keeper(request), reason=given["reason"])))


class HoldConfirm(KeepingView):
    """The second of two: somebody else confirms the release."""

    @extend_schema(operation_id="audit_hold_confirm", request=PasswordIn, responses=HoldOut)
    def post(self, request: Request, pk: int) -> Response:
        hold = get_object_or_404(LegalHold, pk=pk)
        confirmed(request, _read(PasswordIn, request)["password"], holds.release_digest(hold, hold.release_reason))
        return Response(_one(holds.confirm_release(hold, actor=keeper(request))))


class HoldKeep(KeepingView):
    """Turn a release down: the hold stays."""

    @extend_schema(operation_id="audit_hold_keep", parameters=ONCE, request=None, responses=HoldOut)
    @once
    def post(self, request: Request, pk: int) -> Response:
        return Response(_one(holds.keep_on(get_object_or_404(LegalHold, pk=pk), actor=keeper(request))))


class Erasures(KeepingView):
    """Erasures of people, newest first."""

    @extend_schema(operation_id="audit_erasures", responses=ErasurePage)
    def get(self, request: Request) -> Response:
        record("audit.keeping-read")
        return Response({"results": [_erasure(one) for one in keeping.erasures()], "next": None})

    @extend_schema(operation_id="audit_erasures_ask", request=ErasureIn, responses={201: ErasureOut})
    def post(self, request: Request) -> Response:
        given = _read(ErasureIn, request)
        confirmed(request, given.pop("password"), f"audit.erasure-asked:{given['person']}")
        asked = erasure.ask(actor=keeper(request), **given)
        return Response(_erasure(asked), status=201, headers={"Location": f"/api/v1/audit/erasures/{asked.pk}"})


class OneErasure(KeepingView):
    """One erasure, with its certificate once it is done."""

    @extend_schema(operation_id="audit_erasure", responses=ErasureOut)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        asked = get_object_or_404(ErasureRequest, pk=pk)
        if asked.done_at:
            record("audit.certificate-read", obj=asked)
        return Response(_erasure(asked))


class ErasureConfirm(KeepingView):
    """The second of two: the worker erases within seconds."""

    @extend_schema(operation_id="audit_erasure_confirm", request=PasswordIn, responses=ErasureOut)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        asked = get_object_or_404(ErasureRequest, pk=pk)
        confirmed(request, _read(PasswordIn, request)["password"], erasure.confirm_digest(asked))
        return Response(_erasure(erasure.confirm(asked, actor=keeper(request))))


class ErasureWithdraw(KeepingView):
    @extend_schema(operation_id="audit_erasure_withdraw", parameters=ONCE, request=None, responses=ErasureOut)
    @once
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Nothing is erased; possible until it is done."""
        return Response(_erasure(erasure.withdraw(get_object_or_404(ErasureRequest, pk=pk), actor=keeper(request))))


def _read(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    given = shape(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def _preview(name: str, days: int | None) -> retention.Preview:
    try:
        return retention.preview(name, days)
    except LookupError as error:
        raise Http404 from error


def _class(kept: retention.Kept) -> dict[str, Any]:
    one = kept.data_class
    return {
        "data_class": one.name,
        "keep_days": kept.keep_days,
        "confirmed": kept.policy is not None,
        "suggested_days": one.suggested,
        "floor_days": one.floor,
        "seen_by": str(one.seen_by),
        "erasable": str(one.erasable),
    }


def _one(hold: LegalHold) -> dict[str, Any]:
    return _hold(keeping.hold_rows([hold])[0])


def _hold(row: dict[str, Any]) -> dict[str, Any]:
    hold = row["hold"]
    own = {name: getattr(hold, name) for name in ("kind", "reason", "in_force", "placed_at", "release_reason", "released_at")}
    return {"id": hold.pk, **own, **{name: value for name, value in row.items() if name != "hold"}}


def _erasure(asked: ErasureRequest) -> dict[str, Any]:
    own = {name: getattr(asked, name) for name in ("state", "why", "reference", "refused", "asked_at", "confirmed_at", "done_at")}
    return {"id": asked.pk, "person": f"p:{asked.person}", **own, "certificate": erasure.certificate(asked) if asked.done_at else None}
