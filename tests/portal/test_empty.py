"""A list without rows says what to do next, to everyone who may open it."""

from __future__ import annotations

import html
from collections.abc import Callable

import pytest
from django.test import Client

from portal.models import Person
from tests.cast import Cast

PAGES = [
    ("jo", "/", "Nothing filed yet. What should your AI know?"),
    ("jo", "/items", "Nobody has said anything yet."),
    ("jo", "/items?kind=praise", "Nothing here fits these filters."),
    ("jo", "/recommendations", "No AI has shown you a recommendation here yet."),
    ("jo", "/pilots", "Say so in the suggestion box."),
    ("jo", "/notices", "Nothing yet. Answers to what you say"),
    ("jo", "/keys", "No key yet. Issue one below"),
    ("mara", "/pilots", "Propose one: a handful of volunteers is enough to begin."),
    ("mara", "/decisions", "Nothing waits for you."),
    ("helen", "/decisions", "Pilots ask here before they widen."),
    ("tom", "/", "When someone needs your answer or your signature"),
    ("tom", "/audit?q=action:nothing-like-this", "No entry fits. Take a filter away"),
    ("sam", "/systems/route-optimiser/keys", "No key yet. Issue one below"),
    ("sam", "/people?text=nobody-at-all", "Nobody fits. Widen the filter"),
    ("sam", "/notices/undelivered", "Everything got out."),
]


@pytest.mark.parametrize(("who", "path", "words"), PAGES)
def test_page__nothing_to_show__says_what_to_do_next(
    cast: Cast, sign_in: Callable[[Person], Client], who: str, path: str, words: str
) -> None:
    answer = sign_in(getattr(cast, who)).get(path)
    assert answer.status_code == 200
    assert words in html.unescape(answer.content.decode())
