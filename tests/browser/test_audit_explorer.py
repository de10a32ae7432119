"""The audit explorer in a real browser: by keys alone with the entry beside the list, on a phone, and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from tests.browser.conftest import RESULTS
from tests.browser.test_every_page import RULES, RUN_AXE, TOO_WIDE


def looked_at(page: Page, name: str) -> list[str]:
    """Violations of axe, in light and dark, and what is wider than the screen."""
    page.evaluate(AXE_SCRIPT)
    found = [str(page.evaluate(TOO_WIDE))] if page.evaluate(TOO_WIDE) else []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=RESULTS / f"explorer-{name}-{scheme}.png")
        found += map(str, page.evaluate(RUN_AXE, {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}))
    return found


def test_explorer__by_keys_alone__search_walk_open_and_close(window: Callable[..., Page]) -> None:
    page = window("compliance")
    noise: list[str] = []
    page.on("console", lambda message: noise.append(message.text) if message.type in {"error", "warning"} else None)
    page.goto("/audit")
    page.keyboard.press("/")
    expect(page.get_by_label("Search", exact=True)).to_be_focused()
    page.keyboard.type("kind:roleassignment -action:deleted")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=kind"))
    rows = page.locator("a[data-row]")
    assert rows.count() >= 2
    for key, place in (("j", 0), ("j", 1), ("k", 0), ("j", 1)):
        page.keyboard.press(key)
        expect(rows.nth(place)).to_be_focused()
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="The chosen entry")
    expect(panel.get_by_role("heading", level=2)).to_be_focused()
    expect(panel).to_contain_text("created")
    assert "/audit?q=" in page.url
    assert looked_at(page, "panel-desk") == []
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(panel.get_by_role("heading", level=2)).to_contain_text(rows.nth(0).inner_text().split()[-1])
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_empty()
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_text("Single keys do this")).to_be_visible()
    page.get_by_label("Single keys do this").uncheck()
    page.keyboard.press("j")
    expect(rows.nth(1)).not_to_be_focused()
    page.reload()
    page.keyboard.press("j")
    expect(rows.nth(0)).not_to_be_focused()
    page.locator("#keys summary").click()
    page.get_by_label("Single keys do this").check()
    page.keyboard.press("j")
    number = rows.nth(0).inner_text().split()[-1]
    page.keyboard.press("o")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Entry {number}")
    assert noise == []


def test_explorer__on_a_phone__the_entry_opens_above_the_list(window: Callable[..., Page]) -> None:
    page = window("compliance", phone=True)
    page.goto("/audit")
    page.locator("a[data-row]").nth(3).tap()
    heading = page.get_by_role("complementary", name="The chosen entry").get_by_role("heading", level=2)
    expect(heading).to_be_in_viewport()
    assert looked_at(page, "panel-phone") == []
    page.get_by_role("button", name="Close").tap()
    expect(heading).to_have_count(0)


def test_explorer__without_javascript__search_open_save_share_and_be_told(window: Callable[..., Page]) -> None:
    page = window("compliance", javascript=False)
    page.goto("/audit")
    expect(page.get_by_text("Single keys do this")).to_be_hidden()
    page.get_by_label("Search", exact=True).fill("kind:signature")
    page.get_by_role("button", name="Search").click()
    page.locator("a[data-row]").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Entry")
    page.go_back()
    page.get_by_text("Save this search").click()
    page.get_by_label("Name").fill("Signatures")
    page.get_by_label("Share it with everyone").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It is in this list")).to_be_visible()
    page.get_by_label("How often to tell me about Signatures").select_option("week")
    page.get_by_role("button", name=re.compile("Set.*Signatures")).click()
    expect(page.get_by_text("You will be told when something new fits")).to_be_visible()
    page.get_by_role("link", name="Signatures", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Signatures")
    page.get_by_role("link", name="kind:signature").click()
    expect(page).to_have_url(re.compile(r"/audit\?$|/audit$"))


def test_explorer__pages_with_views_and_errors__are_accessible(window: Callable[..., Page]) -> None:
    page = window("compliance")
    page.goto("/audit/views")
    page.get_by_label("Name").fill("All by people")
    page.get_by_label("Query").fill("channel:page -kind:item")
    page.get_by_role("button", name="Save").click()
    problems = looked_at(page, "views")
    page.get_by_role("link", name=re.compile("Change.*All by people")).click()
    problems += looked_at(page, "view")
    page.goto("/audit?q=nope:1")
    problems += looked_at(page, "error")
    page.goto('/audit?q=action:signed -kind:item "no such words"')
    page.get_by_text("Everything that the box understands").click()
    page.get_by_text("Save this search").click()
    problems += looked_at(page, "empty")
    assert problems == []
