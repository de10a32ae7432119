"""Pages of a long list that stay right while rows are added: by the last row's sort values, never by offset."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core import signing
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

Row = TypeVar("Row", bound=Model)

LIMIT, MAX_LIMIT = 50, 200


@dataclass(frozen=True)
class KeysetPage(Generic[Row]):
    """Rows of one page, and the opaque cursor of the page after it (None at the end)."""

    rows: list[Row]
    next: str | None


def keyset(rows: QuerySet[Row], *, order: tuple[str, ...], cursor: str = "", limit: int = LIMIT) -> KeysetPage[Row]:
    """One page of `rows` in `order` (field names, `-` for falling; the last one unique; none of them nullable).

    Raises ValidationError(cursor_invalid) for a cursor that this list did not hand out.
    """
    if cursor:
        rows = rows.filter(_after(order, _read(cursor, order)))
    found = list(rows.order_by(*order)[: limit + 1])
    more = len(found) > limit
    found = found[:limit]
    return KeysetPage(found, _write(found[-1], order) if more else None)


def limit_of(text: str | None) -> int:
    """A page size from a query string: 1 to 200, 50 when absent. Raises ValidationError(limit_invalid)."""
    if not text:
        return LIMIT
    if len(text) > 3 or not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_LIMIT:
        raise ValidationError({"limit": ValidationError(_("Ask for 1 to 200 rows."), code="limit_invalid")})
    return int(text)


def _after(order: tuple[str, ...], values: list[Any]) -> Q:
    """(a, b) after (x, y) as a < x or (a = x and b < y), so that rising and falling fields can be mixed."""
    after, same = Q(), Q()
    for name, value in zip(order, values, strict=True):
        field = name.lstrip("-")
        after |= same & Q(**{f"{field}__{'lt' if name.startswith('-') else 'gt'}": value})
        same &= Q(**{field: value})
    return after


def _write(row: Model, order: tuple[str, ...]) -> str:
    values = []
    for name in order:
        value: Any = row
        for part in name.lstrip("-").split("__"):
            value = getattr(value, part)
        values.append(_plain(value))
    return signing.dumps(values, salt=_salt(order), compress=False)


def _read(cursor: str, order: tuple[str, ...]) -> list[Any]:
    try:
        values: list[Any] = signing.loads(cursor, salt=_salt(order))
    except signing.BadSignature as error:
        message = _("This cursor is not one that this list handed out. Start again without it.")
        raise ValidationError({"cursor": ValidationError(message, code="cursor_invalid")}) from error
    return values


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else str(value) if isinstance(value, uuid.UUID) else value


def _salt(order: tuple[str, ...]) -> str:
    return "keyset:" + ",".join(order)
