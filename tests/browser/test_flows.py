"""What people do, in a real browser: by keyboard alone, by touch, and with JavaScript off. These change the demonstration."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.site import Site


def tab_to(page: Page, selector: str, most: int = 60) -> None:
    """Press Tab until `selector` has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached by {most} tabs")


def test_sign_in__by_keyboard_alone__opens_home(window: Callable[..., Page], site: Site) -> None:
    page = window()
    page.goto("/")
    expect(page).to_have_url(re.compile("/account/sign-in"))
    tab_to(page, "#id_login")
    page.keyboard.type(site.accounts["employee"].login)
    tab_to(page, "#id_password")
    page.keyboard.type(site.accounts["employee"].password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Jo")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_sign_in__wrong_password__says_so_and_keeps_the_name(window: Callable[..., Page]) -> None:
    page = window()
    page.goto("/account/sign-in")
    page.get_by_label("Staff number or e-mail").fill("NF-117")
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    expect(page.get_by_label("Staff number or e-mail")).to_have_value("NF-117")


def test_feedback__on_a_phone_without_javascript__is_filed(window: Callable[..., Page]) -> None:
    page = window("employee", phone=True, javascript=False)
    page.goto("/feedback/new")
    page.locator("label.choice", has_text="It was wrong").tap()
    page.get_by_label("What should it know?").fill("It sends me past the school when the road is shut.")
    page.get_by_role("button", name="Send").tap()
    expect(page).to_have_url(re.compile(r"/items/FB-\d+/filed"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_recommendation__overridden_by_one_tap__is_decided(window: Callable[..., Page]) -> None:
    page = window("employee", phone=True)
    page.goto("/recommendations?open=1")
    page.locator("main table a, main .rows a").first.tap()
    page.get_by_role("button", name="Override").tap()
    expect(page.locator("main")).to_contain_text("Overridden")
    expect(page.get_by_role("button", name="Accept")).to_have_count(0)


def test_voice__me_too__is_counted_in_place(window: Callable[..., Page]) -> None:
    page = window("lead")
    page.goto("/items")
    page.locator("main a[href*='/items/FB-']").first.click()
    button = page.locator("#voice")
    expect(button).to_contain_text("Me too")
    page.wait_for_load_state("load")
    loads: list[str] = []
    page.on("load", lambda opened: loads.append(opened.url))
    button.press("Enter")
    expect(button).to_contain_text("You too")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_be_focused()
    button.press("Enter")
    expect(button).to_contain_text("Me too")
    assert not loads


def test_brief__on_paper__is_one_page(window: Callable[..., Page]) -> None:
    page = window("executive")
    page.goto("/decisions")
    briefs = [link.get_attribute("href") for link in page.get_by_role("link", name="Read and sign").all()]
    assert len(briefs) == 2  # one with fewer than five people, one with all its figures
    for brief in briefs:
        page.goto(str(brief))
        expect(page.get_by_role("button", name="Print")).to_be_visible()
        paper = page.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1


def test_brief__signed_by_keyboard__is_no_longer_waiting(window: Callable[..., Page], site: Site) -> None:
    page = window("executive")
    page.goto("/decisions")
    waiting = page.get_by_role("link", name="Read and sign")
    before = waiting.count()
    waiting.first.press("Enter")
    expect(page).to_have_url(re.compile(r"/requests/\d+$"))
    tab_to(page, "#id_reason", most=120)
    page.keyboard.type("Worth having, even at half the promise.")
    tab_to(page, "#id_password")
    page.keyboard.type(site.accounts["executive"].password)
    tab_to(page, "button[value=approve]")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Signed")
    expect(page.get_by_role("button", name="Approve and sign")).to_have_count(0)
    page.goto("/decisions")
    expect(waiting).to_have_count(before - 1)


def test_menu__on_a_phone__holds_the_rest_and_closes(window: Callable[..., Page]) -> None:
    page = window("compliance", phone=True)
    page.goto("/")
    menu = page.locator("details.more")
    menu.locator("summary").tap()
    expect(menu.get_by_role("link", name="Audit trail")).to_be_visible()
    expect(menu.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu.get_by_role("link", name="Audit trail")).to_be_hidden()


def test_sign_out__from_the_side__ends_the_session(window: Callable[..., Page], site: Site) -> None:
    page = window()
    page.goto("/account/sign-in")
    page.get_by_label("Staff number or e-mail").fill(site.accounts["lead"].login)
    page.get_by_label("Password").fill(site.accounts["lead"].password)
    page.get_by_role("button", name="Sign in").click()
    page.locator(".side").get_by_role("button", name="Sign out").click()
    page.goto("/pilots")
    expect(page).to_have_url(re.compile("/account/sign-in"))
