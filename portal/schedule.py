"""What runs by itself, and when: one line a periodic job, and where each app declares its notices."""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab
from django.conf import settings

BEAT: dict[str, dict[str, Any]] = {
    "seal the audit trail": {"task": "audit.seal", "schedule": settings.LOG_SEAL_SECONDS, "options": {"expires": 5}},
    "make what was sealed searchable": {"task": "audit.index", "schedule": 5.0, "options": {"expires": 5}},
    "let witnesses cosign the audit trail": {"task": "audit.witness", "schedule": 30.0, "options": {"expires": 30}},
    "stamp the audit trail with the time": {"task": "audit.stamp", "schedule": 600.0, "options": {"expires": 600}},
    "make export packs, and delete old ones": {"task": "audit.packs", "schedule": 20.0, "options": {"expires": 20}},
    "erase whoever was confirmed": {"task": "audit.erase", "schedule": 30.0, "options": {"expires": 30}},
    "delete what was kept long enough": {"task": "audit.expire", "schedule": crontab(hour=2, minute=20), "options": {"expires": 3600}},
    "verify the audit trail": {"task": "audit.verify", "schedule": crontab(hour=3, minute=30), "options": {"expires": 3600}},
    "check the capture of changes": {"task": "audit.check", "schedule": crontab(hour=3, minute=10), "options": {"expires": 3600}},
    "send due notices": {"task": "portal.deliver_notices", "schedule": 10.0, "options": {"expires": 30}},
    "find what is due": {"task": "portal.raise_due", "schedule": 300.0, "options": {"expires": 600}},
    "let anonymous filings in, once a night": {"task": "feedback.admit_intake", "schedule": 600.0, "options": {"expires": 600}},
    "tidy what is kept for a day": {"task": "portal.tidy", "schedule": 3600.0, "options": {"expires": 7200}},
}

# Dotted paths of the modules that say which notices are due (`due(now) -> Iterable[Draft]`), in the order they are asked.
NOTICE_RULES = [
    "feedback.notices",
    "governance.notices",
    "portal.keeping_notices",
    "portal.audit_notices",
    "portal.checkpoint_notices",
    "portal.check_notices",
]

CELERY: dict[str, Any] = {
    "broker_url": settings.BROKER_URL,
    "broker_connection_retry_on_startup": True,
    # A request that pokes a task while the broker is away tries once more at once (2 ms), instead of for six seconds.
    "broker_transport_options": {
        "visibility_timeout": 300,
        "unacked_restore_limit": None,
        "unacked_restore_throttle": 1,
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0,
        "interval_max": 0,
    },
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_ignore_result": True,
    "task_time_limit": 240,
    "worker_prefetch_multiplier": 1,
    "worker_hijack_root_logger": False,
    "timezone": "UTC",
    "beat_schedule": BEAT,
}
