"""Who may do what beyond the role: predicates that services enforce and selectors show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portal import clock
from portal.models import Person, Role, RoleAssignment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from governance.models import ExpansionRequest, Pilot
    from portal.models import Unit

#: Holder of a slot -> the role it takes over the pilot's unit. The overseer is named on the pilot.
HOLDER_ROLES = {"sponsor": Role.SPONSOR, "compliance": Role.COMPLIANCE, "executive": Role.EXECUTIVE}


def oversees(person: Person, pilot: Pilot) -> bool:
    return any(watch.person_id == person.pk for watch in pilot.oversights.all())


def may_prepare(person: Person, pilot: Pilot) -> bool:
    """Propose readiness, prepare and submit requests: the pilot's lead, or a lead over its unit."""
    return person.is_active and (pilot.lead_id == person.pk or person.has_perm("pilots.lead", pilot.unit))


def may_hold(person: Person, pilot: Pilot) -> bool:
    return person.is_active and (pilot.lead_id == person.pk or person.has_perm("pilots.hold", pilot.unit))


def may_stop(person: Person, pilot: Pilot) -> bool:
    """Any overseer, lead, compliance or executive: one person, no approval."""
    return person.is_active and (pilot.lead_id == person.pk or oversees(person, pilot) or person.has_perm("pilots.stop", pilot.unit))


def may_read_decisions(person: Person, pilot: Pilot) -> bool:
    """Who may see its requests and take receipts of its steps: those who answer for it, and the reading roles over its unit."""
    answers = may_stop(person, pilot) or may_prepare(person, pilot) or pilot.sponsor_id == person.pk
    return answers or person.has_perm("requests.read", pilot.unit)


def may_end(person: Person, pilot: Pilot) -> bool:
    """An executive over the unit; once the end date has passed, the lead too, who then writes the lessons."""
    return person.has_perm("pilots.end", pilot.unit) or (pilot.lapsed and may_prepare(person, pilot))


def may_give_reason(person: Person, pilot: Pilot) -> bool:
    """The reason of a Stop: whoever stopped it, or the lead."""
    return pilot.halted_by_id == person.pk or may_prepare(person, pilot)


def may_revise(person: Person, request: ExpansionRequest) -> bool:
    return may_prepare(person, request.pilot)


def may_withdraw(person: Person, request: ExpansionRequest) -> bool:
    return request.requester_id == person.pk or may_prepare(person, request.pilot)


def may_apply(person: Person, request: ExpansionRequest) -> bool:
    return may_prepare(person, request.pilot) or may_stop(person, request.pilot)


def may_revoke(person: Person, request: ExpansionRequest) -> bool:
    """An approval, or the grant that it left: whoever may stop the pilot."""
    return may_stop(person, request.pilot)


def _covers(units: Iterable[Unit], request: ExpansionRequest) -> bool:
    """True when a role over `units` reaches the pilot's unit and every other that the request touches, frozen at submission."""
    paths = [unit.path for unit in units]
    touched = {request.pilot.unit.path, *request.policy.get("over", ())}
    return all(any(one.startswith(path) for path in paths) for one in touched)


def fills(person: Person, slot: Mapping[str, Any], request: ExpansionRequest) -> bool:
    """True when `person` is among the holders of `slot` today (R7 asks again at apply).

    The role must reach everyone whom the request gives the AI; the overseer and the sponsor are those of the pilot.
    """
    if not person.is_active:
        return False
    pilot = request.pilot
    for holder in slot["holders"]:
        if holder == "overseer":
            if oversees(person, pilot):
                return True
        elif (holder != "sponsor" or pilot.sponsor_id == person.pk) and _covers(
            (held.unit for held in person.current_roles if held.role == HOLDER_ROLES[holder]), request
        ):
            return True
    return False


def separated(person: Person, request: ExpansionRequest) -> str:
    """Why duties must stay apart: a code when the person asked for this or worked on it, else an empty string (R1)."""
    if person.pk == request.requester_id:
        return "requester_cannot_sign"
    if any(contributor.person_id == person.pk for contributor in request.contributors.all()):
        return "contributor_cannot_sign"
    if request.kind == "resume" and request.pilot.halted_by_id == person.pk:
        return "stopper_cannot_sign"
    return ""


def candidates(slot: Mapping[str, Any], request: ExpansionRequest) -> list[Person]:
    """Everyone who may fill `slot` of `request` now, by name."""
    pilot = request.pilot
    found: dict[Any, Person] = {}
    for holder in slot["holders"]:
        if holder == "overseer":
            people = [watch.person for watch in pilot.oversights.select_related("person")]
        else:
            held = RoleAssignment.objects.in_force(clock.now().date()).filter(role=HOLDER_ROLES[holder]).select_related("person", "unit")
            units: dict[Person, list[Unit]] = {}
            for one in held:
                units.setdefault(one.person, []).append(one.unit)
            people = [person for person, over in units.items() if _covers(over, request)]
            if holder == "sponsor":
                people = [person for person in people if person.pk == pilot.sponsor_id]
        found |= {person.pk: person for person in people if person.is_active and not separated(person, request)}
    return sorted(found.values(), key=lambda person: person.name)
