"""What may follow what: the moves of a pilot and of a request, and who must sign. Pure tables, no Django.

The database refuses the same moves (migrations/0002_guards.py); a test compares the two.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

# --- The pilot's condition ---------------------------------------------------------------------------------------

PROPOSED, READY, ACTIVE, HELD, STOPPED, ENDED = "proposed", "ready", "active", "held", "stopped", "ended"

#: Command -> (conditions it may start from, condition it leads to).
PILOT_MOVES: dict[str, tuple[frozenset[str], str]] = {
    "make-ready": (frozenset({PROPOSED}), READY),
    "widen": (frozenset({READY, ACTIVE}), ACTIVE),
    "hold": (frozenset({ACTIVE}), HELD),
    "stop": (frozenset({ACTIVE, HELD}), STOPPED),
    "resume": (frozenset({HELD, STOPPED}), ACTIVE),
    "end": (frozenset({PROPOSED, READY, ACTIVE, HELD, STOPPED}), ENDED),
}

#: Conditions in which a grant lets anyone through.
EXPOSED = frozenset({ACTIVE, HELD})
LIVE = frozenset({PROPOSED, READY, ACTIVE, HELD, STOPPED})


def may_pilot(command: str, condition: str) -> bool:
    """True when a pilot in `condition` allows `command`."""
    return condition in PILOT_MOVES[command][0]


# --- The request --------------------------------------------------------------------------------------------------

DRAFT, SUBMITTED, IN_REVIEW, APPROVED, APPLIED = "draft", "submitted", "in_review", "approved", "applied"
CHANGES_REQUESTED, REJECTED, WITHDRAWN, REVOKED = "changes_requested", "rejected", "withdrawn", "revoked"

#: Command -> (states it may start from, state it leads to). `stale`, `expired` and `verified` are computed when read.
REQUEST_MOVES: dict[str, tuple[frozenset[str], str]] = {
    "revise": (frozenset({DRAFT, SUBMITTED, IN_REVIEW, CHANGES_REQUESTED}), DRAFT),
    "submit": (frozenset({DRAFT}), SUBMITTED),
    "sign": (frozenset({SUBMITTED, IN_REVIEW}), IN_REVIEW),
    "complete": (frozenset({SUBMITTED, IN_REVIEW}), APPROVED),
    "request-changes": (frozenset({SUBMITTED, IN_REVIEW}), CHANGES_REQUESTED),
    "reject": (frozenset({SUBMITTED, IN_REVIEW}), REJECTED),
    "withdraw": (frozenset({DRAFT, SUBMITTED, IN_REVIEW, CHANGES_REQUESTED}), WITHDRAWN),
    "revoke": (frozenset({APPROVED}), REVOKED),
    "apply": (frozenset({APPROVED}), APPLIED),
}

#: Waiting for somebody; everything else is closed or done.
OPEN = frozenset({DRAFT, SUBMITTED, IN_REVIEW, CHANGES_REQUESTED, APPROVED})
SIGNABLE = frozenset({SUBMITTED, IN_REVIEW})


def may_request(command: str, state: str) -> bool:
    """True when a request in `state` allows `command`."""
    return state in REQUEST_MOVES[command][0]


def legal_pairs(moves: dict[str, tuple[frozenset[str], str]]) -> set[tuple[str, str]]:
    """Every (from, to) that some command makes, without those that stay where they are."""
    return {(start, end) for starts, end in moves.values() for start in starts if start != end}


# --- Who signs ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slot:
    """A place for one signature: who may fill it (`holders`, any of them) and what signing it means."""

    name: str
    holders: tuple[str, ...]
    meaning: str


@dataclass(frozen=True)
class Policy:
    """The slots of a request, the days until it expires, and the name of the rule that chose them."""

    rule: str
    slots: tuple[Slot, ...]
    review_days: int = 14

    def as_json(self) -> dict[str, object]:
        """Plain lists and words, as frozen into the request."""
        plain = asdict(self)
        plain["slots"] = [{**slot, "holders": list(slot["holders"])} for slot in plain["slots"]]
        return plain


_SPONSOR = Slot("sponsor", ("sponsor",), "approval")
_COMPLIANCE = Slot("compliance", ("compliance",), "review")
_EXECUTIVE = Slot("executive", ("executive",), "responsibility")
_OVERSEER = Slot("overseer", ("overseer",), "review")

#: By risk tier: the sponsor knows the work, compliance the rules; an executive always answers for it.
_BY_TIER = {
    "minimal": (_SPONSOR, _EXECUTIVE),
    "limited": (_COMPLIANCE, _EXECUTIVE),
    "high": (_COMPLIANCE, _EXECUTIVE),
}

#: The light lane: a handful of volunteers, a short time, one signature of anyone who answers for the pilot.
LIGHT_MAX_PEOPLE = 5
LIGHT_MAX_DAYS = 30
_LIGHT = (Slot("approver", ("sponsor", "compliance", "executive"), "approval"),)


def policy_for(*, kind: str, tier: str, light: bool) -> Policy:
    """The policy of a request of `kind` (widen, resume) for a system of risk `tier`. KeyError for an unknown tier."""
    if kind == "resume":
        return Policy("resume", (_OVERSEER, _EXECUTIVE), review_days=3)
    if light:
        return Policy("light-lane", _LIGHT)
    return Policy(f"tier-{tier}", _BY_TIER[tier])
