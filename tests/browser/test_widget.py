"""The widget on a page of another origin, with a strict policy and Trusted Types, and with a portal that is down, hangs or fails."""

from __future__ import annotations

import gzip
import json
import re
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect

from governance.demo import screen
from tests.browser.conftest import DESK, PHONE
from tests.browser.host import WIDGET, Host, Line, served
from tests.browser.site import Site, Visitor
from tests.browser.test_every_page import RULES, RUN_AXE
from tests.browser.test_flows import tab_to

MOST_BYTES = 5_000
MOST_MS = 10
UID = "AL-widget-1"
KEPT = "() => Object.keys(localStorage).length"
INNER = "(selector) => document.querySelector('lastmile-box').shadowRoot.activeElement?.matches(selector)"
LOADED = "() => performance.getEntriesByType('navigation')[0].loadEventStart"


@dataclass
class Planner:
    """The AI tool: its page, its line to the portal, its keys, and who is signed in."""

    host: Host
    line: Line
    key: str
    system_key: str
    staff_number: str

    def token(self) -> str:
        answer = self.call("/api/v1/widget/sessions", {"person": self.staff_number})
        return str(answer["token"])

    def show(self, uid: str) -> None:
        shown = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": "planner",
            "type": "ai.lastmile.recommendation.shown.v1",
            "subject": uid,
            "data": {
                "person": self.staff_number,
                "kind": "resequence",
                "version": "v14",
                "proposal": "Swap stop 4 and 6",
                "confidence": 0.68,
                "explanation": {"text": "Based on 92% of similar mornings"},
            },
        }
        assert self.call("/api/v1/events", [shown])["accepted"] == 1

    def call(self, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.system_key}", "Content-Type": "application/json"}
        host, port = self.line.portal
        request = urllib.request.Request(f"http://{host}:{port}{path}", data=json.dumps(body).encode(), headers=headers)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            return json.load(answer)

    def page(self, **more: str) -> str:
        return self.host.page(portal=self.line.url, key=self.key, **more)


@pytest.fixture(scope="module")
def planner(site: Site, visitors: dict[str, Visitor]) -> Iterator[Planner]:
    with served(Host()) as host, served(Line(site.url)) as line:
        admin = visitors["administrator"]
        made = admin.post("/systems/route-optimiser/widget", {"label": "Planner", "origins": host.url, "days": "30"})
        server = admin.post("/systems/route-optimiser/keys?", {"label": "Planner", "scopes": "widget:sessions", "days": "30"})
        sender = admin.post("/systems/route-optimiser/keys", {"label": "Planner", "scopes": "events:write", "days": "30"})
        found = Planner(host, line, _key(made.text), _key(sender.text), site.accounts["employee"].login)
        found.show(UID)
        found.system_key = _key(server.text)
        yield found


def _key(page: str) -> str:
    found = re.search(r"lm_[a-z0-9]{10}_[A-Za-z0-9_-]{43}", page)
    assert found, page
    return found[0]


@pytest.fixture
def tab(planner: Planner, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """A page of the tool in a fresh browser; at the end nothing may have reached its console."""
    noise: list[str] = []
    contexts = []

    def opened(*, phone: bool = False, **attributes: str) -> Page:
        planner.line.mode = "up"
        context = chromium.new_context(viewport=PHONE if phone else DESK, reduced_motion="reduce")
        contexts.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("console", lambda message: noise.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: noise.append(str(error)))
        if attributes:
            page.goto(planner.page(**attributes))
        return page

    yield opened
    for context in contexts:
        context.close()
    planner.line.mode = "up"
    assert noise == []


def test_file__zipped__is_at_most_5_kb_without_dependencies() -> None:
    source = WIDGET.read_bytes()
    assert len(gzip.compress(source, 9)) <= MOST_BYTES
    assert not re.search(rb"\bimport\b|innerHTML|\beval\b|\.style\b|setAttribute\(.style", source)


def test_feedback__by_keyboard_alone__is_filed_in_the_persons_name(planner: Planner, tab: Callable[..., Page], visitors: Any) -> None:
    page = tab(token=planner.token(), recommendation=UID)
    expect(page.get_by_text("Why: Based on 92% of similar mornings (68% sure)")).to_be_visible()
    tab_to(page, "lastmile-box")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="What should it know?")).to_be_visible()
    _inner_tab(page, "textarea")
    page.keyboard.type("The dock is shut on Fridays, says the widget")
    _inner_tab(page, ".main")
    page.keyboard.press("Enter")
    status = page.get_by_role("status")
    expect(status).to_contain_text("You will hear back by")
    ref = re.search(r"FB-\d+", status.inner_text())
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Tell it")).to_be_focused()
    assert page.evaluate(KEPT) == 0
    assert ref
    item = visitors["employee"].get(f"/items/{ref[0]}").text
    assert "says the widget" in item
    assert "Swap stop 4 and 6" in item


