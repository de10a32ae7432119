"""What the pages of governance show: each function a constant number of queries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from feedback.models import Item
from governance import policies, workflow
from governance.models import ExpansionRequest, Pilot, ReadinessAction, Signature, Stage, Transition
from governance.selectors import brief, cohort, figures, lessons, readiness, signing
from governance.selectors.receipts import Receipt, receipt
from portal import clock
from portal.charts import Chart, Series, line_chart
from portal.models import Person

#: Condition -> tone of its word.
TONES = {"active": "brand", "held": "warn", "stopped": "bad", "lapsed": "bad", "ended": "", "proposed": "", "ready": "warn"}
REQUEST_TONES = {
    "submitted": "warn",
    "in_review": "warn",
    "approved": "brand",
    "applied": "ok",
    "rejected": "bad",
    "stale": "bad",
    "expired": "bad",
    "changes_requested": "warn",
}
MOST = 8


def words_of(pilot: Pilot) -> str:
    """The condition as it is now, in a word."""
    return _("Lapsed") if pilot.lapsed else str(pilot.get_condition_display())


def request_words(request: ExpansionRequest) -> str:
    """The state as it is now, in a word."""
    if request.stale:
        return _("Out of date")
    return _("Expired") if request.expired else str(request.get_state_display())


@dataclass(frozen=True)
class PilotRow:
    """A pilot in the list."""

    pilot: Pilot
    word: str
    tone: str
    stages: int


def pilot_rows(person: Person, *, ended: bool = False) -> list[PilotRow]:
    """Pilots that the person may see; the live ones, or the ended ones. Two queries."""
    rows = Pilot.objects.visible_to(person).select_related("system", "unit", "stage", "lead").prefetch_related("stages")
    rows = rows.filter(condition=workflow.ENDED).order_by("-ended_at") if ended else rows.exclude(condition=workflow.ENDED)
    return [PilotRow(pilot, words_of(pilot), TONES[pilot.shown_condition], len(pilot.stages.all())) for pilot in rows]


@dataclass(frozen=True)
class Rung:
    """A stage of the ladder: is it behind us, the present one, or ahead; and since when."""

    stage: Stage
    here: bool
    past: bool
    since: Any
    signed_by: list[str]


@dataclass(frozen=True)
class PilotPage:
    """Everything on a pilot's page."""

    pilot: Pilot
    word: str
    tone: str
    people: int
    member: bool
    ladder: list[Rung]
    counts: figures.Counts
    chart: Chart | None
    judged: list[figures.Judged]
    reasons: list[figures.ReasonCount]
    actions: QuerySet[ReadinessAction]
    missing: list[str]
    promise: dict[str, Any] | None
    late: list[Item]
    timeline: QuerySet[Transition]
    receipt: Receipt | None
    requests: list[tuple[ExpansionRequest, str, str]]
    overseers: list[Person]
    similar: list[lessons.Lesson]
    may: dict[str, bool] = field(default_factory=dict)


def pilot_page(pilot: Pilot, person: Person) -> PilotPage:
    """The page of `pilot` as `person` sees it."""
    people = cohort.exposed_people(pilot)
    window = figures.own_time(pilot)
    counted = figures.counts(pilot, **window)
    prepares = policies.may_prepare(person, pilot)
    answers = policies.may_stop(person, pilot)
    reads = policies.may_read_decisions(person, pilot)
    shown = [
        (request, request_words(request), REQUEST_TONES.get(request.shown_state, ""))
        for request in (pilot.requests.select_related("pilot", "requester")[:MOST] if reads else [])
    ]
    return PilotPage(
        pilot=pilot,
        word=words_of(pilot),
        tone=TONES[pilot.shown_condition],
        people=len(people),
        member=person.pk in people,
        ladder=ladder(pilot),
        counts=counted,
        chart=chart_of(pilot) if counted.shown else None,
        judged=figures.judge(pilot),
        reasons=figures.override_reasons(pilot, **window),
        actions=pilot.actions.select_related("owner"),
        missing=[] if pilot.condition == workflow.ENDED else readiness.missing_for_full_lane(pilot),
        promise=brief.promise_of(pilot),
        late=list(figures.items(pilot).unanswered().order_by("reply_due", "id")[:MOST]),
        timeline=pilot.transitions.select_related("actor", "stage")[:30],
        receipt=receipt(pilot, pilot.halt_version) if pilot.halt_version and pilot.condition == workflow.STOPPED else None,
        requests=shown,
        similar=_taught(pilot, person) if prepares or reads else [],
        overseers=[watch.person for watch in pilot.oversights.select_related("person")],
        may={
            "read": reads,
            "prepare": prepares and pilot.condition in workflow.LIVE,
            "start_light": prepares
            and pilot.condition in {workflow.PROPOSED, workflow.READY}
            and pilot.lane != Pilot.Lane.FULL
            and not pilot.lapsed,
            "make_ready": prepares and pilot.condition == workflow.PROPOSED and not pilot.lapsed,
            "widen": prepares and workflow.may_pilot("widen", pilot.condition) and not pilot.lapsed,
            "hold": policies.may_hold(person, pilot) and workflow.may_pilot("hold", pilot.condition) and not pilot.lapsed,
            "stop": answers and workflow.may_pilot("stop", pilot.condition) and not pilot.lapsed,
            "resume": answers and workflow.may_pilot("resume", pilot.condition) and not pilot.lapsed,
            "end": policies.may_end(person, pilot) and workflow.may_pilot("end", pilot.condition),
            "reason": pilot.reason_due_at is not None and policies.may_give_reason(person, pilot),
        },
    )


