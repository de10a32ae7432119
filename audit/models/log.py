"""What the log is made of: sealed leaves, the hash tiles over them, and the checkpoints that were signed.

These rows hold no values, only what docs/reference/log-format.md describes. Nothing updates or deletes them, except that
the last tile of a level grows until it is full; guards in the database refuse anything else.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Batch(models.Model):
    """One pass of the sealer: which transactions it saw, in which database cluster, and which places it filled."""

    number = models.BigIntegerField(primary_key=True)
    first = models.BigIntegerField(help_text="The place in the log of its first entry.")
    count = models.BigIntegerField()
    snapshot = models.TextField(help_text="pg_current_snapshot() of the pass: entries visible in it are sealed.")
    cluster = models.TextField(help_text="system_identifier of the database cluster that the snapshot belongs to.")
    oldest = models.DateTimeField(
        null=True, help_text="When the oldest entry of the pass was written: how long it could be changed unseen."
    )
    sealed_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["number"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["sealed_at"], name="batch_sealed")]

    def __str__(self) -> str:
        return f"entries {self.first} to {self.first + self.count - 1}"


class Leaf(models.Model):
    """One entry in its place. `data` are the exact bytes that were sealed, `hash` their RFC 6962 leaf hash."""

    seq = models.BigIntegerField(primary_key=True)
    entry_id = models.BigIntegerField(unique=True)
    batch = models.ForeignKey(Batch, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="leaves")
    data = models.BinaryField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        ordering: ClassVar[list[str]] = ["seq"]

    def __str__(self) -> str:
        return str(self.seq)


class Tile(models.Model):
    """Up to 256 consecutive hashes of one level (C2SP tlog-tiles). Narrower tiles are its beginning."""

    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [models.UniqueConstraint(fields=["level", "index"], name="tile_once")]

    def __str__(self) -> str:
        return f"{self.level}/{self.index}"


class LogKey(models.Model):
    """The public half of a key that has signed this log. The secret half is a file that only the sealer reads."""

    vkey = models.TextField(unique=True)
    origin = models.CharField(max_length=200)
    since = models.DateTimeField()
    handover = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="The note by which the key before named this one; empty for the first and after a loss.",
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]

    def __str__(self) -> str:
        return self.vkey


class Checkpoint(models.Model):
    """A signed head of the log: how many entries, and the root over them."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    note = models.TextField(help_text="The signed note, as it is served.")
    key = models.ForeignKey(LogKey, on_delete=models.DO_NOTHING, related_name="checkpoints")
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["size"]

    def __str__(self) -> str:
        return f"{self.size} entries"
