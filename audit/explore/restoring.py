"""Restoring one record: a version's values written once more, as an ordinary change of today by the person who asks.

Nothing is taken back: the change has its own version and entry, and an `audit.restored` beside it names the version that
it came from. What may come back is said by each app (`RESTORABLE` in its subjects module, see audit/subjects.py). Whatever
somebody signed, what gives access, and what people said is never written by anybody but those whose act it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _

from audit.context import because
from audit.errors import Conflict
from audit.explore.stood import Difference, Version, as_it_stood, difference, governed, key_of, numbered
from audit.history import version_model
from audit.services import record
from audit.subjects import Restorable, not_restorable, restorable

LONGEST_REASON = 1000


@dataclass(frozen=True)
class Preview:
    """What a restore would do. `current` is the number of the newest version: send it back, so that nothing newer is lost.

    `changes` are the fields that would be written, `kept` those that differ and stay. `refusal` says why it cannot be done.
    """

    model: str
    object_id: str
    version: Version
    current: Version
    changes: list[Difference] = field(default_factory=list)
    kept: list[Difference] = field(default_factory=list)
    refusal: str = ""

    @property
    def gone(self) -> bool:
        """The record was deleted: it would come back with its key."""
        return self.current.deleted


def number_of(text: str) -> int:
    """A version's number from a query string; raises ValidationError(version_invalid)."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ValidationError(_("Say which version to restore, by its number: ?version=3."), code="version_invalid")
    return int(text)


def preview(model: str, object_id: str, number: int) -> Preview:
    """What restoring version `number` would change; raises NoSuchRecord."""
    (version,) = numbered(model, object_id, number)
    newest = as_it_stood(model, object_id)
    current = newest if newest is not None else version
    allowed = restorable(model)
    differs = [one for one in difference(None if current.deleted else current, version) if one.before != one.after]
    fields = {one.field for one in differs} if allowed and current.deleted else (allowed.fields if allowed else frozenset())
    changes = [one for one in differs if one.field in fields]
    kept = [one for one in differs if one.field not in fields]
    return Preview(model, object_id, version, current, changes, kept, _refusal(model, allowed, version, current, changes))


def _refusal(model: str, allowed: Restorable | None, version: Version, current: Version, changes: list[Difference]) -> str:
    if allowed is None:
        return not_restorable(model)
    if version.erased or version.missing:
        return _("The content of this version is not there any more. Nothing can be restored from it.")
    if current.erased:
        return _("The record was erased. What was erased stays erased.")
    if version.deleted:
        return _("This version is the deletion itself. Choose one before it.")
    if not changes and not current.deleted:
        return _("Nothing would change: what can be restored is as it was in this version.")
    return ""


@transaction.atomic
def restore(model: str, object_id: str, number: int, *, current: int, reason: str) -> Version:
    """Write the values of version `number` once more; the record's new version. `current` is the newest one as previewed.

    Raises NoSuchRecord, ValidationError (no reason, values that do not fit today), Conflict("not_restorable",
    "changed_meanwhile").
    """
    reason = _checked(reason)
    found = governed(model)
    row = found._base_manager.select_for_update().filter(pk=key_of(found, object_id)).first()
    now = preview(model, object_id, number)
    if now.current.ver != current:
        raise Conflict(
            "changed_meanwhile", _("It was changed since you looked (version %(ver)s now). Look again.") % {"ver": now.current.ver}
        )
    allowed = restorable(model)
    if now.refusal or allowed is None:
        raise Conflict("not_restorable", now.refusal)
    old = version_model(found)._base_manager.get(history_id=now.version.entry_id)
    with because(reason, code="restored"):
        if row is None:
            _bring_back(found, old, allowed)
        else:
            _write(row, old, now, allowed)
        new = as_it_stood(model, object_id)
        if new is None or new.ver == current:
            raise Conflict("not_restorable", _("Nothing changed."))
        told = {"version": number, "instead_of": current, "new": new.ver, "fields": [one.field for one in now.changes]}
        record("audit.restored", model=model, object_id=object_id, detail=told)
    return new


def _write(row: models.Model, old: Any, now: Preview, allowed: Restorable) -> None:
    names = [one.field for one in now.changes]
    for name in names:
        setattr(row, name, getattr(old, name))
    allowed.check(row)
    row.full_clean(exclude=_untouched(row, names))
    row.save(update_fields=[row._meta.get_field(name).name for name in names])
    allowed.after(row)


def _bring_back(model: type[models.Model], old: Any, allowed: Restorable) -> None:
    row = model(**{column.attname: getattr(old, column.attname) for column in old.tracked_fields})
    allowed.bring_back(row)
    allowed.check(row)
    row.full_clean()
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict("changed_meanwhile", _("Somebody else brought it back meanwhile. Look again.")) from error
    allowed.after(row)


def _untouched(row: models.Model, names: list[str]) -> set[str]:
    return {column.name for column in row._meta.concrete_fields if column.attname not in names}


def _checked(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise ValidationError({"reason": ValidationError(_("Say why. The reason is recorded with the change."), code="required")})
    if len(reason) > LONGEST_REASON:
        told = {"count": LONGEST_REASON}
        raise ValidationError({"reason": ValidationError(_("At most %(count)s characters, please.") % told, code="too_long")})
    return reason
