"""The web shell: navigation by role, home, times, forms, charts, errors, and what a page may load."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.contrib.staticfiles import finders
from django.template import Context, Template
from django.test import Client

from portal import clock
from portal.charts import Series, line_chart
from portal.home import Panel, Row
from portal.models import Person
from tests.cast import Cast

NOON = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)


def render(text: str, **context: object) -> str:
    return Template("{% load shell %}" + text).render(Context(context))


def places(client: Client) -> list[str]:
    page = client.get("/").content.decode()
    side = page[page.index('class="side"') : page.index('class="who"')]
    return re.findall(r'<a href="([^"]+)"', side)


def test_navigation__by_role__shows_what_the_role_may_open(cast: Cast, sign_in: Callable[[Person], Client]) -> None:
    everyone = ["/", "/feedback/new", "/items", "/pilots", "/notices"]
    assert places(sign_in(cast.jo)) == everyone
    assert set(places(sign_in(cast.helen))) - set(everyone) == {"/decisions"}
    assert set(places(sign_in(cast.tom))) - set(everyone) == {"/decisions", "/audit"}
    assert set(places(sign_in(cast.sam))) - set(everyone) == {"/units", "/people", "/systems", "/kiosks", "/audit/health"}


def test_navigation__here__is_marked_once_in_each_bar(cast: Cast, sign_in: Callable[[Person], Client]) -> None:
    page = sign_in(cast.jo).get("/pilots").content.decode()
    assert page.count('<a href="/pilots" aria-current="page">') == 2


def test_home__with_nothing__says_what_to_do(cast: Cast, sign_in: Callable[[Person], Client]) -> None:
    page = sign_in(cast.jo).get("/").content.decode()
    assert "Nothing waits for you right now." in page
    assert "What should your AI know?" in page


def test_home__greets_in_the_time_of_the_unit(cast: Cast, sign_in: Callable[[Person], Client]) -> None:
    client = sign_in(cast.jo)
    with clock.at(dt.datetime(2026, 7, 1, 11, 30, tzinfo=dt.UTC)):
        # In London it is half past twelve.
        assert "Good afternoon, Jo" in client.get("/").content.decode()


def test_home__queries__do_not_grow_with_the_rows(
    cast: Cast,
    sign_in: Callable[[Person], Client],
    django_assert_max_num_queries: Callable[[int], object],
) -> None:
    client = sign_in(cast.jo)
    client.get("/")
    with django_assert_max_num_queries(25):  # type: ignore[attr-defined]
        client.get("/")


def test_page__headers__allow_nothing_foreign_or_inline(cast: Cast, sign_in: Callable[[Person], Client]) -> None:
    answer = sign_in(cast.jo).get("/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    page = answer.content.decode()
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*\ssrc=)", page)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


def test_page__unknown_address__says_what_to_do_next(cast: Cast, sign_in: Callable[[Person], Client], client: Client) -> None:
    signed_in = sign_in(cast.jo).get("/no/such/page")
    assert signed_in.status_code == 404
    assert "Go to your home page" in signed_in.content.decode()
    outside = client.get("/no/such/page")
    assert outside.status_code in {302, 404}


def test_font__comes_from_its_package() -> None:
    found = finders.find("portal/fonts/public-sans.ttf")
    assert isinstance(found, str)
    assert "fontpkg_public_sans" in found


@pytest.mark.parametrize(
    ("value", "style", "shown"),
    [
        (dt.datetime(2026, 7, 1, 22, 30, tzinfo=dt.UTC), "minute", "1 Jul, 23:30"),
        (dt.datetime(2026, 7, 1, 23, 30, tzinfo=dt.UTC), "day", "2 Jul"),
        (dt.datetime(2025, 12, 31, 9, 0, tzinfo=dt.UTC), "minute", "31 Dec 2025, 09:00"),
        (dt.datetime(2026, 7, 1, 22, 30, 5, tzinfo=dt.UTC), "utc", "2026-07-01 22:30:05"),
        (dt.date(2026, 11, 3), "minute", "3 Nov"),
        ("2026-11-03", "day", "3 Nov"),
    ],
)
def test_moment__is_in_the_zone_of_the_reader(value: object, style: str, shown: str) -> None:
    reader = SimpleNamespace(is_authenticated=True, unit=SimpleNamespace(time_zone="Europe/London"))
    with clock.at(NOON):
        text = render("{% moment value style %}", user=reader, value=value, style=style)
    assert f">{shown}<" in text


def test_moment__hover__is_utc() -> None:
    reader = SimpleNamespace(is_authenticated=True, unit=SimpleNamespace(time_zone="Asia/Tokyo"))
    with clock.at(NOON):
        text = render("{% moment value %}", user=reader, value=NOON)
    assert 'datetime="2026-11-22T12:00:00Z" title="22 Nov 2026, 12:00 UTC"' in text
    assert "22 Nov, 21:00" in text
    assert render("{% moment None %}") == "–"


def test_words_of_time__near_and_far() -> None:
    with clock.at(NOON):
        assert render("{{ v|age }}", v=NOON - dt.timedelta(minutes=12)) == "12 min"
        assert render("{{ v|age }}", v=NOON - dt.timedelta(days=3)) == "3 d"
        assert render("{{ v|until }}", v=NOON + dt.timedelta(days=3)) == "in 3 days"
        assert render("{{ v|until }}", v=NOON - dt.timedelta(hours=5)) == "5 hours late"
        assert render("{{ v|until }}", v=NOON + dt.timedelta(minutes=20)) == "due now"


@pytest.mark.parametrize(
    ("template", "value", "shown"),
    [
        ("shorten:20", "It sends me through Mill Lane", "It sends me through…"),
        ("shorten:20", "It sends\nme  home", "It sends me home"),
        ("shorten:8", "Donaudampfschiff", "Donauda…"),
        ("shorten:12", "The end. And more", "The end…"),
        ("plain", Decimal("4.30"), "4.3"),
        ("plain", Decimal(100), "100"),
        ("field_words", "fall_back_tested_on", "fall back tested on"),
        ("field_words", "lead_id", "lead"),
        ("recorded", "2026-11-22T21:15:57.989585Z", "2026-11-22 21:15:57 UTC"),
        ("recorded", "2026-11-22", "2026-11-22"),
    ],
)
def test_words__of_people__are_shown(template: str, value: object, shown: str) -> None:
    assert Template(f"{{% load shell %}}{{{{ value|{template} }}}}").render(Context({"value": value})) == shown


def test_state__is_a_word_that_is_escaped() -> None:
    assert render('{% state word "warn" %}', word="<b>") == '<span class="tag warn">&lt;b&gt;</span>'
    assert 'class="tag "' in render('{% state "New" "pink" %}')


def test_percent__no_data__is_a_dash_and_never_zero() -> None:
    assert render("{{ v|percent }}", v=None) == "–"
    assert render("{{ v|percent:1 }}", v=0.615) == "61.5%"


def test_panel__of_pairs__shows_both_sides() -> None:
    panel = Panel(title="You said, we did", empty="-", rows=[Row(title="FB-1", url="/items/FB-1", said="Too fast", answer="Slower now")])
    text = render('{% include "components/panel.html" %}', panel=panel)
    assert "Too fast" in text
    assert "Slower now" in text


def test_chart__gap__breaks_the_line_and_is_a_dash_in_the_table() -> None:
    chart = line_chart("Use rose.", ["W1", "W2", "W3", "W4"], [Series("Use", [10, None, 30, 40])], top=100)
    line = chart.wide.lines[0]
    assert len(line.segments) == 1
    assert len(line.dots) == 1
    assert chart.rows[1] == ("W2", ["–"])
    assert line.end_label == "40%"


def test_chart__labels_at_the_ends__do_not_cover_each_other() -> None:
    chart = line_chart("Close.", ["W1", "W2"], [Series("A", [50, 50]), Series("B", [50, 50.5]), Series("C", [1, 51])], top=100)
    ends = sorted(line.end_y for line in chart.wide.lines)
    assert all(later - earlier >= 12 for earlier, later in itertools.pairwise(ends))


def test_chart__wrong_shape__is_refused() -> None:
    with pytest.raises(ValueError, match="one value for each label"):
        line_chart("", ["W1"], [Series("A", [1, 2])])
    with pytest.raises(ValueError, match="at most three"):
        line_chart("", ["W1"], [Series(name, [1]) for name in "ABCD"])
    assert line_chart("Nothing.", [], []).wide.ticks_y[-1].label == "1"
