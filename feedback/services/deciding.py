"""What the events of a call say about recommendations: shown, decided, and which outcome is the effective one."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import Any

from django.db import connection

from feedback import ingest, reasons
from feedback.models import Outcome, Recommendation
from feedback.models.recommendations import Reason
from feedback.selectors.directory import Directory
from feedback.selectors.recommendations import effective
from feedback.services.rows import insert
from portal.models import AISystem

PLACES = Decimal("0.0001")


def check_reason(fact: ingest.Fact) -> None:
    """Raise Wrong for a reason that is none of the nine. No reason is fine: it may be given later, or skipped."""
    if isinstance(fact.data, ingest.Decided) and fact.data.reason and ingest.reason_code(fact.data.reason) not in Reason.values:
        raise ingest.Wrong("reason_unknown", "/data/reason", f"Known: {', '.join(Reason.values)}.")


def add_shown(system: AISystem, facts: list[ingest.Fact], events: dict[int, int], directory: Directory, now: dt.datetime) -> None:
    """A row for each recommendation and person; a repeat with the same content adds nothing. Waiting outcomes join."""
    rows = []
    for fact in facts:
        if not isinstance(fact.data, ingest.Shown):
            continue
        data, person = fact.data, directory.known(fact.data.person)
        explanation = {"text": data.explanation} if isinstance(data.explanation, str) else data.explanation
        rows.append(
            {
                "system_id": system.pk,
                "uid": fact.recommendation,
                "person_id": person.pk,
                "unit_id": directory.unit(data.unit, person),
                "version": data.version,
                "kind": data.kind,
                "subject_ref": data.subject_ref,
                "severity": data.severity,
                "interruptive": data.interruptive,
                "proposal": data.proposal if data.proposal is not None else "",
                "confidence": None if data.confidence is None else Decimal(repr(data.confidence)).quantize(PLACES),
                "explanation": explanation,
                "alternatives": data.alternatives,
                "expires_at": ingest.moment(data.expires_at) if data.expires_at else None,
                "latency_ms": data.latency_ms,
                "trace_id": data.trace_id,
                "grant": data.grant,
                "unexplained": system.reason_required and not reasons.why(explanation),
                "occurred_at": fact.at,
                "received_at": now,
                "event_id": events[fact.index],
                "outcome": "",
                "reason": "",
                "decided_at": None,
            }
        )
    insert(Recommendation, rows, skip_known=True)


def add_outcomes(system: AISystem, facts: list[ingest.Fact], events: dict[int, int], directory: Directory, now: dt.datetime) -> None:
    """A row for each outcome and undo, joined to its recommendation by `settle`."""
    rows: list[dict[str, Any]] = []
    for fact in facts:
        if not isinstance(fact.data, ingest.Decided):
            continue
        data = fact.data
        rows.append(
            {
                "system_id": system.pk,
                "uid": fact.recommendation,
                "person_id": directory.known(data.person).pk,
                "recommendation_id": None,
                "kind": "" if data.undo else data.outcome,
                "reason": "" if data.undo else ingest.reason_code(data.reason),
                "reason_skipped": data.reason_skipped,
                "text": data.text,
                "before": data.before,
                "after": data.after,
                "explanation_opened": data.explanation_opened,
                "supersedes": data.supersedes,
                "undo": data.undo,
                "occurred_at": fact.at,
                "received_at": now,
                "event_id": events[fact.index],
            }
        )
    insert(Outcome, rows)


def settle(system: AISystem, uids: set[str]) -> None:
    """Join outcomes and recommendations that now have each other, and write the effective outcome of each beside it."""
    if not uids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE feedback_outcome AS told SET recommendation_id = shown.id
              FROM feedback_recommendation AS shown
             WHERE told.recommendation_id IS NULL AND told.system_id = %s AND told.uid = ANY(%s)
               AND shown.system_id = told.system_id AND shown.uid = told.uid AND shown.person_id = told.person_id
            """,
            [system.pk, list(uids)],
        )
    told: dict[int, list[Outcome]] = defaultdict(list)
    rows = Outcome.objects.filter(recommendation__system=system, recommendation__uid__in=uids).select_related("event")
    for outcome in rows.order_by("occurred_at", "received_at", "id"):
        assert outcome.recommendation_id is not None
        told[outcome.recommendation_id].append(outcome)
    chosen = [(key, effective(outcomes)) for key, outcomes in told.items()]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE feedback_recommendation AS shown SET outcome = said.outcome, reason = said.reason, decided_at = said.at
              FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::timestamptz[]) AS said (id, outcome, reason, at)
             WHERE shown.id = said.id
               AND (shown.outcome, shown.reason, shown.decided_at) IS DISTINCT FROM (said.outcome, said.reason, said.at)
            """,
            [
                [key for key, _chosen in chosen],
                [one.kind if one else "" for _key, one in chosen],
                [one.reason if one else "" for _key, one in chosen],
                [one.occurred_at if one else None for _key, one in chosen],
            ],
        )
