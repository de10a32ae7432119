"""People, and the dated roles they hold over a unit and everything below it."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property

from audit.history import Versions
from portal import clock
from portal.models.units import Unit


class Role(models.TextChoices):
    """What someone answers for. Everyone is an employee; a cohort's representative is named on the pilot."""

    LEAD = "lead", "Lead"
    SPONSOR = "sponsor", "Sponsor"
    EXECUTIVE = "executive", "Executive"
    COMPLIANCE = "compliance", "Compliance"
    ADMINISTRATOR = "administrator", "Administrator"


class PersonManager(BaseUserManager["Person"]):
    def get_by_natural_key(self, username: str | None) -> Person:
        return self.get(staff_number__iexact=username)


class Person(AbstractBaseUser):
    """Someone who works here. The key is a random pseudonym: it alone stands in events, entries and versions.

    E-mail is optional (deskless people sign in by staff number).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    staff_number = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    email = models.EmailField(unique=True, null=True, blank=True)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="people")
    is_active = models.BooleanField(default=True)
    joined_on = models.DateField()
    left_on = models.DateField(null=True, blank=True)
    password_chosen_by_holder = models.BooleanField(
        default=False, help_text="False while the password is one that an administrator set: nobody signs with such a one."
    )
    wants_mail = models.BooleanField(default=True, help_text="Notices also by mail; those in the portal always come.")

    USERNAME_FIELD = "staff_number"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    history = Versions(excluded_fields=["password", "password_chosen_by_holder", "last_login"], data_class="person")
    objects = PersonManager()

    class Meta:
        ordering = ["name", "staff_number"]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def current_roles(self) -> list[RoleAssignment]:
        """Roles in force today, each with its unit: one query a request."""
        today = clock.now().date()
        return list(self.roles.in_force(today).select_related("unit"))

    def holds(self, *roles: str, over: Unit | None = None) -> bool:
        """True when one of `roles` is in force, over `over` where given (its own unit or one above it)."""
        return any(held.role in roles and (over is None or over.path.startswith(held.unit.path)) for held in self.current_roles)

    def unit_scope(self, path_field: str) -> Q:
        """A filter on a unit path: own unit's subtree, and the subtree of every role in force."""
        scope = Q(**{f"{path_field}__startswith": self.unit.path})
        for held in self.current_roles:
            scope |= Q(**{f"{path_field}__startswith": held.unit.path})
        return scope

    def has_perm(self, perm: str, obj: object | None = None) -> bool:
        """What a role may do by name (`audit.read`), answered by portal.backends.RoleBackend."""
        from portal.backends import RoleBackend  # at call time: it needs this model; allauth's backend knows no roles

        return self.is_active and RoleBackend().has_perm(self, perm, obj)


class RoleAssignmentQuerySet(models.QuerySet["RoleAssignment"]):
    def in_force(self, day: dt.date) -> RoleAssignmentQuerySet:
        return self.filter(Q(ends_on=None) | Q(ends_on__gt=day), starts_on__lte=day)


class RoleAssignment(models.Model):
    """A role over a unit's subtree, from a day, until a day (that day no longer included)."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="roles")
    role = models.CharField(max_length=20, choices=Role.choices)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="roles")
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)

    history = Versions()
    objects = RoleAssignmentQuerySet.as_manager()

    class Meta:
        ordering = ["unit__path", "role", "person__name"]
        constraints = [
            models.UniqueConstraint(fields=["person", "role", "unit", "starts_on"], name="role_once"),
            models.CheckConstraint(condition=Q(ends_on=None) | Q(ends_on__gte=models.F("starts_on")), name="role_ends_after_start"),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} over {self.unit_id}"
