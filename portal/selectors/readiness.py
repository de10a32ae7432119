"""Can this process serve: database, migrations, broker, seal lag."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from audit.keeping.restores import unverified
from audit.selectors import seal_lag

SEAL_LAG_WARNING = 120.0


def readiness() -> dict[str, Any]:
    """`status` is ok, degraded (people are served, background work waits) or down; one word a part."""
    parts: dict[str, Any] = {"database": "ok", "migrations": "ok", "broker": _broker()}
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            parts["migrations"] = "pending"
    except DatabaseError:
        parts["database"] = parts["migrations"] = "unreachable"
    if parts["database"] == "ok" and parts["migrations"] == "ok":
        parts["seal_lag_seconds"] = seal_lag()
        if unverified():
            parts["database"] = "restored, not verified"
    if parts["database"] != "ok" or parts["migrations"] != "ok":
        status = "down"
    elif parts["broker"] != "ok" or parts["seal_lag_seconds"] > SEAL_LAG_WARNING:
        status = "degraded"
    else:
        status = "ok"
    return {"status": status, **parts}


def _broker() -> str:
    """Whether something listens where the broker is; a message is not sent."""
    parts = urlsplit(settings.BROKER_URL)
    try:
        if parts.scheme.endswith("+socket"):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(1)
                probe.connect(parts.path)
        else:
            port = parts.port or (5672 if parts.scheme.startswith("amqp") else 6379)
            with socket.create_connection((parts.hostname or "127.0.0.1", port), timeout=1):
                pass
    except OSError:
        return "unreachable"
    return "ok"
