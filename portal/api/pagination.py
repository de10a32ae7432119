"""`{"results": [...], "next": cursor or null}` for every list of the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.selectors.keyset import keyset, limit_of

Row = TypeVar("Row", bound=Model)
# For the OpenAPI document.
PAGE = [
    OpenApiParameter("cursor", str, description="From the answer before: its `next`."),
    OpenApiParameter("limit", int, description="1 to 200; 50 when absent."),
]


def listing(request: Request, rows: QuerySet[Row], *, order: tuple[str, ...], render: Callable[[Row], Any]) -> Response:
    """One page of `rows` by `?cursor=&limit=`; `order` as in portal.selectors.keyset."""
    page = keyset(rows, order=order, cursor=request.query_params.get("cursor", ""), limit=limit_of(request.query_params.get("limit")))
    return Response({"results": [render(row) for row in page.rows], "next": page.next})


def page_of(name: str, row: serializers.Serializer[Any]) -> Any:
    """The shape of one page of rows, for the OpenAPI document."""
    return inline_serializer(name, {"results": row, "next": serializers.CharField(allow_null=True)})
