"""Saved views for programs: list, keep, change, delete, and be told."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.access import KEY_SCOPES
from audit.api.once import ONCE, once
from audit.api.views import AuditView
from audit.explore import saved
from audit.models import SavedView, Subscription
from audit.models.views import MOST_LETTERS

SCOPES = KEY_SCOPES | dict.fromkeys(("POST", "PUT", "DELETE"), ("write",))


class ViewIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    query = serializers.CharField(max_length=MOST_LETTERS)
    shared = serializers.BooleanField(default=False)


class ViewOut(serializers.Serializer[Any]):
    """`own` says that the caller may change it; `every` how often they are told of news, or is empty."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    query = serializers.CharField()
    shared = serializers.BooleanField()
    owner = serializers.CharField()
    own = serializers.BooleanField()
    every = serializers.CharField()


class ViewPage(serializers.Serializer[Any]):
    results = ViewOut(many=True)
    next = serializers.CharField(allow_null=True)


class SubscriptionIn(serializers.Serializer[Any]):
    every = serializers.ChoiceField(choices=Subscription.Every.choices)


class SavedViews(AuditView):
    """The caller's own views, and those that are shared, by name. There are few: one page holds them all."""

    scopes = SCOPES

    @extend_schema(operation_id="audit_views", responses=ViewPage)
    def get(self, request: Request) -> Response:
        return Response({"results": [_body(one) for one in saved.views_of(_reader(request))], "next": None})

    @extend_schema(operation_id="audit_views_save", parameters=ONCE, request=ViewIn, responses={201: ViewOut})
    @once
    def post(self, request: Request) -> Response:
        made = saved.save_view(actor=_reader(request), **_given(request))
        return Response(_whole(request, made.pk), status=201, headers={"Location": f"/api/v1/audit/views/{made.pk}"})


class OneSavedView(AuditView):
    """A view; only its owner may change or delete it."""

    scopes = SCOPES

    @extend_schema(operation_id="audit_view", responses=ViewOut)
    def get(self, request: Request, pk: int) -> Response:
        return Response(_whole(request, pk))

    @extend_schema(operation_id="audit_view_change", request=ViewIn, responses=ViewOut)
    def put(self, request: Request, pk: int) -> Response:
        found = _view(request, pk)
        saved.may_change(found, actor=_reader(request))
        saved.save_view(actor=_reader(request), view=found, **_given(request))
        return Response(_whole(request, pk))

    @extend_schema(operation_id="audit_view_delete", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        saved.delete_view(_view(request, pk), actor=_reader(request))
        return Response(status=204)


class ViewSubscription(AuditView):
    """Whether the caller is told when something new fits a view. Repeating either call changes nothing."""

    scopes = SCOPES

    @extend_schema(operation_id="audit_view_subscribe", request=SubscriptionIn, responses=ViewOut)
    def put(self, request: Request, pk: int) -> Response:
        shape = SubscriptionIn(data=request.data)
        shape.is_valid(raise_exception=True)
        given: dict[str, Any] = shape.validated_data
        saved.subscribe(_view(request, pk), actor=_reader(request), every=given["every"], now=timezone.now())
        return Response(_whole(request, pk))

    @extend_schema(operation_id="audit_view_unsubscribe", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        saved.unsubscribe(_view(request, pk), actor=_reader(request))
        return Response(status=204)


def _reader(request: Request) -> Any:
    return request.user.pk


def _view(request: Request, pk: int) -> SavedView:
    try:
        return saved.view_of(pk, _reader(request))
    except saved.NoSuchView as error:
        raise Http404 from error


def _given(request: Request) -> dict[str, Any]:
    shape = ViewIn(data=request.data)
    shape.is_valid(raise_exception=True)
    given: dict[str, Any] = shape.validated_data
    return given


def _whole(request: Request, pk: int) -> dict[str, Any]:
    found = next((one for one in saved.views_of(_reader(request)) if one.view.pk == pk), None)
    if found is None:
        raise Http404
    return _body(found)


def _body(one: saved.Listed) -> dict[str, Any]:
    view = one.view
    return {
        "id": view.pk,
        "name": view.name,
        "query": view.query,
        "shared": view.shared,
        "owner": one.owner,
        "own": one.own,
        "every": one.every,
    }
