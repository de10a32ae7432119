"""The log as files that any program reads (C2SP tlog-tiles): checkpoint, tiles, entry bundles, key."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from audit import selectors
from audit.access import KEY_SCOPES, READ, public
from audit.log.canonical import render_time
from audit.log.tlog import FormatError, TilePath
from audit.outside import anchors

FOREVER = "public, max-age=31536000, immutable"
TEXT = "text/plain; charset=utf-8"


@public
@require_safe
def checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest signed head of the log, with the cosignatures that it has got so far."""
    newest = selectors.newest_checkpoint()
    if newest is None:
        return _plainly("The log has no checkpoint yet: it gets one when it is sealed for the first time.", status=404)
    return HttpResponse(anchors.cosigned_note(newest), content_type=TEXT, headers={"Cache-Control": "public, max-age=2"})


@public
@require_safe
def cosigned(request: HttpRequest) -> HttpResponse:
    """The newest head that a witness has cosigned."""
    newest = anchors.newest_cosigned()
    if newest is None:
        return _plainly("No witness has cosigned a checkpoint of this log. The newest checkpoint is at /log/checkpoint.", status=404)
    return HttpResponse(anchors.cosigned_note(newest), content_type=TEXT, headers={"Cache-Control": "public, max-age=2"})


@public
@require_safe
def key(request: HttpRequest) -> HttpResponse:
    """The public key that checks the checkpoints."""
    try:
        return HttpResponse(selectors.log_key() + "\n", content_type=TEXT, headers={"Cache-Control": "public, max-age=60"})
    except selectors.NotInLog as error:
        return _plainly(str(error), status=404)


@public
@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """Every key that has signed the log, oldest first, each with the note by which the one before named it."""
    found = [{"vkey": key.vkey, "since": render_time(key.since), "handover": key.handover or None} for key in anchors.handovers()]
    if not found:
        return _plainly("This log has no key yet: it gets one when it is sealed for the first time.", status=404)
    return JsonResponse({"keys": found}, headers={"Cache-Control": "public, max-age=60"})


@public
@require_safe
def hashes(request: HttpRequest, path: str) -> HttpResponse:
    """A tile of hashes. It tells nothing about what happened, so everyone may read it."""
    return _tile(path, caching=FOREVER)


class EntryBundle(APIView):
    """A bundle of entries, 256 of them where it is full.

    For everyone where LOG_READERS is `entries`; where it is `hashes`, for those who may read the audit trail.
    """

    needs = (READ,)
    scopes = KEY_SCOPES

    def get_permissions(self) -> Any:
        return [] if settings.LOG_READERS == "entries" else super().get_permissions()

    @extend_schema(exclude=True)
    def get(self, request: Request, path: str) -> HttpResponse:
        caching = FOREVER if settings.LOG_READERS == "entries" else FOREVER.replace("public", "private")
        return _tile(f"entries/{path}", caching=caching)


def _tile(path: str, *, caching: str) -> HttpResponse:
    try:
        data = selectors.tile(TilePath.parse(path))
    except FormatError as error:
        return _plainly(str(error), status=400)
    except selectors.NotInLog as error:
        return _plainly(str(error), status=404)
    return HttpResponse(data, content_type="application/octet-stream", headers={"Cache-Control": caching})


def _plainly(words: str, *, status: int) -> HttpResponse:
    return HttpResponse(words + "\n", content_type=TEXT, status=status, headers={"Cache-Control": "no-store"})
