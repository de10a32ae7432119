"""Which records ever belonged to another one: asked of the version rows, so that deleted ones are found, too."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import models

from audit.history import version_model


def ever(model: type[models.Model], **belongs: Any) -> list[Any]:
    """Keys of the records of a governed `model` that in any version fitted `belongs` (`pilot_id=3`), in order."""
    key = model._meta.pk.attname
    rows = version_model(model)._base_manager.filter(**belongs).order_by(key)
    return list(rows.values_list(key, flat=True).distinct())


def named(model: type[models.Model], keys: Collection[Any]) -> tuple[tuple[str, str], ...]:
    """Those records as audit names them: (`app.model`, object id)."""
    return tuple((model._meta.label_lower, str(key)) for key in keys)
