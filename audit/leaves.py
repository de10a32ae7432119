"""From the rows of an entry to the leaf that stands for it: the one rendering that sealing and verification share."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import NamedTuple

from audit.canonical import Leaf, commit

# What a leaf is made of, from `audit_entry e` left join `audit_payload p on p.entry_id = e.id`.
COLUMNS = """e.id, e.xid::text::bigint, e.at, e.db_role, e.actor, e.on_behalf, e.channel, e.request_id, e.reason_code,
    e.action, e.model, e.object, e.ver, e.prev, e.fields, e.data_class, p.salt, p.body"""


class EntryRow(NamedTuple):
    """One row of COLUMNS."""

    id: int
    tx: int
    at: dt.datetime
    db_role: str
    actor: uuid.UUID
    on_behalf: uuid.UUID | None
    channel: str
    request_id: str
    reason_code: str
    action: str
    model: str
    object: str
    ver: int | None
    prev: int | None
    fields: list[str]
    data_class: str
    salt: bytes | None
    body: str | None

    @property
    def has_payload(self) -> bool:
        """False once the payload was erased."""
        return self.salt is not None and self.body is not None

    @property
    def commitment(self) -> str | None:
        """The commitment to the payload; None without one."""
        return None if self.salt is None or self.body is None else commit(bytes(self.salt), self.body.encode())

    def leaf(self) -> Leaf:
        """The leaf of this entry."""
        return Leaf(
            id=self.id,
            tx=self.tx,
            at=self.at,
            role=self.db_role,
            actor=str(self.actor),
            on_behalf=None if self.on_behalf is None else str(self.on_behalf),
            via=self.channel,
            req=self.request_id,
            reason=self.reason_code,
            action=self.action,
            model=self.model,
            obj=self.object,
            ver=self.ver,
            prev=self.prev,
            fields=tuple(self.fields),
            commitment=self.commitment,
            data_class=self.data_class,
        )