def test_override__with_a_reason__is_in_force(planner: Planner, tab: Callable[..., Page], visitors: Any) -> None:
    page = tab(token=planner.token(), recommendation=UID)
    page.get_by_role("button", name="Tell it").click()
    page.get_by_label("I overrule it").check()
    expect(page.get_by_role("group", name="Who sees your name?")).to_be_hidden()
    page.get_by_label("Why?").select_option("I know this place")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("it is in force")
    decided = visitors["employee"].get(f"/recommendations/{UID}").text
    assert "Overridden" in decided
    assert "I know this place" in decided


def test_adjustment__says_what_to(planner: Planner, tab: Callable[..., Page], visitors: Any) -> None:
    page = tab(token=planner.token(), recommendation=UID)
    page.get_by_role("button", name="Tell it").click()
    page.get_by_label("I change it").check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_have_text("Say what you changed it to.")
    expect(page.get_by_label("Changed to")).to_be_focused()
    page.get_by_label("Changed to").fill("Stop 5 goes first")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("it is in force")
    assert "Stop 5 goes first" in visitors["employee"].get(f"/recommendations/{UID}").text


def test_frustration__one_tap_without_words__is_filed(planner: Planner, tab: Callable[..., Page]) -> None:
    page = tab(phone=True, token=planner.token())
    page.get_by_role("button", name="Tell it").click()
    page.get_by_role("button", name="I am just frustrated with this screen").click()
    expect(page.get_by_role("status")).to_contain_text("You will hear back by")


def test_without_a_token__anonymous_feedback_alone__with_a_receipt(planner: Planner, tab: Callable[..., Page]) -> None:
    page = tab(recommendation=UID)
    page.get_by_role("button", name="Tell it").click()
    expect(page.get_by_label("I overrule it")).to_have_count(0)
    expect(page.get_by_label("Everyone here")).to_have_count(0)
    page.get_by_label("One sentence is enough").fill("It never asks us")
    planner.line.seen.clear()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"Your receipt: ([0-9A-Z]{4}-){3}[0-9A-Z]{4}\."))
    sent = b"".join(planner.line.seen)
    assert b"POST /anonymous/widget" in sent
    assert not re.search(rb"^(cookie|authorization|widget-token|referer):", sent, re.IGNORECASE | re.MULTILINE)


def test_file__from_the_portal_itself__works_while_the_portal_does(planner: Planner, tab: Callable[..., Page]) -> None:
    page = tab(token=planner.token(), recommendation=UID, script=f"{planner.line.url}/static/feedback/widget.js")
    expect(page.get_by_text("Why: Based on 92% of similar mornings (68% sure)")).to_be_visible()


def test_concern__is_confidential_unless_one_says_otherwise(planner: Planner, tab: Callable[..., Page]) -> None:
    page = tab(token=planner.token())
    page.get_by_role("button", name="Tell it").click()
    page.get_by_label("I have a concern").check()
    expect(page.get_by_label("Only compliance, and each look is recorded")).to_be_checked()
    page.get_by_label("It was wrong").check()
    expect(page.get_by_label("Only compliance, and each look is recorded")).to_be_checked()


@pytest.mark.parametrize("mode", ["refuses", "hangs", "fails"])
def test_portal__away__the_hosts_load_event_does_not_move(mode: str, planner: Planner, tab: Callable[..., Page]) -> None:
    page = tab()
    planner.line.mode = mode
    token = planner.token()
    bare: list[float] = []
    with_widget: list[float] = []
    moved = float(MOST_MS)
    # Whatever else this machine does only adds time: the best of more loads on either side comes nearer to the truth.
    while moved >= MOST_MS and len(bare) < 54:
        for _ in range(9):
            page.goto(planner.host.page(bare="1"))
            bare.append(page.evaluate(LOADED))
            page.goto(planner.page(token=token, recommendation=UID))
            with_widget.append(page.evaluate(LOADED))
        moved = min(with_widget) - min(bare)
    expect(page.get_by_role("button", name="Tell it")).to_be_visible()
    page.wait_for_timeout(300)
    print(f"load event, portal {mode}: {moved:+.1f} ms (best of {len(bare)}: {min(bare):.1f}, {min(with_widget):.1f})")
    assert moved < MOST_MS


