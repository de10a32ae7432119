"""The logistics pilot, step by step through the real services: what the tests of governance begin with."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from audit.context import acting
from governance.models import ExpansionRequest, Grant, Pilot, Signature
from governance.selectors import signing
from governance.services import light, pilots, requests, signatures
from governance.services.pilots import PromiseDraft, RuleDraft, StageDraft
from portal import clock
from portal.models import Person
from portal.stepup import StepUp
from tests.cast import Cast

LADDER = (
    StageDraft(kind="person", name="One driver", size=5),
    StageDraft(kind="team", name="Northfield depot", size=20),
    StageDraft(kind="site", name="Region", size=200),
    StageDraft(kind="enterprise", name="Fleet", size=2000),
)
STOP_RULE = RuleDraft(name="No incident", figure="incidents", comparator="gt", threshold=Decimal(0), effect="stop")
CRITERION = RuleDraft(name="Drivers decide", figure="decided_share", comparator="ge", threshold=Decimal(60), minimum=20)


def in_days(days: int) -> dt.datetime:
    return clock.now() + dt.timedelta(days=days)


def propose(cast: Cast, **changes: Any) -> Pilot:
    values: dict[str, Any] = {
        "slug": "route-optimiser-northfield",
        "name": "Route optimiser, Northfield",
        "system": cast.system,
        "unit": cast.northfield,
        "sponsor": cast.priya,
        "overseers": [cast.colleagues[0]],
        "purpose": "Plans the order of stops. It never decides who drives.",
        "fall_back": "Back to last week's fixed routes within one hour.",
        "ends_at": in_days(25),
        "stages": LADDER,
        "stop_rules": [STOP_RULE],
    }
    with acting(cast.mara.pk, channel="page"):
        return pilots.propose(actor=cast.mara, **(values | changes))


def complete(cast: Cast, pilot: Pilot) -> Pilot:
    """Everything that the second stage needs."""
    with acting(cast.mara.pk, channel="page"):
        return pilots.complete(
            actor=cast.mara,
            pilot=pilot,
            criteria=[CRITERION],
            promise=PromiseDraft(statement="12 % less fuel", target=Decimal(12), measure="% fuel", cost="1.2 M"),
            baseline="31.4 litres per 100 km in the spring",
            fall_back_tested_on=clock.now().date(),
            people_informed_on=clock.now().date(),
        )


def ask_to_start(cast: Cast, pilot: Pilot, *volunteers: Person) -> ExpansionRequest:
    with acting(cast.mara.pk, channel="page"):
        return light.ask(actor=cast.mara, pilot=pilot, volunteers=volunteers or [cast.jo])


def sign(person: Person, request: ExpansionRequest, decision: str = "approve", reason: str = "", digest: str = "") -> Signature:
    request, person = ExpansionRequest.objects.get(pk=request.pk), Person.objects.get(pk=person.pk)
    digest = digest or signing.live_digest(request)
    with acting(person.pk, channel="page"):
        step_up = StepUp("password", clock.now(), digest)
        return signatures.sign(actor=person, request=request, decision=decision, digest=digest, step_up=step_up, reason=reason)


def started(cast: Cast) -> Pilot:
    """Active, with Jo alone."""
    pilot = propose(cast)
    sign(cast.helen, ask_to_start(cast, pilot))
    return Pilot.objects.get(pk=pilot.pk)


def ask_to_widen(cast: Cast, pilot: Pilot, **changes: Any) -> ExpansionRequest:
    """Submitted: the depot, at most twenty people, sixty days."""
    values: dict[str, Any] = {"recommendation": "Widen to the depot: drivers use it.", "units": [cast.northfield], "ends_at": in_days(60)}
    with acting(cast.mara.pk, channel="page"):
        draft = requests.prepare_widen(actor=cast.mara, pilot=pilot, **(values | changes))
        return requests.submit(actor=cast.mara, request=draft)


def widened(cast: Cast) -> tuple[Pilot, Grant]:
    """Active in the whole depot."""
    pilot = complete(cast, started(cast))
    request = ask_to_widen(cast, pilot)
    sign(cast.priya, request)
    sign(cast.helen, request)
    return Pilot.objects.get(pk=pilot.pk), Grant.objects.get(request=request)
