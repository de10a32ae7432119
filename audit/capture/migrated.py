"""Triggers and functions that the migrations of every app put into the database, read from their own SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.db.migrations import RunSQL, SeparateDatabaseAndState
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from audit.capture import triggers
from audit.capture.operations import InstallFoundation

_FUNCTION = re.compile(r'create (?:or replace )?function "?(\w+)"?\(.*?\bas (\$\w*\$)(.*?)\2', re.DOTALL | re.IGNORECASE)
# What a function would make later, by format('... on %I'), is none of the migration's own.
_TRIGGER = re.compile(r"""create (?:or replace )?trigger "?(\w+)"?\s(?:before|after)\b[^;'%]*?\son "?(\w+)"?""", re.IGNORECASE)
_DROPPED_FUNCTION = re.compile(r'drop function (?:if exists )?"?(\w+)"?', re.IGNORECASE)
_DROPPED_TRIGGER = re.compile(r'drop trigger (?:if exists )?"?(\w+)"? on "?(\w+)"?', re.IGNORECASE)


@dataclass
class Made:
    """Bodies of functions by name, and the names of triggers by table."""

    functions: dict[str, str] = field(default_factory=dict)
    triggers: dict[str, set[str]] = field(default_factory=dict)

    def add(self, sql: str) -> None:
        """Take in one piece of SQL; a later piece replaces or drops what an earlier one made."""
        for name in _DROPPED_FUNCTION.findall(sql):
            self.functions.pop(name, None)
        for name, table in _DROPPED_TRIGGER.findall(sql):
            self.triggers.get(table, set()).discard(name)
        for name, _, body in _FUNCTION.findall(sql):
            self.functions[name] = body
        for name, table in _TRIGGER.findall(sql):
            self.triggers.setdefault(table, set()).add(name)


def made_by_migrations() -> Made:
    """Everything but the capture of governed models (audit.capture.triggers.install), which follows from the models."""
    graph = MigrationLoader(None).graph
    made, seen = Made(), set()
    for leaf in graph.leaf_nodes():
        for key in graph.forwards_plan(leaf):
            if key not in seen:
                seen.add(key)
                for sql in _sql(graph.nodes[key].operations):
                    made.add(sql)
    return made


def _sql(operations: Sequence[Operation]) -> Iterator[str]:
    for operation in operations:
        if isinstance(operation, InstallFoundation):
            yield triggers.foundation(operation.version)
        elif isinstance(operation, SeparateDatabaseAndState):
            yield from _sql(operation.database_operations)
        elif isinstance(operation, RunSQL):
            pieces = [operation.sql] if isinstance(operation.sql, str) else operation.sql
            yield from (piece if isinstance(piece, str) else piece[0] for piece in pieces)
