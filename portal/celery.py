"""The Celery application: tasks are found in each app's tasks.py, the timetable is portal/schedule.py."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("lastmile")
# The web server's threads must find this app too, and not an unconfigured one of their own.
app.set_default()
app.config_from_object("portal.schedule:CELERY")
app.autodiscover_tasks(["audit", "portal", "feedback", "governance"])
