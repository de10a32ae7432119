"""Every page for every role: accessible, quiet, within the width and the weight, in light and dark, on desk and phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import ConsoleMessage, Page, Request

from tests.browser.conftest import DESK, PHONE, RESULTS
from tests.browser.crawl import Crawl

ROLES = ["employee", "lead", "sponsor", "executive", "compliance", "administrator", "nobody"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MOST_BYTES = 120_000
# What of a page axe looks at: its kinds of element with their classes and roles. A page is checked again for another
# role only when it shows a kind that no earlier check has seen on this route.
KINDS = """() => [...new Set([...document.querySelectorAll('body *')].map(
    (one) => [one.tagName, one.getAttribute('class'), one.getAttribute('role'), one.getAttribute('type')].join('|')))]"""
RUN_AXE = """async (options) => (await axe.run(document, options)).violations.map(
    (one) => ({id: one.id, html: one.nodes.map((node) => node.html)}))"""
TOO_WIDE = """() => document.documentElement.scrollWidth > window.innerWidth
    ? [...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > window.innerWidth + 1)
        .slice(0, 3).map((one) => one.outerHTML.slice(0, 120))
    : null"""


@pytest.fixture(scope="module")
def checked() -> dict[str, set[str]]:
    """Kinds of element that axe has seen, by route."""
    return {}


@pytest.mark.parametrize("role", ROLES)
def test_links__of_every_page__lead_somewhere(crawls: dict[str, Crawl], role: str) -> None:
    assert not crawls[role].broken, "\n".join(crawls[role].broken)
    assert crawls[role].pages or role == "nobody"


@pytest.mark.parametrize("role", ROLES)
def test_every_page__of_a_role__is_accessible_quiet_and_light(
    role: str, crawls: dict[str, Crawl], window: Callable[..., Page], checked: dict[str, set[str]]
) -> None:
    page = window(role)
    noise: list[str] = []
    loaded: list[Request] = []
    page.on("console", lambda message: noise.append(_said(message)) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("requestfinished", lambda request: loaded.append(request))  # noqa: PLW0108  playwright marks its handlers, which a builtin refuses
    page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
    problems: list[str] = []
    for route, address in crawls[role].pages:
        noise.clear()
        loaded.clear()
        page.set_viewport_size(DESK)
        page.emulate_media(color_scheme="light")
        page.goto(address, wait_until="load")
        weight = sum(_bytes(request) for request in loaded)
        found = [f"{weight} bytes"] if weight > MOST_BYTES else []
        seen, kinds = checked.setdefault(route, set()), set(page.evaluate(KINDS))
        found += _looked_at(page, f"{role}-{_name(address)}", axe=not kinds <= seen)
        seen |= kinds
        problems += [f"{address}: {problem}" for problem in found + noise]
    assert not problems, "\n".join(problems)


def _looked_at(page: Page, name: str, *, axe: bool) -> list[str]:
    problems: list[str] = []
    for place, size in (("desk", DESK), ("phone", PHONE)):
        page.set_viewport_size(size)
        if wide := page.evaluate(TOO_WIDE):
            problems.append(f"{place}: wider than the screen: {wide}")
        if not axe:
            continue
        if place == "desk":
            page.evaluate(AXE_SCRIPT)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=RESULTS / f"{name}-{place}-{scheme}.png", full_page=place == "phone")
            # The tree is the same in the dark: only the colours are looked at again.
            only = {"type": "tag", "values": RULES} if scheme == "light" else {"type": "rule", "values": ["color-contrast"]}
            problems += [f"{place} {scheme}: {problem}" for problem in _violations(page, only)]
        page.emulate_media(color_scheme="light")
    return problems


def _violations(page: Page, only: dict[str, Any]) -> list[str]:
    found = page.evaluate(RUN_AXE, {"runOnly": only, "resultTypes": ["violations"]})
    return [f"{one['id']}: {html[:160]}" for one in found for html in one["html"][:3]]


def _said(message: ConsoleMessage) -> str:
    return f"console: {message.text}"


def _bytes(request: Request) -> int:
    sizes = request.sizes()
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]


def _name(address: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", address.lower()).strip("-")[:80] or "home"
