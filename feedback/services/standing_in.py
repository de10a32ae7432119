"""File for a colleague without a screen. The colleague is the author, whoever wrote it down is recorded, and the colleague
is told and may withdraw it."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from feedback import policies, workflow
from feedback.models import Item, StatusChange
from feedback.services.answers import locked, touch, words_of
from feedback.services.items import file
from feedback.services.telling import tell_those_who_care
from portal import clock
from portal.errors import Conflict
from portal.models import AISystem, Person
from portal.selectors.people import by_sign_in_name
from portal.services.notices import tell


def file_for(*, proxy: Person, staff_number: str, system: AISystem, kind: str, text: str, severity: str = "") -> Item:
    """File in a colleague's name: of one's own unit, or of a unit that one leads. Raises ValidationError.

    Always named. A concern is for people to file themselves: it is confidential, and a proxy knows.
    """
    colleague = by_sign_in_name(staff_number.strip())
    wrong: dict[str, ValidationError] = {}
    if colleague is None or not _may_stand_in(proxy, colleague) or not _sees(colleague, system):
        message = _("Nobody of your unit who uses this AI system has this staff number.")
        wrong["person"] = ValidationError(message, code="person_unknown")
    if kind == Item.Kind.CONCERN:
        message = _("A concern is filed by whoever has it: it is confidential, and you would know.")
        wrong["kind"] = ValidationError(message, code="concern_by_proxy")
    if wrong:
        raise ValidationError(wrong)
    assert colleague is not None  # else `wrong` was raised
    with transaction.atomic():
        item = file(actor=colleague, system=system, kind=kind, text=text, severity=severity, proxy=proxy)
        tell_filed_for(item, by=proxy.name)
    return item


def withdraw(item: Item, *, actor: Person, words: str = "") -> StatusChange:
    """The author takes back what somebody else filed in their name: it is closed, with their words.

    Raises PermissionDenied for anybody else, Conflict for what they filed themselves or what is closed.
    """
    given = words_of(words, field="words") if words.strip() else str(_("I did not want this said in my name."))
    with transaction.atomic():
        item = locked(item)
        if item.author_id != actor.pk:
            raise PermissionDenied(_("The person in whose name it was filed may withdraw it."))
        if not policies.filed_by_another(item):
            raise Conflict("filed_yourself", _("You filed this yourself. Say on it that it no longer matters."), obj=item)
        if not item.is_open:
            raise Conflict("item_closed", _("This item is closed already."), obj=item)
        made = StatusChange.objects.create(
            item=item, from_status=item.status, to_status=workflow.DECLINED, words=given, by=actor, at=clock.now()
        )
        item.status = workflow.DECLINED
        touch(item)
        subject = _("%(ref)s was withdrawn by the person in whose name it was filed") % {"ref": item.ref}
        tell_those_who_care(item, kind="feedback.withdrawn", event=f"status-{made.pk}", subject=subject, words=given, but=actor)
        if item.proxy is not None:
            tell(
                kind="feedback.withdrawn",
                recipient=item.proxy,
                dedupe_key=f"feedback.withdrawn:{item.ref}:proxy",
                subject=subject,
                context={"ref": item.ref, "text": item.text[:200], "words": given, "system": item.system.name},
                url=f"/items/{item.ref}",
            )
    return made


def tell_filed_for(item: Item, *, by: str) -> None:
    """Tell the author that something was filed in their name, and that they may withdraw it."""
    assert item.author is not None
    tell(
        kind="feedback.filed-for-you",
        recipient=item.author,
        dedupe_key=f"feedback.filed-for-you:{item.ref}",
        subject=_("%(ref)s was filed in your name: %(by)s") % {"ref": item.ref, "by": by},
        context={"ref": item.ref, "text": item.text[:200], "by": by, "system": item.system.name},
        url=f"/items/{item.ref}",
    )


def _may_stand_in(proxy: Person, colleague: Person) -> bool:
    if not colleague.is_active or colleague.pk == proxy.pk:
        return False
    return colleague.unit_id == proxy.unit_id or proxy.has_perm("items.triage", colleague.unit)


def _sees(person: Person, system: AISystem) -> bool:
    return AISystem.objects.visible_to(person).filter(pk=system.pk).exists()
