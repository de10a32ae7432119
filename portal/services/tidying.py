"""Throw away what was only kept for a while."""

from __future__ import annotations

import datetime as dt

from django.contrib.sessions.models import Session
from django.utils import timezone

from portal.models import CacheEntry, IdempotencyKey, Notice

KEYS_KEPT = dt.timedelta(hours=24)
NOTICES_KEPT = dt.timedelta(days=400)


def tidy() -> None:
    """Idempotency keys after a day, expired sessions and counters, notices after 400 days. Twice does no harm."""
    now = timezone.now()
    IdempotencyKey.objects.filter(created_at__lt=now - KEYS_KEPT).delete()
    Session.objects.filter(expire_date__lt=now).delete()
    CacheEntry.objects.filter(expires__lt=now).delete()
    Notice.objects.filter(due_at__lt=now - NOTICES_KEPT).exclude(state=Notice.State.WAITING).delete()
