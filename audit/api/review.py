"""Reviews for programs: the list, beginning one, drawing, judging. Signing asks for the password of a person who is signed in."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.once import ONCE, once
from audit.explore.entries import labels
from audit.log.canonical import render_time
from audit.models import Judgement, Review
from audit.review import reading as review_reading
from audit.review import reviewing as review
from audit.review.reviewing import MOST_SAMPLE, Scope
from audit.review.sample import digest_of
from audit.services import record


class ScopeIn(serializers.Serializer[Any]):
    """Times in UTC; `since` left out: since the last signed review. Without `sample`: everything in the period."""

    purpose = serializers.CharField(max_length=200)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    query = serializers.CharField(max_length=400, required=False)
    sample = serializers.IntegerField(min_value=1, max_value=MOST_SAMPLE, required=False)


class JudgementIn(serializers.Serializer[Any]):
    seq = serializers.IntegerField(min_value=0)
    verdict = serializers.ChoiceField(choices=Judgement.Verdict.choices)
    note = serializers.CharField(max_length=2000, required=False, allow_blank=True)


class SignIn(serializers.Serializer[Any]):
    """`digest` is the one that the review shows."""

    conclusion = serializers.CharField(max_length=4000)
    password = serializers.CharField(trim_whitespace=False)
    digest = serializers.CharField(max_length=64)


class JudgementOut(serializers.Serializer[Any]):
    seq = serializers.IntegerField()
    verdict = serializers.CharField()
    note = serializers.CharField()
    at = serializers.DateTimeField()


class ReviewOut(serializers.Serializer[Any]):
    """`drawn` are the places in the order of the draw; `digest` is what a signature is bound to, or was."""

    id = serializers.IntegerField()
    purpose = serializers.CharField()
    reviewer = serializers.UUIDField()
    query = serializers.CharField()
    first = serializers.IntegerField()
    stop = serializers.IntegerField()
    sample = serializers.IntegerField(allow_null=True)
    size = serializers.IntegerField(allow_null=True)
    root = serializers.CharField()  # type: ignore[assignment]  # a field of this name, over Field.root
    seed = serializers.CharField()
    drawn = serializers.ListField(child=serializers.IntegerField())
    judgements = JudgementOut(many=True)
    signed_at = serializers.DateTimeField(allow_null=True)
    printed_name = serializers.CharField()
    conclusion = serializers.CharField()
    digest = serializers.CharField()


class GapOut(serializers.Serializer[Any]):
    first = serializers.IntegerField()
    last = serializers.IntegerField()


class ReviewsOut(serializers.Serializer[Any]):
    """The newest 50 reviews; `never_reviewed` are places in no signed review of a whole period; `open` has no last word yet."""

    results = ReviewOut(many=True)
    open = JudgementOut(many=True)
    never_reviewed = GapOut(many=True)


class ReviewView(APIView):
    """For those who may review, by session or by a key of theirs."""

    needs = ("audit.review",)
    scopes = {"GET": ("audit:read", "read"), "POST": "write"}

    def shown(self, found: Review) -> dict[str, Any]:
        """A ReviewOut as plain values."""
        open_ = found.is_drawn and not found.is_signed
        return {
            "id": found.pk,
            "purpose": found.purpose,
            "reviewer": str(found.reviewer),
            "query": found.query,
            "first": found.first,
            "stop": found.stop,
            "sample": found.sample,
            "size": found.size,
            "root": found.root,
            "seed": found.seed,
            "drawn": found.drawn,
            "judgements": [_judgement(one) for one in found.judgements.all()],
            "signed_at": render_time(found.signed_at) if found.signed_at else None,
            "printed_name": found.printed_name,
            "conclusion": found.conclusion,
            "digest": digest_of(review.content_of(found)) if open_ else found.digest,
        }


def _judgement(one: Judgement) -> dict[str, Any]:
    return {"seq": one.seq, "verdict": one.verdict, "note": one.note, "at": render_time(one.at)}


def _actor(request: Request) -> UUID:
    """Who is signed in, or whose key it is; a system's key holds no permission and never comes here."""
    if request.user.pk is None:
        raise PermissionDenied
    return UUID(str(request.user.pk))


def _read(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    given = shape(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


class Reviews(ReviewView):
    @extend_schema(operation_id="audit_reviews", responses=ReviewsOut)
    def get(self, request: Request) -> Response:
        """Reviews, newest first, with what is open and what was never reviewed."""
        page = review_reading.overview()
        record("audit.reviews-read")
        rows = [self.shown(one) for one in Review.objects.prefetch_related("judgements").order_by("-id")[:50]]
        gaps = [{"first": first, "last": last} for first, last in page.gaps]
        return Response({"results": rows, "open": [_judgement(one) for one in page.open], "never_reviewed": gaps})

    @extend_schema(operation_id="audit_review_begin", parameters=ONCE, request=ScopeIn, responses={201: ReviewOut})
    @once
    def post(self, request: Request) -> Response:
        """Begin a review. Draw it once a checkpoint covers its beginning, some seconds later."""
        given = _read(ScopeIn, request)
        purpose = given.pop("purpose")
        return Response(self.shown(review.begin(actor=_actor(request), purpose=purpose, scope=Scope(**given))), status=201)


class OneReview(ReviewView):
    @extend_schema(operation_id="audit_review", responses=ReviewOut)
    def get(self, request: Request, pk: int) -> Response:
        found = get_object_or_404(Review, pk=pk)
        record("audit.reviews-read", obj=found)
        return Response(self.shown(found))


class Draw(ReviewView):
    @extend_schema(operation_id="audit_review_draw", parameters=ONCE, request=None, responses=ReviewOut)
    @once
    def post(self, request: Request, pk: int) -> Response:
        """Bind it to its checkpoint and draw the sample. 409 not_sealed until there is one; a second call changes nothing."""
        return Response(self.shown(review.draw(get_object_or_404(Review, pk=pk))))


class Judgements(ReviewView):
    @extend_schema(operation_id="audit_review_judge", parameters=ONCE, request=JudgementIn, responses={201: JudgementOut})
    @once
    def post(self, request: Request, pk: int) -> Response:
        """Say what an entry of the review is like. The last word about an entry counts."""
        found = get_object_or_404(Review, pk=pk)
        return Response(_judgement(review.judge(found, actor=_actor(request), **_read(JudgementIn, request))), status=201)


class Signature(ReviewView):
    @extend_schema(operation_id="audit_review_sign", request=SignIn, responses=ReviewOut)
    def post(self, request: Request, pk: int) -> Response:
        """Sign the review as it is shown. Only in a session: a key cannot confirm a password."""
        found = get_object_or_404(Review, pk=pk)
        given = _read(SignIn, request)
        confirmed = import_module(settings.AUDIT_STEP_UP).confirm(request, given["password"], given["digest"])
        actor = _actor(request)
        name = labels({actor}).get(actor, str(actor))
        conclusion, shown = given["conclusion"], given["digest"]
        return Response(self.shown(review.sign(found, actor=actor, name=name, conclusion=conclusion, shown=shown, confirmed=confirmed)))
