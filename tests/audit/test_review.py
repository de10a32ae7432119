"""Reviews: a period or a sample that nobody picks, judged entry by entry, signed with the password, and what was never reviewed."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client

from audit.log import sealing
from audit.models import Checkpoint, Entry, Leaf, Review
from audit.review import sample as review_sample
from portal.models import Person
from tests import factories
from tests.cast import Api, Cast
from tests.services import Database


@pytest.fixture
def tom(log: Database, cast: Cast, sign_in: Callable[[Person], Client], sealed: Callable[[int], int]) -> Client:
    """Compliance, with a log of some entries."""
    sealed(30)
    return sign_in(cast.tom)


def seal() -> None:
    connection.close()
    sealing.seal()


def begin(client: Client, **fields: str) -> str:
    """The address of a review that was begun."""
    answer = client.post("/audit/review", {"purpose": "Third quarter", **fields})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def drawn(client: Client, **fields: str) -> tuple[str, dict[str, Any]]:
    """The address of a drawn review, and what the API says of it."""
    page = begin(client, **fields)
    seal()
    assert client.post(f"{page}/draw").status_code == 302
    return page, of(client, page)


def of(client: Client, page: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(client.get(f"/api/v1/audit/reviews/{page.rsplit('/', 1)[1]}").content)
    return found


def test_sample__by_a_stranger_with_the_log_alone__is_drawn_again(tom: Client) -> None:
    """Nothing of ours but the documented rule: SHA-256 over root and place, then over seed and place."""
    page, told = drawn(tom, sample="7")
    root = bytes(Checkpoint.objects.get(size=told["size"]).root)
    assert told["root"] == root.hex()
    began = Leaf.objects.get(entry_id=Entry.objects.get(model="audit.review", object=str(told["id"]), ver=1).pk).seq
    seed = hashlib.sha256(b"lastmile review v1\n" + root + began.to_bytes(8, "big")).hexdigest()
    assert told["seed"] == seed
    ranks = {seq: hashlib.sha256(bytes.fromhex(seed) + seq.to_bytes(8, "big")).digest() for seq in range(told["first"], told["stop"])}
    assert told["drawn"] == sorted(ranks, key=ranks.__getitem__)[:7]
    assert seed in tom.get(page).content.decode(), "the seed is printed"


def test_sample__is_decided_by_a_checkpoint_after_the_review_began(tom: Client) -> None:
    before = Checkpoint.objects.order_by("-size").first()
    page = begin(tom, sample="5")
    refused = tom.post(f"{page}/draw")
    assert refused.status_code == 409
    assert b"not sealed yet" in refused.content
    seal()
    assert tom.post(f"{page}/draw").status_code == 302
    told = of(tom, page)
    assert before is not None
    assert told["size"] > before.size >= told["stop"], "what is drawn was sealed before, what decides the draw afterwards"
    seal()
    assert tom.post(f"{page}/draw").status_code == 302
    assert of(tom, page)["drawn"] == told["drawn"], "drawing again changes nothing"


def test_judge_and_sign__whole_way__is_bound_to_what_was_on_the_screen(tom: Client, cast: Cast) -> None:
    page, told = drawn(tom, sample="3")
    one, two, three = told["drawn"]
    assert b"3 entries were not judged yet" in tom.get(page).content
    assert b"Say it in words" in tom.post(f"{page}/judge", {"seq": one, "verdict": "finding"}).content
    assert tom.post(f"{page}/judge", {"seq": one, "verdict": "finding", "note": "No reason given."}).status_code == 302
    assert tom.post(f"{page}/judge", {"seq": two, "verdict": "fine"}).status_code == 302
    assert tom.post(f"{page}/judge", {"seq": 10**6, "verdict": "fine"}).status_code == 422
    seen = signature(tom, page)
    assert tom.post(f"{page}/sign", seen).status_code == 409, "one entry is not judged"
    assert tom.post(f"{page}/judge", {"seq": three, "verdict": "question", "note": "Who is this?"}).status_code == 302
    assert tom.post(f"{page}/sign", seen).status_code == 409, "it changed since it was read"
    now = signature(tom, page)
    assert tom.post(f"{page}/sign", now | {"password": "not mine at all"}).status_code == 422
    assert tom.post(f"{page}/sign", now | {"conclusion": " "}).status_code == 422
    assert tom.post(f"{page}/sign", now).status_code == 302
    signed = of(tom, page)
    assert (signed["printed_name"], signed["conclusion"]) == ("Tom Brandt", "One finding, one question.")
    content = {
        name: signed[name]
        for name in ("purpose", "reviewer", "query", "first", "stop", "sample", "size", "root", "seed", "drawn", "conclusion")
    }
    judgements = [[each["seq"], each["verdict"], each["note"], str(cast.tom.pk)] for each in signed["judgements"]]
    assert signed["digest"] == review_sample.digest_of({"v": 1, "review": signed["id"], "judgements": judgements} | content)
    assert tom.post(f"{page}/judge", {"seq": two, "verdict": "finding", "note": "Too late."}).status_code == 409
    entries = list(
        Entry.objects.filter(model__in=["audit.review", "audit.judgement"], ver__isnull=False).order_by("id").values_list("model", "action")
    )
    assert entries == [
        ("audit.review", "created"),
        ("audit.review", "changed"),
        *[("audit.judgement", "created")] * 3,
        ("audit.review", "changed"),
    ]


def signature(client: Client, page: str) -> dict[str, str]:
    digest = of(client, page)["digest"]
    return {"digest": digest, "conclusion": "One finding, one question.", "password": factories.PASSWORD}


def test_findings__stay_open_until_settled_in_words__and_after_the_signature_too(tom: Client) -> None:
    page, told = drawn(tom, sample="1")
    (seq,) = told["drawn"]
    assert tom.post(f"{page}/judge", {"seq": seq, "verdict": "settled", "note": "Nothing"}).status_code == 409
    tom.post(f"{page}/judge", {"seq": seq, "verdict": "finding", "note": "The reason is missing."})
    assert tom.post(f"{page}/sign", signature(tom, page)).status_code == 302
    assert b"The reason is missing." in tom.get("/audit/review").content
    assert tom.post(f"{page}/judge", {"seq": seq, "verdict": "settled", "note": "It stands in the file."}).status_code == 302
    assert b"The reason is missing." not in tom.get("/audit/review").content


def test_period__since_the_last_signature__begins_where_that_ended(tom: Client) -> None:
    page, first = drawn(tom)
    size = first["stop"]
    assert (first["first"], first["drawn"]) == (0, [])
    assert json.loads(tom.get("/api/v1/audit/reviews").content)["never_reviewed"][0]["first"] == 0
    assert tom.post(f"{page}/sign", signature(tom, page)).status_code == 302
    seal()
    _page, second = drawn(tom)
    assert second["first"] == size
    gaps = json.loads(tom.get("/api/v1/audit/reviews").content)["never_reviewed"]
    assert [gap["first"] for gap in gaps] == [size]
    assert f"Entries {size} to" in tom.get("/audit/review").content.decode()


def test_query__narrows_what_is_reviewed(tom: Client) -> None:
    _page, told = drawn(tom, query="action:deleted")
    assert told["drawn"] == []
    _page, told = drawn(tom, query="kind:person", sample="4")
    models = set(Entry.objects.filter(pk__in=Leaf.objects.filter(seq__in=told["drawn"]).values("entry_id")).values_list("model", flat=True))
    assert models == {"portal.person"}
    assert len(told["drawn"]) == 4


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"purpose": " "}, "Something needs changing"),
        ({"sample": "0"}, "greater than or equal to 1"),
        ({"sample": "501"}, "less than or equal to 500"),
        ({"since": "2026-13-01"}, "valid date"),
        ({"since": "2030-01-02", "until": "2030-01-01"}, "ends before it begins"),
        ({"since": "2001-01-01", "until": "2001-01-02"}, "no sealed entry"),
        ({"query": "nobody:knows"}, "is not known"),
    ],
)
def test_begin__of_what_cannot_be_meant__says_what_to_do(tom: Client, fields: dict[str, str], words: str) -> None:
    answer = tom.post("/audit/review", {"purpose": "x", **fields})
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_signed_review__by_the_serving_role__cannot_be_changed_in_the_database(tom: Client, log: Database) -> None:
    page, told = drawn(tom, sample="1")
    tom.post(f"{page}/judge", {"seq": told["drawn"][0], "verdict": "fine"})
    tom.post(f"{page}/sign", signature(tom, page))
    for statement in (
        "update audit_review set conclusion = 'All is well'",
        "update audit_review set drawn = '[1]'",
        "delete from audit_review",
        "update audit_judgement set verdict = 'fine'",
        "delete from audit_judgement",
    ):
        with log.connect("lm_app") as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(statement)


def test_api__key_of_compliance__reviews_but_cannot_sign(tom: Client, cast: Cast, api: Callable[..., Api]) -> None:
    key = api(cast.tom)
    made, again = (
        key.post("/api/v1/audit/reviews", {"purpose": "By program", "sample": 2}, Idempotency_Key="one review") for _ in range(2)
    )
    assert (made.status_code, again.status_code) == (201, 201), made.content
    assert (again.content, Review.objects.count()) == (made.content, 1), "a repeated call begins no second review"
    place = f"/api/v1/audit/reviews/{json.loads(made.content)['id']}"
    assert json.loads(key.post(f"{place}/draw").content)["code"] == "not_sealed"
    seal()
    told = json.loads(key.post(f"{place}/draw").content)
    for seq in told["drawn"]:
        assert key.post(f"{place}/judgements", {"seq": seq, "verdict": "fine"}).status_code == 201
    sent = signature(tom, place)
    refused = key.post(f"{place}/signature", sent)
    assert (refused.status_code, json.loads(refused.content)["code"]) == (403, "reauthentication_required")
    signed = tom.post(f"{place}/signature", json.dumps(sent), content_type="application/json")
    assert json.loads(signed.content)["printed_name"] == "Tom Brandt"


def test_uncovered__any_periods__are_the_gaps_between_them() -> None:
    assert review_sample.uncovered(10, []) == [(0, 10)]
    assert review_sample.uncovered(10, [(2, 4), (3, 6), (8, 10)]) == [(0, 2), (6, 8)]
    assert review_sample.uncovered(0, []) == []
    assert review_sample.uncovered(10, [(0, 10)]) == []


def test_page__empty_log_and_no_review__says_how_to_begin(log: Database, cast: Cast, sign_in: Callable[[Person], Client]) -> None:
    page = sign_in(cast.tom).get("/audit/review").content.decode()
    assert "Nobody has reviewed anything yet" in page
    answer = sign_in(cast.tom).post("/audit/review", {"purpose": "Too early"})
    assert answer.status_code == 422
    assert re.search("no sealed entry", urllib.parse.unquote(answer.content.decode()))
