"""A log of its own for a test: a committed database, the sealer's role, a signing key in a temporary folder."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from pytest_django import Settings

from audit.context import acting
from audit.log import sealing
from audit.services import record, system_actor
from portal.env import database
from tests.services import Database


@pytest.fixture
def log(committed_db: Database, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database in which sealing works: `audit.log.sealing.seal()` connects as lm_sealer, the key lies in `tmp_path`."""
    settings.LOG_KEY_FILE = tmp_path / "log.key"
    settings.LOG_ORIGIN = "testserver/log"
    settings.LOG_READERS = "entries"
    monkeypatch.setenv("DATABASE_SEALER_URL", committed_db.url("lm_sealer"))
    sealer = database("DATABASE_SEALER_URL")
    assert sealer is not None
    defaults = {name: value for name, value in connections.settings["default"].items() if name not in sealer}
    connections.settings["sealer"] = defaults | sealer
    yield committed_db
    connections["sealer"].close()
    del connections["sealer"]
    del connections.settings["sealer"]


@pytest.fixture
def act() -> Callable[..., int]:
    """Leave one committed entry of an act; answers its id."""

    def leave(action: str = "audit.backup-made", **about: Any) -> int:
        with acting(system_actor("tests"), channel="command", request_id=uuid.uuid4().hex):
            return record(action, **about)

    return leave


@pytest.fixture
def sealed(log: Database, act: Callable[..., int]) -> Callable[[int], int]:
    """`sealed(n)`: leave n entries and seal them; answers the size of the log."""

    def leave(count: int) -> int:
        for _ in range(count):
            act()
        connection.close()
        return sealing.seal().size

    return leave


@pytest.fixture
def erasing(log: Database, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database in which erasing works: `audit.keeping.erasure.erase()` connects as lm_eraser, the ledger lies in `tmp_path`."""
    settings.ERASURE_LEDGER_FILE = tmp_path / "erasures.ledger"
    monkeypatch.setenv("DATABASE_ERASER_URL", log.url("lm_eraser"))
    eraser = database("DATABASE_ERASER_URL")
    assert eraser is not None
    defaults = {name: value for name, value in connections.settings["default"].items() if name not in eraser}
    connections.settings["eraser"] = defaults | eraser
    yield log
    connections["eraser"].close()
    del connections["eraser"]
    del connections.settings["eraser"]
