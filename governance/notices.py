"""What people are told by the calendar. Each rule gives everything that is due by `now`; a unique key makes it once.

A missed day catches up and a second run sends nothing twice: the key names the thing and the date, not the run.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.utils.translation import gettext as _

from governance import policies, workflow
from governance.models import ExpansionRequest, Pilot
from governance.selectors import cohort, figures, pages, signing, waiting
from portal.models import Notice, Person, Role, RoleAssignment
from portal.services.notices import Draft

#: Shares of the review time after which an open slot is reminded of.
REMIND_AT = (50, 80)
#: Days before the end date on which the people on the AI are told.
TELL_DAYS = (14, 3, 1)
SUMMARY_HOUR = 7


def due(now: dt.datetime) -> Iterator[Draft]:
    """Every notice of governance that is due at `now`."""
    yield from _signatures_due(now)
    yield from _end_dates(now)
    yield from _stop_reasons(now)
    yield from _weekly_summaries(now)


def _signatures_due(now: dt.datetime) -> Iterator[Draft]:
    """Open slots, at half and at four fifths of the review time."""
    rows = (
        ExpansionRequest.objects.signable()
        .select_related("pilot__unit", "pilot__system", "stage", "requester")
        .prefetch_related("contributors", "pilot__oversights")
    )
    for request in rows:
        if request.submitted_at is None or request.expires_at is None:
            continue
        passed = [share for share in REMIND_AT if now >= request.submitted_at + (request.expires_at - request.submitted_at) * share / 100]
        if not passed:
            continue
        slots = signing.slots_of(request)
        signed = {slot.signature.signer_id for slot in slots if slot.signature}
        open_slots = [slot for slot in slots if slot.signature is None]
        people = {person.pk: person for slot in open_slots for person in policies.candidates({"holders": slot.holders}, request)}
        for person in people.values():
            if person.pk in signed:
                continue
            yield Draft(
                kind="governance.signature-due",
                recipient=person,
                dedupe_key=f"governance.signature-due:{request.pk}.{request.revision}:{passed[-1]}",
                subject=_("Still waits for your signature: %(question)s") % {"question": request.brief["question"]},
                context={
                    "pilot": request.pilot.name,
                    "question": request.brief["question"],
                    "recommendation": request.recommendation,
                    "due": request.expires_at.date().isoformat(),
                },
                url=request.get_absolute_url(),
                due_at=now,
            )


def _end_dates(now: dt.datetime) -> Iterator[Draft]:
    """14, 3 and 1 days before the end: the people on the AI, and whoever answers for the pilot."""
    horizon = now + dt.timedelta(days=max(TELL_DAYS))
    for pilot in Pilot.objects.exposed().filter(ends_at__lte=horizon).select_related("unit", "lead", "sponsor"):
        days = min(days for days in TELL_DAYS if pilot.ends_at - now <= dt.timedelta(days=days))
        people = {person.pk: person for person in Person.objects.filter(pk__in=cohort.exposed_people(pilot))}
        people |= {pilot.lead.pk: pilot.lead, pilot.sponsor.pk: pilot.sponsor}
        for person in people.values():
            yield Draft(
                kind="governance.ends-soon",
                recipient=person,
                dedupe_key=f"governance.ends-soon:{pilot.pk}:{pilot.ends_at.date().isoformat()}:{days}",
                subject=_("%(pilot)s ends on %(day)s") % {"pilot": pilot.name, "day": pilot.ends_at.date().isoformat()},
                context={"pilot": pilot.name, "ends_at": pilot.ends_at.isoformat(), "fall_back": pilot.fall_back},
                url=pilot.get_absolute_url(),
                due_at=now,
            )


def _stop_reasons(now: dt.datetime) -> Iterator[Draft]:
    """A Stop made without a reason: whoever stopped it after an hour, the lead too once 24 hours are over."""
    for pilot in Pilot.objects.filter(condition=workflow.STOPPED, halt_reason="").select_related("halted_by", "lead"):
        if pilot.halted_by is None or pilot.halted_at is None or now < pilot.halted_at + dt.timedelta(hours=1):
            continue
        late = pilot.reason_due_at is not None and now >= pilot.reason_due_at
        for person in {pilot.halted_by, pilot.lead} if late else {pilot.halted_by}:
            yield Draft(
                kind="governance.reason-due",
                recipient=person,
                dedupe_key=f"governance.reason-due:{pilot.pk}:{pilot.base_version}:{'late' if late else 'due'}",
                subject=_("Why was %(pilot)s stopped?") % {"pilot": pilot.name},
                context={"pilot": pilot.name, "late": late},
                url=f"{pilot.get_absolute_url()}/reason",
                due_at=now,
            )


def _weekly_summaries(now: dt.datetime) -> Iterator[Draft]:
    """One a week for every executive, from Monday 07:00 UTC on: what waits, and how the pilots of their units stand."""
    monday = dt.datetime.combine(now.date() - dt.timedelta(days=now.weekday()), dt.time(SUMMARY_HOUR), dt.UTC)
    if now < monday:
        monday -= dt.timedelta(days=7)
    year, week, _day = monday.isocalendar()
    week_key = f"{year}-W{week:02d}"
    # Drawing up a summary costs queries, and the rule is asked all week: whoever has it is left out.
    told = Notice.objects.filter(kind="governance.weekly", dedupe_key__contains=f":{week_key}:").values("recipient")
    held = RoleAssignment.objects.in_force(now.date()).filter(role=Role.EXECUTIVE, person__is_active=True).exclude(person__in=told)
    for person in {one.person_id: one.person for one in held.select_related("person__unit")}.values():
        rows = [
            {
                "pilot": row.pilot.name,
                "condition": row.word,
                "stage": row.pilot.stage.name if row.pilot.stage else "",
                "people": len(cohort.exposed_people(row.pilot)),
                "shown": figures.counts(row.pilot, since=monday - dt.timedelta(days=7), until=monday).shown,
                "late": figures.items(row.pilot).late(monday.date()).count(),
            }
            for row in pages.pilot_rows(person)
        ]
        waits = [{"question": request.brief["question"], "url": request.get_absolute_url()} for request in waiting.to_sign(person)]
        yield Draft(
            kind="governance.weekly",
            recipient=person,
            dedupe_key=f"governance.weekly:{person.pk.hex}:{week_key}",
            subject=_("Your week: %(waits)d to decide, %(pilots)d pilots") % {"waits": len(waits), "pilots": len(rows)},
            context={"week": week_key, "waits": waits, "pilots": rows},
            url="/decisions",
            due_at=now,
        )
