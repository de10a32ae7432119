"""The query box: what each qualifier finds, before and after indexing alike, and what is said about what cannot be meant."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from audit.context import acting
from audit.explore import indexing
from audit.explore.finding import every, find
from audit.explore.lexemes import LONGEST_FACET, MOST_BYTES, Searched, lexemes_of, tsvector, words_of
from audit.explore.search import HINTS, parse
from audit.log import sealing
from audit.models import Entry
from audit.services import record, system_actor
from tests.cast import Api, Cast
from tests.services import Database

SignIn = Callable[[Any], Client]


@pytest.fixture
def trail(log: Database, cast: Cast) -> dict[str, int]:
    """Entries by a name for each: what Mara and Tom did, with a reason, over the API, on a record, to a person."""
    found = {}

    def last() -> int:
        return Entry.objects.latest("id").pk

    depot = cast.northfield
    with acting(cast.mara.pk, channel="page", request_id="req-1", reason="The sign's colour changed", reason_code="renamed"):
        depot.name = "Zebra crossing yard"
        depot.save()
        found["renamed"] = last()
    with acting(cast.tom.pk, channel="api", request_id="req-2"):
        depot.time_zone = "Europe/Lisbon"
        depot.save()
        found["moved"] = last()
        found["act"] = record("audit.backup-made", model="tests.thing", object_id="a/b 7", detail={"note": "crossing the zebra", "n": 4711})
    connection.close()
    return found


# (query, which of the three)
FINDS = [
    ("actor:mara", {"renamed"}),
    ('actor:"Tom Brandt"', {"moved", "act"}),
    ("actor:mara actor:tom", {"renamed", "moved", "act"}),
    ("actor:nobody", set()),
    ("-actor:mara kind:unit action:changed", {"moved"}),
    ("action:chang object:portal.unit/{pk}", {"renamed", "moved"}),
    ("object:unit/{pk} action:changed", {"renamed", "moved"}),
    ("object:{pk} action:changed", {"renamed", "moved"}),
    ('object:"tests.thing/a/b 7"', {"act"}),
    ('object:"a/b 7"', {"act"}),
    ("model:tests.thing", {"act"}),
    ("kind:thing", {"act"}),
    ("kind:portal.unit action:changed", {"renamed", "moved"}),
    ("field:name kind:unit", {"renamed"}),
    ('field:"time zone"', {"moved"}),
    ("field:name field:time_zone kind:unit", {"renamed", "moved"}),
    ("reason:renamed", {"renamed"}),
    ('reason:"sign colour"', {"renamed"}),
    ("reason:colour reason:nothing", set()),
    ("channel:api actor:tom", {"moved", "act"}),
    ("call:req-1", {"renamed"}),
    ('object:"zebra crossing yard"', {"renamed", "moved"}),
    ('object:"crossing the zebra"', set()),
    ("person:tom kind:unit", {"moved"}),
    ("role:lm_app channel:api actor:tom", {"moved", "act"}),
    ("role:app call:req-2", {"moved", "act"}),
    ("role:lm_owner call:req-2", set()),
    ("zebra call:req-1", {"renamed"}),
    ("zebra crossing actor:tom", {"moved", "act"}),
    ("zebra crossing actor:mara", {"renamed"}),
    ("Zebra-crossing", {"renamed", "moved"}),
    ('"zebra crossing" -actor:tom', {"renamed"}),
    ('"crossing the zebra"', {"act"}),
    ('"zebra the"', set()),
    ("ZEB* actor:mara", {"renamed"}),
    ("4711", {"act"}),
    ("action:audit.backup-made", {"act"}),
    ("after:2020-01-01 call:req-2", {"moved", "act"}),
    ("before:2020-01-01", set()),
    ("zebra -zebra", set()),
    ("europe/lisbon", {"moved"}),
    ("seq:0- call:req-1", {"renamed"}),
]


def test_find__every_qualifier__same_before_sealing_and_after_indexing(trail: dict[str, int], cast: Cast) -> None:
    queries = [(parse(query.format(pk=cast.northfield.pk)), wanted) for query, wanted in FINDS]

    def check(stage: str) -> None:
        for query, wanted in queries:
            found = set(find(query.condition, most=200).ids) & set(trail.values())
            assert found == {trail[name] for name in wanted}, f"{query} {stage}"

    check("waits to be sealed")
    sealing.seal()
    check("is sealed and not indexed")
    assert indexing.index() == Entry.objects.count()
    check("is indexed")
    assert indexing.index() == 0


def test_find__a_day_and_a_range_of_places__exactly(trail: dict[str, int]) -> None:
    sealing.seal()
    indexing.index()
    today = Entry.objects.get(pk=trail["act"]).at.date().isoformat()
    assert set(trail.values()) <= set(find(parse(f"on:{today}").condition, most=200).ids)
    everything = list(every(parse("seq:0-").condition, batch=7))
    assert everything == list(Entry.objects.order_by("-id").values_list("id", flat=True))
    assert len(list(every(parse("seq:2-4").condition))) == 3
    assert len(list(every(parse("seq:2..4 seq:4").condition))) == 1
    assert list(every(parse(f"seq:{10**17}-").condition)) == []


def test_find__pages__neither_gap_nor_double_while_the_index_catches_up(log: Database, cast: Cast) -> None:
    with acting(system_actor("tests")):
        ids = [record("audit.backup-made", model="tests.thing", object_id=str(number % 3)) for number in range(60)]
    connection.close()
    sealing.seal()
    with connection.cursor() as cursor:
        cursor.execute("select 1")
    condition = parse("object:tests.thing/1").condition
    found = find(condition, most=5)
    seen, steps = found.ids, 0
    indexing.index()
    while found.next is not None:
        found = find(condition, below=found.next, most=5)
        seen, steps = [*seen, *found.ids], steps + 1
    assert seen == [id_ for number, id_ in reversed(list(enumerate(ids))) if number % 3 == 1]
    assert steps == 3


def test_find__far_behind__says_how_many_are_left_out(
    trail: dict[str, int], cast: Cast, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.explore.finding.NEAR", 2)
    sealing.seal()
    sealed = Entry.objects.count()
    page = sign_in(cast.tom).get("/audit", {"q": "zebra"}).content.decode()
    waiting = find(parse("zebra").condition).waiting
    assert sealed - 2 <= waiting <= sealed
    assert "Not everything is searchable yet" in page
    indexing.index()
    assert find(parse("zebra").condition).waiting == 0


def test_find__nothing_must_be_there__is_bounded_and_goes_on(trail: dict[str, int]) -> None:
    sealing.seal()
    indexing.index()
    negative = parse("-kind:unit -kind:person -kind:roleassignment").condition
    assert not negative.positive
    assert trail["act"] in find(negative, most=200).ids
    assert trail["moved"] not in find(negative, most=200).ids


def test_index__killed_between_batches__goes_on_where_it_was(trail: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    sealing.seal()
    monkeypatch.setattr(indexing, "BATCH", 4)

    def fails(found: Any) -> str:
        raise RuntimeError("the worker dies")

    assert indexing.index(seconds=-1) == 4
    with monkeypatch.context() as broken:
        broken.setattr(indexing, "tsvector", fails)
        with pytest.raises(RuntimeError, match="dies"):
            indexing.index()
    assert 4 + indexing.index() == Entry.objects.count()
    with connection.cursor() as cursor:
        cursor.execute("select count(*), count(distinct seq), max(seq) + 1 from audit_text")
        assert set(cursor.fetchone()) == {Entry.objects.count()}


def test_index__erasure_while_it_reads__leaves_no_word(trail: dict[str, int], log: Database) -> None:
    sealing.seal()
    indexing.index()
    with log.connect("lm_owner") as owner:
        with owner.transaction():
            owner.execute("select audit_forget_text(%s)", [[trail["renamed"]]])
            assert indexing.index() == 0, "an erasure holds the index until it is committed"
        words = owner.execute("select words::text from audit_text where entry_id = %s", [trail["renamed"]]).fetchone()
    assert words is not None
    assert "zebra" not in words[0]
    assert "colour" not in words[0]
    assert trail["renamed"] not in find(parse("zebra").condition).ids
    assert trail["renamed"] in find(parse("actor:mara call:req-1").condition).ids


ATTACKS = [
    "insert into audit_text values (1, now(), 1, '')",
    "delete from audit_text",
    "update audit_text set words = ''",
    "truncate audit_text",
    "insert into audit_text_000000 values (1, now(), 1, '')",
    "delete from audit_text_span",
    "select audit_forget_text(array[1])",
    "select audit_text_room(0)",
]


@pytest.mark.parametrize("role", ["lm_app", "lm_auditor"])
def test_index__who_serves__cannot_change_it(log: Database, role: str) -> None:
    import psycopg

    with log.connect(role) as link:
        link.execute("select count(*) from audit_text")
        for attack in ATTACKS:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                link.execute(attack)


SAYS = [
    ("nope:1", "“nope:” is not known. Write one of actor:, "),
    ("http://x", "in quotation marks"),
    ("actor:", "Write something after “actor:”"),
    ("actor: tom", "Write something after “actor:”"),
    ("after:yesterday", "is not a date"),
    ("after:2026-02-30", "is not a date"),
    ("on:2026-11", "is not a day"),
    ("on:9999-12-31", "is not a day"),
    ("-after:2026-01-01", "takes no minus"),
    ("-seq:1", "takes no minus"),
    ("seq:x", "is no range of places"),
    ("seq:9-3", "is no range of places"),
    ("seq:" + "9" * 30, "is no range of places"),
    ("channel:pigeon", "There are api, command"),
    ("ab*", "at least 3 letters"),
    ("reason:!!", "no letter and no digit"),
    ("!!", "no letter and no digit"),
    ("a " * 31, "at most 30 parts"),
    ("x" * 401, "at most 400 letters"),
]


@pytest.mark.parametrize(("query", "says"), SAYS)
def test_query__that_cannot_be_meant__says_what_to_write(
    cast: Cast, sign_in: SignIn, api: Callable[..., Api], query: str, says: str
) -> None:
    page = sign_in(cast.tom).get("/audit", {"q": query})
    assert page.status_code == 422
    assert 'role="alert"' in page.content.decode()
    assert says in page.content.decode().replace("&quot;", '"')
    answer = api(cast.tom, "audit:read").client.get(
        "/api/v1/audit/entries", {"q": query}, headers={"Authorization": f"Bearer {api(cast.tom, 'audit:read').key}"}
    )
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert answer.json()["code"] == "query_invalid"


def test_query__more_actors_than_can_be_meant__asks_for_more_of_the_name(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.explore.search.MOST_ACTORS", 2)
    with pytest.raises(ValidationError, match="Write more of the name"):
        parse("actor:a")


PARTS = st.one_of(
    st.sampled_from([f"{name}:" for name in HINTS]),
    st.sampled_from(
        [
            "-",
            '"',
            "*",
            "\\",
            "'",
            ":*",
            " & ",
            "!",
            "(",
            ")",
            "<->",
            "\x00",
            "2026-11-22",
            "1-2",
            "tom",
            "zeb*",
            "ß",
            "é",
            "\ud7ff",
            "日本",
        ]
    ),
    st.text(max_size=12),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(text="'a' <-> !b:*")
@example(text="\\' | \\\\")
@example(text='"' * 9)
@given(text=st.lists(PARTS, max_size=10).map("".join))
def test_query__any_text__finds_or_says_why_not(db: None, text: str) -> None:
    query = None
    with contextlib.suppress(ValidationError):
        query = parse(text)
    if query is None:
        with pytest.raises(ValidationError) as refused:
            parse(text)
        assert refused.value.code == "query_invalid"
        return
    assert find(query.condition, most=3).ids is not None
    with connection.cursor() as cursor:
        cursor.execute("select entry from audit_find(%s, %s, 0, 10, '-infinity', 'infinity', 0, 10, 3)", [query.condition.tsquery, True])
    again = parse(str(query))
    assert again.condition == query.condition, "a chip's words mean what was written"


BODIES = [
    None,
    "not json",
    '"text"',
    "[]",
    "[[[]]]",
    '{"detail": null}',
    '{"detail": {"view": true}}',
    '{"reason": null}',
    "{" * 2_000,
    '{"values": "\\u0000"}',
]


def row(body: str | None, **other: Any) -> Searched:
    moment = Searched(1, None, Any, uuid.UUID(int=1), "changed", "a.b", "c", "", "lm_app", "", "", [], body)  # type: ignore[arg-type]
    return moment._replace(**other)


@pytest.mark.parametrize("body", BODIES)
def test_lexemes__any_payload__can_be_stored(db: None, body: str | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select %s::tsvector", [tsvector(lexemes_of(row(body)))])


def test_lexemes__very_long_payload_and_names__stay_within_what_the_database_takes(db: None) -> None:
    many = " ".join(f"wörd{number}" for number in range(90_000))
    found = lexemes_of(row(f'{{"values": {{"a": "{many}"}}}}', object="x" * 5_000, request_id="y" * 5_000))
    assert sum(len(lexeme.encode()) for lexeme in found) < MOST_BYTES + 10_000
    assert max(map(len, found)) <= LONGEST_FACET + 2
    with connection.cursor() as cursor:
        cursor.execute("select length(%s::tsvector)", [tsvector(found)])
        assert cursor.fetchone()[0] == len(found)
    repeated = lexemes_of(row('{"values": {"a": "' + "again " * 60_000 + '"}}'))
    with connection.cursor() as cursor:
        cursor.execute("select %s::tsvector", [tsvector(repeated)])


def test_words__of_a_text__small_letters_digits_and_whole_uuids() -> None:
    uid = "6F2A6A0E-5C0E-4D0B-9A53-0D7A0F1F3C11"
    assert words_of(f"FB-117, {uid} Straße_x") == ["fb", "117", uid.lower(), "strasse", "x"]
