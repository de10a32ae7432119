"""portal carries: people, units, AI systems, sign-in, notices, and the shell of every page."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
