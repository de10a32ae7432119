"""Races with real threads on real PostgreSQL: whatever the order, one grant, and Stop wins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connections

from audit.context import acting
from governance.models import ExpansionRequest, Grant, Pilot, Signature
from governance.selectors import cohort
from governance.services import applying, pilots, stopping
from portal.errors import DomainError
from portal.models import Role
from tests import factories
from tests.cast import Cast
from tests.governance import scene


def at_once(acts: list[Callable[[], Any]]) -> list[Any]:
    """What each act answered or raised, all started together."""
    gate = threading.Barrier(len(acts))
    answers: list[Any] = [None] * len(acts)

    def run(place: int, act: Callable[[], Any]) -> None:
        try:
            gate.wait()
            answers[place] = act()
        except DomainError as error:
            answers[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_r9__twenty_simultaneous_last_signatures__give_one_grant(committed_db: Any, cast: Cast) -> None:
    executives = [factories.person(f"Executive{number} X", cast.company) for number in range(20)]
    for person in executives:
        factories.role(person, Role.EXECUTIVE, cast.company)
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    scene.sign(cast.priya, request)
    answers = at_once([lambda person=person: scene.sign(person, request) for person in executives])  # type: ignore[misc]
    assert sum(isinstance(answer, Signature) for answer in answers) == 1
    assert {answer.code for answer in answers if isinstance(answer, DomainError)} <= {"illegal_move", "stale"}
    assert Grant.objects.filter(request=request).count() == 1
    assert Signature.objects.filter(request=request).count() == 2
    assert Pilot.objects.get(pk=pilot.pk).base_version == pilot.base_version + 1


def test_r9__twenty_applies_at_once__give_one_grant(committed_db: Any, cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    with acting(cast.mara.pk, channel="page"):
        todo = pilots.ActionDraft(kind="training", what="Brief the drivers", owner=cast.mara, due_on=scene.in_days(1).date())
        pilots.complete(actor=cast.mara, pilot=pilot, actions=[todo])
    request = scene.ask_to_widen(cast, pilot)
    scene.sign(cast.priya, request)
    scene.sign(cast.helen, request)
    with acting(cast.mara.pk, channel="page"):
        pilots.finish_action(actor=cast.mara, action=pilot.actions.get(), evidence="List of 20 November")

    def apply() -> ExpansionRequest:
        with acting(cast.mara.pk, channel="api"):
            return applying.apply(actor=cast.mara, request=ExpansionRequest.objects.get(pk=request.pk))

    answers = at_once([apply] * 20)
    assert all(isinstance(answer, ExpansionRequest) for answer in answers)
    assert Grant.objects.filter(request=request).count() == 1


def test_p3__stop_beside_the_last_signature__nobody_has_it(committed_db: Any, cast: Cast) -> None:
    """Either the signature comes first and the Stop stops it too, or the Stop comes first and the signature is stale."""
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    scene.sign(cast.priya, request)

    def stop() -> Pilot:
        with acting(cast.tom.pk, channel="page"):
            return stopping.stop(actor=cast.tom, pilot=pilot)

    answers = at_once([stop, lambda: scene.sign(cast.helen, request)])
    assert isinstance(answers[0], Pilot)
    assert Pilot.objects.get(pk=pilot.pk).condition == "stopped"
    assert cohort.exposed_people(Pilot.objects.get(pk=pilot.pk)) == set()