@pytest.mark.parametrize("mode", ["refuses", "fails"])
def test_portal__away__what_people_write_is_kept_and_sent_once(
    mode: str, planner: Planner, tab: Callable[..., Page], visitors: Any
) -> None:
    page = tab(token=planner.token())
    planner.line.mode = mode
    words = f"Kept while the portal {mode}"
    page.get_by_role("button", name="Tell it").click()
    page.get_by_label("One sentence is enough").fill(words)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("Kept on this device")
    assert page.evaluate(KEPT) == 1
    # Somebody else signs in to the tool on this device: not in their name.
    planner.line.mode = "up"
    other = Planner(planner.host, planner.line, planner.key, planner.system_key, "NF-104")
    page.goto(planner.page(token=other.token()))
    page.evaluate("() => dispatchEvent(new Event('online'))")
    page.wait_for_timeout(400)
    assert page.evaluate(KEPT) == 1
    # The same person again, in two tabs at once.
    again = page.context.new_page()
    token = planner.token()
    for one in (page, again):
        one.goto(planner.page(token=token))
    for one in (page, again):
        one.evaluate("() => dispatchEvent(new Event('online'))")
    for _ in range(50):
        if page.evaluate(KEPT):
            page.wait_for_timeout(100)
    assert page.evaluate(KEPT) == 0
    box = visitors["employee"].get("/items?mine=1").text
    assert box.count(words) == 1


def test_shadow_tree__open_and_shut__has_nothing_for_axe(planner: Planner, tab: Callable[..., Page]) -> None:
    page = tab(phone=True, token=planner.token(), recommendation=UID)
    expect(page.get_by_text("Why: Based on")).to_be_visible()
    page.evaluate(AXE_SCRIPT)
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    found = page.evaluate(RUN_AXE, options)
    page.get_by_role("button", name="Tell it").click()
    for kind in ("It was wrong", "I overrule it", "I change it"):
        page.get_by_label(kind).check()
        found += page.evaluate(RUN_AXE, options)
    assert found == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("() => !document.querySelector('lastmile-box').shadowRoot.querySelector('style, [style]')")


def test_scene__a_screen_of_the_ai_tool__over_http(site: Site, visitors: dict[str, Visitor]) -> None:
    system = site.said["systems"][0]
    tool = screen.Tool(site.url, system["key"], system["browser_key"], "NF-117")
    with served(screen.server(tool, 0)) as host:
        page = _read(f"http://127.0.0.1:{host.server_address[1]}/")
        assert "require-trusted-types-for 'script'" in page.headers["Content-Security-Policy"]
        given = dict(re.findall(r'(portal|key|token|recommendation)="([^"]+)"', page.read().decode()))
    headers = {"Authorization": f"Bearer {given['key']}", "Widget-Token": given["token"], "Origin": screen.ORIGINS[0]}
    here = given["portal"] + "/api/v1/widget"
    uid = given["recommendation"]
    assert json.load(_read(f"{here}/recommendations/{uid}", headers))["why"].startswith("On 81 of 96 similar mornings")
    body = {"recommendation": uid, "outcome": "overridden", "reason": "local_knowledge", "text": "Stop 6 opens at ten"}
    assert _read(f"{here}/outcomes", headers, body).status == 201
    filed = json.load(_read(f"{here}/items", headers, {"kind": "wrong_answer", "text": "Stop 6 opens at ten", "recommendation": uid}))
    decided = visitors["employee"].get(f"/recommendations/{uid}").text
    assert "Overridden" in decided
    assert "Stop 6 opens at ten" in decided
    assert screen.PROPOSAL in visitors["lead"].get(f"/items/{filed['ref']}").text


def _read(address: str, headers: dict[str, str] | None = None, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    sent = urllib.request.Request(address, data=data, headers={**(headers or {}), "Content-Type": "application/json"})
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sent, timeout=20)


def _inner_tab(page: Page, selector: str, most: int = 30) -> None:
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(INNER, selector):
            return
    raise AssertionError(f"{selector} is not reached by {most} tabs")
