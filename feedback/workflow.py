"""Where an item may go from where it stands. Pure: no Django here, so the table can be read and tested by itself."""

from __future__ import annotations

NEW, ACKNOWLEDGED, PLANNED, IN_TEST, DONE, DECLINED, DUPLICATE, REOPENED = (
    "new",
    "acknowledged",
    "planned",
    "in_test",
    "done",
    "declined",
    "duplicate",
    "reopened",
)

STATUSES = (NEW, ACKNOWLEDGED, PLANNED, IN_TEST, DONE, DECLINED, DUPLICATE, REOPENED)

MOVES: dict[str, frozenset[str]] = {
    NEW: frozenset({ACKNOWLEDGED, PLANNED, IN_TEST, DONE, DECLINED, DUPLICATE}),
    ACKNOWLEDGED: frozenset({PLANNED, IN_TEST, DONE, DECLINED, DUPLICATE}),
    PLANNED: frozenset({ACKNOWLEDGED, IN_TEST, DONE, DECLINED, DUPLICATE}),
    IN_TEST: frozenset({PLANNED, DONE, DECLINED, DUPLICATE}),
    DONE: frozenset({REOPENED}),
    DECLINED: frozenset({REOPENED}),
    DUPLICATE: frozenset({REOPENED}),
    REOPENED: frozenset({ACKNOWLEDGED, PLANNED, IN_TEST, DONE, DECLINED, DUPLICATE}),
}

CLOSED = frozenset({DONE, DECLINED, DUPLICATE})
OPEN = frozenset(STATUSES) - CLOSED

# Words that say what will be done answer the author; "we have seen it" does not.
ANSWERS = frozenset({PLANNED, IN_TEST, DONE, DECLINED, DUPLICATE})


def moves_from(status: str) -> tuple[str, ...]:
    """The statuses that may follow, in the order in which a page offers them. Unknown status: none."""
    allowed = MOVES.get(status, frozenset())
    return tuple(name for name in STATUSES if name in allowed)


def may_move(status: str, to: str) -> bool:
    return to in MOVES.get(status, frozenset())
