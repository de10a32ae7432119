"""A log with a signed decision in it, and packs made of it: what the tests of packs and of their verifier begin with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from audit.context import acting
from audit.models import Pack
from audit.packs import asking, making
from audit.packs.selection import Choice
from governance.models import ExpansionRequest
from tests.cast import Cast
from tests.governance import scene
from tests.services import Database


@dataclass
class Kit:
    """The database, its people, the folder of packs, and a decided request."""

    database: Database
    cast: Cast
    folder: Path
    request: ExpansionRequest

    def ask(self, kind: str = "all", checkpoint: str = "", **words: Any) -> Pack:
        with acting(self.cast.tom.pk, channel="page"):
            return asking.ask(Choice(kind, **words), actor=self.cast.tom.pk, checkpoint=checkpoint)

    def make(self, kind: str = "all", checkpoint: str = "", **words: Any) -> Path:
        """A finished pack; answers its file."""
        pack = self.ask(kind, checkpoint, **words)
        making.sweep()
        pack.refresh_from_db()
        assert pack.state == "done", pack.problem
        return self.folder / pack.file


@pytest.fixture
def kit(log: Database, cast: Cast, settings: Settings, tmp_path: Path) -> Kit:
    """A pilot that was widened by two signatures; nothing sealed yet."""
    settings.PACKS_DIR = tmp_path / "packs"
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    scene.sign(cast.priya, request)
    scene.sign(cast.helen, request, reason="Drivers use it, and fuel is down.")
    connection.close()
    return Kit(log, cast, tmp_path / "packs", ExpansionRequest.objects.get(pk=request.pk))
