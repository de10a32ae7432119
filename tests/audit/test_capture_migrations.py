"""Capture travels in migrations: written by makemigrations, frozen, reversible, and never missing from a governed model."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import connections, models
from django.db.migrations import AddField, AlterField, CreateModel, Migration, RenameField
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.questioner import NonInteractiveMigrationQuestioner
from django.db.migrations.state import ProjectState

from audit.capture import autodetector, triggers
from audit.capture.autodetector import CaptureAutodetector, expected, installed
from audit.capture.operations import InstallCapture, InstallFoundation, RemoveCapture
from audit.history import governed_models
from audit.log.records_check import capture_of
from tests.audit.scratch.models import Book, Shelf
from tests.services import Database


def test_governed_models__all__have_capture_in_their_migrations() -> None:
    present = installed(MigrationLoader(None).graph)
    for model in governed_models():
        key = (model._meta.app_label, str(model._meta.model_name))
        assert key in present, f"{model._meta.label} is governed and has no InstallCapture: run manage.py makemigrations"
        assert present[key].deconstruct() == expected(model).deconstruct()


def test_governed_models__all__have_their_triggers(committed_db: Database) -> None:
    with committed_db.connect("lm_app") as app:
        for capture in map(capture_of, governed_models()):
            found = app.execute(
                "select count(*) from pg_trigger where tgrelid = %s::regclass and tgenabled = 'A'"
                " and tgname in ('audit_created', 'audit_changed', 'audit_deleted', 'audit_key', 'audit_no_truncate')",
                [capture.table],
            ).fetchone()
            assert found == (5,), capture.model


def test_migrations__of_every_app__leave_no_state_without_capture() -> None:
    """After each migration every model with versions is captured with columns that it has, and none changed meanwhile."""
    loader = MigrationLoader(None)
    captured_now: dict[tuple[str, str], InstallCapture] = {}
    seen, states = set(), 0
    for leaf in loader.graph.leaf_nodes():
        for node in loader.graph.forwards_plan(leaf):
            if node in seen:
                continue
            seen.add(node)
            for operation in loader.graph.nodes[node].operations:
                key = (node[0], str(getattr(operation, "model", "")).lower())
                if isinstance(operation, InstallCapture):
                    captured_now[key] = operation
                elif isinstance(operation, RemoveCapture):
                    del captured_now[key]
                elif isinstance(operation, autodetector._CHANGES_COLUMNS):
                    named = str(getattr(operation, "model_name", getattr(operation, "name", ""))).lower().removeprefix("historical")
                    assert (node[0], named) not in captured_now, f"{node}: {operation.describe()} without RemoveCapture before it"
            state = loader.project_state(node)
            for app, name in [key for key in state.models if key[1].startswith("historical")]:
                states += 1
                columns = captured_now[app, name.removeprefix("historical")].columns
                fields = {field.attname for field in state.apps.get_model(app, name)._meta.concrete_fields}
                assert set(columns) <= fields, f"{node}: {name}"
    assert states > 20


def detect(
    before: ProjectState, after: ProjectState, present: dict[tuple[str, str], InstallCapture], monkeypatch: pytest.MonkeyPatch
) -> list[Operation]:
    """What makemigrations would write for the app `scratch`."""
    monkeypatch.setattr(autodetector, "installed", lambda _graph: present)
    monkeypatch.setattr(autodetector, "founded", lambda _graph: True)
    graph = MigrationLoader(None).graph
    detector = CaptureAutodetector(before, after, NonInteractiveMigrationQuestioner())
    migrations: list[Migration] = detector._detect_changes(None, graph).get("scratch", [])
    return [operation for migration in migrations for operation in migration.operations]


@pytest.fixture
def now() -> ProjectState:
    return MigrationLoader(None).project_state()


def without_column(state: ProjectState, column: str) -> ProjectState:
    before = state.clone()
    for name in ("book", "historicalbook"):
        del before.models["scratch", name].fields[column]
    return before


def captured() -> dict[tuple[str, str], InstallCapture]:
    return installed(MigrationLoader(None).graph)


def test_makemigrations__nothing_changed__writes_nothing(now: ProjectState, monkeypatch: pytest.MonkeyPatch) -> None:
    assert detect(now, now.clone(), captured(), monkeypatch) == []


def test_makemigrations__new_governed_model__ends_with_its_capture(now: ProjectState, monkeypatch: pytest.MonkeyPatch) -> None:
    before = now.clone()
    for name in [key for key in before.models if key[0] == "scratch"]:
        before.remove_model(*name)
    present = {key: value for key, value in captured().items() if key[0] != "scratch"}
    found = detect(before, now, present, monkeypatch)
    created = [operation for operation in found if isinstance(operation, CreateModel)]
    installs = [operation for operation in found if isinstance(operation, InstallCapture)]
    assert len(created) == 8
    assert {operation.model for operation in installs} == {"Book", "Shelf", "Tag", "Tagging"}
    assert all(isinstance(operation, InstallCapture) for operation in found[-4:])


def test_makemigrations__new_column__pauses_capture_around_it(now: ProjectState, monkeypatch: pytest.MonkeyPatch) -> None:
    present = captured()
    book = present["scratch", "book"]
    present["scratch", "book"] = InstallCapture("Book", [name for name in book.columns if name != "notes"])
    found = detect(without_column(now, "notes"), now, present, monkeypatch)
    assert [type(operation) for operation in found] == [RemoveCapture, AddField, AddField, InstallCapture]
    assert "notes" not in found[0].columns  # type: ignore[attr-defined]
    assert "notes" in found[-1].columns  # type: ignore[attr-defined]


def test_makemigrations__same_columns_of_another_type__pauses_capture_too(now: ProjectState, monkeypatch: pytest.MonkeyPatch) -> None:
    before = now.clone()
    for name in ("book", "historicalbook"):
        before.models["scratch", name].fields["title"] = models.CharField(max_length=10)
    found = detect(before, now, captured(), monkeypatch)
    assert [type(operation) for operation in found] == [RemoveCapture, AlterField, AlterField, InstallCapture]


def test_makemigrations__other_exclusions_or_version__install_anew(now: ProjectState, monkeypatch: pytest.MonkeyPatch) -> None:
    present = captured()
    present["scratch", "shelf"] = InstallCapture("Shelf", ["id"])
    found = detect(now, now.clone(), present, monkeypatch)
    assert [(type(operation), operation.columns) for operation in found] == [  # type: ignore[attr-defined]
        (RemoveCapture, ["id"]),
        (InstallCapture, ["id", "label"]),
    ]


def test_makemigrations__no_longer_governed__takes_capture_away(now: ProjectState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autodetector, "governed_models", lambda: [model for model in governed_models() if model is not Shelf])
    found = detect(now, now.clone(), captured(), monkeypatch)
    assert [type(operation) for operation in found] == [RemoveCapture]


def test_operations__written__come_back_the_same() -> None:
    for operation in (InstallCapture("Book", ["id"], "person"), RemoveCapture("Book", ["id"]), InstallFoundation()):
        name, args, kwargs = operation.deconstruct()
        again = type(operation)(*args, **kwargs)
        assert again.deconstruct() == (name, args, kwargs)
        assert operation.describe()


@pytest.fixture
def owner(committed_db: Database) -> Iterator[Any]:
    """A Django connection as lm_owner to the test's own database."""
    from portal.env import database

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OWNER_FOR_TEST_URL", committed_db.url("lm_owner"))
        found = database("OWNER_FOR_TEST_URL")
    assert found is not None
    connections.settings["own"] = {**connections.settings["default"], **found}
    yield connections["own"]
    connections["own"].close()
    del connections["own"]
    del connections.settings["own"]


