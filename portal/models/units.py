"""The organisation's tree of units, kept as a path so that a subtree is one prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.validators import RegexValidator
from django.db import models

from audit.history import Versions

if TYPE_CHECKING:
    from portal.models.people import Person

slug_rule = RegexValidator(r"^[a-z0-9][a-z0-9-]*$", "Use small letters, digits and hyphens.")


class UnitQuerySet(models.QuerySet["Unit"]):
    def within(self, unit: Unit) -> UnitQuerySet:
        """`unit` and everything below it."""
        return self.filter(path__startswith=unit.path)

    def visible_to(self, person: Person) -> UnitQuerySet:
        """Units that the person belongs to or holds a role over, with their subtrees."""
        return self.filter(person.unit_scope("path"))


class Unit(models.Model):
    """A part of the organisation: company, site, depot, team. `path` is `/acme/logistics/`: its own slug last."""

    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    slug = models.CharField(max_length=40, validators=[slug_rule])
    name = models.CharField(max_length=120)
    path = models.CharField(max_length=400, unique=True, editable=False)
    time_zone = models.CharField(max_length=60, default="UTC")
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166 code whose public holidays are no working days here.")
    subdivision = models.CharField(max_length=6, blank=True)

    history = Versions()
    objects = UnitQuerySet.as_manager()

    class Meta:
        ordering = ["path"]
        indexes = [models.Index(fields=["path"], name="unit_path_prefix", opclasses=["varchar_pattern_ops"])]

    def __str__(self) -> str:
        return self.name

    @property
    def line(self) -> list[str]:
        """The paths of the units above it, from the top down, and its own."""
        return [self.path[: place + 1] for place, letter in enumerate(self.path) if letter == "/" and place]
