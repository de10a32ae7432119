"""Actors, entries, payloads, and the sealed log. Private to audit: others use audit.services, audit.selectors and audit.history."""

from audit.models.actors import UNATTRIBUTED, Actor
from audit.models.entries import Entry, Payload
from audit.models.log import Batch, Checkpoint, Leaf, LogKey, Tile

__all__ = ["UNATTRIBUTED", "Actor", "Batch", "Checkpoint", "Entry", "Leaf", "LogKey", "Payload", "Tile"]
