"""What people are told by the calendar: each thing once, a missed day caught up, a second run silent."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core import mail

from audit.context import acting
from governance.services import stopping
from portal import clock
from portal.models import Notice
from portal.services import notices
from tests import factories
from tests.cast import Cast
from tests.governance import scene

MONDAY = dt.datetime(2026, 11, 23, 7, 30, tzinfo=dt.UTC)


def told(kind: str) -> list[tuple[str, str]]:
    """(first name, channel) of everybody told."""
    rows = Notice.objects.filter(kind=kind).select_related("recipient").order_by("recipient__name", "channel")
    return [(row.recipient.name.split()[0], row.channel) for row in rows]


def run(at: dt.datetime) -> None:
    with clock.at(at):
        notices.raise_due(at)


def test_signature_due__called_then_reminded_at_half_and_four_fifths(cast: Cast) -> None:
    request = scene.ask_to_widen(cast, scene.complete(cast, scene.started(cast)))
    keys = Notice.objects.filter(kind="governance.signature-due", dedupe_key__contains=f":{request.pk}.")
    assert keys.count() == 4  # sponsor and executive, in the portal and by mail
    run(scene.in_days(6))
    assert keys.count() == 4
    scene.sign(cast.priya, request)
    run(scene.in_days(8))
    run(scene.in_days(8))
    assert keys.count() == 6
    run(scene.in_days(12))
    assert keys.count() == 8
    run(scene.in_days(20))
    assert keys.count() == 8
    assert {row.recipient for row in keys.filter(dedupe_key__contains=":50:")} == {cast.helen}


@pytest.mark.parametrize(("ahead", "days"), [(13, 14), (2, 3), (0.5, 1)])
def test_p7__before_the_end__the_people_on_it_are_told_once(cast: Cast, ahead: float, days: int) -> None:
    pilot = scene.started(cast)
    now = pilot.ends_at - dt.timedelta(days=ahead)
    run(now)
    run(now)
    rows = Notice.objects.filter(kind="governance.ends-soon")
    assert {row.recipient.name for row in rows} == {"Jo Okafor", "Mara Lindqvist", "Priya Raman"}
    assert rows.filter(recipient=cast.jo).count() == 1  # no address, so in the portal alone
    assert all(row.dedupe_key.split(":")[3] == str(days) for row in rows)


def test_stop_reason__missing__is_asked_for_after_an_hour_and_a_day(cast: Cast) -> None:
    pilot, _grant = scene.widened(cast)
    with acting(cast.helen.pk, channel="page"):
        stopping.stop(actor=cast.helen, pilot=pilot)
    run(clock.now() + dt.timedelta(minutes=30))
    assert told("governance.reason-due") == []
    run(clock.now() + dt.timedelta(hours=2))
    assert told("governance.reason-due") == [("Helen", "app"), ("Helen", "mail")]
    run(clock.now() + dt.timedelta(hours=25))
    assert [name for name, channel in told("governance.reason-due") if channel == "app"] == ["Helen", "Helen", "Mara"]
    with acting(cast.helen.pk, channel="page"):
        stopping.give_reason(actor=cast.helen, pilot=pilot, reason="Wrong docks")
    count = Notice.objects.count()
    run(clock.now() + dt.timedelta(hours=26))
    assert Notice.objects.filter(kind="governance.reason-due").count() <= count


def test_weekly__each_executive__once_a_week_even_after_a_missed_day(cast: Cast) -> None:
    scene.started(cast)
    run(MONDAY - dt.timedelta(hours=1))  # before seven on Monday it is still last week's
    run(MONDAY + dt.timedelta(days=2))  # Monday and Tuesday nothing ran
    run(MONDAY + dt.timedelta(days=3))
    rows = Notice.objects.filter(kind="governance.weekly", channel="app").order_by("dedupe_key")
    assert [row.dedupe_key.split(":")[2] for row in rows] == ["2026-W47", "2026-W48"]
    assert {row.recipient for row in rows} == {cast.helen}
    assert rows[1].context["pilots"][0]["pilot"] == "Route optimiser, Northfield"


def test_mails__every_kind__are_written_in_full(cast: Cast) -> None:
    factories.role(cast.priya, "lead", cast.harbour)
    pilot, _grant = scene.widened(cast)
    with acting(cast.helen.pk, channel="page"):
        stopping.hold(actor=cast.tom, pilot=pilot, reason="Late replies")
        stopping.stop(actor=cast.helen, pilot=pilot)
    later = clock.now() + dt.timedelta(hours=25)
    with clock.at(later):
        notices.raise_due(later)
        notices.deliver()
    assert not Notice.objects.exclude(error="").exists()
    text = "\n".join(str(message.body) for message in mail.outbox)
    assert "Nobody has the AI of Route optimiser, Northfield any more." in text
    assert "Back to last week's fixed routes within one hour." in text
    assert "Waits for your signature:" in text
    kinds = set(Notice.objects.values_list("kind", flat=True))
    assert kinds == {"governance.signature-due", "governance.decided", "governance.halted", "governance.reason-due", "governance.weekly"}
