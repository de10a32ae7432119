"""Set up a kiosk, enrol its device once, file at it, revoke it. A kiosk knows no person."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import uuid

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit import services as audit
from audit.context import acting
from feedback import receipts
from feedback.models import Item, Kiosk
from feedback.selectors.kiosks import CODE_LENGTH, KEPT_BY, digest_of
from feedback.services import intake, items
from feedback.services.standing_in import tell_filed_for
from portal import clock
from portal.errors import Conflict, TooMany
from portal.models import AISystem, IdempotencyKey, Person, Unit
from portal.selectors.people import by_sign_in_name
from portal.services import limits

ONE_TIME_LENGTH = 8
ONE_TIME_LASTS = dt.timedelta(minutes=30)
FILINGS_A_DAY = 300
WRONG_CODES = 20  # by one sender, within
WRONG_CODES_WITHIN = dt.timedelta(minutes=10)
# The tiles. A concern and an incident need words about who sees what: the phone's form has them.
KINDS = (Item.Kind.WRONG_ANSWER, Item.Kind.FRICTION, Item.Kind.PROBLEM, Item.Kind.IDEA, Item.Kind.PRAISE)


def make(*, actor: Person, name: str, unit: Unit, system: AISystem, staff_numbers: bool = False) -> Kiosk:
    """A kiosk of `unit` about `system`, with a short code to print. Raises PermissionDenied, ValidationError."""
    _may_keep(actor, unit)
    wrong: dict[str, ValidationError] = {}
    if not name.strip() or len(name) > 80:
        wrong["name"] = ValidationError(_("A name of at most 80 characters, such as the place where it stands."), code="length")
    if system.retired_on or not (system.unit.path in unit.line or system.unit.path.startswith(unit.path)):
        wrong["system"] = ValidationError(_("The people of this unit do not use this AI system."), code="system_elsewhere")
    if wrong:
        raise ValidationError(wrong)
    return Kiosk.objects.create(
        name=name.strip(), unit=unit, system=system, staff_numbers=staff_numbers, made_by=actor, code=_random(CODE_LENGTH)
    )


def one_time_code(kiosk: Kiosk, *, actor: Person) -> str:
    """A code that enrols one device within half an hour; an earlier one stops working. It is kept as a hash."""
    code = _random(ONE_TIME_LENGTH)
    with transaction.atomic():
        kiosk = _kept(kiosk, actor)
        kiosk.enrolment, kiosk.enrolment_ends_at = digest_of(code), clock.now() + ONE_TIME_LASTS
        kiosk.save(update_fields=["enrolment", "enrolment_ends_at"])
        audit.record("feedback.kiosk-code-made", obj=kiosk)
    return code


def enrol(typed: str, *, sender: str) -> tuple[Kiosk, str]:
    """The kiosk of a one-time code and the token for its device; an earlier device stops working.

    Raises ValidationError for a wrong, used or old code, TooMany for a sender who guesses.
    """
    refuse_guessing(sender)
    code = receipts.read(typed, length=ONE_TIME_LENGTH)
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        found = (
            Kiosk.objects.select_for_update(of=("self",))
            .filter(enrolment=digest_of(code), enrolment_ends_at__gt=clock.now(), revoked_at=None)
            .first()
            if code
            else None
        )
        if found is not None:
            found.enrolment, found.enrolment_ends_at, found.digest = None, None, digest_of(token)
            with acting(audit.system_actor("kiosk"), channel="page"):
                found.save(update_fields=["enrolment", "enrolment_ends_at", "digest"])
                audit.record("feedback.kiosk-enrolled", obj=found)
    if found is None:
        guessed_wrong(sender)
        raise ValidationError({"code": ValidationError(_("This code is wrong, used or too old. Make a new one."), code="code_wrong")})
    return found, token


def revoke(kiosk: Kiosk, *, actor: Person) -> Kiosk:
    """The device and the printed code stop working. Twice does no harm."""
    with transaction.atomic():
        found = Kiosk.objects.select_for_update(of=("self",)).select_related("unit").get(pk=kiosk.pk)
        _may_keep(actor, found.unit)
        if found.revoked_at is None:
            found.revoked_at, found.digest, found.enrolment = clock.now(), None, None
            found.save(update_fields=["revoked_at", "digest", "enrolment"])
    return found


def seen(kiosk: Kiosk) -> None:
    """Note the day, so that whoever keeps the kiosk sees that it lives. No time: it would date what was filed."""
    today = clock.now().date()
    if kiosk.seen_on != today:
        with acting(audit.system_actor("kiosk"), channel="page"):
            Kiosk.objects.filter(pk=kiosk.pk).exclude(seen_on=today).update(seen_on=today)


def file(kiosk: Kiosk, *, client_id: uuid.UUID, kind: str, text: str, staff_number: str = "") -> str | Item:
    """File at the kiosk: a receipt code, or the item of whoever gave a staff number. The same `client_id` files once.

    Raises ValidationError, TooMany.
    """
    # By the day: a finer count would date what came in without a name.
    now = clock.now()
    day_after = dt.datetime.combine(now.date() + dt.timedelta(days=2), dt.time(), dt.UTC)
    if limits.count(f"kiosk:{kiosk.pk}:{now.date()}", until=day_after) > FILINGS_A_DAY:
        raise TooMany("kiosk_full", _("Enough was filed here today. Use your own phone, or come back tomorrow."), retry_after=3600)
    if kind not in KINDS:
        raise ValidationError({"kind": ValidationError(_("Choose one of the tiles."), code="kind_unknown")})
    if not staff_number.strip():
        return intake.file(client_id=client_id, system=kiosk.system.slug, kind=kind, text=text)
    return _file_named(kiosk, client_id, kind, text, staff_number.strip())


def refuse_guessing(sender: str) -> None:
    """Raises TooMany for a sender of too many wrong codes."""
    if limits.counted(f"codes:{sender}") >= WRONG_CODES:
        wait = int(WRONG_CODES_WITHIN.total_seconds())
        raise TooMany("codes_guessed", _("Too many wrong codes from here. Wait ten minutes."), retry_after=wait)


def guessed_wrong(sender: str) -> None:
    limits.count(f"codes:{sender}", until=clock.now() + WRONG_CODES_WITHIN)


def _file_named(kiosk: Kiosk, client_id: uuid.UUID, kind: str, text: str, staff_number: str) -> Item:
    author = by_sign_in_name(staff_number) if kiosk.staff_numbers and "@" not in staff_number else None
    known = author is not None and author.is_active and AISystem.objects.visible_to(author).filter(pk=kiosk.system_id).exists()
    if author is None or not known:
        message = _("This staff number is not known here. Leave it out to stay nameless.")
        raise ValidationError({"staff_number": ValidationError(message, code="person_unknown")})
    digest = hashlib.sha256(f"{author.pk}\n{kind}\n{text}".encode()).digest()
    with transaction.atomic(), acting(audit.system_actor("kiosk"), channel="page"):
        # A twin waits here for the first, and then finds its item.
        mine = {"principal": f"kiosk:{kiosk.pk}", "key": str(client_id)}
        IdempotencyKey.objects.bulk_create([IdempotencyKey(request_digest=digest, **mine)], ignore_conflicts=True)
        claim = IdempotencyKey.objects.select_for_update().get(**mine)
        if claim.status is not None:
            return Item.objects.by_ref(bytes(claim.body or b"").decode()).get()
        item = items.file(actor=author, system=kiosk.system, kind=kind, text=text, channel=Item.Channel.KIOSK)
        IdempotencyKey.objects.filter(pk=claim.pk).update(status=201, body=item.ref.encode())
        tell_filed_for(item, by=kiosk.name)
    return item


def _kept(kiosk: Kiosk, actor: Person) -> Kiosk:
    found = Kiosk.objects.select_for_update(of=("self",)).select_related("unit").get(pk=kiosk.pk)
    _may_keep(actor, found.unit)
    if found.revoked_at is not None:
        raise Conflict("kiosk_revoked", _("This kiosk is revoked. Set up a new one."), obj=found)
    return found


def _may_keep(actor: Person, unit: Unit) -> None:
    if not any(actor.has_perm(name, unit) for name in KEPT_BY):
        raise PermissionDenied(_("A lead or an administrator of the unit keeps its kiosks."))


def _random(length: int) -> str:
    return "".join(secrets.choice(receipts.ALPHABET) for _letter in range(length))