def _taught(pilot: Pilot, person: Person) -> list[lessons.Lesson]:
    """Before anybody has its AI: what ended pilots like it taught."""
    early = pilot.condition in {workflow.PROPOSED, workflow.READY}
    return lessons.similar(person, system=pilot.system, unit=pilot.unit, purpose=pilot.purpose) if early else []


def ladder(pilot: Pilot) -> list[Rung]:
    """The rungs from the lowest up, each reached one with its date and the names that signed it. Two queries."""
    grants = {grant.stage_id: grant for grant in pilot.grants.order_by("-starts_at").prefetch_related("request__signatures")}
    place = pilot.stage.place if pilot.stage else 0
    return [
        Rung(
            stage=stage,
            here=stage.place == place,
            past=stage.place < place,
            since=grants[stage.pk].starts_at if stage.pk in grants else None,
            signed_by=[
                one.printed_name
                for one in grants[stage.pk].request.signatures.all()
                if one.decision == Signature.Decision.APPROVE and one.digest == grants[stage.pk].digest
            ]
            if stage.pk in grants
            else [],
        )
        for stage in pilot.stages.order_by("place")
    ]


def chart_of(pilot: Pilot) -> Chart | None:
    """Does it work, and do people use it: by week, gaps where there is no data. None without any week."""
    return _chart([(week.label, week.decided_share, week.acceptance, week.override) for week in figures.weeks(pilot, until=pilot.ended_at)])


def chart_of_brief(frozen: dict[str, Any]) -> Chart | None:
    """The same chart from the frozen brief."""
    return _chart([(week["label"], week["decided_share"], week["acceptance"], week["override"]) for week in frozen.get("weeks", [])])


def _chart(rows: list[tuple[str, Any, Any, Any]]) -> Chart | None:
    if not any(value is not None for row in rows for value in row[1:]):
        return None
    columns = [[None if row[place] is None else float(row[place]) for row in rows] for place in (1, 2, 3)]
    last = [next((value for value in reversed(column) if value is not None), None) for column in columns]
    known = [_("%(share).0f%% decided") % {"share": last[0]}] if last[0] is not None else []
    known += [_("%(share).0f%% accepted") % {"share": last[1]}] if last[1] is not None else []
    known += [_("%(share).0f%% overridden") % {"share": last[2]}] if last[2] is not None else []
    sentence = _("By week, of what was shown and decided. Latest: %(figures)s.") % {"figures": ", ".join(known)}
    names = (_("Decided"), _("Accepted"), _("Overridden"))
    return line_chart(
        sentence, [row[0] for row in rows], [Series(name, column) for name, column in zip(names, columns, strict=True)], top=100
    )


@dataclass(frozen=True)
class BriefPage:
    """Everything on a request's page. `frozen` is the brief as submitted; of a draft, as it would be frozen now."""

    request: ExpansionRequest
    word: str
    tone: str
    digest: str
    frozen: dict[str, Any]
    chart: Chart | None
    slots: list[signing.SlotState]
    signatures: list[tuple[Signature, bool]]
    slot: signing.SlotState | None
    blockers: list[str]
    since: list[str]
    verified: bool | None
    may: dict[str, bool]


