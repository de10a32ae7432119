"""Receipts: the proof that a signature or a decision is in the sealed log, as a file that verifies without this server."""

from __future__ import annotations

from django.db.models import Model, Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from audit.log.receipts import receipt_of
from audit.selectors import NotInLog
from governance import policies
from governance.models import ExpansionRequest, Pilot, Signature, Transition
from governance.views.requests import request_of
from portal.errors import Conflict
from portal.permissions import SignedIn, everyone


@everyone
@require_safe
def signature(request: SignedIn, pk: int, signature: int) -> HttpResponse:
    """Of one signature: for who signed, and for those who may read the request."""
    visible = ExpansionRequest.objects.visible_to(request.user).filter(pk=pk).values("pk")
    rows = Signature.objects.filter(Q(request__in=visible) | Q(signer=request.user), request=pk)
    return _file(get_object_or_404(rows, pk=signature), "signature")


@everyone
@require_safe
def decision(request: SignedIn, pk: int) -> HttpResponse:
    """Of the decision on a request: the entry in which it became decided."""
    asked = request_of(request, pk)
    if asked.decided_at is None:
        raise Http404
    return _file(asked, "decision", field="decided_at")


@everyone
@require_safe
def step(request: SignedIn, slug: str, step: int) -> HttpResponse:
    """Of a step of a pilot, such as a stop: for those who may read what was decided about it."""
    pilot = get_object_or_404(Pilot.objects.visible_to(request.user), slug=slug)
    if not policies.may_read_decisions(request.user, pilot):
        raise Http404
    return _file(get_object_or_404(Transition, pilot=pilot, pk=step), "step")


def _file(row: Model, name: str, *, field: str = "") -> HttpResponse:
    try:
        text = receipt_of(row._meta.label_lower, str(row.pk), field=field)[1]
    except NotInLog as error:
        raise Conflict("not_sealed", _("It is being sealed, which takes a few seconds. Try again then.")) from error
    headers = {"Content-Disposition": f'attachment; filename="{name}-{row.pk}.tlog-proof"', "Cache-Control": "no-store"}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)
