"""Every page that a role can reach: by its links, and by every address of the URLconf that answers with a page.

So a new page is walked without being listed anywhere.
"""

from __future__ import annotations

import html.parser
import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.urls import NoReverseMatch, Resolver404, URLPattern, URLResolver, get_resolver, resolve, reverse

from tests.browser.site import Visitor

MACHINES = ("/api/", "/log/", "/ofrep/", "/static/", "/healthz", "/readyz")
# Two of each page; of the same page with a query (filters, later pages) one.
PER_ROUTE = 2
URLCONF = "the URLconf"


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


@dataclass
class Crawl:
    """What one role sees: `pages` are (route, address); `broken` are links to something that answers with an error."""

    pages: list[tuple[str, str]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def crawl(visitor: Visitor) -> Crawl:
    crawler = _Crawler(visitor)
    crawler.follow([("/", "the start")])
    crawler.follow([(address, URLCONF) for address in crawler.unvisited()])
    return crawler.result


class _Crawler:
    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.result = Crawl()
        self.seen: set[str] = set()
        self.per_route: dict[str, int] = defaultdict(int)
        # Values seen in addresses, by first segment and argument: what fills in routes that no link led to.
        self.known: dict[tuple[str, str], list[Any]] = defaultdict(list)

    def follow(self, links: list[tuple[str, str]]) -> None:
        while links:
            address, origin = links.pop(0)
            if address not in self.seen and not address.startswith(MACHINES):
                self.seen.add(address)
                links += self._visit(address, origin)

    def _visit(self, address: str, origin: str) -> list[tuple[str, str]]:
        parts = urlsplit(address)
        try:
            match = resolve(parts.path)
        except Resolver404:
            self.result.broken.append(f"{address} on {origin}: no such address")
            return []
        route = f"{match.route}?" if parts.query else match.route
        if self.per_route[route] >= (1 if parts.query else PER_ROUTE):
            return []
        answer = self.visitor.get(address)
        if answer.status >= 400 and (origin != URLCONF or answer.status not in {400, 403, 404, 405}):
            self.result.broken.append(f"{address} on {origin}: {answer.status}")
        if answer.status != 200 or "text/html" not in answer.content_type:
            return []
        self.per_route[route] += 1
        self.result.pages.append((route, address))
        for name, value in match.kwargs.items():
            self.known[_segment(parts.path), name].append(value)
        links = _Links()
        links.feed(answer.text)
        return [(target, address) for href in links.found if (target := self._local(address, href))]

    def _local(self, page: str, href: str) -> str:
        """The address within the portal, without its fragment; empty for other places."""
        target = urlsplit(urljoin(self.visitor.base + page, href))
        if target.netloc != urlsplit(self.visitor.base).netloc or target.scheme not in {"http", "https"}:
            return ""
        return target.path + (f"?{target.query}" if target.query else "")

    def unvisited(self) -> Iterator[str]:
        for route, name, arguments in named_routes():
            if self.per_route[route]:
                continue
            values = [self.known[_segment(f"/{route}"), argument][:PER_ROUTE] for argument in arguments]
            for chosen in itertools.product(*values):
                try:
                    yield reverse(name, kwargs=dict(zip(arguments, chosen, strict=True)))
                except NoReverseMatch:
                    continue


def _segment(path: str) -> str:
    return path.split("/")[1]


def named_routes() -> list[tuple[str, str, list[str]]]:
    """(route, name, arguments) of every address."""
    found: list[tuple[str, str, list[str]]] = []

    def walk(patterns: list[Any], prefix: str) -> None:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns, route)
            elif isinstance(pattern, URLPattern) and pattern.name:
                found.append((route, pattern.name, list(pattern.pattern.converters)))

    walk(get_resolver().url_patterns, "")
    return found
