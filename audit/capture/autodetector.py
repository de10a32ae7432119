"""Lets `makemigrations` see to capture: a governed model gets it with its table, and again when its columns change."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.migrations.autodetector import MigrationAutodetector, OperationDependency
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.operations import AddField, AlterField, AlterModelTable, DeleteModel, RemoveField, RenameField, RenameModel
from django.db.migrations.operations.base import Operation

from audit.capture.operations import InstallCapture, InstallFoundation, RemoveCapture
from audit.capture.triggers import VERSION
from audit.history import governed_models, governs, version_model

Key = tuple[str, str]
_CHANGES_COLUMNS = (AddField, AlterField, AlterModelTable, DeleteModel, RemoveField, RenameField, RenameModel)
# Capture writes to audit's tables through audit's functions, so they come first.
_AFTER_AUDIT = [OperationDependency("audit", "entry", None, OperationDependency.Type.CREATE)]


def expected(model: type[models.Model]) -> InstallCapture:
    """The capture that a governed model should have."""
    versions = governs(model)
    assert versions is not None
    tracked = [field.attname for field in version_model(model).tracked_fields]
    key = model._meta.pk.attname
    return InstallCapture(
        model=model._meta.object_name or "",
        columns=[key, *(name for name in tracked if name != key)],
        data_class=versions.data_class,
        version=VERSION,
    )


def installed(graph: MigrationGraph) -> dict[Key, InstallCapture]:
    """The last capture that the migrations of `graph` put in place, by (app, model in small letters)."""
    found: dict[Key, InstallCapture] = {}
    for leaf in graph.leaf_nodes():
        for node in graph.forwards_plan(leaf):
            for operation in getattr(graph.nodes[node], "operations", []):
                if isinstance(operation, InstallCapture):
                    found[node[0], operation.model.lower()] = operation
                elif isinstance(operation, RemoveCapture):
                    found.pop((node[0], operation.model.lower()), None)
    return found


class CaptureAutodetector(MigrationAutodetector):
    """Django's, which also writes RemoveCapture before and InstallCapture after what changes a governed table."""

    generated_operations: dict[str, list[Operation]]

    def _detect_changes(self, convert_apps: Any = None, graph: MigrationGraph | None = None) -> Any:
        self._installed = installed(graph) if graph is not None else {}
        self._founded = graph is not None and founded(graph)
        return super()._detect_changes(convert_apps, graph)  # type: ignore[misc]

    def _sort_migrations(self) -> None:
        super()._sort_migrations()  # type: ignore[misc]
        governed = {
            (model._meta.app_label, model._meta.model_name or ""): expected(model)
            for model in governed_models()
            if model._meta.app_label not in self.from_state.real_apps
        }
        for key, wanted in governed.items():
            present = self._installed.get(key)
            touched = self._touched(*key)
            if present is None:
                self._append(key[0], wanted)
            elif touched or present.deconstruct() != wanted.deconstruct():
                self._prepend(key[0], RemoveCapture(*_arguments(present)))
                self._append(key[0], wanted)
        if not self._founded and ("audit", "entry") in self.to_state.models:
            self._append("audit", InstallFoundation(version=VERSION), after=[])
        for key, present in self._installed.items():
            if key not in governed and key[0] in {label for label, _ in self.from_state.models}:
                self._prepend(key[0], RemoveCapture(*_arguments(present)))

    def _touched(self, app_label: str, model: str) -> bool:
        names = {model, f"historical{model}"}
        for operation in self.generated_operations.get(app_label, []):
            if isinstance(operation, _CHANGES_COLUMNS):
                named = {str(getattr(operation, name, "")).lower() for name in ("model_name", "name", "old_name")}
                if named & names:
                    return True
        return False

    def _prepend(self, app_label: str, operation: Operation) -> None:
        operation._auto_deps = []  # type: ignore[attr-defined]
        self.generated_operations.setdefault(app_label, []).insert(0, operation)

    def _append(self, app_label: str, operation: Operation, after: list[OperationDependency] = _AFTER_AUDIT) -> None:
        operation._auto_deps = after  # type: ignore[attr-defined]
        self.generated_operations.setdefault(app_label, []).append(operation)


def founded(graph: MigrationGraph) -> bool:
    """True when some migration puts audit's own functions and guards in place."""
    return any(
        isinstance(operation, InstallFoundation) for migration in graph.nodes.values() for operation in getattr(migration, "operations", [])
    )


def _arguments(operation: InstallCapture) -> tuple[str, list[str], str, int]:
    return operation.model, operation.columns, operation.data_class, operation.version
