"""The suggestion box: GET, POST /items, /items/{ref}, /voice, /replies, /status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feedback.api import shapes
from feedback.models import Item
from feedback.policies import is_author
from feedback.selectors.directory import directory_of
from feedback.selectors.items import SORTS, box, filtered, of_ref
from feedback.selectors.search import matching, similar
from feedback.services import answers, items, standing_in, voices
from portal.api.idempotency import ONCE, idempotent
from portal.api.pagination import PAGE, listing, page_of
from portal.models import AISystem, Person
from portal.permissions import Allowed, person_of

FILTERS = [
    *(OpenApiParameter(name, str) for name in ("q", "kind", "status", "severity", "system", "unit", "open", "mine", "waiting")),
    OpenApiParameter("sort", str, enum=list(SORTS)),
    *PAGE,
]
READ_WRITE = {"GET": "read", "POST": "write", "PUT": "write", "DELETE": "write"}


class Items(APIView):
    """A person files for themselves; an AI system (`items:write`) for the `person` who uses it, about itself alone."""

    permission_classes = (Allowed,)
    needs: tuple[str, ...] = ()
    scopes: Mapping[str, str | tuple[str, ...]] = {"GET": "read", "POST": ("write", "items:write")}

    @extend_schema(operation_id="items_list", parameters=FILTERS, responses=page_of("ItemPage", shapes.ItemOut(many=True)))
    def get(self, request: Request) -> Response:
        order = SORTS.get(request.query_params.get("sort", "new"), SORTS["new"])
        rows = filtered(box(person_of(request)), request.query_params.dict(), person=person_of(request))
        rows = matching(rows, request.query_params.get("q", ""))
        return listing(request, rows, order=order, render=shapes.item)

    @extend_schema(operation_id="items_file", parameters=ONCE, request=shapes.ItemIn, responses={201: shapes.ItemWhole})
    @idempotent
    def post(self, request: Request) -> Response:
        shape = shapes.ItemIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        person, system = _filer(request, given)
        if colleague := _colleague(request, given):
            about = {name: given[name] for name in ("kind", "text")} | {"severity": given.get("severity", "")}
            made = standing_in.file_for(proxy=person, staff_number=colleague, system=system, **about)
            return Response(
                shapes.whole_item(of_ref(person, made.ref), person), status=201, headers={"Location": f"/api/v1/items/{made.ref}"}
            )
        made = items.file(
            actor=person,
            system=system,
            kind=given["kind"],
            text=given["text"],
            identity=given.get("identity") or items.default_identity(given["kind"]),
            severity=given.get("severity", ""),
            recommendation_uid=given.get("recommendation", ""),
        )
        return Response(shapes.whole_item(of_ref(person, made.ref), person), status=201, headers={"Location": f"/api/v1/items/{made.ref}"})


class SimilarItems(APIView):
    """What others said that is like `text`, nearest first, closed ones with their answer. POST, so that no log keeps the text."""

    permission_classes = (Allowed,)
    needs: tuple[str, ...] = ()
    scopes = {"POST": "read"}

    @extend_schema(operation_id="items_similar", request=shapes.WordsIn, responses=shapes.SimilarOut(many=True))
    def post(self, request: Request) -> Response:
        shape = shapes.WordsIn(data=request.data)
        shape.is_valid(raise_exception=True)
        return Response(
            [{**shapes.item(one.item), "answer": one.answer} for one in similar(person_of(request), shape.validated_data["text"])]
        )


class OneItem(APIView):
    permission_classes = (Allowed,)
    needs: tuple[str, ...] = ()
    scopes = READ_WRITE

    @extend_schema(operation_id="items_read", responses=shapes.ItemWhole)
    def get(self, request: Request, ref: str) -> Response:
        return Response(shapes.whole_item(of_ref(person_of(request), ref), person_of(request)))


class ItemVoice(APIView):
    """One voice a person: repeating either call changes nothing."""

    permission_classes = (Allowed,)
    needs: tuple[str, ...] = ()
    scopes = READ_WRITE

    @extend_schema(operation_id="items_voice_add", request=None, responses=shapes.VoicesOut)
    def put(self, request: Request, ref: str) -> Response:
        item = of_ref(person_of(request), ref)
        count = voices.add(item, actor=person_of(request))
        return Response({"ref": item.ref, "voices": count, "my_voice": not is_author(person_of(request), item)})

    @extend_schema(operation_id="items_voice_withdraw", responses=shapes.VoicesOut)
    def delete(self, request: Request, ref: str) -> Response:
        item = of_ref(person_of(request), ref)
        count = voices.withdraw(item, actor=person_of(request))
        return Response({"ref": item.ref, "voices": count, "my_voice": False})


class ItemReplies(APIView):
    permission_classes = (Allowed,)
    needs: tuple[str, ...] = ()
    scopes = READ_WRITE

    @extend_schema(operation_id="items_reply", parameters=ONCE, request=shapes.WordsIn, responses={201: shapes.ReplyOut})
    @idempotent
    def post(self, request: Request, ref: str) -> Response:
        shape = shapes.WordsIn(data=request.data)
        shape.is_valid(raise_exception=True)
        made = answers.reply(of_ref(person_of(request), ref), actor=person_of(request), text=shape.validated_data["text"])
        return Response(shapes.reply(made), status=201)


class ItemStatus(APIView):
    permission_classes = (Allowed,)
    needs: tuple[str, ...] = ()
    scopes = READ_WRITE

    @extend_schema(operation_id="items_move", parameters=ONCE, request=shapes.MoveIn, responses=shapes.ItemWhole)
    @idempotent
    def post(self, request: Request, ref: str) -> Response:
        shape = shapes.MoveIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        answers.move(of_ref(person_of(request), ref), actor=person_of(request), to=given["status"], words=given["words"])
        return Response(shapes.whole_item(of_ref(person_of(request), ref), person_of(request)))


def _colleague(request: Request, given: dict[str, Any]) -> str:
    """For whom a person files, when not for themselves. Raises ValidationError for what cannot be filed for another."""
    if not isinstance(request.user, Person) or not given.get("person", "").strip():
        return ""
    if given.get("identity") == Item.Identity.CONFIDENTIAL or given.get("recommendation"):
        message = _("For a colleague: with their name, and about no recommendation of yours.")
        raise ValidationError({"person": ValidationError(message, code="named_only")})
    return str(given["person"])


def _filer(request: Request, given: dict[str, Any]) -> tuple[Person, AISystem]:
    """Who files, about what. Raises Http404 for a system that they may not see, ValidationError for an unknown person."""
    systems = AISystem.objects.select_related("unit").filter(slug=given["system"], retired_on=None)
    if isinstance(request.user, Person):
        person, system = request.user, systems.visible_to(request.user).first()
    else:
        own: Any = request.auth
        system = systems.filter(pk=own.system_id).first()
        named = directory_of(own.system, [given.get("person", "")]).person(given.get("person", ""))
        if named is None or not named.is_active:
            message = _("Say for whom: a staff number or an e-mail address known here.")
            raise ValidationError({"person": ValidationError(message, code="person_unknown")})
        person = named
    if system is None:
        raise Http404
    return person, system
