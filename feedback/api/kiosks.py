"""Kiosks for programs: GET, POST /kiosks, POST /kiosks/{id}/code, DELETE /kiosks/{id}. And withdrawing what a proxy filed."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feedback import qr, receipts
from feedback.api import shapes
from feedback.api.joining import TakingPart, given
from feedback.models import Kiosk
from feedback.selectors.items import systems_to_tell_about
from feedback.selectors.kiosks import KEPT_BY, kept_by, units_kept_by
from feedback.services import kiosks, standing_in
from portal.api.idempotency import ONCE, idempotent
from portal.permissions import Allowed, person_of


class KioskIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    unit = serializers.CharField(help_text="The unit's path.")
    system = serializers.CharField(help_text="The AI system's slug.")
    staff_numbers = serializers.BooleanField(required=False, default=False, help_text="People may also give their staff number.")


class KioskOut(serializers.Serializer[Kiosk]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    unit = serializers.CharField()
    system = serializers.CharField()
    staff_numbers = serializers.BooleanField()
    address = serializers.CharField(help_text="What the QR code holds.")
    enrolled = serializers.BooleanField()
    last_used_on = serializers.DateField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class OneTimeCodeOut(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Shown in this answer and nowhere else.")
    ends_at = serializers.DateTimeField()


def shown(kiosk: Kiosk) -> dict[str, Any]:
    return {
        "id": kiosk.pk,
        "name": kiosk.name,
        "unit": kiosk.unit.path,
        "system": kiosk.system.slug,
        "staff_numbers": kiosk.staff_numbers,
        "address": qr.address(kiosk),
        "enrolled": kiosk.digest is not None,
        "last_used_on": kiosk.seen_on,
        "revoked_at": kiosk.revoked_at,
    }


class Keeping(APIView):
    permission_classes = (Allowed,)
    needs: tuple[str, ...] = KEPT_BY
    scopes = {"GET": "read", "POST": "write", "DELETE": "write"}

    def kiosk(self, request: Request, pk: int) -> Kiosk:
        return get_object_or_404(kept_by(person_of(request)), pk=min(pk, 2**63 - 1))


class Kiosks(Keeping):
    """Shared devices and printed codes of the units that one keeps."""

    @extend_schema(operation_id="kiosks_list", responses=KioskOut(many=True))
    def get(self, request: Request) -> Response:
        return Response([shown(kiosk) for kiosk in kept_by(person_of(request))])

    @extend_schema(operation_id="kiosks_make", parameters=ONCE, request=KioskIn, responses={201: KioskOut})
    @idempotent
    def post(self, request: Request) -> Response:
        values, person = given(request, KioskIn), person_of(request)
        unit = units_kept_by(person).filter(path=values["unit"]).first()
        system = systems_to_tell_about(person).select_related("unit").filter(slug=values["system"]).first()
        wrong = {"unit": unit, "system": system}
        if missing := [name for name, row in wrong.items() if row is None]:
            raise ValidationError({name: ValidationError(_("None of yours has this name."), code="unknown") for name in missing})
        assert unit is not None
        assert system is not None
        made = kiosks.make(actor=person, name=values["name"], unit=unit, system=system, staff_numbers=values["staff_numbers"])
        return Response(shown(made), status=201)


class OneKiosk(Keeping):
    @extend_schema(operation_id="kiosks_revoke", responses=KioskOut)
    def delete(self, request: Request, pk: int) -> Response:
        kiosks.revoke(self.kiosk(request, pk), actor=person_of(request))
        return Response(shown(self.kiosk(request, pk)))


class KioskCode(Keeping):
    """A one-time code for a device, good for half an hour."""

    @extend_schema(operation_id="kiosks_code", request=None, responses={201: OneTimeCodeOut})
    def post(self, request: Request, pk: int) -> Response:
        code = kiosks.one_time_code(self.kiosk(request, pk), actor=person_of(request))
        body = {"code": receipts.spaced(code), "ends_at": self.kiosk(request, pk).enrolment_ends_at}
        return Response(body, status=201, headers={"Cache-Control": "no-store"})


class WithdrawIn(serializers.Serializer[Any]):
    words = serializers.CharField(required=False, allow_blank=True, default="")


class ItemWithdraw(TakingPart):
    """Take back what somebody else filed in one's name."""

    @extend_schema(operation_id="items_withdraw", request=WithdrawIn, responses=shapes.ItemWhole)
    def post(self, request: Request, ref: str) -> Response:
        standing_in.withdraw(self.item(request, ref), actor=person_of(request), words=given(request, WithdrawIn)["words"])
        return self.whole(request, ref)
