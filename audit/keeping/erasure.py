"""Erasing a person: asked for by one, confirmed by another, done by the worker, with a certificate that stays.

What happens inside the database is one call of one routine in one transaction (audit/keeping/eraser.py). What lies outside it
(sessions, files of mails, export packs) goes before, so that a cut leaves less and never more.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import uuid
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connections, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.context import acting, announce
from audit.errors import Conflict
from audit.keeping import ledger, rules
from audit.keeping.erasing import eraser_alias
from audit.keeping.overview import place_of
from audit.models.actors import Actor
from audit.models.keeping import ErasureRequest, LegalHold
from audit.nudge import nudge
from audit.services import system_actor

logger = logging.getLogger(__name__)


class NotErased(Exception):
    """The routine refused, in words for people."""


def confirm_digest(request: ErasureRequest) -> str:
    """What a password is typed for: this erasure of this person."""
    return f"audit.erasure:{request.pk}:{request.person}"


def person_of(text: str) -> uuid.UUID:
    """The one person that a staff number, e-mail, name or pseudonym means; raises ValidationError(person)."""
    found = set(rules.find(text))
    if len(found) == 1:
        return found.pop()
    message = _("Nobody is known by that.") if not found else _("Several people are called that. Write the staff number.")
    raise ValidationError({"person": ValidationError(message, code="person_unknown")})


def ask(*, actor: uuid.UUID, person: str, why: str, reference: str = "") -> ErasureRequest:
    """The first of two. Raises ValidationError by field, Conflict when the person still has open duties or is erased."""
    who = person_of(person)
    wrong: dict[str, ValidationError] = {}
    if why not in ErasureRequest.Why.values:
        wrong["why"] = ValidationError(_("Choose why."), code="why_unknown")
    label = Actor.objects.filter(pk=who).values_list("label", flat=True).first()
    if label and any(part.lower() in reference.lower() for part in label.split() if len(part) > 3):
        message = _("Write no name here: this stays after the erasure. A case number is enough.")
        wrong["reference"] = ValidationError(message, code="reference_names")
    if wrong:
        raise ValidationError(wrong)
    if who == actor:
        raise Conflict("own_erasure", _("You cannot ask for your own erasure here. Ask somebody else in compliance."))
    if label is None:
        raise Conflict("erased_already", _("This person was erased already."))
    _refuse_duties(who)
    with transaction.atomic():
        if ErasureRequest.objects.filter(person=who, done_at=None, withdrawn_at=None).exists():
            raise Conflict("erasure_open", _("Their erasure was asked for already."))
        return ErasureRequest.objects.create(person=who, why=why, reference=reference.strip(), asked_by=actor, asked_at=timezone.now())


def confirm(request: ErasureRequest, *, actor: uuid.UUID) -> ErasureRequest:
    """The second of two; the worker erases within seconds. Raises Conflict for the one who asked, and for the person."""
    with transaction.atomic():
        request = _locked(request)
        if request.confirmed_by is not None:
            return request
        if actor in (request.asked_by, request.person):
            raise Conflict("same_person", _("Somebody other than who asked, and other than the person, has to confirm it."))
        _refuse_duties(request.person)
        request.confirmed_by, request.confirmed_at, request.refused = actor, timezone.now(), ""
        request.save(update_fields=["confirmed_by", "confirmed_at", "refused"])
        nudge("audit.erase")
    return request


def withdraw(request: ErasureRequest, *, actor: uuid.UUID) -> ErasureRequest:
    """Nothing is erased; possible until it is done."""
    with transaction.atomic():
        request = _locked(request)
        request.withdrawn_by, request.withdrawn_at = actor, timezone.now()
        request.save(update_fields=["withdrawn_by", "withdrawn_at"])
    return request


def erase_confirmed() -> int:
    """Do every erasure that is confirmed; answers how many. One that is refused says why on its page, and is tried again."""
    done = 0
    for request in ErasureRequest.objects.filter(done_at=None, withdrawn_at=None).exclude(confirmed_by=None).order_by("confirmed_at"):
        try:
            erase(request)
            done += 1
        except NotErased as error:
            if request.refused != str(error):
                with acting(system_actor("eraser"), channel="task"):
                    ErasureRequest.objects.filter(pk=request.pk, done_at=None).update(refused=str(error))
    return done


def erase(request: ErasureRequest) -> ErasureRequest:
    """Do one confirmed erasure, as the role that erases. Doing it again changes nothing. Raises NotErased."""
    if open_duties := rules.duties(request.person):
        raise NotErased(" ".join(open_duties))
    using = eraser_alias()
    with acting(system_actor("eraser"), channel="task"):
        if request.confirmed_by is not None and not request.done_at and not held_by(request.person):
            outside = rules.before(request.person)
            logger.info("Erasure %s: %s", request.pk, "; ".join(outside) or "nothing outside the database")
        try:
            with transaction.atomic(using=using):
                announce(using)
                with connections[using].cursor() as cursor:
                    cursor.execute("select audit_erase_person(%s)", [request.pk])
                if request.confirmed_by is not None and request.done_at is None:
                    ledger.add(line_of(request))
        except ledger.LedgerBroken as error:
            raise NotErased(str(error)) from error
        except DatabaseError as error:
            if getattr(error.__cause__, "sqlstate", "") in {"55006", "42501", "P0002"}:
                raise NotErased(_words(error)) from error
            raise
        rules.before(request.person)  # again: a pack may have been finished meanwhile
    return ErasureRequest.objects.get(pk=request.pk)


def held_by(person: uuid.UUID) -> LegalHold | None:
    """A hold that names this person; the routine knows of others too."""
    named = Q(person=person) | Q(object=str(person))
    return LegalHold.objects.filter(named, released_at=None).first()


def line_of(request: ErasureRequest) -> ledger.Line:
    """What the ledger keeps of a confirmed request."""
    assert request.confirmed_at is not None
    return ledger.Line(
        erasure=str(request.pk),
        person=str(request.person),
        why=request.why,
        reference=request.reference,
        asked_by=str(request.asked_by),
        asked_at=request.asked_at.isoformat(),
        confirmed_by=str(request.confirmed_by),
        confirmed_at=request.confirmed_at.isoformat(),
    )


def replay(using: str = "owner") -> int:
    """Do again what the ledger says and this database does not know, as its owner; answers how many. For restored backups.

    Holds are not asked: they were when it was done. Raises LedgerBroken.
    """
    done = 0
    actor = system_actor("eraser")
    for line in ledger.lines():
        requests = ErasureRequest.objects.using(using)
        with acting(actor, channel="command"), transaction.atomic(using=using):
            with _by_ledger(using):
                request, _made = requests.get_or_create(
                    pk=uuid.UUID(line.erasure),
                    defaults={
                        "person": uuid.UUID(line.person),
                        "why": line.why,
                        "reference": line.reference,
                        "asked_by": uuid.UUID(line.asked_by),
                        "asked_at": dt.datetime.fromisoformat(line.asked_at),
                    },
                )
                requests.filter(pk=request.pk, confirmed_by=None, done_at=None).update(
                    confirmed_by=uuid.UUID(line.confirmed_by), confirmed_at=dt.datetime.fromisoformat(line.confirmed_at)
                )
            if request.done_at is not None:
                continue
            announce(using)
            with connections[using].cursor() as cursor:
                cursor.execute("select audit_do_erase(%s, true)", [request.pk])
            done += 1
    return done


@contextlib.contextmanager
def _by_ledger(using: str) -> Iterator[None]:
    """Inside, the owner writes what two people decided before: neither of them acts now."""
    with connections[using].cursor() as cursor:
        cursor.execute("insert into audit_erasing_now values (pg_current_xact_id(), 0)")
        yield
        cursor.execute("delete from audit_erasing_now where xid = pg_current_xact_id()")


def certificate(request: ErasureRequest) -> dict[str, Any]:
    """What was erased, what stays and why, and where the proof is (`entry`: its place in the log, None until it is sealed): no name."""
    result: dict[str, Any] = request.result or {}
    return {
        "certificate": str(request.pk),
        "person": f"p:{request.person}",
        "why": request.get_why_display(),
        "reference": request.reference,
        "asked": {"by": f"p:{request.asked_by}", "at": _utc(request.asked_at)},
        "confirmed": {"by": f"p:{request.confirmed_by}", "at": _utc(request.confirmed_at)},
        "erased": {
            "at": _utc(request.done_at),
            "entry": place_of(request.entry),
            "payloads": result.get("payloads", 0),
            "entries": result.get("entries", []),
            "kinds": [{"what": one["words"], "rows": one["rows"], "versions": one["versions"]} for one in result.get("erased", [])],
        },
        "stays": [{"what": one["words"], "model": one["model"], "rows": one["rows"]} for one in result.get("kept", [])],
        "also": [
            _("Entries of the log stay: who (the pseudonym), what and when, without a value. Every proof of them still verifies."),
            _("Signatures stay as they were printed: name, time and meaning."),
            _("Copies that left this server before (mails delivered, packs and backups taken away) are out of its reach."),
        ],
    }


def certificate_text(request: ErasureRequest) -> str:
    """The certificate as plain text, to print or to send."""
    told = certificate(request)
    gone = [f"  - {one['what']}: {one['rows']} rows, {one['versions']} versions" for one in told["erased"]["kinds"]]
    stays = [f"  - {one['what']} ({one['model']}): {one['rows']}" for one in told["stays"]]
    lines = [
        _("Certificate of erasure"), "",
        f"{_('Certificate')}: {told['certificate']}",
        f"{_('Person')}: {told['person']}",
        f"{_('Why')}: {told['why']} {told['reference']}".rstrip(),
        f"{_('Asked for')}: {told['asked']['at']}, {told['asked']['by']}",
        f"{_('Confirmed')}: {told['confirmed']['at']}, {told['confirmed']['by']}",
        f"{_('Erased')}: {told['erased']['at']}, {_where(told['erased']['entry'])}", "",
        _("What was erased"),
        f"  - {_('Values of entries')}: {told['erased']['payloads']}", *gone, "",
        _("What stays, and why"), *stays, *(f"  - {words}" for words in told["also"]), "",
    ]  # fmt: skip
    return "\n".join(lines)


def _where(place: int | None) -> str:
    return _("not sealed yet") if place is None else _("entry %(place)s of the log") % {"place": place}


def certificate_json(request: ErasureRequest) -> str:
    return json.dumps(certificate(request), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _utc(moment: dt.datetime | None) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if moment else ""


def _locked(request: ErasureRequest) -> ErasureRequest:
    request = ErasureRequest.objects.select_for_update().get(pk=request.pk)
    if request.done_at is not None or request.withdrawn_at is not None:
        raise Conflict("erasure_over", _("This erasure is over: it was done, or withdrawn."))
    return request


def _refuse_duties(person: uuid.UUID) -> None:
    if open_duties := rules.duties(person):
        raise Conflict("open_duties", " ".join(open_duties))


def _words(error: DatabaseError) -> str:
    text = str(error).splitlines()[0]
    if "legal hold" in text:
        number = text.partition("legal hold ")[2].partition(" ")[0]
        return _("Legal hold %(number)s covers what would be erased. Nothing was erased.") % {"number": number}
    return _("The database refused: %(words)s.") % {"words": text}
