"""The log's rows: one entry for each governed change and each act that matters, its values apart.

No row here is ever written from Python: triggers and the functions of audit/capture/triggers.py insert them, guards refuse the
rest, and the role that serves may only read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Func

if TYPE_CHECKING:
    BigInteger = models.BigIntegerField[Any, int]
else:
    BigInteger = models.BigIntegerField


class XidField(BigInteger):
    """PostgreSQL's 64-bit transaction id (`xid8`), read as int."""

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def rel_db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        return None if value is None else str(int(value))


class EntryQuerySet(models.QuerySet["Entry"]):
    def about(self, obj: models.Model) -> EntryQuerySet:
        """Entries about one record, its row changes and acts alike."""
        return self.filter(model=obj._meta.label_lower, object=str(obj.pk))


class Entry(models.Model):
    """What happened, when, by whom, to what: no values (those are in the payload, which can be erased).

    `actor` is a pseudonym (audit.Actor), UNATTRIBUTED where the write came without one. `ver` counts the versions of one
    object from 1 and `prev` is the entry before; both are null for an act without a row change.
    """

    id = models.BigAutoField(primary_key=True)
    xid = XidField(db_default=Func(function="pg_current_xact_id"))
    at = models.DateTimeField(db_default=Func(function="clock_timestamp"))
    db_role = models.TextField()
    actor = models.UUIDField()
    on_behalf = models.UUIDField(null=True)
    request_id = models.TextField(blank=True)
    channel = models.TextField(blank=True)
    reason_code = models.TextField(blank=True)
    action = models.TextField(db_collation="C")
    model = models.TextField(db_collation="C", blank=True)
    object = models.TextField(db_collation="C", blank=True)
    ver = models.IntegerField(null=True)
    prev = models.BigIntegerField(null=True)
    fields = ArrayField(models.TextField(), default=list)
    data_class = models.TextField(db_collation="C")

    objects = EntryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "entries"
        constraints = [models.UniqueConstraint(fields=["model", "object", "ver"], name="entry_ver")]
        indexes = [
            models.Index(fields=["actor", "id"], name="entry_actor"),
            models.Index(fields=["xid"], name="entry_xid"),
            models.Index(
                fields=["id"], name="entry_erasures", condition=models.Q(action__in=["audit.payload-erased", "audit.payload-expired"])
            ),
            # The trust page asks for the last one of each; they are few among very many.
            models.Index(
                fields=["action", "id"],
                name="entry_check",
                condition=models.Q(
                    action__in=[
                        "audit.checked",
                        "audit.verified",
                        "audit.verification-asked",
                        "audit.checkpoint-differs",
                        "audit.checkpoint-cleared",
                    ]
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.model} {self.object}".strip()


class Payload(models.Model):
    """The values of an entry, as the exact text that its commitment is over. Partitioned by range of entry id.

    `body` is JSON: `{"values": {...}}` of a row change (all recorded columns, after the change; before it for a deletion)
    or `{"detail": {...}}` of an act, with `"reason"` where one was given.
    """

    entry = models.OneToOneField(Entry, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="payload")
    salt = models.BinaryField(max_length=16)
    body = models.TextField()

    class Meta:
        managed = False
        db_table = "audit_payload"

    def __str__(self) -> str:
        return f"payload of {self.entry_id}"