def brief_page(request: ExpansionRequest, person: Person) -> BriefPage:
    """The page of a request as `person` sees it."""
    draft = request.state == workflow.DRAFT
    frozen = brief.freeze(request) if draft or not request.brief else request.brief
    digest = "" if draft else signing.live_digest(request)
    slots = [] if draft else signing.slots_of(request)
    filling = {slot.signature.pk for slot in slots if slot.signature}
    open_ = request.state in workflow.SIGNABLE and not request.stale and not request.expired
    apart = policies.separated(person, request)
    asks = policies.may_withdraw(person, request)
    return BriefPage(
        request=request,
        word=request_words(request),
        tone=REQUEST_TONES.get(request.shown_state, ""),
        digest=digest,
        frozen=frozen,
        chart=chart_of_brief(frozen),
        slots=[slot for slot in slots if slot.signature or request.state in workflow.SIGNABLE],
        signatures=[
            (one, one.digest == digest and (one.decision != Signature.Decision.APPROVE or one.pk in filling))
            for one in request.signatures.all()
        ],
        slot=signing.open_slot_for(person, request) if open_ and not apart else None,
        blockers=readiness.blockers(request) if request.state in {*workflow.SIGNABLE, workflow.APPROVED, workflow.DRAFT} else [],
        since=[] if draft or request.state not in workflow.OPEN else since_then(request),
        verified=verified(request),
        may={
            "submit": draft and asks and not request.stale,
            "revise": policies.may_revise(person, request) and workflow.may_request("revise", request.state),
            "withdraw": asks and workflow.may_request("withdraw", request.state),
            "apply": request.state == workflow.APPROVED and policies.may_apply(person, request),
            "revoke": request.state == workflow.APPROVED and policies.may_revoke(person, request),
            "stop": policies.may_stop(person, request.pilot) and workflow.may_pilot("stop", request.pilot.condition),
            "take_back": grant_in_force(request) and policies.may_revoke(person, request),
        },
    )


def grant_in_force(request: ExpansionRequest) -> bool:
    """True when the request left a grant that still lets people through, were the pilot active."""
    grant = getattr(request, "grant", None)
    return grant is not None and grant.revoked_at is None and grant.ends_at > clock.now() and request.pilot.condition in workflow.LIVE


def since_then(request: ExpansionRequest) -> list[str]:
    """What is different now from what the brief says; the brief itself does not move."""
    frozen, pilot, found = request.brief, request.pilot, []
    shown = figures.counts(pilot).shown - frozen["figures"]["shown"]
    if shown > 0:
        found.append(
            ngettext("%(count)d more recommendation was shown.", "%(count)d more recommendations were shown.", shown) % {"count": shown}
        )
    box = figures.items(pilot).aggregate(filed=Count("id"))["filed"] - frozen["items"]["filed"]
    if box > 0:
        found.append(ngettext("%(count)d more item was filed.", "%(count)d more items were filed.", box) % {"count": box})
    people = {str(person.pk) for person in cohort.in_rule(request.cohort, pilot)}
    joined = len(people - set(frozen["people"]["listed"]))
    left = len(set(frozen["people"]["listed"]) - people)
    if joined:
        found.append(ngettext("%(count)d more person would get it.", "%(count)d more people would get it.", joined) % {"count": joined})
    if left:
        found.append(
            ngettext("%(count)d person would no longer get it.", "%(count)d people would no longer get it.", left) % {"count": left}
        )
    return found


def verified(request: ExpansionRequest) -> bool | None:
    """Of an applied request: whether a client has fetched the gate version it made (R18). None before."""
    if request.state != workflow.APPLIED:
        return None
    grant = getattr(request, "grant", None)
    if grant is None:
        return None
    return bool(request.pilot.gate_clients.filter(seen_version__gte=grant.gate_version).exists())


def decided(person: Person) -> list[tuple[ExpansionRequest, str, str]]:
    """Decided requests that the person may see, newest first."""
    done = Q(
        state__in=[workflow.APPLIED, workflow.APPROVED, workflow.REJECTED, workflow.CHANGES_REQUESTED, workflow.WITHDRAWN, workflow.REVOKED]
    )
    rows = ExpansionRequest.objects.visible_to(person).filter(done).select_related("pilot", "stage").order_by("-decided_at", "-id")[:50]
    return [(request, request_words(request), REQUEST_TONES.get(request.shown_state, "")) for request in rows]


def in_review(person: Person, waiting: list[ExpansionRequest]) -> list[tuple[ExpansionRequest, str, str]]:
    """Requests that wait for somebody else."""
    mine = {request.pk for request in waiting}
    rows = (
        ExpansionRequest.objects.visible_to(person)
        .filter(state__in=[*workflow.SIGNABLE, workflow.DRAFT])
        .select_related("pilot", "stage")[:50]
    )
    return [(request, request_words(request), REQUEST_TONES.get(request.shown_state, "")) for request in rows if request.pk not in mine]
