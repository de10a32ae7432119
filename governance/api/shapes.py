"""Shapes of what goes in and comes out. The rules are in the services."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from governance.digests import digest_of
from governance.models import Criterion, ExpansionRequest, Pilot, ReadinessAction, Signature, Stage
from governance.selectors import cohort, signing
from portal.models import AISystem, Unit
from portal.selectors.people import by_sign_in_name


class StageShape(serializers.Serializer[Stage]):
    place = serializers.IntegerField(read_only=True)
    kind = serializers.ChoiceField(choices=Stage.Kind.choices)
    name = serializers.CharField(max_length=60)
    size = serializers.IntegerField(min_value=1)


class RuleShape(serializers.Serializer[Criterion]):
    name = serializers.CharField(max_length=120)
    figure = serializers.ChoiceField(choices=Criterion.Figure.choices)
    comparator = serializers.ChoiceField(choices=Criterion.Comparator.choices)
    threshold = serializers.DecimalField(max_digits=12, decimal_places=2)
    window_days = serializers.IntegerField(min_value=1, required=False)
    minimum = serializers.IntegerField(min_value=0, required=False)
    effect = serializers.ChoiceField(choices=Criterion.Effect.choices, required=False)


class PromiseShape(serializers.Serializer[Any]):
    statement = serializers.CharField(max_length=200)
    target = serializers.DecimalField(max_digits=12, decimal_places=2)
    measure = serializers.CharField(max_length=40)
    cost = serializers.CharField(max_length=80, required=False)
    source = serializers.CharField(max_length=200, required=False)  # type: ignore[assignment]  # a field, over Field.source


class PersonField(serializers.CharField):
    """A person by staff number or e-mail; the answer is the Person."""

    def to_internal_value(self, data: Any) -> Any:
        person = by_sign_in_name(super().to_internal_value(data))
        if person is None:
            raise serializers.ValidationError(_("There is no such person."), code="person_unknown")
        return person


class UnitField(serializers.CharField):
    """A unit by its path; the answer is the Unit."""

    def to_internal_value(self, data: Any) -> Any:
        unit = Unit.objects.filter(path=super().to_internal_value(data)).first()
        if unit is None:
            raise serializers.ValidationError(_("There is no such unit."), code="unit_unknown")
        return unit


class SystemField(serializers.CharField):
    """An AI system by its slug; the answer is the AISystem."""

    def to_internal_value(self, data: Any) -> Any:
        system = AISystem.objects.filter(slug=super().to_internal_value(data)).first()
        if system is None:
            raise serializers.ValidationError(_("There is no such AI system."), code="system_unknown")
        return system


class ActionShape(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=ReadinessAction.Kind.choices)
    what = serializers.CharField(max_length=200)
    owner = PersonField()
    due_on = serializers.DateField()


class PilotIn(serializers.Serializer[Any]):
    slug = serializers.CharField(max_length=80)
    name = serializers.CharField(max_length=120)
    system = SystemField()
    unit = UnitField()
    sponsor = PersonField()
    overseers = serializers.ListField(child=PersonField(), min_length=1)
    purpose = serializers.CharField()
    fall_back = serializers.CharField()
    ends_at = serializers.DateTimeField()
    stages = StageShape(many=True, required=False)
    stop_rules = RuleShape(many=True, required=False)
    criteria = RuleShape(many=True, required=False)
    promise = PromiseShape(required=False)
    actions = ActionShape(many=True, required=False)
    baseline = serializers.CharField(required=False)
    fall_back_tested_on = serializers.DateField(required=False)
    people_informed_on = serializers.DateField(required=False)


class PilotOut(serializers.Serializer[Pilot]):
    slug = serializers.CharField()
    name = serializers.CharField()
    system = serializers.CharField(source="system.slug")
    unit = serializers.CharField(source="unit.path")
    condition = serializers.CharField(source="shown_condition")
    stage = serializers.CharField(source="stage.name", allow_null=True, default=None)
    ends_at = serializers.DateTimeField()
    purpose = serializers.CharField()
    fall_back = serializers.CharField()
    gate_version = serializers.IntegerField(source="eval_version")


class PilotDetail(PilotOut):
    stages = StageShape(many=True)
    criteria = serializers.SerializerMethodField()
    people = serializers.SerializerMethodField()

    def get_criteria(self, pilot: Pilot) -> list[dict[str, Any]]:
        return signing.criteria_of(pilot)

    def get_people(self, pilot: Pilot) -> int:
        return len(cohort.exposed_people(pilot))


class Because(serializers.Serializer[Any]):
    reason = serializers.CharField()


class MaybeBecause(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False, allow_blank=True, default="")


class EndIn(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(choices=Pilot.Outcome.choices)
    cause = serializers.CharField()
    lessons = serializers.CharField()
    told_objectors = serializers.CharField()


class RequestIn(serializers.Serializer[Any]):
    """`kind` widen: who gets the AI and how many; resume: cause and fix."""

    pilot = serializers.CharField()
    kind = serializers.ChoiceField(choices=ExpansionRequest.Kind.choices)
    recommendation = serializers.CharField(max_length=300, required=False)
    units = serializers.ListField(child=UnitField(), required=False)
    people = serializers.ListField(child=PersonField(), required=False)
    excluded = serializers.ListField(child=PersonField(), required=False)
    ceiling = serializers.IntegerField(min_value=1, required=False)
    ends_at = serializers.DateTimeField(required=False)
    version = serializers.CharField(max_length=60, required=False)
    conditions = serializers.ListField(child=serializers.CharField(), required=False)
    cause = serializers.CharField(required=False)
    fix = serializers.CharField(required=False)


class RequestOut(serializers.Serializer[ExpansionRequest]):
    id = serializers.IntegerField()
    pilot = serializers.CharField(source="pilot.slug")
    kind = serializers.CharField()
    state = serializers.CharField(source="shown_state")
    revision = serializers.IntegerField()
    stage = serializers.CharField(source="stage.name")
    ceiling = serializers.IntegerField()
    ends_at = serializers.DateTimeField()
    version = serializers.CharField()
    recommendation = serializers.CharField()
    digest = serializers.CharField()
    submitted_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    applied_at = serializers.DateTimeField(allow_null=True)


class SignatureIn(serializers.Serializer[Any]):
    decision = serializers.ChoiceField(choices=Signature.Decision.choices)
    digest = serializers.RegexField(r"^[0-9a-f]{64}$", help_text="The digest of the brief that was read.")
    reason = serializers.CharField(required=False, allow_blank=True, default="")
    password = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        trim_whitespace=False,
        write_only=True,
        help_text="Of whoever is signed in: a session's only.",
    )


class SignatureOut(serializers.Serializer[Signature]):
    slot = serializers.CharField()
    decision = serializers.CharField()
    meaning = serializers.CharField()
    printed_name = serializers.CharField()
    signed_at = serializers.DateTimeField()
    reason = serializers.CharField()
    digest = serializers.CharField()


class SlotOut(serializers.Serializer[signing.SlotState]):
    name = serializers.CharField()
    meaning = serializers.CharField()
    holders = serializers.ListField(child=serializers.CharField())
    signature = SignatureOut(allow_null=True)


class BriefOut(serializers.Serializer[Any]):
    digest = serializers.CharField()
    frozen_digest = serializers.CharField()
    content = serializers.DictField(help_text="Everything that is signed; its canonical JSON has the digest.")
    slots = SlotOut(many=True)
    signatures = SignatureOut(many=True)


def brief_of(request: ExpansionRequest) -> dict[str, Any]:
    """The answer of GET .../brief."""
    content = signing.content_of(request)
    found = {
        "digest": digest_of(content),
        "frozen_digest": request.digest,
        "content": content,
        "slots": signing.slots_of(request),
        "signatures": request.signatures.all(),
    }
    return dict(BriefOut(found).data)
