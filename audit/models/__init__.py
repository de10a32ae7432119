"""Actors, entries, payloads, and the sealed log. Private to audit: others use audit.services, audit.selectors and audit.history."""

from audit.models.actors import UNATTRIBUTED, Actor
from audit.models.entries import Entry, Payload
from audit.models.keeping import ErasureRequest, KeepingRule, LegalHold, RetentionPolicy
from audit.models.log import Batch, Checkpoint, Leaf, LogKey, Tile
from audit.models.packs import Pack
from audit.models.review import Judgement, Review
from audit.models.views import SavedView, Subscription
from audit.models.witnesses import Confirmation, Contact, Cosignature, Stamp

__all__ = [
    "UNATTRIBUTED",
    "Actor",
    "Batch",
    "Checkpoint",
    "Confirmation",
    "Contact",
    "Cosignature",
    "Entry",
    "ErasureRequest",
    "Judgement",
    "KeepingRule",
    "Leaf",
    "LegalHold",
    "LogKey",
    "Pack",
    "Payload",
    "RetentionPolicy",
    "Review",
    "SavedView",
    "Stamp",
    "Subscription",
    "Tile",
]
