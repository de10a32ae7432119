"""Preparing an expansion request, freezing it for signature, and taking it back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, TypedDict, Unpack

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit.context import because
from governance import policies, workflow
from governance.digests import digest_of
from governance.models import Contributor, ExpansionRequest, Pilot, Stage, Submission
from governance.selectors import brief, cohort, readiness, signing
from governance.services import reminders, transitions
from portal import clock
from portal.errors import Conflict
from portal.models import Person, Unit, VersionRule


class Changes(TypedDict, total=False):
    """What of a draft may be changed; everything else follows from the pilot."""

    stage: Stage
    units: Sequence[Unit]
    people: Sequence[Person]
    excluded: Sequence[Person]
    ceiling: int
    ends_at: dt.datetime
    version: str
    recommendation: str
    conditions: Sequence[str]
    cause: str
    fix: str


def next_stage(pilot: Pilot) -> Stage | None:
    """The rung above the pilot's current one (the first while it has none); None at the top."""
    place = pilot.stage.place if pilot.stage else 0
    return pilot.stages.filter(place=place + 1).first()


@transaction.atomic
def prepare_widen(*, actor: Person, pilot: Pilot, light: bool = False, **changes: Unpack[Changes]) -> ExpansionRequest:
    """A draft to put the pilot on the next stage (or more people on this one). `units` or `people` say who is meant.

    Ceiling defaults to the stage's size, the end to the pilot's, the version to the system's latest declared one.
    """
    pilot = transitions.locked(pilot)
    _check_may_prepare(actor, pilot)
    if not workflow.may_pilot("widen", pilot.condition) or pilot.lapsed:
        raise Conflict("illegal_move", _("This pilot is %(condition)s; it cannot be widened now.") % {"condition": pilot.shown_condition})
    stage = changes.get("stage") or next_stage(pilot)
    if stage is None:
        raise Conflict("top_of_ladder", _("This pilot is on its last stage."))
    rejected = pilot.requests.filter(state=workflow.REJECTED).order_by("-decided_at").first()
    request = ExpansionRequest(
        pilot=pilot,
        kind=ExpansionRequest.Kind.WIDEN,
        light=light,
        requester=actor,
        stage=stage,
        ceiling=stage.size,
        ends_at=pilot.ends_at,
        version_rule=pilot.system.version_rule,
        version=_current_version(pilot),
        answers=rejected,
        base_version=pilot.base_version,
        created_at=clock.now(),
    )
    _fill(request, changes)
    _check(request)
    request.save()
    return request


@transaction.atomic
def prepare_resume(*, actor: Person, pilot: Pilot, cause: str, fix: str) -> ExpansionRequest:
    """A draft to give the unchanged cohort its AI back after a hold or a stop, prefilled from the pilot.

    Anybody who could have stopped it may ask; two others sign (an overseer and an executive).
    """
    pilot = transitions.locked(pilot)
    if not policies.may_stop(actor, pilot):
        raise PermissionDenied(_("Only the people who answer for this pilot may ask to resume it."))
    if not workflow.may_pilot("resume", pilot.condition) or pilot.lapsed or pilot.stage is None:
        raise Conflict("illegal_move", _("This pilot is %(condition)s; there is nothing to resume.") % {"condition": pilot.shown_condition})
    latest = cohort.grants_in_force(pilot)[-1:]
    if not latest:
        raise Conflict("no_grant", _("No grant of this pilot is in force any more; prepare a request to widen it."))
    grant = latest[0]
    request = ExpansionRequest(
        pilot=pilot,
        kind=ExpansionRequest.Kind.RESUME,
        requester=actor,
        stage=pilot.stage,
        cohort=cohort.rule_of(grant),
        ceiling=grant.ceiling,
        ends_at=pilot.ends_at,
        version_rule=grant.version_rule,
        version=grant.version,
        recommendation=_("Resume %(pilot)s for the same people.") % {"pilot": pilot.name},
        cause=cause,
        fix=fix,
        base_version=pilot.base_version,
        created_at=clock.now(),
    )
    _check(request)
    request.save()
    return request


