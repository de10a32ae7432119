"""The evidence brief: one page of figures and voices, frozen at submission and digested with the rest of the request.

Only text, whole numbers and lists go in: what is signed is read back exactly as it was written.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from feedback.models import Item, Reply
from governance.models import ExpansionRequest, Pilot, Promise
from governance.selectors import cohort, figures
from portal import clock

MOST_VOICES = 6


def freeze(request: ExpansionRequest) -> dict[str, Any]:
    """The brief of a request as of now. Plain JSON, without floats."""
    pilot, now = request.pilot, clock.now()
    since = _begins(pilot)
    counts = figures.counts(pilot, since=since, until=now)
    return {
        "v": 1,
        "frozen_at": now.isoformat(),
        "question": question(request),
        "system": {"name": pilot.system.name, "risk_tier": pilot.system.risk_tier, "version": request.version},
        "period": {
            "from": since.date().isoformat(),
            "to": now.date().isoformat(),
            "days": (now - since).days,
            "weeks": (now - since).days // 7,
        },
        "people": _people(request),
        "figures": _figures(counts),
        "weeks": [_week(week) for week in figures.weeks(pilot, until=now)],
        "criteria": [_judged(judged) for judged in figures.judge(pilot)],
        "reasons": [{"reason": one.label, "count": one.count} for one in figures.override_reasons(pilot, since=since, until=now)],
        "items": _items(pilot, now),
        "asked_and_got": _asked_and_got(pilot),
        "dissent": _dissent(pilot, since, now),
        "promise": promise_of(pilot),
        "fall_back": {"plan": pilot.fall_back, "tested_on": pilot.fall_back_tested_on.isoformat() if pilot.fall_back_tested_on else None},
        "baseline": pilot.baseline,
        "readiness": [
            {"kind": action.get_kind_display(), "what": action.what, "done": action.done_at is not None, "evidence": action.evidence}
            for action in pilot.actions.order_by("id")
        ],
        "answers": request.answers.decision_reason if request.answers else "",
        "lessons": _lessons(pilot),
    }


def question(request: ExpansionRequest) -> str:
    """The decision as one question: the brief's headline."""
    pilot = request.pilot
    if request.kind == ExpansionRequest.Kind.RESUME:
        return _("Resume %(pilot)s?") % {"pilot": pilot.name}
    before = len(cohort.exposed_people(pilot))
    after = min(len(cohort.in_rule(request.cohort, pilot)), request.ceiling)
    values = {"pilot": pilot.name, "before": before, "after": after}
    if before == 0:
        return ngettext("Start %(pilot)s with %(after)d person?", "Start %(pilot)s with %(after)d people?", after) % values
    return _("Widen %(pilot)s from %(before)d to %(after)d people?") % values


def _begins(pilot: Pilot) -> dt.datetime:
    """The first grant; or earlier, when the weeks shown hold older recommendations (events carry their own time)."""
    first = pilot.grants.order_by("starts_at").values_list("starts_at", flat=True).first() or pilot.proposed_at
    shown = figures.first_shown(pilot)
    return min(first, shown) if shown else first


def _people(request: ExpansionRequest) -> dict[str, Any]:
    pilot = request.pilot
    meant = cohort.in_rule(request.cohort, pilot)
    units: dict[str, int] = {}
    for person in meant[: request.ceiling]:
        units[person.unit.name] = units.get(person.unit.name, 0) + 1
    return {
        "now": len(cohort.exposed_people(pilot)),
        "meant": len(meant),
        "ceiling": request.ceiling,
        "by_unit": [{"unit": name, "people": count} for name, count in sorted(units.items())],
        "listed": [str(person.pk) for person in meant[: request.ceiling]],
        "left": pilot.departures.count(),
    }


def _figures(counts: figures.Counts) -> dict[str, Any]:
    return {
        "shown": counts.shown,
        "counted": counts.counted,
        "decided": counts.decided,
        "accepted": counts.accepted,
        "adjusted": counts.adjusted,
        "overridden": counts.overridden,
        "dismissed": counts.dismissed,
        "people": counts.people,
        "suppressed": counts.suppressed,
        "acceptance": text(figures.percent(counts.accepted, counts.decided)),
        "override": text(figures.percent(counts.overridden, counts.decided)),
        "decided_share": text(figures.percent(counts.decided, counts.counted)),
    }


