"""People and their roles. Whoever loses a role or the account is signed out everywhere in the same transaction."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from audit import services as audit
from portal import clock
from portal.errors import Forbidden
from portal.models import Person, Role, RoleAssignment, Unit
from portal.policies import require_over, roles_clash
from portal.selectors.people import holders
from portal.services import notices
from portal.services.keys import end_access_of


def add(
    *,
    actor: Person | None,
    staff_number: str,
    name: str,
    unit: Unit,
    email: str = "",
    password: str = "",
    chosen_by_holder: bool = False,
) -> Person:
    """Someone new. Without `password` they cannot sign in until one is set. `actor` is None for commands.

    With a password that is not `chosen_by_holder` they cannot sign decisions until they have chosen their own.
    """
    person = Person(
        staff_number=staff_number.strip(), name=name.strip(), unit=unit, email=email.strip().lower() or None, joined_on=clock.now().date()
    )
    require_over(actor, "people.manage", unit)
    with transaction.atomic():
        _check(person)
        _take_password(person, password, chosen_by_holder=chosen_by_holder)
        person.save()
        audit.name_actor(person.pk, "person", person.name)
        if password and not chosen_by_holder:
            _tell_of_password(person, actor)
    return person


def change(person: Person, *, actor: Person, name: str, unit: Unit, email: str = "", staff_number: str = "") -> Person:
    """Correct someone's particulars, or move them to another unit."""
    with transaction.atomic():
        person = _locked(person, actor)
        require_over(actor, "people.manage", unit)
        person.name, person.unit, person.email = name.strip(), unit, email.strip().lower() or None
        person.staff_number = staff_number.strip() or person.staff_number
        _check(person)
        person.save()
        audit.name_actor(person.pk, "person", person.name)
    return person


def set_password(person: Person, *, actor: Person, password: str) -> None:
    """A new password, set by an administrator; every session and key of that person ends.

    They cannot sign decisions with it. They, and compliance over their unit, are told.
    """
    with transaction.atomic():
        person = _locked(person, actor)
        _take_password(person, password)
        person.save(update_fields=["password", "password_chosen_by_holder"])
        end_access_of(person)
        audit.record("portal.password-changed", obj=person)
        _tell_of_password(person, actor)


def want_mail(person: Person, *, wanted: bool) -> None:
    """Notices by mail as well, or in the portal only: each person's own choice."""
    with transaction.atomic():
        person = Person.objects.select_for_update().get(pk=person.pk)
        person.wants_mail = wanted
        person.save(update_fields=["wants_mail"])


def leave(person: Person, *, actor: Person, on: dt.date | None = None) -> Person:
    """Someone left: no sign-in, roles ended, sessions and keys ended, all in one transaction. What they did stays."""
    with transaction.atomic():
        person = _locked(person, actor)
        if person.pk == actor.pk:
            raise ValidationError(_("You cannot close your own account. Ask another administrator."), code="own_account")
        if not person.is_active:
            return person
        day = on or clock.now().date()
        person.is_active, person.left_on = False, day
        person.save(update_fields=["is_active", "left_on"])
        running = RoleAssignment.objects.filter(Q(ends_on=None) | Q(ends_on__gt=day), person=person)
        running.filter(starts_on__gt=day).delete()
        running.update(ends_on=day)
        end_access_of(person)
    return person


def give_role(
    person: Person, *, actor: Person | None, role: str, unit: Unit, starts_on: dt.date | None = None, ends_on: dt.date | None = None
) -> RoleAssignment:
    """A role over a unit and everything below it, from `starts_on` (today) until `ends_on` (not included; None: open)."""
    require_over(actor, "people.manage", unit)
    if actor is not None and actor.pk == person.pk:
        raise Forbidden("own_role", _("Nobody gives a role to themselves. Ask another administrator."))
    starts_on = starts_on or clock.now().date()
    wrong: dict[str, ValidationError] = {}
    if role not in Role.values:
        wrong["role"] = ValidationError(_("Choose one of the roles."), code="role_unknown")
    if ends_on is not None and ends_on <= starts_on:
        wrong["ends_on"] = ValidationError(_("The role has to end after it starts."), code="role_ends_before_start")
    if wrong:
        raise ValidationError(wrong)
    with transaction.atomic():
        person = Person.objects.select_for_update().get(pk=person.pk)
        if not person.is_active:
            raise ValidationError({"person": ValidationError(_("This person has left."), code="person_left")})
        _refuse_clash(person, role, starts_on, ends_on)
        same = RoleAssignment.objects.filter(Q(ends_on=None) | Q(ends_on__gt=starts_on), person=person, role=role, unit=unit)
        if ends_on is not None:
            same = same.filter(starts_on__lt=ends_on)
        if same.exists():
            raise ValidationError({"role": ValidationError(_("They hold this role here already in that time."), code="role_exists")})
        return RoleAssignment.objects.create(person=person, role=role, unit=unit, starts_on=starts_on, ends_on=ends_on)


