"""Taking part in an item: /items/{ref}/comments, /follow, /verdict, /merge, /part, /text, /edits."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from feedback.api import shapes
from feedback.models import Item, Reply
from feedback.policies import may_answer
from feedback.selectors.edits import edits_of
from feedback.selectors.items import of_ref
from feedback.services import editing, following, merging, talking, verdicts
from portal.api.idempotency import ONCE, idempotent
from portal.permissions import Allowed, person_of


def given(request: Request, shape: type[Serializer[Any]]) -> dict[str, Any]:
    read = shape(data=request.data)
    read.is_valid(raise_exception=True)
    values: dict[str, Any] = read.validated_data
    return values


class TakingPart(APIView):
    permission_classes = (Allowed,)
    needs: tuple[str, ...] = ()
    scopes = {"GET": "read", "POST": "write", "PUT": "write"}

    def item(self, request: Request, ref: str) -> Item:
        return of_ref(person_of(request), ref)

    def whole(self, request: Request, ref: str) -> Response:
        return Response(shapes.whole_item(self.item(request, ref), person_of(request)))


class ItemComments(TakingPart):
    @extend_schema(operation_id="items_comment", parameters=ONCE, request=shapes.CommentIn, responses={201: shapes.ReplyOut})
    @idempotent
    def post(self, request: Request, ref: str) -> Response:
        values = given(request, shapes.CommentIn)
        say = talking.note if values["internal"] else talking.comment
        return Response(shapes.reply(say(self.item(request, ref), actor=person_of(request), text=values["text"])), status=201)


class ItemFollow(TakingPart):
    @extend_schema(operation_id="items_follow", request=shapes.FollowIn, responses=shapes.FollowIn)
    def put(self, request: Request, ref: str) -> Response:
        choice = given(request, shapes.FollowIn)["choice"]
        return Response({"choice": following.choose(self.item(request, ref), actor=person_of(request), choice=choice)})


class ItemVerdict(TakingPart):
    """Did this fix it for you?"""

    @extend_schema(operation_id="items_verdict", request=shapes.VerdictIn, responses=shapes.VerdictOut)
    def put(self, request: Request, ref: str) -> Response:
        verdict = verdicts.give(self.item(request, ref), actor=person_of(request), **given(request, shapes.VerdictIn))
        return Response({"ref": self.item(request, ref).ref, "fixed": verdict.fixed, "status": self.item(request, ref).status})


class ItemMerge(TakingPart):
    @extend_schema(operation_id="items_merge", parameters=ONCE, request=shapes.MergeIn, responses=shapes.ItemWhole)
    @idempotent
    def post(self, request: Request, ref: str) -> Response:
        values = given(request, shapes.MergeIn)
        source, target = self.item(request, ref), self.item(request, values["into"])
        merging.merge(source, target, actor=person_of(request), reason=values["reason"])
        return self.whole(request, target.ref)


class ItemPart(TakingPart):
    """Undo a merge."""

    @extend_schema(operation_id="items_part", parameters=ONCE, request=shapes.PartIn, responses=shapes.ItemWhole)
    @idempotent
    def post(self, request: Request, ref: str) -> Response:
        item = self.item(request, ref)
        merge = item.merges.filter(undone_at=None).first()
        if merge is None:
            raise Http404
        merging.undo(merge, actor=person_of(request), words=given(request, shapes.PartIn)["words"])
        return self.whole(request, ref)


class ItemText(TakingPart):
    @extend_schema(operation_id="items_edit", request=shapes.WordsIn, responses=shapes.ItemWhole)
    def put(self, request: Request, ref: str) -> Response:
        editing.edit_item(self.item(request, ref), actor=person_of(request), text=given(request, shapes.WordsIn)["text"])
        return self.whole(request, ref)


class ReplyText(TakingPart):
    @extend_schema(operation_id="items_edit_reply", request=shapes.WordsIn, responses=shapes.ReplyOut)
    def put(self, request: Request, ref: str, pk: int) -> Response:
        item = self.item(request, ref)
        found = item.replies.filter(pk=pk).first() if pk < 2**63 else None
        if found is None or (found.side == Reply.Side.NOTE and not may_answer(person_of(request), item)):
            raise Http404
        return Response(shapes.reply(editing.edit_reply(found, actor=person_of(request), text=given(request, shapes.WordsIn)["text"])))


class ItemEdits(TakingPart):
    """What the words were before they were changed, oldest first."""

    @extend_schema(operation_id="items_edits", responses=shapes.EditOut(many=True))
    def get(self, request: Request, ref: str) -> Response:
        item = self.item(request, ref)
        found = edits_of(item, notes=may_answer(person_of(request), item))
        return Response([{"what": edit.what, "at": edit.at, "text": edit.text} for edit in found])
