"""Who may do what with an item, beyond what the role says. Services raise on these, pages hide buttons by them."""

from __future__ import annotations

from feedback.models import Item
from portal.models import Person, Role


def may_answer(person: Person, item: Item) -> bool:
    """Answer and move an item.

    A concern is answered by compliance over its unit, never by the unit's own lead. Anything else by a lead over its unit;
    an item without a unit of its own (confidential, anonymous: it carries the system's) by a lead of any unit below, too.
    """
    if item.kind == Item.Kind.CONCERN:
        return person.has_perm("concerns.answer", item.unit)
    if person.has_perm("items.triage", item.unit):
        return True
    if item.identity == Item.Identity.NAMED:
        return False
    return any(held.role == Role.LEAD and held.unit.path.startswith(item.unit.path) for held in person.current_roles)


def is_author(person: Person, item: Item) -> bool:
    """Filed by this very person, named or confidential (a person may always know that of their own)."""
    if item.author_id is not None:
        return item.author_id == person.pk
    confidential = getattr(item, "confidential_author", None)
    return confidential is not None and confidential.person_id == person.pk


def filed_by_another(item: Item) -> bool:
    """Somebody else put it here in the author's name, or whoever stood at a kiosk with their staff number."""
    return item.author_id is not None and (item.proxy_id is not None or item.channel == Item.Channel.KIOSK)


def may_look_at_name(person: Person, item: Item) -> bool:
    """Ask who filed a confidential item: compliance over its unit."""
    return item.identity == Item.Identity.CONFIDENTIAL and person.has_perm("names.look", item.unit)


def may_comment(person: Person, item: Item) -> bool:
    """Everyone who sees the item, except on a board that keeps comments to some. A confidential author replies instead."""
    return not (item.identity != Item.Identity.NAMED and is_author(person, item))