def _week(week: figures.Week) -> dict[str, Any]:
    return {
        "starts_on": week.starts_on.isoformat(),
        "label": week.label,
        "shown": week.counts.shown,
        "decided_share": text(week.decided_share),
        "acceptance": text(week.acceptance),
        "override": text(week.override),
    }


def _judged(judged: figures.Judged) -> dict[str, Any]:
    rule = judged.rule
    return {
        "kind": rule.kind,
        "name": rule.name,
        "figure": rule.get_figure_display(),
        "target": f"{rule.get_comparator_display()} {rule.threshold.normalize():f}",
        "now": text(judged.value),
        "met": judged.met,
        "window_days": rule.window_days,
    }


def _items(pilot: Pilot, now: dt.datetime) -> dict[str, Any]:
    box = figures.items(pilot)
    late = box.late(now.date())
    return {
        "filed": box.count(),
        "open": box.open().count(),
        "late": late.count(),
        "incidents": box.filter(kind=Item.Kind.INCIDENT).count(),
        "late_list": [
            {"ref": item.ref, "text": item.text, "due": item.reply_due.isoformat()}
            for item in late.order_by("reply_due", "id")[:MOST_VOICES]
        ],
    }


def _asked_and_got(pilot: Pilot) -> list[dict[str, Any]]:
    """What people said, and what became of it: the most backed answered items, each with its latest answer."""
    answered = figures.items(pilot).exclude(answered_at=None).exclude(kind=Item.Kind.PRAISE).order_by("-voice_count", "-id")[:MOST_VOICES]
    answers: dict[int, Reply] = {}
    for reply in Reply.objects.filter(item__in=[item.pk for item in answered], side=Reply.Side.ANSWER).order_by("at", "id"):
        answers[reply.item_id] = reply
    return [
        {
            "ref": item.ref,
            "said": item.text,
            "voices": item.people,
            "status": item.get_status_display(),
            "did": answers[item.pk].text if item.pk in answers else "",
            "on": answers[item.pk].at.date().isoformat() if item.pk in answers else None,
        }
        for item in answered
    ]


def _dissent(pilot: Pilot, since: dt.datetime, now: dt.datetime) -> list[dict[str, Any]]:
    """What speaks against it, in people's own words: unsettled problems and what they wrote when they overrode."""
    against = [Item.Kind.PROBLEM, Item.Kind.WRONG_ANSWER, Item.Kind.FRICTION, Item.Kind.INCIDENT]
    settled = [Item.Status.DONE, Item.Status.DUPLICATE]
    items = figures.items(pilot).filter(kind__in=against).exclude(status__in=settled).order_by("-voice_count", "-id")[:MOST_VOICES]
    said = [{"ref": item.ref, "text": item.text, "voices": item.people, "state": item.get_status_display()} for item in items]
    words = figures.statements(pilot, since=since, until=now)
    said += [{"ref": "", "text": word, "voices": 1, "state": _("Overridden")} for word in words]
    once = {" ".join(str(one["text"]).lower().split()): one for one in reversed(said)}
    return [one for one in said if one in once.values()]


def promise_of(pilot: Pilot) -> dict[str, Any] | None:
    """The promise beside its latest measurement; None when nothing was promised."""
    promise = Promise.objects.filter(pilot=pilot).first()
    if promise is None:
        return None
    measured = promise.measurements.first()
    return {
        "statement": promise.statement,
        "target": text(promise.target),
        "measure": promise.measure,
        "cost": promise.cost,
        "made_on": promise.made_on.isoformat(),
        "source": promise.source,
        "measured": text(measured.value) if measured else None,
        "measured_from": measured.starts_on.isoformat() if measured else None,
        "measured_to": measured.ends_on.isoformat() if measured else None,
        "method": measured.method if measured else "",
    }


def _lessons(pilot: Pilot) -> list[dict[str, str]]:
    """What earlier, ended pilots of the same system taught."""
    ended = Pilot.objects.filter(system=pilot.system, condition=Pilot.Condition.ENDED).exclude(pk=pilot.pk).order_by("-ended_at")[:3]
    return [{"pilot": one.name, "cause": one.cause, "lessons": one.lessons} for one in ended]


def text(value: Decimal | None) -> str | None:
    """A decimal as people write it (12.5, 12), or None."""
    return None if value is None else f"{value.normalize():f}"
