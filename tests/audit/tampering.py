"""What a tamperer with every right on the database can do, and a governed record to do it to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.db import connections
from psycopg import sql

from audit.context import acting
from audit.log import sealing
from audit.models import Entry, Leaf
from audit.services import system_actor
from portal.models import Unit
from tests.services import Database, drop


def tamper(log: Database, *statements: str) -> None:
    """As someone with every right, and with guards and capture switched off."""
    with log.connect("postgres") as link:
        link.execute("set session_replication_role = replica")
        tables = [
            row[0]
            for row in link.execute(
                "select distinct tgrelid::regclass::text from pg_trigger where not tgisinternal and tgname like 'audit%'"
            )
        ]
        for table in tables:
            link.execute(f"alter table {table} disable trigger user")
        for statement in statements:
            assert link.execute(statement).rowcount != 0, statement


def copy(source: str, target: str) -> None:
    """Make the database `target` anew, as `source` is."""
    connections.close_all()
    drop(Database(target))
    with Database("postgres").connect("postgres") as link:
        link.execute(sql.SQL("create database {} owner lm_owner template {}").format(sql.Identifier(target), sql.Identifier(source)))


@dataclass(frozen=True)
class Scene:
    """A sealed log with one record in it. `entry` is that of its last version, `seq` its place."""

    log: Database
    depot: Unit
    folder: Path

    @property
    def entry(self) -> int:
        return Entry.objects.filter(model="portal.unit", object=str(self.depot.pk)).order_by("-ver").values_list("id", flat=True)[0]

    @property
    def seq(self) -> int:
        return Leaf.objects.get(entry_id=self.entry).seq

    def leaf(self, seq: int) -> bytes:
        return bytes(Leaf.objects.get(seq=seq).data)

    def tamper(self, *statements: str) -> None:
        tamper(self.log, *statements)

    def rename(self, *names: str) -> None:
        """Honest versions, not sealed yet."""
        with acting(system_actor("tests"), channel="command", reason="Renamed", reason_code="renamed"):
            for name in names:
                self.depot.name = name
                self.depot.save()

    def seal(self) -> int:
        return sealing.seal().size
