"""Migration operations that put capture in place. `makemigrations` writes them (audit/capture/autodetector.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models, router
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState

from audit.capture import triggers
from audit.capture.triggers import Capture


class InstallFoundation(Operation):
    """Payload table, guards and functions of `audit` itself."""

    reduces_to_sql = True
    reversible = True
    category = OperationCategory.SQL

    def __init__(self, version: int = 1) -> None:
        self.version = version

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def database_forwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        schema_editor.execute(triggers.foundation(self.version), params=None)

    def database_backwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        schema_editor.execute(triggers.REMOVE_FOUNDATION, params=None)

    def describe(self) -> str:
        return "Put the audit trail's guards and functions in place"


class _CaptureOperation(Operation):
    reduces_to_sql = True
    reversible = True
    category = OperationCategory.SQL

    def __init__(self, model: str, columns: Sequence[str], data_class: str = "record", version: int = 1) -> None:
        self.model = model
        self.columns = list(columns)
        self.data_class = data_class
        self.version = version

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        kwargs: dict[str, Any] = {"model": self.model, "columns": self.columns}
        if self.data_class != "record":
            kwargs["data_class"] = self.data_class
        if self.version != 1:
            kwargs["version"] = self.version
        return self.__class__.__name__, [], kwargs

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def references_model(self, name: str, app_label: str) -> bool:
        return name.lower() in {self.model.lower(), f"historical{self.model.lower()}"}

    def _capture(self, app_label: str, state: ProjectState) -> Capture:
        model = state.apps.get_model(app_label, self.model)
        versions = state.apps.get_model(app_label, f"Historical{self.model}")
        return Capture(
            model=model._meta.label_lower,
            table=model._meta.db_table,
            version_table=versions._meta.db_table,
            columns=columns_of(model, self.columns),
            data_class=self.data_class,
        )

    def _install(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: ProjectState) -> None:
        if router.allow_migrate(schema_editor.connection.alias, app_label, model_name=self.model.lower()):
            schema_editor.execute(triggers.install(self._capture(app_label, state), self.version), params=None)

    def _remove(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: ProjectState) -> None:
        if router.allow_migrate(schema_editor.connection.alias, app_label, model_name=self.model.lower()):
            schema_editor.execute(triggers.remove(self._capture(app_label, state)), params=None)


class InstallCapture(_CaptureOperation):
    """Every write to `model` leaves a version, an entry and a payload with these columns."""

    def database_forwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        self._install(app_label, schema_editor, to_state)

    def database_backwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        self._remove(app_label, schema_editor, from_state)

    def describe(self) -> str:
        return f"Capture changes of {self.model}"

    @property
    def migration_name_fragment(self) -> str:
        return f"capture_{self.model.lower()}"


class RemoveCapture(_CaptureOperation):
    """Takes capture away while columns change; the next InstallCapture in the same migration puts it back."""

    def database_forwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        self._remove(app_label, schema_editor, from_state)

    def database_backwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        self._install(app_label, schema_editor, to_state)

    def describe(self) -> str:
        return f"Pause the capture of {self.model}"

    @property
    def migration_name_fragment(self) -> str:
        return f"uncapture_{self.model.lower()}"


def columns_of(model: type[models.Model], names: Sequence[str]) -> triggers.Columns:
    """(name, column) of the named fields, key first. Raises KeyError for a field that `model` lacks."""
    fields = {field.attname: field.column for field in model._meta.concrete_fields}
    return tuple((name, str(fields[name])) for name in names)
