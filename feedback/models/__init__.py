"""The suggestion box, the anonymous intake, and what the AI showed and people did with it."""

from feedback.models.anonymous import AdmissionNight, Intake, IntakeReply, Receipt
from feedback.models.events import Event, EventBatch
from feedback.models.items import Item, ItemAuthor, Reply, StatusChange, Voice
from feedback.models.joining import Follow, Mention, Merge, Verdict
from feedback.models.places import Kiosk
from feedback.models.recommendations import Flag, Outcome, Recommendation

__all__ = [
    "AdmissionNight",
    "Event",
    "EventBatch",
    "Flag",
    "Follow",
    "Intake",
    "IntakeReply",
    "Item",
    "ItemAuthor",
    "Kiosk",
    "Mention",
    "Merge",
    "Outcome",
    "Receipt",
    "Recommendation",
    "Reply",
    "StatusChange",
    "Verdict",
    "Voice",
]
