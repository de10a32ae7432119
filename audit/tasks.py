"""The one periodic task of the audit trail."""

from __future__ import annotations

from celery import shared_task

from audit import sealing
from audit.services import make_room


@shared_task(name="audit.seal", acks_late=True, time_limit=230)
def seal() -> None:
    """Seal what was committed since the last pass. Twice at once or twice in a row does no harm."""
    sealing.seal()
    make_room()
