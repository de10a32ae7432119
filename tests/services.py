"""The database of the tests: migrated once by its owner, cloned for whoever needs one, used as the app role.

`manage.py test` starts the services. `db` (pytest-django's own) rolls back on one shared clone. `committed_db`
gives a test a database of its own (about 0.1 s) where it may commit, start threads, seal and kill; nothing is
ever flushed, so the guards of the audit trail stay on in every test.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.db import connections
from psycopg import sql
from pytest_django import DjangoDbBlocker

SHARED = "lastmile_test"
_numbers = itertools.count(1)


def _services() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(os.environ["LASTMILE_TEST_SERVICES"])
    return found


def pytest_configure() -> None:
    if "LASTMILE_TEST_SERVICES" not in os.environ:
        raise pytest.UsageError("The tests need services: run `python3 manage.py test`, with pytest's arguments after it.")


@dataclass(frozen=True)
class Database:
    """One database on the embedded cluster."""

    name: str

    def url(self, role: str = "lm_app") -> str:
        """For `lm_owner`, `lm_app`, `lm_sealer`, `lm_auditor`, `lm_eraser` or `postgres` (the superuser)."""
        url: str = _services()["roles"][role]
        return url.replace("{database}", self.name)

    def connect(self, role: str = "lm_app") -> psycopg.Connection[Any]:
        """A plain connection, in autocommit."""
        return psycopg.connect(self.url(role), autocommit=True)

    @property
    def environment(self) -> dict[str, str]:
        """For a child process that serves this database: a management command, a worker, a web server."""
        urls = {f"DATABASE_{name}_URL": self.url(f"lm_{name.lower()}") for name in ("OWNER", "SEALER", "ERASER")}
        return {**os.environ, **urls, "DATABASE_URL": self.url()}


def clone(name: str) -> Database:
    """A new database `name` like the migrated template, owned by lm_owner."""
    database, template = sql.Identifier(name), sql.Identifier(_services()["template"])
    with Database("postgres").connect("postgres") as link:
        link.execute(sql.SQL("create database {} owner lm_owner template {}").format(database, template))
    return Database(name)


def drop(database: Database) -> None:
    with Database("postgres").connect("postgres") as link:
        link.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database.name)))


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """In place of pytest-django's: no migration here, and no flush at the end."""
    database = clone(SHARED)
    with django_db_blocker.unblock():
        point_at(SHARED)
        yield
        connections.close_all()
    drop(database)


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Database]:
    """A database of the test's own, in which commits are commits; all of Django's connections (of every thread) go to it."""
    database = clone(f"lastmile_own_{next(_numbers)}")
    with django_db_blocker.unblock():
        point_at(database.name)
        yield database
        connections.close_all()
        point_at(SHARED)
    drop(database)


@pytest.fixture
def transactional_db(committed_db: Database) -> None:
    """pytest-django's would flush, which the guards refuse: `live_server` and the like get a database of their own."""


def point_at(name: str) -> None:
    # The settings dictionary is the one that every thread's connection is made from.
    for connection in connections.all():
        connection.close()
        connection.settings_dict["NAME"] = name
