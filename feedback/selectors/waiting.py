"""What waits for a person in feedback: items to answer, recommendations to decide on."""

from __future__ import annotations

import datetime as dt

from django.db.models import Count, Min, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from feedback.models import Item, Recommendation
from feedback.selectors.items import answerable_by
from portal import clock
from portal.calendar import at_local
from portal.home import Waiting
from portal.models import Person, Role

END_OF_DAY = dt.time(17, 0)


def for_person(person: Person) -> list[Waiting]:
    """Two queries at most; a person without a role over a unit needs one."""
    return [*_answers(person), *_decisions(person)]


def _answers(person: Person) -> list[Waiting]:
    if not any(held.role in {Role.LEAD, Role.COMPLIANCE} for held in person.current_roles):
        return []
    now = clock.now()
    waiting = Item.objects.filter(answerable_by(person)).unanswered()
    found = waiting.aggregate(all=Count("pk"), late=Count("pk", filter=Q(reply_due__lt=now.date())), first=Min("reply_due"))
    if not found["all"]:
        return []
    what = ngettext("%(count)s item waits for an answer", "%(count)s items wait for an answer", found["all"]) % {"count": found["all"]}
    note = ngettext("%(count)s is late", "%(count)s are late", found["late"]) % {"count": found["late"]} if found["late"] else ""
    due = at_local(person.unit, found["first"], END_OF_DAY)
    return [Waiting(what=what, url="/items?waiting=1", action=_("Answer"), note=note, due_at=due)]


def _decisions(person: Person) -> list[Waiting]:
    now = clock.now()
    found = Recommendation.objects.of(person).undecided(now).aggregate(all=Count("pk"), first=Min("expires_at"))
    if not found["all"]:
        return []
    what = ngettext("%(count)s recommendation to decide on", "%(count)s recommendations to decide on", found["all"]) % {
        "count": found["all"]
    }
    return [Waiting(what=what, url="/recommendations?open=1", action=_("Decide"), due_at=found["first"])]
