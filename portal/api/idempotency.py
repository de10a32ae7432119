"""`Idempotency-Key`: a repeated write has one effect and gets the first answer again, for 24 hours."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from portal.models import IdempotencyKey
from portal.services.tidying import KEYS_KEPT

Handler = Callable[..., Any]
# For the OpenAPI document.
ONCE = [OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, description="Repeat a write safely: kept for 24 hours.")]


def idempotent(handler: Handler) -> Handler:
    """For a write handler of an APIView. Without the header the handler runs as it is.

    Claim, effect and stored answer are one transaction: a twin that arrives meanwhile waits on the unique key and then
    gets the first one's answer; a crash or a refusal leaves no claim, so that the call can be tried again.
    """

    @wraps(handler)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            return handler(view, request, *args, **kwargs)
        if len(key) > 120:
            raise ValidationError(_("An Idempotency-Key has at most 120 characters."), code="idempotency_key_long")
        http = request._request
        digest = hashlib.sha256(f"{http.method} {http.get_full_path()}\n".encode() + http.body).digest()
        with transaction.atomic():
            claim = _claim(principal_of(request), key, digest)
            if claim.status is not None:
                return _again(claim, digest)
            response = handler(view, request, *args, **kwargs)
            _keep(claim, response)
        return response

    return once


def principal_of(request: Request) -> str:
    """Who calls: a key by its id, a person by theirs."""
    return f"key:{request.auth.pk}" if request.auth is not None else f"person:{request.user.pk}"


def _claim(principal: str, key: str, digest: bytes) -> IdempotencyKey:
    """A fresh claim (status None) or the finished one of the same key; waits while its owner is still at work."""
    for _attempt in range(2):
        made = IdempotencyKey(principal=principal, key=key, request_digest=digest)
        IdempotencyKey.objects.bulk_create([made], ignore_conflicts=True)
        found = IdempotencyKey.objects.select_for_update().get(principal=principal, key=key)
        if found.status is None or found.created_at > dt.datetime.now(dt.UTC) - KEYS_KEPT:
            return found
        found.delete()
    raise RuntimeError("an expired idempotency key came back")


def _again(claim: IdempotencyKey, digest: bytes) -> HttpResponse:
    if bytes(claim.request_digest) != digest:
        raise ValidationError(_("This Idempotency-Key was used for another request. Send a new one."), code="idempotency_key_reused")
    answer = HttpResponse(bytes(claim.body or b""), status=claim.status or 200, content_type="application/json")
    answer["Idempotent-Replayed"] = "true"
    return answer


def _keep(claim: IdempotencyKey, response: Response | HttpResponse) -> None:
    body = JSONRenderer().render(response.data) if isinstance(response, Response) and response.data is not None else b""
    if not isinstance(response, Response):
        body = response.content
    IdempotencyKey.objects.filter(pk=claim.pk).update(status=response.status_code, body=body)
