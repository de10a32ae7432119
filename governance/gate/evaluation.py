"""What the gate answers: for one key or all of a system's, for one person, from grants alone.

Attributes that a client sends may narrow an answer (another AI version than the approved one), never widen it (P2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from governance import workflow
from governance.models import Pilot, Stage
from governance.selectors.cohort import Exposure, exposures_of
from portal.models import AISystem, Person, VersionRule

SHADOW_SUFFIX = ".shadow"


@dataclass(frozen=True)
class Answer:
    """One evaluated flag, in OFREP's words. `why` stands in the metadata for people who debug."""

    key: str
    value: bool
    reason: str
    variant: str
    metadata: dict[str, str | int | bool]


def pilots_of(system: AISystem, slug: str | None = None) -> list[Pilot]:
    """Every pilot of a system that the gate answers for, ended ones included: a flag never disappears. One query."""
    found = Pilot.objects.filter(system=system).select_related("stage").order_by("slug")
    return list(found.filter(slug=slug) if slug is not None else found)


def evaluate(pilots: Sequence[Pilot], person: Person | None, attributes: dict[str, Any]) -> list[tuple[Pilot, Answer, Answer]]:
    """For each pilot the answer under its key and under its shadow key; one query, whatever the number of pilots."""
    exposures = exposures_of(person, pilots) if person is not None else {}
    return [
        (pilot, _answer(pilot, found, attributes, shadow=False), _answer(pilot, found, attributes, shadow=True))
        for pilot in pilots
        for found in [exposures.get(pilot.pk, [])]
    ]


def _answer(pilot: Pilot, exposures: list[Exposure], attributes: dict[str, Any], *, shadow: bool) -> Answer:
    key = pilot.slug + (SHADOW_SUFFIX if shadow else "")
    stage = pilot.stage.name if pilot.stage else ""
    if pilot.lapsed or pilot.condition in {workflow.STOPPED, workflow.ENDED}:
        return Answer(
            key=key, value=False, reason="DISABLED", variant="stopped", metadata={"grant": "", "stage": stage, "why": pilot.shown_condition}
        )
    mine = [one for one in exposures if (one.stage_kind == Stage.Kind.SHADOW) == shadow]
    admitted = [one for one in mine if _version_fits(one, attributes.get("version"))]
    if admitted:
        grant = admitted[-1]
        return Answer(
            key=key,
            value=True,
            reason="TARGETING_MATCH",
            variant="on",
            metadata={"grant": f"G-{grant.grant_id}", "stage": grant.stage_name, "why": "in the cohort"},
        )
    # One text whether the person is known or not: a key of the gate must not find out who works here.
    why = "another version is approved" if mine else "outside the cohort"
    return Answer(key=key, value=False, reason="STATIC", variant="off", metadata={"grant": "", "stage": stage, "why": why})


def _version_fits(exposure: Exposure, version: object) -> bool:
    """True when the version that the client states (if it does) is one that was approved."""
    if version is None or exposure.version_rule == VersionRule.SUPPLIER:
        return True
    if exposure.version_rule == VersionRule.MINOR:
        return str(version).split(".")[0] == exposure.version.split(".")[0]
    return str(version) == exposure.version