@transaction.atomic
def revise(*, actor: Person, request: ExpansionRequest, **changes: Unpack[Changes]) -> ExpansionRequest:
    """Change a request, or freeze it anew with today's figures. It becomes a draft again, under the next revision.

    Earlier signatures stay and no longer count. Whoever edits is a contributor and cannot sign.
    """
    request = locked(request)
    _check_may_prepare(actor, request.pilot)
    _check_move(request, "revise")
    if request.kind == ExpansionRequest.Kind.RESUME and set(changes) - {"cause", "fix", "recommendation"}:
        raise ValidationError(_("A resume is of the unchanged grant. Prepare a request to widen for anything else."))
    submitted = request.state != workflow.DRAFT
    _fill(request, changes)
    request.base_version = request.pilot.base_version
    request.state = workflow.DRAFT
    if submitted:
        request.revision += 1
    _check(request)
    request.save()
    contribute(actor=actor, request=request, what=_("edited"))
    return request


def contribute(*, actor: Person, request: ExpansionRequest, what: str) -> None:
    """Note that `actor` worked on the request; the requester needs no note. Inside the caller's transaction."""
    if actor.pk != request.requester_id:
        Contributor.objects.get_or_create(request=request, person=actor, defaults={"at": clock.now(), "what": what})


@transaction.atomic
def submit(*, actor: Person, request: ExpansionRequest) -> ExpansionRequest:
    """Freeze policy and brief, take the digest, and call for signatures.

    Refused while the request is stale, or while some slot has nobody who could fill it (R8).
    """
    request = locked(request)
    _check_submitter(actor, request)
    _check_move(request, "submit")
    if request.stale:
        raise Conflict("stale", _("The pilot moved since this was prepared. Revise the request, then submit it."))
    _check(request)
    policy = workflow.policy_for(kind=request.kind, tier=request.pilot.system.risk_tier, light=request.light)
    request.policy = policy.as_json() | {"over": cohort.reach(request.cohort, request.pilot)}
    for slot in request.policy["slots"]:
        if not policies.candidates(slot, request):
            raise Conflict(
                "nobody_for_slot",
                _("Nobody can sign as %(slot)s for everyone who is meant. Ask an administrator to give the role.") % {"slot": slot["name"]},
            )
    now = clock.now()
    request.brief = brief.freeze(request)
    request.submitted_at = now
    request.expires_at = now + dt.timedelta(days=policy.review_days)
    request.state = workflow.SUBMITTED
    content = signing.content_of(request)
    request.digest = digest_of(content)
    request.save()
    contribute(actor=actor, request=request, what=_("submitted"))
    Submission.objects.create(request=request, revision=request.revision, digest=request.digest, content=content, by=actor, at=now)
    reminders.call_for_signatures(request)
    return request


@transaction.atomic
def withdraw(*, actor: Person, request: ExpansionRequest, reason: str) -> ExpansionRequest:
    """Take back a request that is not decided yet."""
    request = locked(request)
    _check_submitter(actor, request)
    return _close(request, "withdraw", reason)


@transaction.atomic
def revoke(*, actor: Person, request: ExpansionRequest, reason: str) -> ExpansionRequest:
    """Take back an approval that has not been applied; whoever may stop the pilot may do this."""
    request = locked(request)
    if not policies.may_revoke(actor, request):
        raise PermissionDenied(_("Only the people who answer for this pilot may revoke an approval."))
    return _close(request, "revoke", reason)


def _close(request: ExpansionRequest, command: str, reason: str) -> ExpansionRequest:
    if not reason.strip():
        raise ValidationError({"reason": [_("Say why.")]})
    _check_move(request, command)
    request.state = workflow.REQUEST_MOVES[command][1]
    request.decided_at = clock.now()
    request.decision_reason = reason
    with because(reason):
        request.save()
    return request


def _fill(request: ExpansionRequest, changes: Changes) -> None:
    rule: dict[str, list[Any]] = {"units": [], "people": [], "excluded": [], **request.cohort}
    if "units" in changes:
        rule["units"] = sorted(unit.pk for unit in changes["units"])
    if "people" in changes:
        rule["people"] = sorted(str(person.pk) for person in changes["people"])
    if "excluded" in changes:
        rule["excluded"] = sorted(str(person.pk) for person in changes["excluded"])
    request.cohort = rule
    request.stage = changes.get("stage", request.stage)
    request.ceiling = changes.get("ceiling", request.ceiling)
    request.ends_at = changes.get("ends_at", request.ends_at)
    request.version = changes.get("version", request.version)
    request.recommendation = changes.get("recommendation", request.recommendation)
    request.conditions = list(changes.get("conditions", request.conditions))
    request.cause = changes.get("cause", request.cause)
    request.fix = changes.get("fix", request.fix)


