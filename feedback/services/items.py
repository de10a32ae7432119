"""File something in the suggestion box, under one's name or confidentially. Every channel ends here."""

from __future__ import annotations

import uuid
from contextlib import AbstractContextManager, nullcontext

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit.context import acting, current
from audit.services import system_actor
from feedback import promises
from feedback.models import Item, ItemAuthor, Recommendation
from feedback.selectors.recommendations import frozen
from feedback.services.telling import tell_answerers
from portal import clock
from portal.models import AISystem, Person

LONGEST_TEXT = 4000
ANONYMOUS_ADDRESS = "/anonymous/items"


def file(
    *,
    actor: Person,
    system: AISystem,
    kind: str,
    text: str,
    identity: str = Item.Identity.NAMED,
    severity: str = "",
    recommendation_uid: str = "",
    channel: str = Item.Channel.PAGE,
    proxy: Person | None = None,
) -> Item:
    """File an item about `system`; with `recommendation_uid`, one of the actor's own, frozen on it as it stands.

    A concern is confidential unless its author says `named`. `proxy` wrote a named one down for the actor
    (feedback.services.standing_in asks who may). Raises ValidationError; `anonymous` has its own way in
    (feedback.services.intake), which must not know who calls.
    """
    _check(kind, text, identity, severity)
    now = clock.now()
    with transaction.atomic():
        recommendation = _own_recommendation(actor, system, recommendation_uid)
        if identity == Item.Identity.CONFIDENTIAL:
            item = _file_confidential(actor, system, kind, text, severity, recommendation)
        else:
            item = _new(system, kind, text, identity, severity)
            item.unit, item.author, item.recommendation = actor.unit, actor, recommendation
            item.channel, item.proxy = channel, proxy
            item.about = frozen(recommendation, with_id=True) if recommendation else None
            item.reply_due = promises.reply_due(item.unit, item.severity, now)
            with _for(actor):
                item.save(force_insert=True)
        if kind in {Item.Kind.CONCERN, Item.Kind.INCIDENT}:
            tell_answerers(item, day=item.filed_on)
    return item


def default_identity(kind: str) -> str:
    """What a sender who does not choose gets: a concern is confidential, anything else is named."""
    return Item.Identity.CONFIDENTIAL if kind == Item.Kind.CONCERN else Item.Identity.NAMED


def confidential_intake() -> uuid.UUID:
    """The system actor that writes rows of confidential authors, so that no version or entry names them."""
    return system_actor("confidential-intake")


def _for(author: Person) -> AbstractContextManager[object]:
    """A tool that files for somebody is who acts, and the entry names both."""
    caller = current().actor
    return nullcontext() if caller in {None, author.pk} else acting(caller, on_behalf=author.pk)


def _file_confidential(actor: Person, system: AISystem, kind: str, text: str, severity: str, recommendation: Recommendation | None) -> Item:
    item = _new(system, kind, text, Item.Identity.CONFIDENTIAL, severity)
    item.about = frozen(recommendation, with_id=False) if recommendation else None
    with acting(confidential_intake(), channel="task", request_id=""):
        item.save(force_insert=True)
    ItemAuthor.objects.create(item=item, person=actor, recommendation=recommendation)
    return item


def _new(system: AISystem, kind: str, text: str, identity: str, severity: str) -> Item:
    """An unsaved item of the system's unit."""
    now = clock.now()
    severity = severity or promises.severity_of(kind)
    return Item(
        system=system,
        unit=system.unit,
        kind=kind,
        text=text.strip(),
        identity=identity,
        severity=severity,
        filed_on=promises.day_of(system.unit, now),
        filed_at=now,
        moved_at=now,
        reply_due=promises.reply_due(system.unit, severity, now),
    )


def wrong_in(kind: str, text: str, severity: str) -> dict[str, ValidationError]:
    """By field what is wrong with a filing, whoever it comes from."""
    wrong: dict[str, ValidationError] = {}
    if kind not in Item.Kind.values:
        wrong["kind"] = ValidationError(_("Choose what it is: %(kinds)s.") % {"kinds": ", ".join(Item.Kind.values)}, code="kind_unknown")
    if not text.strip():
        wrong["text"] = ValidationError(_("Say it in a sentence."), code="required")
    elif len(text) > LONGEST_TEXT:
        wrong["text"] = ValidationError(_("At most %(count)s characters, please.") % {"count": LONGEST_TEXT}, code="too_long")
    if severity and severity not in Item.Severity.values:
        wrong["severity"] = ValidationError(_("Choose low, normal, high or serious."), code="severity_unknown")
    return wrong


def _check(kind: str, text: str, identity: str, severity: str) -> None:
    wrong = wrong_in(kind, text, severity)
    if identity == Item.Identity.ANONYMOUS:
        message = _("Anonymous filings go to %(address)s, which does not know who calls.") % {"address": ANONYMOUS_ADDRESS}
        wrong["identity"] = ValidationError(message, code="anonymous_elsewhere")
    elif identity not in Item.Identity.values:
        wrong["identity"] = ValidationError(_("Choose named or confidential."), code="identity_unknown")
    if wrong:
        raise ValidationError(wrong)


def _own_recommendation(actor: Person, system: AISystem, uid: str) -> Recommendation | None:
    if not uid:
        return None
    found = Recommendation.objects.of(actor).filter(system=system, uid=uid).first()
    if found is None:
        message = _("This system showed you no recommendation with this id.")
        raise ValidationError({"recommendation": ValidationError(message, code="recommendation_unknown")})
    return found


def add_recommendation(item: Item, recommendation: Recommendation) -> None:
    """Freeze on a named item the recommendation that it is about and that arrived after it, inside the caller's transaction."""
    item.recommendation = recommendation
    item.about = frozen(recommendation, with_id=True)
    item.save(update_fields=["recommendation", "about"])
