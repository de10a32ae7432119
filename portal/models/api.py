"""What the API remembers between calls."""

from __future__ import annotations

from django.db import models


class IdempotencyKey(models.Model):
    """The answer to a write, kept for 24 hours so that a repeated call gets the same one."""

    principal = models.CharField(max_length=60, help_text="Who called: a person's or a key's id.")
    key = models.CharField(max_length=120)
    request_digest = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.BinaryField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["principal", "key"], name="idempotency_key_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_age")]

    def __str__(self) -> str:
        return self.key


class CacheEntry(models.Model):
    """The table of Django's database cache (settings.CACHES), made by a migration instead of `createcachetable`."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "portal_cache"

    def __str__(self) -> str:
        return self.cache_key
