"""Which notices about the audit trail are due: new entries that fit a saved view, to whoever subscribed to it and may still read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit.access import READ
from audit.explore.saved import MOST_COUNTED, NOTICE, News, take_news
from portal.models import Person
from portal.services.notices import Draft


def due(now: dt.datetime) -> Iterator[Draft]:
    """One for each subscription whose time has come and that has news: how many, and where to see them; never what they say."""
    for news in take_news(now):
        person = Person.objects.filter(pk=news.subscriber, is_active=True).first()
        if person is None or not person.has_perm(READ):
            continue
        yield Draft(
            kind=NOTICE,
            recipient=person,
            dedupe_key=f"{NOTICE}:{news.subscription}:{news.last}",
            subject=_subject(news)[:200],
            context={"view": news.name, "count": min(news.count, MOST_COUNTED), "more": news.count > MOST_COUNTED, "broken": news.broken},
            url=f"{reverse('audit')}?view={news.view}&new={news.first}" if not news.broken else reverse("audit-view", args=[news.view]),
        )


def _subject(news: News) -> str:
    if news.broken:
        return _("Your view “%(name)s” cannot be searched any more") % {"name": news.name}
    if news.count > MOST_COUNTED:
        return _("More than %(count)s new entries fit “%(name)s”") % {"count": MOST_COUNTED, "name": news.name}
    words = ngettext("%(count)s new entry fits “%(name)s”", "%(count)s new entries fit “%(name)s”", news.count)
    return words % {"count": news.count, "name": news.name}
