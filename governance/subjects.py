"""What a pilot and a request consist of, and what of governance stands in a person's timeline (see audit.subjects)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext

from audit.explore.ever import ever, named
from audit.subjects import Act, Subject
from feedback.models import Item
from feedback.subjects import parts_of_items
from governance import workflow
from governance.models import (
    Contributor,
    Criterion,
    Departure,
    ExpansionRequest,
    Grant,
    Measurement,
    Oversight,
    Pilot,
    Promise,
    ReadinessAction,
    Signature,
    Stage,
    Submission,
    Transition,
)
from governance.selectors.figures import items

Models = tuple[type[models.Model], ...]
OF_A_PILOT: Models = (Stage, Oversight, Criterion, ReadinessAction, Promise, Transition, Departure, Grant, ExpansionRequest)
OF_A_REQUEST: Models = (Submission, Contributor, Signature, Grant)

# What the lead writes on the pilot. Its condition and counters are left out: they also move when somebody leaves the AI.
_WRITTEN = frozenset(
    {"name", "purpose", "lead_id", "sponsor_id", "system_id", "unit_id", "lane", "ends_at", "fall_back", "fall_back_tested_on"}
    | {"baseline", "people_informed_on", "outcome", "cause", "lessons", "told_objectors"}
)
PERSON_ACTS = (
    Act("governance.pilot", frozenset({"created", "deleted"})),
    Act("governance.pilot", frozenset({"changed"}), fields=_WRITTEN),
    *(
        Act(model._meta.label_lower)
        for model in (
            Transition,
            Signature,
            ExpansionRequest,
            Submission,
            Grant,
            Stage,
            Oversight,
            Criterion,
            ReadinessAction,
            Promise,
            Measurement,
        )
    ),
)


def pilot(slug: str) -> Subject | None:
    """A pilot with everything that ever belonged to it, the items in its box included."""
    row = Pilot.objects.select_related("unit", "system").filter(slug=slug).first()
    if row is None:
        return None
    records = [*named(Pilot, [row.pk])]
    requests: list[int] = []
    for model in OF_A_PILOT:
        found = ever(model, pilot_id=row.pk)
        records += named(model, found)
        if model is ExpansionRequest:
            requests = found
        if model is Promise:
            records += named(Measurement, ever(Measurement, promise_id__in=found))
    signed: Models = (Submission, Contributor, Signature)
    for model in signed:
        records += named(model, ever(model, request_id__in=requests))
    box = list(items(row).order_by("pk").values_list("pk", flat=True))
    records += [*named(Item, box), *parts_of_items(box)]
    return Subject("pilot", row.slug, row.name, row.get_absolute_url(), tuple(records))


def request(key: str) -> Subject | None:
    """A request, its submissions, those who edited and signed it, and the grant it left behind."""
    number = key.upper().removeprefix("R-")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    row = ExpansionRequest.objects.select_related("pilot").filter(pk=int(number)).first()
    if row is None:
        return None
    records = [*named(ExpansionRequest, [row.pk])]
    for model in OF_A_REQUEST:
        records += named(model, ever(model, request_id=row.pk))
    records += named(Transition, ever(Transition, request_id=row.pk))
    return Subject("request", str(row.pk), f"{row.ref}: {row.recommendation}", row.get_absolute_url(), tuple(records))


KINDS = {"pilot": pilot, "request": request}


def subject_key(model: str, object_id: str) -> tuple[str, str] | None:
    """The subject that a record is the head of, as (kind, key)."""
    if model == "governance.pilot" and (slug := Pilot.objects.filter(pk=object_id).values_list("slug", flat=True).first()):
        return "pilot", slug
    return ("request", object_id) if model == "governance.expansionrequest" else None


def links(model: str, object_id: str, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """From what belongs to a request to the request; from a signature to its receipt."""
    number = object_id if model == "governance.expansionrequest" else values.get("request_id")
    if not model.startswith("governance.") or not str(number or "").isdecimal():
        return []
    found = [(_("Request R-%(request)s") % {"request": number}, reverse("request", args=[number]))]
    if model == "governance.signature" and object_id.isdecimal():
        found.append((_("Receipt of this signature"), reverse("signature-receipt", args=[number, object_id])))
    return found


def about_person(person: uuid.UUID) -> tuple[tuple[str, str], ...]:
    """Being named an overseer, and no longer."""
    return named(Oversight, ever(Oversight, person_id=person))


def said(model: str, action: str, values: Mapping[str, Any], before: Mapping[str, Any]) -> str | None:
    """Signatures, moves, grants and requests in plain words."""
    tell = _LINES.get((model, action))
    return tell(values, before) if tell else None


def _signed(values: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    words = {
        "approve": _("approved request R-%(request)s %(slot)s"),
        "reject": _("rejected request R-%(request)s %(slot)s"),
        "request_changes": _("asked for changes to request R-%(request)s %(slot)s"),
    }
    slots = {"sponsor": _("as sponsor"), "compliance": _("as compliance"), "executive": _("as executive"), "overseer": _("as overseer")}
    text = words.get(str(values.get("decision")), _("signed request R-%(request)s %(slot)s"))
    return (text % {"request": values.get("request_id"), "slot": slots.get(str(values.get("slot")), "")}).strip()


def _moved(values: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    words = {
        "propose": _("proposed the pilot"),
        "make-ready": _("made the pilot ready"),
        "widen": _("widened the pilot"),
        "hold": _("held the pilot"),
        "stop": _("stopped the pilot"),
        "reason": _("gave the reason of the stop"),
        "revoke": _("took a grant back"),
        "resume": _("resumed the pilot"),
        "end": _("ended the pilot"),
    }
    return words.get(str(values.get("command")), _("wrote on the pilot: %(what)s") % {"what": values.get("command")})


def _granted(values: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    count = int(values.get("ceiling") or 0)
    text = ngettext("opened grant G-%(grant)s for at most %(count)s person", "opened grant G-%(grant)s for at most %(count)s people", count)
    return text % {"grant": values.get("id"), "count": count}


def _took_back(values: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    return _("took grant G-%(grant)s back") % {"grant": values.get("id")}


def _asked(values: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    return _("prepared request R-%(request)s") % {"request": values.get("id")}


def _request_moved(values: Mapping[str, Any], before: Mapping[str, Any]) -> str | None:
    state = values.get("state")
    if state == before.get("state"):
        return None
    words = {
        workflow.SUBMITTED: _("submitted request R-%(request)s for signature"),
        workflow.IN_REVIEW: _("brought request R-%(request)s into review"),
        workflow.APPROVED: _("completed the signatures of request R-%(request)s"),
        workflow.APPLIED: _("applied request R-%(request)s"),
        workflow.CHANGES_REQUESTED: _("sent request R-%(request)s back for changes"),
        workflow.REJECTED: _("closed request R-%(request)s as rejected"),
        workflow.WITHDRAWN: _("withdrew request R-%(request)s"),
        workflow.REVOKED: _("revoked request R-%(request)s"),
        workflow.DRAFT: _("opened request R-%(request)s for editing"),
    }
    text = words.get(str(state))
    return text % {"request": values.get("id")} if text else None


def _frozen(values: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    told = {"request": values.get("request_id"), "revision": values.get("revision")}
    return _("froze version %(revision)s of request R-%(request)s") % told


def _left(values: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    return _("left the pilot")


_LINES = {
    ("governance.signature", "created"): _signed,
    ("governance.transition", "created"): _moved,
    ("governance.grant", "created"): _granted,
    ("governance.grant", "changed"): _took_back,
    ("governance.expansionrequest", "created"): _asked,
    ("governance.expansionrequest", "changed"): _request_moved,
    ("governance.submission", "created"): _frozen,
    ("governance.departure", "created"): _left,
}

NOT_RESTORABLE = {
    "governance.signature": _lazy(
        "A signature is never restored, and never written by anybody but its signer. Ask them to sign a new request."
    ),
    "governance.grant": _lazy("A grant is never restored: nobody gets an AI back without the signatures of today. Prepare a new request."),
    "governance.expansionrequest": _lazy(
        "A request is never restored: what was frozen is what was signed. Revise it, or prepare a new one."
    ),
    "governance.submission": _lazy("A frozen brief is never restored, and never changed. Revise the request."),
    "governance.contributor": _lazy("Who edited a request is never changed."),
    "governance.transition": _lazy("What happened to a pilot is never written again. Hold, stop, resume or end it on its page."),
    "governance.departure": _lazy("Nobody is put back on an AI that they left."),
    "governance.pilot": _lazy(
        "A pilot is never restored: its state follows from signatures. Complete it, or prepare a request, on its page."
    ),
    "governance.stage": _lazy("A ladder is never restored: what was signed stands on it. Propose a new pilot."),
    "governance.oversight": _lazy("An overseer is never restored. Name one with the next pilot."),
    "governance.criterion": _lazy("A rule is never restored: requests were signed on it. Complete the pilot on its page."),
    "governance.readinessaction": _lazy("A readiness action is never restored: its owner marks it done, with evidence."),
    "governance.promise": _lazy("What was promised is never changed. Record a measurement beside it."),
    "governance.measurement": _lazy("A measurement is never restored. Record a new one; both stay."),
}