def end_role(held: RoleAssignment, *, actor: Person) -> RoleAssignment | None:
    """End a role today; one that has not begun is taken back whole (answers None). The person is signed out."""
    with transaction.atomic():
        held = RoleAssignment.objects.select_for_update(of=("self",)).select_related("person", "unit").get(pk=held.pk)
        require_over(actor, "people.manage", held.unit)
        today = clock.now().date()
        if held.ends_on is not None and held.ends_on <= today:
            return held
        end_access_of(held.person)
        if held.starts_on > today:
            held.delete()
            return None
        held.ends_on = today
        held.save(update_fields=["ends_on"])
    return held


def _locked(person: Person, actor: Person) -> Person:
    """The row again, under lock, when `actor` may administer it."""
    person = Person.objects.select_for_update(of=("self",)).select_related("unit").get(pk=person.pk)
    require_over(actor, "people.manage", person.unit)
    return person


def _refuse_clash(person: Person, role: str, starts_on: dt.date, ends_on: dt.date | None) -> None:
    """Administrators cannot sign, so nobody holds both kinds of role at one time."""
    running = RoleAssignment.objects.filter(Q(ends_on=None) | Q(ends_on__gt=starts_on), person=person)
    if ends_on is not None:
        running = running.filter(starts_on__lt=ends_on)
    if any(roles_clash(role, held.role) for held in running):
        message = _("An administrator cannot also be sponsor, executive or compliance: administrators do not sign.")
        raise ValidationError({"role": ValidationError(message, code="role_clash")})


def _check(person: Person) -> None:
    """Raises ValidationError with the field that needs changing; staff number and e-mail are one per person, case aside."""
    wrong: dict[str, ValidationError] = {}
    if not person.name:
        wrong["name"] = ValidationError(_("Write the person's name."), code="required")
    others = Person.objects.exclude(pk=person.pk)
    if not person.staff_number:
        wrong["staff_number"] = ValidationError(_("Write the staff number."), code="required")
    elif "@" in person.staff_number:
        wrong["staff_number"] = ValidationError(_("A staff number has no @: it is told from an e-mail by that."), code="staff_number_at")
    elif others.filter(staff_number__iexact=person.staff_number).exists():
        wrong["staff_number"] = ValidationError(_("Someone has this staff number already."), code="staff_number_taken")
    if person.email and others.filter(email__iexact=person.email).exists():
        wrong["email"] = ValidationError(_("Someone has this e-mail already."), code="email_taken")
    if wrong:
        raise ValidationError(wrong)
    person.clean_fields(exclude=["password"])


def _tell_of_password(person: Person, actor: Person | None) -> None:
    """Whoever knows somebody's password could sign in as them: it does not happen unseen."""
    key = f"portal.password-set:{person.pk.hex}:{clock.now().timestamp():.6f}"
    by = actor.name if actor else _("A command")
    notices.tell(
        kind="portal.password-set",
        recipient=person,
        dedupe_key=key,
        subject=_("%(by)s set a password for you. Choose your own before you sign anything.") % {"by": by},
        url=reverse("account_change_password"),
    )
    for one in holders(Role.COMPLIANCE, person.unit):
        notices.tell(
            kind="portal.password-set",
            recipient=one,
            dedupe_key=key,
            subject=_("%(by)s set a password for %(name)s.") % {"by": by, "name": person.name},
        )


def _take_password(person: Person, password: str, *, chosen_by_holder: bool = False) -> None:
    person.password_chosen_by_holder = bool(password) and chosen_by_holder
    if not password:
        person.set_unusable_password()
        return
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise ValidationError({"password": error.error_list}) from error
    person.set_password(password)
