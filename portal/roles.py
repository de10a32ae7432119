"""What each role may do by name. Everyone signed in may do what has no name; policies narrow it further."""

from __future__ import annotations

from portal.models.people import Role

LEAD, SPONSOR, EXECUTIVE, COMPLIANCE, ADMINISTRATOR = (
    Role.LEAD,
    Role.SPONSOR,
    Role.EXECUTIVE,
    Role.COMPLIANCE,
    Role.ADMINISTRATOR,
)

PERMISSIONS: dict[str, frozenset[Role]] = {
    "audit.read": frozenset({COMPLIANCE}),
    "audit.keep": frozenset({COMPLIANCE}),
    "audit.export": frozenset({COMPLIANCE}),
    "audit.restore": frozenset({COMPLIANCE}),
    "audit.review": frozenset({COMPLIANCE}),
    "people.manage": frozenset({ADMINISTRATOR}),
    "systems.manage": frozenset({ADMINISTRATOR}),
    "items.triage": frozenset({LEAD}),
    "concerns.answer": frozenset({COMPLIANCE}),
    "names.look": frozenset({COMPLIANCE}),
    "events.send": frozenset(),  # programs only, by the scope of their key
    "gate.read": frozenset(),  # programs only, by the scope of their key
    "widget.open": frozenset(),  # programs only, by the scope of their key
    "pilots.lead": frozenset({LEAD}),
    "requests.read": frozenset({LEAD, SPONSOR, EXECUTIVE, COMPLIANCE}),
    "requests.sign": frozenset({SPONSOR, EXECUTIVE, COMPLIANCE}),
    "pilots.hold": frozenset({LEAD, COMPLIANCE}),
    "pilots.stop": frozenset({LEAD, EXECUTIVE, COMPLIANCE}),
    "pilots.end": frozenset({EXECUTIVE}),
}
