"""A governed model with one column of every kind the product uses, one that hangs on it, and an explicit through model."""

from __future__ import annotations

import uuid

from django.db import models

from audit.history import Versions


class Shelf(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    label = models.CharField(max_length=40)

    history = Versions()

    def __str__(self) -> str:
        return self.label


class Book(models.Model):
    """Twelve columns, like the records that governance keeps."""

    title = models.CharField(max_length=120)
    isbn = models.CharField(max_length=20, blank=True, db_index=True)
    pages = models.IntegerField(default=0)
    price = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    weight = models.FloatField(default=0.0)
    in_print = models.BooleanField(default=True)
    published = models.DateField(null=True)
    seen_at = models.DateTimeField(null=True)
    facts = models.JSONField(default=dict)
    shelf = models.ForeignKey(Shelf, null=True, on_delete=models.CASCADE, related_name="books")
    notes = models.TextField(blank=True)
    secret = models.CharField(max_length=40, blank=True)
    cover = models.BinaryField(null=True)

    history = Versions(excluded_fields=["secret"])

    def __str__(self) -> str:
        return self.title


class Tag(models.Model):
    word = models.CharField(max_length=20, unique=True)
    books = models.ManyToManyField(Book, through="Tagging", related_name="tags")

    history = Versions()

    def __str__(self) -> str:
        return self.word


class Tagging(models.Model):
    book = models.ForeignKey(Book, on_delete=models.CASCADE)
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE)

    history = Versions()

    def __str__(self) -> str:
        return f"{self.book_id}/{self.tag_id}"
