"""POST /api/v1/events: each event once, each with its own answer, one entry a call."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from audit.log import merkle
from feedback.models import Event, EventBatch, Item, ItemAuthor, Outcome, Recommendation
from feedback.reasons import as_text
from tests.feedback.told import BATCH, flagged, outcome, send, shown, undo

NOW = dt.datetime.now(dt.UTC)


def at(minutes: int) -> str:
    return (NOW - dt.timedelta(hours=5) + dt.timedelta(minutes=minutes)).isoformat()


def entries(action: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.actor, e.object, p.body, e.request_id FROM audit_entry e JOIN audit_payload p ON p.entry_id = e.id WHERE action = %s ORDER BY e.id",
            [action],
        )
        return [{"actor": row[0], "object": row[1], "body": json.loads(row[2]), "request": row[3]} for row in cursor.fetchall()]


def test_events__a_batch__is_accepted_and_can_be_read(cast: Any, system_key: Any) -> None:
    key = system_key(cast.system)
    response = send(key, shown("AL-1"), outcome("AL-1", "overridden", reason="local_knowledge"))
    assert response.status_code == 200, response.content
    assert response.json()["accepted"] == 2
    assert [item["status"] for item in response.json()["items"]] == ["accepted", "accepted"]
    read = key.get("/api/v1/recommendations/AL-1").json()
    assert (read["id"], read["proposal"]["text"][:4], read["confidence"]) == ("AL-1", "Swap", 0.68)
    kept = Recommendation.objects.get()
    assert (kept.person, kept.outcome, kept.reason) == (cast.jo, "overridden", "local_knowledge")


def test_events__same_id_and_body__is_a_duplicate_and_changes_nothing(cast: Any, system_key: Any) -> None:
    key, event = system_key(cast.system), shown("AL-1")
    send(key, event)
    turned = dict(reversed(list(event.items())))  # another order of keys is the same body
    answer = send(key, turned, turned).json()
    assert (answer["accepted"], answer["duplicate"], answer["rejected"]) == (0, 2, 0)
    assert Event.objects.count() == 1
    assert EventBatch.objects.count() == 1


def test_events__same_id_other_body__is_a_conflict_and_never_overwrites(cast: Any, system_key: Any) -> None:
    key, event = system_key(cast.system), shown("AL-1")
    send(key, event)
    event["data"]["confidence"] = 0.99
    response = send(key, event, shown("AL-2"))
    assert response.status_code == 207
    answer = response.json()
    assert [item["status"] for item in answer["items"]] == ["conflict", "accepted"]
    assert answer["items"][0]["code"] == "event_id_reused"
    assert Recommendation.objects.get(uid="AL-1").confidence == Decimal("0.68")


def test_events__same_recommendation_other_content__is_a_conflict(cast: Any, system_key: Any) -> None:
    key = system_key(cast.system)
    send(key, shown("AL-1"))
    answer = send(key, shown("AL-1"), shown("AL-1", proposal="Stay")).json()
    assert [(item["status"], item["code"]) for item in answer["items"]] == [("accepted", ""), ("conflict", "recommendation_id_reused")]
    assert Recommendation.objects.count() == 1


def test_events__some_wrong__answers_each_with_its_place(cast: Any, system_key: Any) -> None:
    events = [
        shown("AL-1"),
        shown("AL-2", confidence=1.2),
        shown("AL-3", person="nobody"),
        shown("AL-4", time=(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=9)).isoformat()),
        shown("AL-5", time=(NOW - dt.timedelta(days=500)).isoformat()),
        outcome("AL-1", "ignored"),
        outcome("AL-1", "overridden", reason="because"),
        {"id": "only an id"},
        "text",
        outcome("AL-1", "adjusted"),
    ]
    response = send(system_key(cast.system), *events)
    assert response.status_code == 207
    found = [(item["status"], item["pointer"]) for item in response.json()["items"]]
    assert found == [
        ("accepted", ""),
        ("invalid", "/data/confidence"),
        ("invalid", "/data/person"),
        ("invalid", "/time"),
        ("invalid", "/time"),
        ("invalid", "/data/outcome"),
        ("invalid", "/data/reason"),
        ("invalid", "/specversion"),
        ("invalid", ""),
        ("invalid", "/data/after"),
    ]
    assert response.json()["rejected"] == 9


def test_events__ndjson_gzip_and_single__are_understood(cast: Any, system_key: Any) -> None:
    key = system_key(cast.system)
    lines = b"\n".join(json.dumps(shown(name)).encode() for name in ("AL-1", "AL-2")) + b"\n{broken\n"
    response = send(key, body=gzip.compress(lines), content_type="application/x-ndjson", **{"Content-Encoding": "gzip"})
    assert [item["status"] for item in response.json()["items"]] == ["accepted", "accepted", "invalid"]
    single = send(key, body=json.dumps(shown("AL-3")).encode(), content_type="application/cloudevents+json; charset=utf-8")
    assert single.status_code == 200
    assert Recommendation.objects.count() == 3


@pytest.mark.parametrize(
    ("body", "content_type", "headers", "status"),
    [
        (b"[", BATCH, {}, 400),
        (b"[]", BATCH, {}, 422),
        (b"[]", "text/plain", {}, 415),
        (b"not gzip", BATCH, {"Content-Encoding": "gzip"}, 400),
        (b"[]", BATCH, {"Content-Encoding": "br"}, 415),
        (json.dumps([{}] * 1001).encode(), BATCH, {}, 413),
        (b"[" + b" " * (5 * 1024 * 1024) + b"]", BATCH, {}, 413),
        (gzip.compress(b" " * (6 * 1024 * 1024)), BATCH, {"Content-Encoding": "gzip"}, 413),
    ],
)
def test_events__unreadable_call__is_refused_whole(
    cast: Any, system_key: Any, body: bytes, content_type: str, headers: dict[str, str], status: int
) -> None:
    response = send(system_key(cast.system), body=body, content_type=content_type, **headers)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"


def test_events__outcome_before_its_recommendation__waits_and_joins(cast: Any, system_key: Any) -> None:
    key = system_key(cast.system)
    assert send(key, outcome("AL-1", "accepted", time=at(2))).status_code == 200
    assert Outcome.objects.get().recommendation is None
    send(key, shown("AL-1", time=at(1)))
    assert Recommendation.objects.get().outcome == "accepted"
    assert Outcome.objects.get().recommendation is not None


def test_events__several_outcomes__the_last_not_undone_is_effective(cast: Any, system_key: Any) -> None:
    key = system_key(cast.system)
    send(key, shown("AL-1", time=at(0)), outcome("AL-1", "overridden", time=at(5)), outcome("AL-1", "accepted", time=at(3)))
    row = Recommendation.objects.get()
    assert row.outcome == "overridden"
    send(key, undo("AL-1", time=at(6)))
    row.refresh_from_db()
    assert row.outcome == "accepted"
    send(key, undo("AL-1", time=at(7)))
    row.refresh_from_db()
    assert (row.outcome, row.decided_at) == ("", None)
    assert Outcome.objects.count() == 4


def test_events__undo_by_name__undoes_that_one(cast: Any, system_key: Any) -> None:
    key = system_key(cast.system)
    first = outcome("AL-1", "overridden", time=at(1), id="first")
    send(key, shown("AL-1", time=at(0)), first, outcome("AL-1", "accepted", time=at(2)), undo("AL-1", supersedes="first", time=at(3)))
    assert Recommendation.objects.get().outcome == "accepted"


def test_events__dwell_time_and_names__are_not_kept(cast: Any, system_key: Any) -> None:
    send(system_key(cast.system), shown("AL-1"), outcome("AL-1", "accepted", decide_ms=870))
    bodies = " ".join(event.body or "" for event in Event.objects.all())
    assert "decide_ms" not in bodies
    assert "NF-117" not in bodies
    assert str(cast.jo.pk) in bodies


def test_events__a_call__is_one_entry_whose_root_proves_each_event(cast: Any, system_key: Any) -> None:
    send(system_key(cast.system), shown("AL-1"), shown("AL-2"), outcome("AL-1", "accepted"), shown("AL-9", person="nobody"))
    [entry] = entries("feedback.events-accepted")
    stored = list(Event.objects.order_by("position"))
    assert entry["body"]["detail"]["events"] == len(stored) == 3
    leaves = []
    for event in stored:
        assert event.body is not None
        assert event.salt is not None
        commitment = hmac.digest(bytes(event.salt), event.body.encode(), "sha256")
        assert commitment == bytes(event.commitment)
        leaves.append(hashlib.sha256(b"\x00" + commitment).digest())
    assert merkle.root_of(leaves).hex() == entry["body"]["detail"]["root"]


def test_events__another_systems_key__shares_no_ids_and_reads_nothing(cast: Any, system_key: Any) -> None:
    from tests import factories

    other = factories.system("line-vision", cast.company)
    event = shown("AL-1")
    assert send(system_key(cast.system), event).json()["accepted"] == 1
    assert send(system_key(other), event).json()["accepted"] == 1
    third = factories.system("triage", cast.company)
    assert system_key(third).get("/api/v1/recommendations/AL-1").status_code == 404


def test_events__without_the_scope__is_forbidden(cast: Any, system_key: Any, api: Any, sign_in: Any) -> None:
    assert send(system_key(cast.system, "gate:read"), shown("AL-1")).status_code == 403
    assert send(api(cast.sam), shown("AL-1")).status_code == 403
    page = sign_in(cast.sam).post("/api/v1/events", data=json.dumps([shown("AL-1")]), content_type=BATCH)
    assert page.status_code == 403


def test_events__required_reason_missing__is_kept_and_marked(cast: Any, system_key: Any) -> None:
    type(cast.system).objects.filter(pk=cast.system.pk).update(reason_required=True)
    send(system_key(cast.system), shown("AL-1", explanation=None), shown("AL-2"))
    assert dict(Recommendation.objects.values_list("uid", "unexplained")) == {"AL-1": True, "AL-2": False}


def test_flag__wrong__opens_an_item_with_the_recommendation(cast: Any, system_key: Any) -> None:
    send(system_key(cast.system), shown("AL-1"), flagged("AL-1", "wrong", "Dock 7 is closed on Fridays"))
    item = Item.objects.get()
    assert (item.kind, item.author, item.text) == ("wrong_answer", cast.jo, "Dock 7 is closed on Fridays")
    assert item.about is not None
    assert item.about["content"] == {"text": "Swap stop 4 and stop 6, saves 11 minutes"}


def test_flag__before_its_recommendation__opens_at_once_and_is_completed(cast: Any, system_key: Any) -> None:
    key = system_key(cast.system)
    send(key, flagged("AL-1", "late"))
    assert Item.objects.get().about is None
    send(key, shown("AL-1"))
    item = Item.objects.get()
    assert item.about is not None
    assert item.recommendation == Recommendation.objects.get()


def test_flag__unfair__is_confidential_everywhere(cast: Any, system_key: Any) -> None:
    send(system_key(cast.system), shown("AL-1"), flagged("AL-1", "unfair", "Always me"))
    item = Item.objects.get()
    assert (item.kind, item.identity, item.author) == ("concern", "confidential", None)
    assert ItemAuthor.objects.get().person == cast.jo
    event = Event.objects.get(type="ai.lastmile.recommendation.flagged.v1")
    assert event.subject == ""
    assert event.body is not None
    assert str(cast.jo.pk) not in event.body
    assert "Always me" not in event.body


def test_events__a_thousand__take_a_constant_number_of_queries(cast: Any, system_key: Any, django_assert_num_queries: Any) -> None:
    from feedback.services import events

    def raws(first: int, count: int) -> list[bytes]:
        return [json.dumps(shown(f"AL-{number}")).encode() for number in range(first, first + count)]

    from django.test.utils import CaptureQueriesContext

    from tests.factories import by_test

    with by_test(), CaptureQueriesContext(connection) as few:
        events.accept(cast.system, raws(0, 10))
    with by_test(), CaptureQueriesContext(connection) as many:
        events.accept(cast.system, raws(10, 1000))
    assert len(many) == len(few)
    assert Recommendation.objects.count() == 1010


def nested(depth: int) -> Any:
    value: Any = "turn left"
    for _level in range(depth):
        value = [value]
    return value


def test_events__nested_too_deep__are_refused_one_by_one_and_no_page_breaks(cast: Any, system_key: Any, sign_in: Any) -> None:
    key = system_key(cast.system)
    answer = send(key, shown("AL-1", proposal=nested(30)), shown("AL-2", proposal=nested(31)), shown("AL-3", proposal=nested(500))).json()
    assert [item["code"] for item in answer["items"]] == ["", "too_deep", "too_deep"]
    browser = sign_in(cast.jo)
    flag = send(key, flagged("AL-1", "wrong")).json()
    assert flag["accepted"] == 1
    for path in ("/recommendations", "/recommendations/AL-1", f"/items/{Item.objects.get().ref}", "/api/v1/recommendations/AL-1"):
        assert browser.get(path).status_code == 200, path


@pytest.mark.parametrize("content_type", [BATCH, "application/cloudevents+json", "application/json", "application/x-ndjson"])
@pytest.mark.parametrize("depth", [1_000, 20_000])
def test_events__nested_beyond_all_decoding__are_answered(cast: Any, system_key: Any, content_type: str, depth: int) -> None:
    raw = json.dumps(shown("AL-1", proposal="@")).replace('"@"', "[" * depth + "]" * depth)
    body = (f"[{raw}]" if content_type == BATCH else raw).encode()
    assert send(system_key(cast.system), body=body, content_type=content_type).status_code in {207, 400}


def test_as_text__nested__is_json_below_the_first_level() -> None:
    assert as_text({"stop": "4", "then": ["Straße", 2]}) == 'stop: 4\nthen: ["Straße", 2]'
    assert as_text(["a", {"b": [1]}]) == 'a\n{"b": [1]}'
    assert as_text([nested(400)])