def test_operations__every_step_of_a_column_change__captures_every_write(committed_db: Database, owner: Any) -> None:
    """Add, widen, rename and remove a column of a governed table, writing once between the steps; then all of it backwards."""
    wide = ["id", "label", "colour"]
    steps: list[list[Operation]] = [
        [
            RemoveCapture("Shelf", ["id", "label"]),
            *_both(lambda m: AddField(m, "colour", models.CharField(max_length=5, default=""))),
            InstallCapture("Shelf", wide),
        ],
        [
            RemoveCapture("Shelf", wide),
            *_both(lambda m: AlterField(m, "colour", models.TextField(default=""))),
            InstallCapture("Shelf", wide),
        ],
        [
            RemoveCapture("Shelf", wide),
            *_both(lambda m: RenameField(m, "colour", "paint")),
            InstallCapture("Shelf", ["id", "label", "paint"]),
        ],
    ]
    state = MigrationLoader(owner).project_state()
    states = [state]
    written = 0
    shelf = uuid.uuid4()
    with committed_db.connect("lm_app") as app:
        app.execute("insert into scratch_shelf (id, label) values (%s, 'A')", [shelf])
        for operations in steps:
            for operation in operations:
                state = _forwards(operation, state, owner)
            states.append(state)
            written = _write(app, shelf, written)
        for operations, before in zip(reversed(steps), reversed(states[:-1]), strict=True):
            _backwards(operations, before, owner)
            written = _write(app, shelf, written)
        names = app.execute("select fields from audit_entry where model = 'scratch.shelf' and action = 'changed' order by id").fetchall()
    assert names == [(["label"],)] * 6
    assert written == 6


