"""Versions of governed records: simple-history's tables and managers, with the rows written by triggers.

`history = Versions()` on a model makes it governed. Its `historical*` table keeps simple-history's shape, so `as_of`,
`diff_against` and the managers work as documented there; nothing is written by signals (audit/capture/triggers.py).
A version's `history_id` is the id of its entry: one key joins a version, its entry and its payload.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import models
from django.db.models import Exists, OuterRef
from simple_history.exceptions import MultipleRegistrationsError
from simple_history.manager import HistoricalQuerySet, HistoryDescriptor
from simple_history.models import HistoricalRecords
from simple_history.utils import get_history_manager_from_history

UNKNOWN_LABEL = "unattributed"


class VersionQuerySet(HistoricalQuerySet):
    """Versions follow each other by `history_id`, here, in `as_of` and in `latest`: a clock that went back reorders nothing."""

    def latest_of_each(self) -> VersionQuerySet:
        """The last version of each object among those selected, deletions included."""
        later = self.filter(**{self._pk_attr: OuterRef(self._pk_attr)}, history_id__gt=OuterRef("history_id"))
        latest: VersionQuerySet = self.filter(~Exists(later))  # type: ignore[assignment]
        return latest


def _label_of_user(version: Any) -> str:
    """Who made this version, by label; the pseudonym itself where nobody names it any more."""
    actor_id = version.history_user_id
    if actor_id is None or actor_id.int == 0:
        return UNKNOWN_LABEL
    actor = apps.get_model("audit", "Actor")._default_manager.filter(pk=actor_id).values_list("label", flat=True).first()
    return actor or str(actor_id)


def _refuse_user(version: Any, user: object) -> None:
    raise FieldError("Versions are written by the database; who wrote them comes from audit.context.acting.")


def _next_record(version: Any) -> Any:
    return get_history_manager_from_history(version).filter(history_id__gt=version.history_id).order_by("history_id").first()


def _prev_record(version: Any) -> Any:
    return get_history_manager_from_history(version).filter(history_id__lt=version.history_id).order_by("history_id").last()


class Versions(HistoricalRecords):
    """Makes a model governed. `excluded_fields` are never recorded (secrets, last use).

    `data_class` says by which row of the retention table the recorded values go.
    """

    def __init__(self, *, excluded_fields: list[str] | None = None, data_class: str = "record", **options: Any) -> None:
        if options.get("m2m_fields"):
            raise ImproperlyConfigured("A governed many-to-many relation is an explicit through model with Versions of its own.")
        options.setdefault("history_queryset", VersionQuerySet)
        options["historical_queryset"] = options.pop("history_queryset")
        super().__init__(  # type: ignore[no-untyped-call]
            excluded_fields=excluded_fields or [],
            history_id_field=models.BigIntegerField(),
            history_change_reason_field=models.TextField(null=True),
            history_user_id_field=models.UUIDField(null=True),
            history_user_getter=_label_of_user,
            history_user_setter=_refuse_user,
            **options,
        )
        self.data_class = data_class

    if TYPE_CHECKING:
        # A model's `history` is a manager once the class is there.
        def __get__(self, instance: object, owner: object = None) -> Any: ...

    def add_extra_methods(self, cls: type[models.Model]) -> None:
        """simple-history offers a save without a version here; a governed model has none."""

    def finalize(self, sender: type[models.Model], **kwargs: Any) -> None:
        """As simple-history does it, without connecting the signals that would write versions."""
        inherited = False
        if self.cls is not sender:
            inherited = self.inherit and issubclass(sender, self.cls)
            if not inherited:
                return
        if hasattr(sender._meta, "simple_history_manager_attribute"):
            raise MultipleRegistrationsError(f"{sender._meta.label} is governed twice.")
        version_model = self.create_history_model(sender, inherited)  # type: ignore[no-untyped-call]
        setattr(importlib.import_module(version_model.__module__ if inherited else self.module), version_model.__name__, version_model)
        setattr(
            sender, self.manager_name, HistoryDescriptor(version_model, manager=self.history_manager, queryset=self.historical_queryset)
        )
        sender._meta.simple_history_manager_attribute = self.manager_name  # type: ignore[attr-defined]
        version_model._governed_by = self

    def copy_fields(self, model: type[models.Model]) -> dict[str, models.Field[Any, Any]]:
        """The model's own columns, none of them indexed: versions are read by object and date, or by entry."""
        fields: dict[str, models.Field[Any, Any]] = super().copy_fields(model)  # type: ignore[no-untyped-call]
        for field in fields.values():
            field.db_index = False  # type: ignore[attr-defined]
            field._unique = False  # type: ignore[attr-defined]
        return fields

    def get_extra_fields(self, model: type[models.Model], fields: dict[str, models.Field[Any, Any]]) -> dict[str, Any]:
        extra: dict[str, Any] = super().get_extra_fields(model, fields)  # type: ignore[no-untyped-call]
        extra["history_date"].db_index = False
        extra["next_record"] = property(_next_record)
        extra["prev_record"] = property(_prev_record)
        return extra

    def get_meta_options(self, model: type[models.Model]) -> dict[str, Any]:
        options: dict[str, Any] = super().get_meta_options(model)  # type: ignore[no-untyped-call]
        pk = model._meta.pk.name
        options |= {"ordering": ("-history_id",), "get_latest_by": "history_id"}
        options["indexes"] = [models.Index(fields=[pk, "-history_date", "-history_id"])]
        return options


def governed_models() -> list[type[models.Model]]:
    """Every model with versions, in a fixed order."""
    return sorted((m for m in apps.get_models() if governs(m) is not None), key=lambda m: m._meta.label_lower)


def governs(model: type[models.Model]) -> Versions | None:
    """The `Versions` of a governed model, or None."""
    name = getattr(model._meta, "simple_history_manager_attribute", None)
    return getattr(version_model(model), "_governed_by", None) if name else None


def version_model(model: type[models.Model]) -> Any:
    """The `historical*` model of a governed model."""
    return getattr(model, model._meta.simple_history_manager_attribute).model  # type: ignore[attr-defined]
