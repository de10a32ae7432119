"""The register of AI systems: GET, POST /systems, /systems/{slug}/versions, /systems/{slug}/keys."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.etags import tag_of, tagged
from portal.api.idempotency import ONCE, idempotent
from portal.api.pagination import PAGE, listing, page_of
from portal.models import AISystem, ApiKey, RiskTier, SystemVersion, Unit, VersionRule
from portal.permissions import Allowed, person_of
from portal.services import keys, systems


class SystemOut(serializers.Serializer[AISystem]):
    slug = serializers.CharField()
    name = serializers.CharField()
    unit = serializers.CharField(source="unit.path")
    purpose = serializers.CharField()
    supplier = serializers.CharField()
    risk_tier = serializers.ChoiceField(choices=RiskTier.choices)
    version_rule = serializers.ChoiceField(choices=VersionRule.choices)
    reason_required = serializers.BooleanField()
    retired_on = serializers.DateField(allow_null=True)


class SystemIn(serializers.Serializer[Any]):
    slug = serializers.CharField(max_length=60)
    name = serializers.CharField(max_length=120)
    unit = serializers.CharField(help_text="The unit's path, such as /brightline/northfield/.")
    purpose = serializers.CharField()
    supplier = serializers.CharField(max_length=120, required=False)
    risk_tier = serializers.ChoiceField(choices=RiskTier.choices, required=False)
    version_rule = serializers.ChoiceField(choices=VersionRule.choices, required=False)
    reason_required = serializers.BooleanField(required=False)
    switch_off = serializers.CharField(required=False)


class VersionOut(serializers.Serializer[SystemVersion]):
    label = serializers.CharField()  # type: ignore[assignment]  # a field, over Field.label
    notes = serializers.CharField()
    deployed_at = serializers.DateTimeField()


class VersionIn(serializers.Serializer[Any]):
    label = serializers.CharField(max_length=60)  # type: ignore[assignment]  # a field, over Field.label
    notes = serializers.CharField(required=False)
    deployed_at = serializers.DateTimeField(required=False)


class KeyOut(serializers.Serializer[ApiKey]):
    kind = serializers.ChoiceField(choices=ApiKey.Kind.choices)
    prefix = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field, over Field.label
    scopes = serializers.ListField(child=serializers.CharField())
    origins = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class KeyIn(serializers.Serializer[Any]):
    label = serializers.CharField(max_length=80)  # type: ignore[assignment]  # a field, over Field.label
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=keys.SYSTEM_SCOPES), required=False, default=list, help_text="What a program may do with it."
    )
    origins = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        help_text="Instead of scopes: the key is for the widget, on pages of these sites alone.",
    )
    days = serializers.IntegerField(required=False, min_value=1, max_value=366)


class Systems(APIView):
    permission_classes = [Allowed]
    needs = {"POST": ("systems.manage",)}
    scopes = {"GET": "read", "POST": "write"}

    @extend_schema(operation_id="systems_list", parameters=PAGE, responses=page_of("SystemPage", SystemOut(many=True)))
    def get(self, request: Request) -> Response:
        """AI systems that the caller may see."""
        rows = AISystem.objects.visible_to(person_of(request)).select_related("unit")
        answer = listing(request, rows, order=("name", "id"), render=lambda row: SystemOut(row).data)
        return tagged(request, answer, tag_of(person_of(request).pk, answer.data))

    @extend_schema(operation_id="systems_register", parameters=ONCE, request=SystemIn, responses={201: SystemOut})
    @idempotent
    def post(self, request: Request) -> Response:
        """Register an AI system."""
        given = SystemIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        unit = Unit.objects.visible_to(person_of(request)).filter(path=values.pop("unit")).first()
        if unit is None:
            raise serializers.ValidationError({"unit": "There is no such unit."}, code="unit_unknown")
        system = systems.register(actor=person_of(request), unit=unit, **values)
        return Response(SystemOut(system).data, status=201)


class OfSystem(APIView):
    """A part of one system that the caller may see."""

    permission_classes = [Allowed]

    def system(self, request: Request, slug: str) -> AISystem:
        return get_object_or_404(AISystem.objects.visible_to(person_of(request)).select_related("unit"), slug=slug)


class Versions(OfSystem):
    needs = {"POST": ("systems.manage",)}
    scopes = {"GET": "read", "POST": "write"}

    @extend_schema(operation_id="versions_list", parameters=PAGE, responses=page_of("SystemVersionPage", VersionOut(many=True)))
    def get(self, request: Request, slug: str) -> Response:
        """Versions of a system, newest first."""
        rows = self.system(request, slug).versions.all()
        return listing(request, rows, order=("-deployed_at", "-id"), render=lambda row: VersionOut(row).data)

    @extend_schema(operation_id="versions_declare", parameters=ONCE, request=VersionIn, responses={201: VersionOut})
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        """Declare the version that is deployed."""
        system = self.system(request, slug)
        given = VersionIn(data=request.data)
        given.is_valid(raise_exception=True)
        version = systems.declare_version(system, actor=person_of(request), **given.validated_data)
        return Response(VersionOut(version).data, status=201)


class Keys(OfSystem):
    needs = ("systems.manage",)
    scopes = {"GET": "read", "POST": "write"}

    @extend_schema(operation_id="keys_list", parameters=PAGE, responses=page_of("KeyPage", KeyOut(many=True)))
    def get(self, request: Request, slug: str) -> Response:
        """Keys of a system, without their secrets."""
        rows = self.system(request, slug).keys.all()
        return listing(request, rows, order=("-created_at", "-id"), render=lambda row: KeyOut(row).data)

    @extend_schema(
        operation_id="keys_issue",
        request=KeyIn,
        responses={201: inline_serializer("IssuedKey", {"key": serializers.CharField(), "prefix": serializers.CharField()})},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Issue a key: `key` is shown in this answer and never again, so an Idempotency-Key is not taken here."""
        system = self.system(request, slug)
        given = KeyIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        if "origins" in values:
            values.pop("scopes")
            issued = keys.issue_for_browser(actor=person_of(request), system=system, **values)
        else:
            issued = keys.issue(actor=person_of(request), system=system, **values)
        return Response({"key": issued.text, **KeyOut(issued.key).data}, status=201)
