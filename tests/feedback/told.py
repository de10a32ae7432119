"""Events as an AI tool sends them."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from typing import Any

from tests.cast import Api

_numbers = itertools.count(1)
SHOWN = "ai.lastmile.recommendation.shown.v1"
OUTCOME = "ai.lastmile.recommendation.outcome.v1"
FLAGGED = "ai.lastmile.recommendation.flagged.v1"
BATCH = "application/cloudevents-batch+json"


def event(type_: str, data: dict[str, Any], **fields: Any) -> dict[str, Any]:
    values = {
        "specversion": "1.0",
        "id": f"e-{next(_numbers)}",
        "source": "/route-optimiser/northfield",
        "type": type_,
        "subject": data.get("recommendation", ""),
        "time": dt.datetime.now(dt.UTC).isoformat(),
        "data": data,
    }
    return values | fields


def shown(recommendation: str, person: str = "NF-117", **data: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "recommendation": recommendation,
        "person": person,
        "kind": "resequence",
        "version": "2.4.0",
        "proposal": {"text": "Swap stop 4 and stop 6, saves 11 minutes"},
        "confidence": 0.68,
        "explanation": {"text": "Based on 92 % of similar mornings.", "pct_similar": 92},
    }
    fields = {name: data.pop(name) for name in ("id", "time", "source") if name in data}
    return event(SHOWN, body | data, **fields)


def outcome(recommendation: str, kind: str, person: str = "NF-117", **data: Any) -> dict[str, Any]:
    fields = {name: data.pop(name) for name in ("id", "time", "source") if name in data}
    return event(OUTCOME, {"recommendation": recommendation, "person": person, "outcome": kind} | data, **fields)


def undo(recommendation: str, person: str = "NF-117", **data: Any) -> dict[str, Any]:
    fields = {name: data.pop(name) for name in ("id", "time", "source") if name in data}
    return event(OUTCOME, {"recommendation": recommendation, "person": person, "undo": True} | data, **fields)


def flagged(recommendation: str, kind: str, text: str = "", person: str = "NF-117") -> dict[str, Any]:
    return event(FLAGGED, {"recommendation": recommendation, "person": person, "kind": kind, "text": text})


def send(key: Api, *events: Any, content_type: str = BATCH, body: bytes | None = None, **headers: str) -> Any:
    """POST events with a system's key; the response."""
    sent = {"Authorization": f"Bearer {key.key}"} | headers
    data = json.dumps(list(events)).encode() if body is None else body
    return key.client.generic("POST", "/api/v1/events", data, content_type=content_type, headers=sent)
