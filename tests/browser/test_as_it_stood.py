"""As it stood, compared, restored: the pages behind a query, which the crawl does not reach, and without a script."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.test_every_page import _looked_at


def test_restore__without_scripts__renamed_and_put_back(window: Callable[..., Page]) -> None:
    """An administrator rewrites a system's words; compliance compares the versions and restores the first."""
    admin = window("administrator", javascript=False)
    admin.goto("/systems/route-optimiser/change")
    purpose = admin.get_by_label("What it is for")
    before = purpose.input_value()
    purpose.fill(before + " And it decides who drives.")
    admin.get_by_role("button", name="Save").click()
    page = window("compliance", javascript=False)
    page.goto("/audit/lists/portal.aisystem")
    page.get_by_role("row", name=re.compile("route-optimiser")).get_by_role("link").click()
    page.get_by_role("link", name="Change before").click()
    expect(page.get_by_text(re.compile("As it stood on .* UTC"))).to_be_visible()
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("link", name="All entries").first.wait_for()
    record = re.sub(r"\?.*", "", page.url)
    newest = int(page.get_by_label("with version").get_attribute("max") or 0)
    page.goto(f"{record}?a={newest - 1}&b={newest}")
    expect(page.locator("ins").first).to_contain_text("And it decides who drives.")
    compared = page.url
    page.goto(f"{record.replace('/records/', '/restore/')}?version={newest - 1}")
    expect(page.get_by_role("heading", name="What would change")).to_be_visible()
    restoring = page.url
    page.get_by_label("Why").fill("The words of the procurement were right")
    page.get_by_role("button", name="Restore as a new change").click()
    expect(page.get_by_text(f"Restored: version {newest + 1} has the values of version {newest - 1}.")).to_be_visible()
    admin.goto("/systems/route-optimiser/change")
    assert admin.get_by_label("What it is for").input_value() == before

    looking = window("compliance")
    problems = []
    for name, address in (("compare", compared), ("restore", restoring.replace(f"version={newest - 1}", f"version={newest}"))):
        looking.goto(address)
        problems += [f"{name}: {problem}" for problem in _looked_at(looking, f"stood-{name}", axe=True)]
    assert not problems, "\n".join(problems)


def test_pilot__stepped_back__to_before_it_was_there(window: Callable[..., Page]) -> None:
    page = window("compliance", phone=True)
    page.goto("/pilots/route-optimiser-northfield")
    page.get_by_role("link", name="As it stood").first.click()
    expect(page.get_by_text("Read only. It may be different now.")).to_be_visible()
    back = page.get_by_role("link", name="Change before")
    back.click()
    problems = _looked_at(page, "stood-pilot", axe=True)
    for _ in range(60):
        if not back.count():
            break
        back.click()
    expect(page.get_by_role("main").locator(".tag").first).to_contain_text(re.compile("Proposed|Ready"))
    page.goto("/pilots/route-optimiser-northfield?at=2020-01-01")
    expect(page.get_by_text("This pilot did not exist then")).to_be_visible()
    page.get_by_role("link", name="Change after").click()
    expect(page.get_by_role("main").locator(".tag").first).to_contain_text(re.compile("Proposed|Ready"))
    assert not problems, "\n".join(problems)
