"""One portal with the demonstration, and one Chromium, for all tests of this folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from tests.browser.crawl import Crawl, crawl
from tests.browser.site import Site, Visitor, demonstration

RESULTS = Path(__file__).resolve().parent.parent.parent / "test-results"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DESK, PHONE = ViewportSize(width=1360, height=900), ViewportSize(width=390, height=844)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    required = os.environ.get("LASTMILE_TESTS") == "all"
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker("browser")
            if CHROMIUM is None and not required:
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine; .ci/run installs it"))


@pytest.fixture(scope="package")
def site(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with demonstration(tmp_path_factory.mktemp("browser")) as site:
        yield site


@pytest.fixture(scope="package")
def visitors(site: Site) -> dict[str, Visitor]:
    """A signed-in client for each role, and `nobody`."""
    found = {"nobody": Visitor(site.url)}
    for role, account in site.accounts.items():
        found[role] = Visitor(site.url)
        found[role].sign_in(account)
    return found


@pytest.fixture(scope="package")
def crawls(visitors: dict[str, Visitor]) -> dict[str, Crawl]:
    return {role: crawl(visitor) for role, visitor in visitors.items()}


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    assert CHROMIUM is not None, "LASTMILE_TESTS=all, and there is no Chromium"
    with sync_playwright() as playwright:
        # Chromium's own traffic (updates, hints) has no place in a test.
        quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield browser
        browser.close()


@pytest.fixture
def window(site: Site, visitors: dict[str, Visitor], chromium: Browser) -> Iterator[Callable[..., Page]]:
    """`window("lead", phone=True)`: a page of a fresh browser in which the role is signed in."""
    contexts: list[BrowserContext] = []

    def opened(role: str = "nobody", *, phone: bool = False, javascript: bool = True) -> Page:
        context = chromium.new_context(
            base_url=site.url,
            viewport=PHONE if phone else DESK,
            has_touch=phone,
            is_mobile=phone,
            java_script_enabled=javascript,
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": site.url} for cookie in visitors[role].jar])
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()
