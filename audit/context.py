"""Who acts, why and through what, carried to the triggers with the first write that needs it.

`with acting(actor, channel="page"):` around a request, task or command; `with because("reason"):` inside a service. The
context rides in the transaction-local setting `audit.ctx`, put in front of a write in the same message, so it costs no
round trip, no second statement in query counts, and can never leak into the next transaction of a pooled connection.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus

CHANNELS = frozenset({"page", "api", "task", "command", "demo", ""})


@dataclass(frozen=True)
class Context:
    """What entries and versions say about the writer. `reason` may hold free text: it is stored with the values."""

    actor: UUID | None = None
    on_behalf: UUID | None = None
    channel: str = ""
    request_id: str = ""
    reason: str = ""
    reason_code: str = ""

    @cached_property
    def wire(self) -> str:
        """The setting's value; empty when there is nothing to say."""
        values = {
            "actor": str(self.actor) if self.actor else "",
            "behalf": str(self.on_behalf) if self.on_behalf else "",
            "channel": self.channel,
            "req": self.request_id,
            "reason": self.reason.replace("\x00", ""),
            "code": self.reason_code,
        }
        filled = {name: value for name, value in values.items() if value}
        return json.dumps(filled, separators=(",", ":")) if filled else ""

    @cached_property
    def statement(self) -> str:
        """The SQL that sets it until the end of the transaction."""
        return "SET LOCAL audit.ctx = '" + self.wire.replace("'", "''") + "'; "

    @cached_property
    def escaped_statement(self) -> str:
        return self.statement.replace("%", "%%")


NOBODY = Context()
_current: ContextVar[Context] = ContextVar("audit_context", default=NOBODY)


def current() -> Context:
    """The context in force; NOBODY outside any `acting` block."""
    return _current.get()


@contextlib.contextmanager
def acting(
    actor: UUID | None,
    *,
    channel: str = "",
    request_id: str | None = None,
    on_behalf: UUID | None = None,
    reason: str = "",
    reason_code: str = "",
) -> Iterator[Context]:
    """Every write inside is `actor`'s. What is left out is taken from the block around it, except the reason.

    `request_id=""` says that there is none: for what must not be traced to the request that brought it.
    """
    outer = _current.get()
    if channel not in CHANNELS:
        raise ValueError(f"Unknown channel {channel!r}.")
    inner = Context(
        actor=actor,
        on_behalf=on_behalf,
        channel=channel or outer.channel,
        request_id=outer.request_id if request_id is None else request_id,
        reason=reason,
        reason_code=reason_code,
    )
    token = _current.set(inner)
    try:
        yield inner
    finally:
        _current.reset(token)


@contextlib.contextmanager
def because(reason: str, *, code: str = "") -> Iterator[None]:
    """Give the writes inside a reason: free text (stored with the values, erasable) and a code (stored in the entry)."""
    token = _current.set(replace(_current.get(), reason=reason, reason_code=code))
    try:
        yield
    finally:
        _current.reset(token)


def become(actor: UUID | None, *, on_behalf: UUID | None = None) -> None:
    """From here to the end of the request, `actor` acts: for a key that DRF resolves, or a sign-in, within a request.

    Only inside an `acting` block (audit.middleware sets one a request), whose end undoes it.
    """
    _current.set(replace(_current.get(), actor=actor, on_behalf=on_behalf))


_WRITES = frozenset({"INSERT", "UPDATE", "DELETE"})
_OTHER_WRITE = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(INSERT|UPDATE|DELETE|MERGE|WITH|CALL|DO)\b", re.IGNORECASE | re.DOTALL)


class Announcer:
    """Puts the context in front of the first write after it changed. One a connection, as an execute wrapper.

    It remembers what this transaction's setting holds. A new transaction (seen by the connection's own status) starts
    from nothing, and any ROLLBACK TO puts an earlier value back, so both forget.
    """

    def __init__(self) -> None:
        self.sent: str | None = ""

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:  # noqa: FBT001 - Django's signature
        connection: BaseDatabaseWrapper = context["connection"]
        if connection.connection.pgconn.transaction_status == TransactionStatus.IDLE:
            self.sent = ""
        if not self._must_tell(sql, connection):
            return execute(sql, params, many, context)
        ours = _current.get()
        if many or not isinstance(sql, str) or connection.features.uses_server_side_binding:  # type: ignore[attr-defined]
            return self._apart(execute, sql, params, many, context, ours)
        if isinstance(params, (list, tuple)):
            # As a parameter, so that the text stays the same from request to request: psycopg keeps what it parsed.
            result = execute("SET LOCAL audit.ctx = %s; " + sql, [ours.wire, *params], many, context)
        else:
            result = execute((ours.statement if params is None else ours.escaped_statement) + sql, params, many, context)
        # Without this Django would read the answer to SET as the write's own: no primary key, no row count.
        context["cursor"].cursor.nextset()
        self.sent = ours.wire
        return result

    def _must_tell(self, sql: Any, connection: BaseDatabaseWrapper) -> bool:
        """True for a write under another context than the one that was sent last in this transaction."""
        text = sql if isinstance(sql, str) else sql.as_string(connection.connection)
        verb = text[:6]
        if verb == "SELECT":
            return False
        if verb[:4].upper() == "ROLL":
            self.sent = None
            return False
        return _current.get().wire != self.sent and (verb in _WRITES or _OTHER_WRITE.match(text) is not None)

    def _apart(self, execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any], ours: Context) -> Any:  # noqa: FBT001
        """As a statement of its own, in one transaction with the write (executemany, server-side binding)."""
        connection: BaseDatabaseWrapper = context["connection"]
        with transaction.atomic(using=connection.alias, savepoint=False):
            context["cursor"].cursor.execute(ours.statement)
            self.sent = ours.wire
            return execute(sql, params, many, context)


def announce(using: str = DEFAULT_DB_ALIAS) -> None:
    """Send the context now, inside a transaction: before COPY, or before a SELECT of a function that writes."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT set_config('audit.ctx', %s, true)", [current().wire])
    for wrapper in connections[using].execute_wrappers:
        if isinstance(wrapper, Announcer):
            wrapper.sent = None


def install(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Receiver of `connection_created`."""
    if connection.vendor == "postgresql" and not any(isinstance(wrapper, Announcer) for wrapper in connection.execute_wrappers):
        connection.execute_wrappers.append(Announcer())
