"""Anonymous filings: take them in without knowing who, and let them into the box at night, in shuffled order.

Nothing here may take a request, a person or a time from its caller.
"""

from __future__ import annotations

import datetime as dt
import secrets
import uuid

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit import services as audit
from audit.context import acting
from feedback import promises, receipts
from feedback.models import AdmissionNight, Intake, IntakeReply, Item, Receipt, Reply
from feedback.selectors.recommendations import class_of
from feedback.services.items import LONGEST_TEXT, wrong_in
from feedback.services.telling import tell_answerers
from portal import clock
from portal.models import AISystem

NIGHT = range(2, 5)  # the hours of the night, UTC, in which the intake is admitted


def file(
    *, client_id: uuid.UUID, system: str, kind: str, text: str, severity: str = "", recommendation: str = "", at_once: bool = False
) -> str:
    """Take a filing in; returns its receipt code, which works at once. The same `client_id` gives the same code and files once.

    Of a recommendation only kind, version and explanation class are kept, and only where enough people received that
    version. `at_once` lets an incident into the box now (its sender was warned that this dates it). Raises ValidationError.
    """
    pepper = _pepper()
    found = _checked(system, kind, text, severity)
    code = receipts.code_for(client_id, pepper=pepper)
    digest = receipts.digest_of(code, pepper=pepper)
    about = class_of(found, recommendation, clock.now()) if recommendation else None
    with transaction.atomic():
        if Receipt.objects.filter(digest=digest).exists():
            return code
        row = Intake(
            receipt=digest, system=found, kind=kind, severity=severity or promises.severity_of(kind), text=text.strip(), about=about
        )
        Intake.objects.bulk_create([row], ignore_conflicts=True)
        if at_once and kind == Item.Kind.INCIDENT:
            waiting = list(Intake.objects.select_for_update().filter(receipt=digest))
            _let_in(waiting, [])
    return code


def add_words(*, code: str, text: str) -> None:
    """A reply by receipt; it appears with the next admission. Raises DoesNotExist for an unknown code."""
    digest = _digest_of_known(code)
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise ValidationError(
            {"reply": ValidationError(_("Between 1 and %(count)s characters, please.") % {"count": LONGEST_TEXT}, code="length")}
        )
    IntakeReply.objects.create(receipt=digest, text=text.strip())


def by_receipt(code: str) -> Item | None:
    """The item of a code, or None while it waits for its night. Raises DoesNotExist for an unknown code."""
    digest = _digest_of_known(code)
    found = Receipt.objects.select_related("item__system", "item__unit").filter(digest=digest).first()
    return found.item if found else None


def admit() -> int:
    """Let everything waiting into the box, shuffled, dated to the day. Returns how many. Running it twice admits nothing twice."""
    with transaction.atomic():
        waiting = list(Intake.objects.select_for_update(skip_locked=True))
        replies = list(IntakeReply.objects.select_for_update(skip_locked=True))
        return _let_in(waiting, replies)


def admit_tonight(now: dt.datetime) -> int:
    """Admit once a night. A night that was missed is not made up for by day: an admission at noon would date what came before it."""
    if now.hour not in NIGHT:
        return 0
    with transaction.atomic():
        AdmissionNight.objects.bulk_create([AdmissionNight(day=now.date())], ignore_conflicts=True)
        # A twin waits here for the first, and then finds the night done.
        claimed = AdmissionNight.objects.select_for_update().get(day=now.date())
        if claimed.done:
            return 0
        admitted = admit()
        AdmissionNight.objects.filter(day=now.date()).update(done=True)
        AdmissionNight.objects.filter(day__lt=now.date()).delete()
    return admitted


def _let_in(waiting: list[Intake], replies: list[IntakeReply]) -> int:
    """One act of the system actor for all of them, without request id, so that the log says the night and nothing else."""
    if not waiting and not replies:
        return 0
    chance = secrets.SystemRandom()
    chance.shuffle(waiting)
    chance.shuffle(replies)
    with transaction.atomic(), acting(audit.system_actor("anonymous-intake"), channel="task", request_id=""):
        for filing in waiting:
            item = _admitted(filing)
            Receipt.objects.create(digest=bytes(filing.receipt), item=item)
            if item.kind in {Item.Kind.CONCERN, Item.Kind.INCIDENT}:
                tell_answerers(item, day=item.filed_on)
        Intake.objects.filter(pk__in=[filing.pk for filing in waiting]).delete()
        for words in replies:
            _admit_reply(words)
        IntakeReply.objects.filter(pk__in=[words.pk for words in replies]).delete()
        audit.record("feedback.intake-admitted", model="feedback.intake", detail={"items": len(waiting), "replies": len(replies)})
    return len(waiting)


def _admitted(filing: Intake) -> Item:
    now = clock.now()
    system = AISystem.objects.select_related("unit").get(pk=filing.system_id)
    return Item.objects.create(
        system=system,
        unit=system.unit,
        kind=filing.kind,
        text=filing.text,
        identity=Item.Identity.ANONYMOUS,
        severity=filing.severity,
        about=filing.about,
        filed_on=promises.day_of(system.unit, now),
        reply_due=promises.reply_due(system.unit, filing.severity, now),
        moved_at=now,
    )


def _admit_reply(words: IntakeReply) -> None:
    receipt = Receipt.objects.filter(digest=bytes(words.receipt)).first()
    if receipt is None:
        return
    now = clock.now()
    Reply.objects.create(item_id=receipt.item_id, side=Reply.Side.AUTHOR, text=words.text, at=now)
    Item.objects.filter(pk=receipt.item_id).update(moved_at=now)


def _checked(system: str, kind: str, text: str, severity: str) -> AISystem:
    wrong = wrong_in(kind, text, severity)
    found = AISystem.objects.select_related("unit").filter(slug=system, retired_on=None).first()
    if found is None:
        wrong["system"] = ValidationError(_("No AI system has this name."), code="system_unknown")
    if wrong:
        raise ValidationError(wrong)
    assert found is not None  # else `wrong` was raised
    return found


def _digest_of_known(typed: str) -> bytes:
    """The digest of a code that exists, admitted or waiting."""
    code = receipts.read(typed)
    if code is None:
        raise Receipt.DoesNotExist
    digest = receipts.digest_of(code, pepper=_pepper())
    if not Receipt.objects.filter(digest=digest).exists() and not Intake.objects.filter(receipt=digest).exists():
        raise Receipt.DoesNotExist
    return digest


def _pepper() -> bytes:
    return str(settings.RECEIPT_PEPPER).encode()
