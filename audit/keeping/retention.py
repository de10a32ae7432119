"""How long the values of each data class are kept: the table, what a change would delete, and the nightly run."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection, connections, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.capture.triggers import literal, quoted
from audit.context import acting, announce
from audit.errors import Conflict
from audit.keeping.erasing import eraser_alias
from audit.keeping.rules import DATA_CLASSES, DataClass, data_class
from audit.models.keeping import KeepingRule, RetentionPolicy
from audit.services import system_actor

LONGEST_DAYS = 36_500


@dataclass(frozen=True)
class Kept:
    """A line of the table: a data class, its policy where one was confirmed."""

    data_class: DataClass
    policy: RetentionPolicy | None

    @property
    def keep_days(self) -> int | None:
        return self.policy.keep_days if self.policy else None


@dataclass(frozen=True)
class Going:
    """Rows of one kind that would go: how many, from when to when, and how many a hold keeps."""

    what: str
    count: int
    held: int
    oldest: dt.datetime | None
    newest: dt.datetime | None


@dataclass(frozen=True)
class Preview:
    """What a run would take now, were the class kept for `days`. Nothing is done by looking."""

    data_class: DataClass
    days: int | None
    cutoff: dt.datetime | None
    going: list[Going]

    @property
    def count(self) -> int:
        return sum(one.count for one in self.going)

    @property
    def digest(self) -> str:
        """Of what was on the screen: a confirmation is for exactly this."""
        seen = {
            "class": self.data_class.name,
            "days": self.days,
            "day": self.cutoff.date().isoformat() if self.cutoff else "",
            "going": [[one.what, one.count, one.held] for one in self.going],
        }
        return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


def table() -> list[Kept]:
    """Every data class with what is in force."""
    policies = {policy.data_class: policy for policy in RetentionPolicy.objects.all()}
    return [Kept(one, policies.get(one.name)) for one in DATA_CLASSES]


def kept(name: str) -> Kept:
    """One line of the table; raises LookupError for no class."""
    return Kept(data_class(name), RetentionPolicy.objects.filter(pk=name).first())


def preview(name: str, days: int | None) -> Preview:
    """What would go; raises LookupError for no class, ValidationError(days) for days that no setting may reach."""
    one = _checked(name, days)
    if days is None:
        return Preview(one, None, None, [])
    cutoff = timezone.now() - dt.timedelta(days=days)
    going = [_payloads(one, cutoff)]
    going += [_rows_of(rule, cutoff) for rule in KeepingRule.objects.filter(kind=KeepingRule.Kind.EXPIRE, data_class=name)]
    return Preview(one, days, cutoff, [each for each in going if each.count or each.held])


def confirm(name: str, days: int | None, *, actor: uuid.UUID, digest: str) -> RetentionPolicy:
    """Put it in force for what was previewed. Raises Conflict(preview_changed) when more or less would go by now."""
    seen = preview(name, days)
    if seen.digest != digest:
        raise Conflict("preview_changed", _("What would go has changed since you looked. Look again, then confirm."))
    with transaction.atomic():
        policy, made = RetentionPolicy.objects.select_for_update().get_or_create(
            data_class=name, defaults={"keep_days": days, "set_by": actor, "set_at": timezone.now()}
        )
        if not made:
            policy.keep_days, policy.set_by, policy.set_at = days, actor, timezone.now()
            policy.save()
    return policy


def expire_all() -> dict[str, int]:
    """The nightly run, as the role that erases: by class, how many payloads and rows went. Twice at once does no harm."""
    gone = {}
    for policy in RetentionPolicy.objects.exclude(keep_days=None):
        count, more = 0, True
        while more:
            found = _expire(policy.data_class)
            count += found["payloads"] + sum(found["tables"].values())
            more = found["more"]
        gone[policy.data_class] = count
    return gone


def _expire(name: str) -> dict[str, Any]:
    using = eraser_alias()
    with acting(system_actor("retention"), channel="task"), transaction.atomic(using=using):
        announce(using)
        with connections[using].cursor() as cursor:
            cursor.execute("select audit_expire(%s)", [name])
            found = cursor.fetchone()[0]
    told: dict[str, Any] = json.loads(found) if isinstance(found, str) else found
    return told


def _checked(name: str, days: int | None) -> DataClass:
    one = data_class(name)
    if one.never and days is not None:
        raise ValidationError({"days": ValidationError(_("This is kept for ever: it proves what went, and why."), code="never")})
    if days is not None and not one.floor <= days <= LONGEST_DAYS:
        message = _("Keep it for %(floor)d to %(most)d days, or for ever.") % {"floor": one.floor, "most": LONGEST_DAYS}
        raise ValidationError({"days": ValidationError(message, code="days_range")})
    return one


def _payloads(one: DataClass, cutoff: dt.datetime) -> Going:
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) filter (where not held), count(*) filter (where held), min(at), max(at) from audit_expiring(%s, %s)",
            [one.name, cutoff],
        )
        return Going(_("Values of entries"), *cursor.fetchone())


def _rows_of(rule: KeepingRule, cutoff: dt.datetime) -> Going:
    owner = f"t.{quoted(rule.owner)}" if rule.owner else "null"
    moment = f"t.{quoted(rule.moment)}"
    held = f"audit_row_held({literal(rule.model)}, t.{quoted(rule.key)}::text, {owner}, {moment})"
    sql = (
        f"select count(*) filter (where not {held}), count(*) filter (where {held}), min({moment}), max({moment}) "
        f"from {quoted(rule.table)} t where {moment} < %s and ({rule.condition})"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [cutoff])
        return Going(str(apps.get_model(rule.model)._meta.verbose_name_plural).capitalize(), *cursor.fetchone())
