"""What stands outside for the log: cosignatures of witnesses, time stamps, and people who compared a mailed checkpoint.

Rows are only ever added; guards in the database refuse anything else. Only Contact changes: it says how the last try went.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from audit.models.log import Checkpoint


class Cosignature(models.Model):
    """A witness (C2SP tlog-witness) saw this checkpoint, and that it continues the one it saw before."""

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.DO_NOTHING, related_name="cosignatures")
    witness = models.TextField(help_text="The witness's verifier key.")
    line = models.TextField(help_text="Its signature line, as it is appended to the checkpoint.")
    at = models.DateTimeField(help_text="The time that the witness signed.")

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["checkpoint", "witness"], name="cosigned_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["witness", "checkpoint"], name="cosigned_by")]

    def __str__(self) -> str:
        return f"{self.checkpoint_id} entries by {self.witness.partition('+')[0]}"


class Stamp(models.Model):
    """A time stamp authority (RFC 3161) vouches that this checkpoint existed at a time."""

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.DO_NOTHING, related_name="stamps")
    token = models.BinaryField(help_text="The authority's answer (DER, as in a .tsr file) over the bytes of the checkpoint's note.")
    authority = models.TextField(help_text="Where it was asked for.")
    at = models.DateTimeField(help_text="The time that the authority signed.")

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]

    def __str__(self) -> str:
        return f"{self.checkpoint_id} entries by {self.authority}"


class Confirmation(models.Model):
    """Somebody in compliance compared a kept checkpoint with the log, and it matched."""

    size = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    actor = models.UUIDField(help_text="The pseudonym of who compared it.")
    at = models.DateTimeField()
    mailed = models.BooleanField(default=False, help_text="It had left this server by mail before; else it proves nothing about outside.")

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]

    def __str__(self) -> str:
        return f"{self.size} entries"


class Contact(models.Model):
    """How the last try to reach a witness or a time stamp authority went, and when the next one is due."""

    name = models.TextField(primary_key=True, help_text="A witness's verifier key, or the address of an authority.")
    tried_at = models.DateTimeField()
    next_at = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0)
    problem = models.TextField(blank=True, default="")
    refused = models.BooleanField(default=False, help_text="It answered that this log does not continue what it saw before.")

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name
