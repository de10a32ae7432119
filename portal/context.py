"""What every page has besides its own data: the navigation, by role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from portal.models import Person


@dataclass(frozen=True)
class Place:
    """An entry of the navigation. `short` names it as a tab; `needs` is any of these permissions; the two dotted paths
    ask another app whether to show it (`shown`) and how many things wait there (`count`)."""

    url_name: str
    word: str | _StrPromise
    icon: str
    short: str | _StrPromise = ""
    needs: tuple[str, ...] = ()
    shown: str = ""
    count: str = ""
    group: str = ""


PLACES = [
    Place("home", gettext_lazy("Home"), "house", short=gettext_lazy("Home")),
    Place("feedback-new", gettext_lazy("Give feedback"), "message-square", short=gettext_lazy("Feedback")),
    Place("items", gettext_lazy("Suggestion box"), "list", short=gettext_lazy("Ideas")),
    Place(
        "recommendations",
        gettext_lazy("Recommendations"),
        "signpost",
        short=gettext_lazy("Decide"),
        shown="feedback.selectors.recommendations.any_for",
    ),
    Place("pilots", gettext_lazy("Pilots"), "route", short=gettext_lazy("Pilots")),
    Place(
        "decisions",
        gettext_lazy("Decisions"),
        "file-text",
        needs=("requests.read",),
        count="governance.selectors.waiting.decisions_of",
    ),
    Place("notices", gettext_lazy("Notices"), "bell", count="portal.selectors.notices.unread_count"),
    Place("audit", gettext_lazy("Audit trail"), "shield-check", needs=("audit.read",)),
    Place("audit-health", gettext_lazy("Audit health"), "shield-check", needs=("systems.manage",), group="administration"),
    Place("kiosks", gettext_lazy("Kiosks"), "tablet", needs=("items.triage", "systems.manage")),
    Place("units", gettext_lazy("Units"), "network", needs=("people.manage",), group="administration"),
    Place("people", gettext_lazy("People"), "users", needs=("people.manage",), group="administration"),
    Place("systems", gettext_lazy("AI systems"), "bot", needs=("systems.manage",), group="administration"),
]

#: Beside "More", as many as fit a narrow phone: whoever decides on recommendations finds them before the pilots.
MOST_TABS = 4


@dataclass(frozen=True)
class Link:
    """A place as this person sees it now."""

    place: Place
    url: str
    current: bool
    count: int


@dataclass(frozen=True)
class Navigation:
    """The places a person may go to: as groups for the side, as tabs and the rest for phones."""

    links: list[Link]

    @property
    def groups(self) -> list[tuple[str, list[Link]]]:
        main = [link for link in self.links if not link.place.group]
        administration = [link for link in self.links if link.place.group]
        return [("", main)] + ([(_("Administration"), administration)] if administration else [])

    @property
    def tabs(self) -> list[Link]:
        return [link for link in self.links if link.place.short][:MOST_TABS]

    @property
    def rest(self) -> list[Link]:
        return [link for link in self.links if link not in self.tabs]

    @property
    def in_rest(self) -> bool:
        return any(link.current for link in self.rest)

    @property
    def rest_count(self) -> int:
        return sum(link.count for link in self.rest)


def _ask(path: str, person: Person) -> Any:
    function: Callable[[Person], Any] = import_string(path)
    return function(person)


def _navigation(request: HttpRequest, person: Person) -> Navigation:
    links: list[Link] = []
    for place in PLACES:
        if place.needs and not any(person.has_perm(name) for name in place.needs):
            continue
        if place.shown and not _ask(place.shown, person):
            continue
        url = reverse(place.url_name)
        current = request.path == url or (url != "/" and request.path.startswith(f"{url}/"))
        links.append(Link(place, url, current, _ask(place.count, person) if place.count else 0))
    return Navigation(links)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """`nav`, made only when a page shows it; nothing for people who are not signed in."""
    person = getattr(request, "user", None)
    if person is None or not person.is_authenticated:
        return {}
    return {"nav": SimpleLazyObject(lambda: _navigation(request, person))}
