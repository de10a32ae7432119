"""What portal's tables lose when a person is erased, and what a person must hand over first (audit/keeping/rules.py)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit.keeping.rules import delete, identify, keep, may, named, scrub
from portal import clock
from portal.mailbox import remove_mails_of
from portal.models import Person, Role, RoleAssignment
from portal.roles import PERMISSIONS
from portal.services.sessions import end_sessions

_MENTIONED = "exists (select from unnest($2 || $3) x where position(x in lower({})) > 0)"

_KEEPERS = ", ".join(f"'{role}'" for role in sorted(PERMISSIONS["audit.keep"]))

RULES = [
    named("portal.person", "select name from portal_person where id = $1"),
    may(
        "portal.roleassignment",
        "select from portal_roleassignment held join portal_person holder on holder.id = held.person_id "
        f"where holder.id = $1 and holder.is_active and held.role in ({_KEEPERS}) "
        "and held.starts_on <= (clock_timestamp() at time zone 'UTC')::date "
        "and (held.ends_on is null or held.ends_on > (clock_timestamp() at time zone 'UTC')::date)",
    ),
    identify("portal.person", "select unnest(array[name, email::text, staff_number::text]) from portal_person where id = $1"),
    scrub(
        "portal.person",
        "id = $1",
        "name = 'Erased person', staff_number = 'erased-' || left(replace(id::text, '-', ''), 16), email = null, wants_mail = false, "
        "is_active = false, left_on = coalesce(left_on, (clock_timestamp() at time zone 'UTC')::date), password = '!erased', "
        "password_chosen_by_holder = false, last_login = null",
        "The account: name, staff number, e-mail, password",
        version_sets="name = 'Erased person', staff_number = 'erased-' || left(replace(id::text, '-', ''), 16), email = null",
    ),
    scrub(
        "portal.apikey",
        "person_id = $1",
        "label = 'erased', digest = decode(repeat('00', 64), 'hex'), revoked_at = coalesce(revoked_at, clock_timestamp())",
        "Personal keys: what they were for",
        version_sets="label = 'erased'",
    ),
    delete(
        "portal.idempotencykey",
        "principal = 'person:' || $1::text or principal in (select 'key:' || id from portal_apikey where person_id = $1)",
        "Answers kept for repeated calls",
    ),
    delete(
        "portal.notice",
        f"recipient_id = $1 or {_MENTIONED.format('to_json(subject)::text || context::text')}",
        "Notices and mails that wait or were sent: to them, about them, or quoting them",
    ),
    delete(
        "account.emailconfirmation",
        "email_address_id in (select id from account_emailaddress where user_id = $1)",
        "Confirmations of e-mail addresses",
    ),
    delete("account.emailaddress", "user_id = $1", "E-mail addresses they confirmed"),
    keep("portal.roleassignment", "person_id = $1", "Roles they held, under the pseudonym: who answered for what"),
]


def find(text: str) -> list[uuid.UUID]:
    """By staff number, e-mail, pseudonym, or the whole name."""
    text = text.strip()
    try:
        return list(Person.objects.filter(pk=uuid.UUID(text.removeprefix("p:"))).values_list("pk", flat=True))
    except ValueError:
        found = Person.objects.filter(Q(staff_number__iexact=text) | Q(email__iexact=text) | Q(name__iexact=text))
        return list(found.values_list("pk", flat=True)) if text else []


def duties(person: uuid.UUID) -> Iterator[str]:
    """Nobody would be left to administer, or to keep the trail."""
    today = clock.now().date()
    held = RoleAssignment.objects.in_force(today).filter(person__is_active=True)
    for role, words in (
        (Role.ADMINISTRATOR, _("They are the last administrator. Give the role to somebody else first.")),
        (Role.COMPLIANCE, _("They are the last in compliance. Give the role to somebody else first.")),
    ):
        if held.filter(role=role, person=person).exists() and not held.filter(role=role).exclude(person=person).exists():
            yield words


def before(person: uuid.UUID) -> Iterator[str]:
    """End the sessions, and take their mails out of the folder that stands in for a mail server."""
    one = Person.objects.filter(pk=person).first()
    if one is None:
        return
    if ended := end_sessions(one):
        yield ngettext("%(count)d session ended", "%(count)d sessions ended", ended) % {"count": ended}
    if settings.EMAIL_BACKEND == "portal.mail.FolderBackend" and (gone := remove_mails_of(one)):
        yield ngettext("%(count)d mail file deleted", "%(count)d mail files deleted", gone) % {"count": gone}
