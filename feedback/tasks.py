"""Periodic work of feedback."""

from __future__ import annotations

from celery import shared_task

from feedback.services import intake
from portal import clock


@shared_task(name="feedback.admit_intake", acks_late=True, time_limit=240)
def admit_intake() -> None:
    """Let anonymous filings into the box, once a night."""
    intake.admit_tonight(clock.now())
