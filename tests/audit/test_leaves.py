"""A leaf rendered by PostgreSQL is, byte for byte, what the specification says: here rendered again in Python."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from audit.log import canonical, sealing
from audit.log.leaves import LEAF, MEMBERS, MOST_FIELDS
from audit.log.verification import verify
from audit.models import Leaf
from tests.services import Database

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
LONG = st.integers(0, 2**63 - 1)
TIME = st.datetimes(dt.datetime(1000, 1, 2), dt.datetime(9999, 12, 30), timezones=st.just(dt.UTC))  # noqa: DTZ001 - bounds of st.datetimes are naive
ENTRY = st.fixed_dictionaries(
    {
        "id": LONG, "xid": LONG, "at": TIME, "db_role": TEXT, "actor": st.uuids(), "on_behalf": st.none() | st.uuids(),
        "request_id": TEXT, "channel": TEXT, "reason_code": TEXT, "action": TEXT, "model": TEXT, "object": TEXT,
        "ver": st.none() | st.integers(1, 2**31 - 1), "prev": st.none() | LONG, "fields": st.lists(TEXT, max_size=4), "data_class": TEXT,
    }
)  # fmt: skip
PAYLOAD = st.none() | st.tuples(st.binary(min_size=16, max_size=16), TEXT)


def by_the_book(entry: dict[str, Any], payload: tuple[bytes, str] | None) -> bytes:
    """docs/reference/log-format.md, "A leaf"."""
    return canonical.render(
        {
            "v": 1,
            "id": entry["id"],
            "tx": entry["xid"],
            "at": canonical.render_time(entry["at"]),
            "role": entry["db_role"],
            "actor": f"p:{entry['actor']}",
            "on": None if entry["on_behalf"] is None else f"p:{entry['on_behalf']}",
            "via": entry["channel"],
            "action": entry["action"],
            "model": entry["model"],
            "obj": entry["object"],
            "ver": entry["ver"],
            "prev": entry["prev"],
            "req": entry["request_id"],
            "reason": entry["reason_code"],
            "fields": entry["fields"] if len(entry["fields"]) <= MOST_FIELDS else None,
            "c": None if payload is None else canonical.commit(payload[0], payload[1].encode()),
            "k": entry["data_class"],
        }
    )


def in_postgres(link: psycopg.Connection[Any], expression: str, entry: dict[str, Any], payload: tuple[bytes, str] | None) -> Any:
    salt, body = payload or (None, None)
    values = entry | {"xid": str(entry["xid"]), "salt": salt, "body": body}
    kinds = {"id": "bigint", "xid": "xid8", "at": "timestamptz", "actor": "uuid", "on_behalf": "uuid", "ver": "int", "prev": "bigint",
             "fields": "text[]", "salt": "bytea"}  # fmt: skip
    columns = {
        name: sql.SQL("{}::" + kinds.get(name, "text") + " as {}").format(sql.Placeholder(name), sql.Identifier(name)) for name in values
    }
    query = sql.SQL("select {} from (select {}) e, (select {}) p").format(
        sql.SQL(expression),
        sql.SQL(", ").join(part for name, part in columns.items() if name not in {"salt", "body"}),
        sql.SQL(", ").join([columns["salt"], columns["body"]]),
    )
    row = link.execute(query, values).fetchone()
    assert row is not None
    return row[0]


def test_leaf__any_entry__is_what_the_specification_says(committed_db: Database) -> None:
    with committed_db.connect() as link:
        # Whatever the session has set.
        link.execute(
            "set timezone = 'Asia/Kathmandu'; set datestyle = 'German, DMY'; set bytea_output = 'escape'; set extra_float_digits = 0"
        )

        @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(entry=ENTRY, payload=PAYLOAD)
        def check(entry: dict[str, Any], payload: tuple[bytes, str] | None) -> None:
            expected = by_the_book(entry, payload)
            assert in_postgres(link, LEAF, entry, payload) == expected
            members = json.loads(in_postgres(link, MEMBERS, entry, payload))
            assert members == canonical.read(expected)

        check()


PLAIN: dict[str, Any] = {
    "id": 7, "xid": 9, "at": dt.datetime(2026, 11, 22, tzinfo=dt.UTC), "db_role": "lm_app", "actor": uuid.UUID(int=7), "on_behalf": None,
    "request_id": "r", "channel": "page", "reason_code": "", "action": "changed", "model": "m", "object": "3", "ver": 1, "prev": None,
    "fields": ["name"], "data_class": "record",
}  # fmt: skip


@pytest.mark.parametrize(
    "odd", [{"at": "infinity"}, {"at": "2026-11-22 00:00:00+00 BC"}, {"at": "12026-11-22 00:00:00+00"}, {"fields": [None]}, {"fields": [["name"]]},
            {"channel": None}, {"actor": None}, {"at": None}]
)  # fmt: skip
def test_leaf__what_no_honest_row_holds__looks_like_no_honest_leaf(committed_db: Database, odd: dict[str, Any]) -> None:
    with committed_db.connect() as link:
        assert in_postgres(link, LEAF, PLAIN | odd, None) != by_the_book(PLAIN, None)
        members = json.loads(in_postgres(link, MEMBERS, PLAIN | odd, None))
        assert members != canonical.read(by_the_book(PLAIN, None))


def test_leaf__more_fields_than_a_leaf_names__says_null(committed_db: Database) -> None:
    with committed_db.connect() as link:
        for count, shown in ((MOST_FIELDS, True), (MOST_FIELDS + 1, False)):
            data = in_postgres(link, LEAF, PLAIN | {"fields": [f"field_{number}" for number in range(count)]}, None)
            assert (canonical.read(data)["fields"] is not None) is shown


def test_entry__longest_that_may_be_written__fits_into_a_leaf(log: Database, act: Callable[..., int]) -> None:
    """Else whoever may only write entries could stop the sealer for ever: everything is bounded where it is written."""
    worst = "\x01" * 200  # six bytes each in JSON
    context = json.dumps({"req": "\x01" * 9_000, "channel": "\x01" * 9_000, "code": "\x01" * 9_000})
    act()
    with log.connect() as app:
        app.execute("select audit_record(%s, %s, %s, '{}', 'act', %s)", ["a." + "b" * 198, worst, worst, context])
        with pytest.raises(psycopg.errors.StringDataRightTruncation):
            app.execute("select audit_record('audit.backup-made', '', %s, '{}', 'act', '{}')", ["x" * 70_000])
    sealing.seal()
    assert max(len(bytes(leaf.data)) for leaf in Leaf.objects.all()) < canonical.MAX_LEAF_BYTES / 4
    assert verify().good


def test_seal__entry_that_cannot_be_a_leaf__is_named_and_nothing_is_sealed(log: Database, act: Callable[..., int]) -> None:
    """Only somebody with every right can write one."""
    act()
    with log.connect("postgres") as link:
        link.execute("alter table audit_entry disable trigger user")
        entry = act(object_id="")
        link.execute("update audit_entry set request_id = repeat('x', 70000) where id = %s", [entry])
    with pytest.raises(sealing.LogBroken, match=f"Entry {entry} cannot be sealed"):
        sealing.seal()
    assert Leaf.objects.count() == 0
