"""Log lines that say what happened and not to whom: no address, no agent, no query, no path with a name in it.

A request is written as its method and route pattern; an exception as its class and the places it passed, since the
messages of database errors repeat values.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import traceback
from pathlib import Path

from audit.context import current


class Line(logging.Formatter):
    """`LEVEL logger: message` for people."""

    def format(self, record: logging.LogRecord) -> str:
        lines = [f"{record.levelname} {record.name}: {message_of(record)}"]
        return "\n".join(lines + [f"    {place}" for place in places_of(record)])


class JsonLine(logging.Formatter):
    """One JSON object a line for machines, with the request's id, under which the audit trail knows it too."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": message_of(record),
            "request": current().request_id,
            "places": places_of(record),
        }
        return json.dumps({name: value for name, value in line.items() if value})


def message_of(record: logging.LogRecord) -> str:
    """The message; for a request of Django's own loggers the status, the method and the route."""
    request = getattr(record, "request", None)
    if request is None:
        return record.getMessage()
    match = getattr(request, "resolver_match", None)
    route = f"/{match.route}" if match else "an unknown address"
    return f"{getattr(record, 'status_code', '')} {getattr(request, 'method', '')} {route}".strip()


def places_of(record: logging.LogRecord) -> list[str]:
    """The exception's class, then file, line and function from the outside in."""
    if not record.exc_info or record.exc_info[1] is None:
        return []
    kind, _error, trace = record.exc_info
    frames = traceback.extract_tb(trace)[-12:]
    return [kind.__name__, *(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)]
