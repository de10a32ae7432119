"""Acts of feedback that leave an entry without changing a governed row."""

from __future__ import annotations

VERBS: dict[str, str] = {
    "feedback.events-accepted": "accepted events",
    "feedback.name-looked-at": "looked at a confidential name",
    "feedback.intake-admitted": "admitted anonymous filings",
    "feedback.kiosk-code-made": "made a one-time code for a kiosk",
    "feedback.kiosk-enrolled": "enrolled a device as a kiosk",
}
