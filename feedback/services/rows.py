"""Insert many rows with one statement: what a thousand events need and an ORM's values list is slow at."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import connection, models
from psycopg import sql
from psycopg.types.json import Jsonb


def insert(model: type[models.Model], rows: Sequence[dict[str, Any]], *, returning: str = "", skip_known: bool = False) -> list[Any]:
    """`rows` (column name -> value, all with the same columns) in one INSERT over unnest; the `returning` column in their order.

    Not for governed models with defaults in Python: every column has to be named. `skip_known` leaves out rows that a
    unique key already holds (then nothing is returned for them).
    """
    if not rows:
        return []
    columns = list(rows[0])
    fields = {field.column: field for field in model._meta.concrete_fields}
    arrays, casts = [], []
    for column in columns:
        kind = str(fields[column].db_type(connection)).partition("(")[0].replace("serial", "int")
        arrays.append([_sent(row[column], kind) for row in rows])
        casts.append(sql.SQL("%s::{}[]").format(sql.SQL(kind)))
    statement = sql.SQL("INSERT INTO {table} ({columns}) SELECT * FROM unnest({arrays}){skip}{returning}").format(
        table=sql.Identifier(model._meta.db_table),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        arrays=sql.SQL(", ").join(casts),
        skip=sql.SQL(" ON CONFLICT DO NOTHING" if skip_known else ""),
        returning=sql.SQL(" RETURNING {}").format(sql.Identifier(returning)) if returning else sql.SQL(""),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.as_string(connection.connection), arrays)
        return [row[0] for row in cursor.fetchall()] if returning else []


def _sent(value: Any, kind: str) -> Any:
    if kind == "jsonb" and value is not None:
        return Jsonb(value)
    return value.astimezone(dt.UTC) if isinstance(value, dt.datetime) else value
