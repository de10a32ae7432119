"""GET, POST /expansion-requests; /submit, /withdraw, /apply, /brief and /signatures of one."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api import shapes
from governance.api.pilots import read
from governance.models import ExpansionRequest, Pilot
from governance.services import applying, requests, signatures
from portal import stepup
from portal.api.idempotency import ONCE, idempotent
from portal.api.pagination import PAGE, listing, page_of
from portal.permissions import Allowed, person_of


class Requests(APIView):
    permission_classes = (Allowed,)
    scopes = {"GET": "read", "POST": "write"}

    @extend_schema(operation_id="requests_list", parameters=PAGE, responses=page_of("RequestPage", shapes.RequestOut(many=True)))
    def get(self, request: Request) -> Response:
        """Requests that the caller may see, newest first; `?pilot=` and `?state=` filter."""
        rows = ExpansionRequest.objects.visible_to(person_of(request)).select_related("pilot", "stage")
        if slug := request.query_params.get("pilot"):
            rows = rows.filter(pilot__slug=slug)
        if state := request.query_params.get("state"):
            rows = rows.filter(state=state)
        return listing(request, rows, order=("-created_at", "-id"), render=lambda row: shapes.RequestOut(row).data)

    @extend_schema(operation_id="requests_prepare", parameters=ONCE, request=shapes.RequestIn, responses={201: shapes.RequestOut})
    @idempotent
    def post(self, request: Request) -> Response:
        """Prepare a draft to widen or to resume a pilot."""
        values = read(shapes.RequestIn, request)
        pilot = get_object_or_404(Pilot.objects.visible_to(person_of(request)), slug=values.pop("pilot"))
        if values.pop("kind") == ExpansionRequest.Kind.RESUME:
            if unknown := set(values) - {"cause", "fix"}:
                raise ValidationError({name: ["A resume is of the unchanged grant."] for name in sorted(unknown)})
            made = requests.prepare_resume(actor=person_of(request), pilot=pilot, cause=values.get("cause", ""), fix=values.get("fix", ""))
        else:
            made = requests.prepare_widen(actor=person_of(request), pilot=pilot, **values)
        return Response(shapes.RequestOut(made).data, status=201)


class OfRequest(APIView):
    """Something of one request that the caller may see."""

    permission_classes = (Allowed,)
    scopes = {"GET": "read", "POST": "write"}

    def request_of(self, request: Request, pk: int) -> ExpansionRequest:
        rows = ExpansionRequest.objects.visible_to(person_of(request)).select_related("pilot__unit", "pilot__system", "stage", "requester")
        return get_object_or_404(rows, pk=pk)


class RequestView(OfRequest):
    @extend_schema(operation_id="requests_read", responses=shapes.RequestOut)
    def get(self, request: Request, pk: int) -> Response:
        """One request."""
        return Response(shapes.RequestOut(self.request_of(request, pk)).data)


class Submit(OfRequest):
    @extend_schema(operation_id="requests_submit", parameters=ONCE, request=None, responses=shapes.RequestOut)
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        """Freeze brief and policy, take the digest, call for signatures."""
        return Response(shapes.RequestOut(requests.submit(actor=person_of(request), request=self.request_of(request, pk))).data)


class Withdraw(OfRequest):
    @extend_schema(operation_id="requests_withdraw", parameters=ONCE, request=shapes.Because, responses=shapes.RequestOut)
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        """Take the request back."""
        asked = self.request_of(request, pk)
        return Response(shapes.RequestOut(requests.withdraw(actor=person_of(request), request=asked, **read(shapes.Because, request))).data)


class Apply(OfRequest):
    @extend_schema(operation_id="requests_apply", parameters=ONCE, request=None, responses=shapes.RequestOut)
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        """Apply an approved request whose blockers are gone; once, however often it is called."""
        return Response(shapes.RequestOut(applying.apply(actor=person_of(request), request=self.request_of(request, pk))).data)


class Brief(OfRequest):
    @extend_schema(operation_id="requests_brief", responses=shapes.BriefOut)
    def get(self, request: Request, pk: int) -> Response:
        """The frozen evidence, everything that is signed, its digest, and the signatures."""
        return Response(shapes.brief_of(self.request_of(request, pk)))


class Signatures(OfRequest):
    @extend_schema(operation_id="requests_sign", request=shapes.SignatureIn, responses={201: shapes.SignatureOut})
    def post(self, request: Request, pk: int) -> Response:
        """Sign in a session, with the password of whoever is signed in. A key is refused."""
        asked = self.request_of(request, pk)
        values = read(shapes.SignatureIn, request)
        if password := values.pop("password"):
            stepup.confirm(request, password, values["digest"])
        step_up = stepup.require(request, values["digest"])
        signature = signatures.sign(actor=person_of(request), request=asked, step_up=step_up, **values)
        return Response(shapes.SignatureOut(signature).data, status=201)
