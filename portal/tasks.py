"""Background work of portal, each safe to run twice and at once. When they run: portal/schedule.py."""

from __future__ import annotations

from celery import shared_task

from portal import clock
from portal.services import notices, tidying


@shared_task(name="portal.deliver_notices", acks_late=True, time_limit=240)
def deliver_notices() -> None:
    notices.deliver()


@shared_task(name="portal.raise_due", acks_late=True, time_limit=240)
def raise_due() -> None:
    notices.raise_due(clock.now())


@shared_task(name="portal.tidy", acks_late=True, time_limit=240)
def tidy() -> None:
    tidying.tidy()
