"""Any value changed in any table that verification reads: found, or listed here as proving nothing. Never a crash."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql

from audit.log import sealing
from audit.log.verification import verify
from tests import factories
from tests.audit.tampering import tamper
from tests.services import Database

TABLES = ("audit_entry", "audit_payload", "audit_leaf", "audit_tile", "audit_checkpoint", "audit_logkey", "audit_batch",
          "portal_historicalunit", "portal_unit")  # fmt: skip
# What these say is not part of any proof: a note of when, the row's own number, which cluster a pass was made in (another
# one makes the next pass look at everything again), and the note that leads from a trusted key to this one.
PROVE_NOTHING = {"audit_tile.id", "audit_checkpoint.at", "audit_logkey.since", "audit_logkey.handover", "audit_batch.sealed_at",
                 "audit_batch.oldest", "audit_batch.cluster"}  # fmt: skip
NULL_PROVES_NOTHING = PROVE_NOTHING | {"audit_batch.snapshot"}
OTHER = {
    "bytea": "set_byte({0}, length({0}) / 2, get_byte({0}, length({0}) / 2) # 1)",
    "int2": "{0} + 1", "int4": "{0} + 1", "int8": "{0} + 1000", "text": "coalesce({0}, '') || 'x'", "varchar": "case when length({0}) > 1 then left({0}, -1) || '~' else 'x' end",
    "uuid": "gen_random_uuid()", "timestamptz": "'infinity'", "xid8": "'3'", "_text": "array[array['x'], array[null]]", "bool": "not {0}",
    "date": "'infinity'",
}  # fmt: skip


def columns(log: Database) -> list[tuple[str, str, str]]:
    with log.connect("postgres") as link:
        return link.execute(
            "select table_name::text, column_name::text, udt_name::text from information_schema.columns "
            "where table_schema = 'public' and table_name = any(%s) order by 1, ordinal_position",
            [list(TABLES)],
        ).fetchall()


@pytest.mark.slow
@pytest.mark.parametrize("to_null", [False, True])
def test_verify__any_value_changed__is_found_or_proves_nothing(log: Database, sealed: Callable[[int], int], *, to_null: bool) -> None:
    unit = factories.unit("northfield", name="Northfield", country="GB", subdivision="GB-ENG")
    sealing.seal()
    unit.name = "Depot"
    unit.save()
    sealed(3)
    assert verify().good
    tamper(log)
    missed = []
    with log.connect("postgres") as link:
        link.execute("set session_replication_role = replica; alter table audit_leaf drop constraint leaf_fits")
        for table, column, kind in columns(log):
            place = sql.SQL("{}").format(sql.Identifier(column)).as_string(link)
            if to_null:
                try:
                    # Whoever tampers drops constraints first; a primary key stays one.
                    link.execute(f"alter table {table} alter column {place} drop not null")
                except psycopg.errors.DatabaseError:
                    continue
            link.execute(sql.SQL("create temp table kept as select * from {}").format(sql.Identifier(table)))
            value = "null" if to_null else OTHER[kind].format(place)
            changed = link.execute(
                f"update {table} set {place} = {value} where ctid = (select max(ctid) from {table}) and {place} is distinct from ({value})"
            ).rowcount
            if changed and verify().good and f"{table}.{column}" not in (NULL_PROVES_NOTHING if to_null else PROVE_NOTHING):
                missed.append(f"{table}.{column}")
            link.execute(f"delete from {table}")
            link.execute(f"insert into {table} overriding system value select * from kept; drop table kept")
            assert not missed, missed
    assert verify().good, [str(finding) for finding in verify().findings]