def _both(make: Callable[[str], Operation]) -> list[Operation]:
    return [make("shelf"), make("historicalshelf")]


def _forwards(operation: Operation, state: ProjectState, owner: Any) -> ProjectState:
    after = state.clone()
    operation.state_forwards("scratch", after)
    with owner.schema_editor(atomic=True) as editor:
        operation.database_forwards("scratch", editor, state, after)
    return after


def _backwards(operations: list[Operation], before: ProjectState, owner: Any) -> None:
    path = [before]
    for operation in operations:
        path.append(path[-1].clone())
        operation.state_forwards("scratch", path[-1])
    for operation, earlier, later in zip(reversed(operations), reversed(path[:-1]), reversed(path[1:]), strict=True):
        with owner.schema_editor(atomic=True) as editor:
            operation.database_backwards("scratch", editor, later, earlier)


def _write(app: psycopg.Connection[Any], shelf: uuid.UUID, written: int) -> int:
    app.execute("update scratch_shelf set label = label || 'x' where id = %s", [shelf])
    found = app.execute("select count(*) from audit_entry where model = 'scratch.shelf' and action = 'changed'").fetchone()
    versions = app.execute("select count(*) from scratch_historicalshelf where history_type = '~'").fetchone()
    assert found == versions == (written + 1,)
    return written + 1


def test_capture__wide_table__renders_in_parts(committed_db: Database) -> None:
    names = [f"c{number}" for number in range(120)]
    nested: dict[str, object] = {"braces": {"in": {}}}
    row = ", ".join(f"""'{json.dumps(nested)}'::jsonb as {name}""" for name in names)
    rendered = triggers.values_as_json(tuple((name, name) for name in names), lambda column: f"t.{column}")
    with committed_db.connect("lm_app") as app:
        found = app.execute(f"select {rendered} from (select {row}) t").fetchone()
    assert found is not None
    assert json.loads(found[0]) == dict.fromkeys(names, nested)


def test_foundation__unknown_version__is_refused() -> None:
    with pytest.raises(ValueError, match="no version 99"):
        triggers.foundation(99)


def test_expected_capture__any_model__names_its_key_first_and_nothing_excluded() -> None:
    assert expected(Book).columns[0] == "id"
    assert "secret" not in expected(Book).columns
