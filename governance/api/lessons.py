"""GET /lessons: what ended pilots taught."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.selectors import lessons
from governance.selectors.lessons import Lesson
from portal.models import AISystem, Unit
from portal.permissions import Allowed, person_of


class LessonShape(serializers.Serializer[Lesson]):
    """An ended pilot with what it taught; `why` says in what it is like the one asked about."""

    pilot = serializers.CharField(source="pilot.slug")
    name = serializers.CharField(source="pilot.name")
    system = serializers.CharField(source="pilot.system.slug")
    unit = serializers.CharField(source="pilot.unit.path")
    outcome = serializers.CharField(source="pilot.outcome")
    ended_at = serializers.DateTimeField(source="pilot.ended_at")
    cause = serializers.CharField(source="pilot.cause")
    lessons = serializers.CharField(source="pilot.lessons")
    told_objectors = serializers.CharField(source="pilot.told_objectors")
    why = serializers.ListField(child=serializers.CharField())


class LessonList(serializers.Serializer[Any]):
    results = LessonShape(many=True)


def shown(found: list[Lesson]) -> list[dict[str, Any]]:
    """Lessons as plain values."""
    return [dict(LessonShape(one).data) for one in found]


class Lessons(APIView):
    permission_classes = (Allowed,)
    scopes = {"GET": "read"}

    @extend_schema(
        operation_id="lessons_list",
        parameters=[
            OpenApiParameter("q", description="Words that occur in it; without any other parameter, the newest 20."),
            OpenApiParameter("system", description="An AI system's slug: the ended pilots most like a new one of it."),
            OpenApiParameter("unit", description="A unit's path: the ended pilots nearest to it."),
            OpenApiParameter("purpose", description="What the AI shall be used for: ended pilots of a similar use."),
        ],
        responses=LessonList,
    )
    def get(self, request: Request) -> Response:
        """Ended pilots with cause, lessons and what objectors were told: found by words, or by likeness to a pilot to come."""
        given = request.query_params
        text, likeness = given.get("q", ""), [given.get(name, "") for name in ("system", "unit", "purpose")]
        if len(text) > lessons.LONGEST_QUERY:
            message = _("Search for at most %(most)d characters.") % {"most": lessons.LONGEST_QUERY}
            raise ValidationError({"q": ValidationError(message, code="query_too_long")})
        if text and any(likeness):
            raise ValidationError({"q": ValidationError(_("Ask for words or for likeness, not both."), code="query_mixed")})
        person = person_of(request)
        if not any(likeness):
            return Response({"results": shown(lessons.search(person, text))})
        found = lessons.similar(person, system=_system(given), unit=_unit(given), purpose=given.get("purpose", ""), most=lessons.MOST)
        return Response({"results": shown(found)})


def _system(given: Any) -> AISystem | None:
    if not given.get("system"):
        return None
    system = AISystem.objects.filter(slug=given["system"]).first()
    if system is None:
        raise ValidationError({"system": ValidationError(_("There is no such AI system."), code="system_unknown")})
    return system


def _unit(given: Any) -> Unit | None:
    if not given.get("unit"):
        return None
    unit = Unit.objects.filter(path=given["unit"]).first()
    if unit is None:
        raise ValidationError({"unit": ValidationError(_("There is no such unit."), code="unit_unknown")})
    return unit
