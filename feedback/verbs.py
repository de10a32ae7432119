"""Acts of feedback that leave an entry without changing a governed row."""

from __future__ import annotations

VERBS: dict[str, str] = {
    "feedback.events-accepted": "accepted events",
    "feedback.name-looked-at": "looked at a confidential name",
    "feedback.intake-admitted": "admitted anonymous filings",
}
