"""The periodic tasks of the audit trail, each safe to run twice and at once."""

from __future__ import annotations

import logging
import time

from celery import shared_task
from django.conf import settings

from audit.capture import check as capture_check
from audit.explore import indexing
from audit.keeping import erasure, retention
from audit.log import sealing, verification, verifying
from audit.nudge import nudge
from audit.outside import stamps, witnesses
from audit.packs import making
from audit.services import make_room

logger = logging.getLogger(__name__)

UNKEPT = "This result was not recorded: the role that serves may not say so. Set DATABASE_SEALER_URL for the worker."


@shared_task(name="audit.seal", acks_late=True, time_limit=230)
def seal() -> None:
    """Seal what was committed since the last pass. Twice at once or twice in a row does no harm."""
    done = sealing.seal()
    if done.new and settings.LOG_WITNESSES:
        nudge("audit.witness")
    if done.new and done.new == done.size:
        # The first checkpoint ever: nobody should have to wait for the night to see that the trail is in order.
        nudge("audit.check")
        nudge("audit.verify")
    make_room()


@shared_task(name="audit.index", acks_late=True, time_limit=230)
def index() -> None:
    indexing.index()


@shared_task(name="audit.witness", acks_late=True, time_limit=230)
def witness() -> None:
    witnesses.witness()


@shared_task(name="audit.stamp", acks_late=True, time_limit=230)
def stamp() -> None:
    stamps.stamp()


@shared_task(name="audit.packs", acks_late=True, time_limit=6 * 3600)
def make_packs() -> None:
    making.sweep()


@shared_task(name="audit.erase", acks_late=True, time_limit=3600)
def erase() -> None:
    """Erase whoever was confirmed. The routine does each once."""
    erasure.erase_confirmed()


@shared_task(name="audit.expire", acks_late=True, time_limit=3600)
def expire() -> None:
    """Delete what was kept long enough; once a night."""
    retention.expire_all()


@shared_task(name="audit.check", acks_late=True, time_limit=600)
def check() -> None:
    """Is capture in place; once a night. What it finds is an entry, a line in the worker's log, and a notice to compliance."""
    report = capture_check.check()
    for finding in report.findings:
        logger.error("The check of the audit trail's capture: %s", finding)
    if capture_check.keep(report, channel="task") is None:
        logger.warning(UNKEPT)


@shared_task(name="audit.verify", acks_late=True, time_limit=4 * 3600)
def verify() -> None:
    """Recompute the whole trail; once a night. What it finds is an entry, a line in the worker's log, and a notice to compliance."""
    began = time.monotonic()
    report = verification.verify()
    for finding in report.findings[: verifying.SHOWN]:
        logger.error("The audit trail does not verify: %s", finding)
    if verifying.keep(report, channel="task", seconds=time.monotonic() - began) is None:
        logger.warning(UNKEPT)