def _check(request: ExpansionRequest) -> None:
    """What every version of a request must satisfy, before anyone sees it."""
    pilot, wrong = request.pilot, {}
    current = pilot.stage.place if pilot.stage else 0
    if request.stage.pilot_id != pilot.pk or not current <= request.stage.place <= current + 1:
        wrong["stage"] = _("A request raises the stage by one at most.")
    if not request.recommendation.strip():
        wrong["recommendation"] = _("Say in one sentence what you ask for, and why.")
    if request.ceiling > request.stage.size or request.ceiling < 1:
        wrong["ceiling"] = _("Stage %(stage)s holds at most %(size)d people.") % {"stage": request.stage.name, "size": request.stage.size}
    if request.ends_at <= clock.now():
        wrong["ends_at"] = _("The end date lies in the past.")
    if not (request.cohort["units"] or request.cohort["people"]):
        wrong["cohort"] = _("Say who gets the AI: units or people.")
    elif Unit.objects.filter(pk__in=request.cohort["units"]).exclude(path__startswith=pilot.system.unit.path).exists():
        wrong["cohort"] = _("The AI system belongs to %(unit)s; other units cannot get it here.") % {"unit": pilot.system.unit.name}
    if request.version_rule != VersionRule.SUPPLIER and not pilot.system.versions.filter(label=request.version).exists():
        wrong["version"] = _("Declare the version of the AI system that is meant.")
    if request.kind == ExpansionRequest.Kind.RESUME and not (request.cause.strip() and request.fix.strip()):
        wrong["cause"] = _("Say what went wrong, and what was done about it.")
    if request.light:
        wrong |= _wrong_in_light_lane(request)
    if wrong:
        raise ValidationError({field: [text] for field, text in wrong.items()})


def _wrong_in_light_lane(request: ExpansionRequest) -> dict[str, str]:
    wrong = {}
    if request.stage.place != 1:
        wrong["stage"] = _("The light lane leads to the first stage only.")
    if request.cohort["units"] or not 1 <= len(request.cohort["people"]) <= workflow.LIGHT_MAX_PEOPLE:
        wrong["people"] = _("The light lane is for one to %(most)d volunteers, by name.") % {"most": workflow.LIGHT_MAX_PEOPLE}
    if request.ceiling > workflow.LIGHT_MAX_PEOPLE:
        wrong["ceiling"] = _("The light lane is for at most %(most)d people.") % {"most": workflow.LIGHT_MAX_PEOPLE}
    if request.ends_at > clock.now() + dt.timedelta(days=workflow.LIGHT_MAX_DAYS):
        wrong["ends_at"] = _("In the light lane the end date is at most %(days)d days ahead.") % {"days": workflow.LIGHT_MAX_DAYS}
    if missing := readiness.missing_for_light_lane(request.pilot):
        wrong["pilot"] = " ".join(missing)
    return wrong


def _current_version(pilot: Pilot) -> str:
    latest = pilot.system.versions.filter(deployed_at__lte=clock.now()).order_by("-deployed_at").first()
    return latest.label if latest and pilot.system.version_rule != VersionRule.SUPPLIER else ""


def locked(request: ExpansionRequest) -> ExpansionRequest:
    """The request as it is now, its pilot locked first and then itself: one order everywhere, so no deadlock."""
    pilot = transitions.locked(request.pilot)
    fresh = ExpansionRequest.objects.select_for_update(of=("self",)).select_related("stage", "requester").get(pk=request.pk)
    fresh.pilot = pilot
    return fresh


def _check_move(request: ExpansionRequest, command: str) -> None:
    if not workflow.may_request(command, request.state):
        raise Conflict(
            "illegal_move",
            _("This request is %(state)s; that is not possible now.") % {"state": request.get_state_display().lower()},
            state=request.state,
            command=command,
        )


def _check_may_prepare(actor: Person, pilot: Pilot) -> None:
    if not policies.may_prepare(actor, pilot):
        raise PermissionDenied(_("Only the lead of this pilot may prepare a request."))


def _check_submitter(actor: Person, request: ExpansionRequest) -> None:
    if not policies.may_withdraw(actor, request):
        raise PermissionDenied(_("Only whoever asked, or the lead, may do that."))
