"""What somebody decided asks the sealer to come at once: one poke a command, after the commit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from celery import current_app
from pytest_django import DjangoCaptureOnCommitCallbacks

from audit.context import acting
from audit.nudge import settled
from governance.models import ExpansionRequest, Pilot
from governance.services import applying, ending, stopping
from tests.cast import Cast
from tests.governance import scene

Command = Callable[[Cast], object]


def signs(cast: Cast) -> Command:
    pilot = scene.propose(cast)
    request = scene.ask_to_start(cast, pilot)
    return lambda cast: scene.sign(cast.helen, request)


def signs_first_of_two(cast: Cast) -> Command:
    request = scene.ask_to_widen(cast, scene.complete(cast, scene.started(cast)))
    return lambda cast: scene.sign(cast.priya, request)


def applies(cast: Cast) -> Command:
    """Approved and blocked by an action that is done by now."""
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    action = pilot.actions.create(kind="training", what="Briefing", owner=cast.mara, due_on=pilot.ends_at.date())
    scene.sign(cast.priya, request)
    scene.sign(cast.helen, request)
    action.done_at, action.evidence = pilot.ends_at, "List of those who came"
    action.save()
    return lambda cast: applying.apply(actor=cast.mara, request=ExpansionRequest.objects.get(pk=request.pk))


def holds(cast: Cast) -> Command:
    pilot = scene.started(cast)
    return lambda cast: stopping.hold(actor=cast.mara, pilot=pilot, reason="Two wrong routes.")


def stops(cast: Cast) -> Command:
    pilot = scene.started(cast)
    return lambda cast: stopping.stop(actor=cast.helen, pilot=pilot)


def ends(cast: Cast) -> Command:
    pilot = scene.started(cast)
    words = {"cause": "Nobody used it.", "lessons": "Ask first.", "told_objectors": "They were right."}
    return lambda cast: ending.end(actor=cast.helen, pilot=pilot, outcome=Pilot.Outcome.ENDED_EARLY, **words)


@pytest.mark.parametrize("prepared", [signs, signs_first_of_two, applies, holds, stops, ends])
def test_sealer__after_a_decision__is_nudged_once(
    cast: Cast,
    prepared: Callable[[Cast], Command],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **_: sent.append(name))
    with acting(cast.mara.pk, channel="page"):
        command = prepared(cast)
        with django_capture_on_commit_callbacks(execute=True):
            command(cast)
    settled()
    assert sent.count("audit.seal") == 1


def test_sealer__after_a_second_stop__is_left_in_peace(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **_: sent.append(name))
    pilot = scene.started(cast)
    with acting(cast.helen.pk, channel="page"):
        stopping.stop(actor=cast.helen, pilot=pilot)
        with django_capture_on_commit_callbacks(execute=True):
            stopping.stop(actor=cast.helen, pilot=pilot)
    settled()
    assert sent == []
