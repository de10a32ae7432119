"""What ended pilots taught: found by words, found again by likeness, and who may read it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from audit.context import acting
from feedback.models import Item, Reply
from feedback.services import items
from governance.models import Pilot
from governance.services import ending
from portal.models import Notice, Person
from tests import factories
from tests.cast import Api, Cast
from tests.governance import scene

LESSONS = "Settle the pay question before the first day."


@pytest.fixture
def ended(cast: Cast) -> Pilot:
    """A pilot of the route optimiser at Northfield, ended early; Jo had objected by name, a colleague in confidence."""
    pilot = scene.started(cast)
    with acting(cast.jo.pk, channel="page"):
        items.file(actor=cast.jo, system=cast.system, kind="problem", text="It costs me pay.")
        items.file(actor=cast.jo, system=cast.system, kind="praise", text="The voice is kind.")
    with acting(cast.colleagues[0].pk, channel="page"):
        items.file(actor=cast.colleagues[0], system=cast.system, kind="concern", text="Who counts?", identity="confidential")
    with acting(cast.helen.pk, channel="page"):
        return ending.end(
            actor=cast.helen, pilot=pilot, outcome="ended_early", cause="The bonus.", lessons=LESSONS, told_objectors="You had been right."
        )


def found(client: Api, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/lessons{query}")
    assert answer.status_code == 200, answer.content
    results: list[dict[str, Any]] = json.loads(answer.content)["results"]
    return results


def test_end__whoever_objected__hears_back_once_and_praise_does_not(cast: Cast, ended: Pilot) -> None:
    replies = Reply.objects.select_related("item").order_by("item_id")
    assert [(reply.item.kind, reply.text) for reply in replies] == [("problem", "You had been right."), ("concern", "You had been right.")]
    assert list(Item.objects.exclude(answered_at=None)) == [], "it does not count as the promised answer"
    told = Notice.objects.filter(kind="feedback.answered", channel="app").order_by("recipient__name")
    named = {notice.recipient_id: notice for notice in told}
    assert set(named) == {cast.jo.pk, cast.colleagues[0].pk}
    assert "what became of the pilot" in named[cast.jo.pk].subject
    concern = Item.objects.get(kind="concern")
    quiet = named[cast.colleagues[0].pk]
    assert concern.ref not in quiet.subject + quiet.url + json.dumps(quiet.context)


def test_lessons__by_words_and_by_likeness__are_found(cast: Cast, ended: Pilot, api: Callable[..., Api]) -> None:
    mara = api(cast.mara)
    assert [one["pilot"] for one in found(mara)] == [ended.slug]
    assert found(mara, "?q=pay+bonus")[0]["lessons"] == LESSONS
    assert found(mara, "?q=helicopter") == []
    assert found(mara, "?system=route-optimiser")[0]["why"] == ["the same AI system"]
    factories.system("tyre-watch", cast.company, purpose="Listens to tyres.")
    assert found(mara, "?system=tyre-watch") == []
    assert found(mara, "?unit=/brightline/northfield/")[0]["why"] == ["the same part of the organisation"]
    assert found(mara, "?unit=/brightline/harbour/") == []
    assert found(mara, "?unit=/brightline/harbour/&purpose=plans+delivery+routes+to+save+fuel")[0]["why"] == ["a similar use"]


def test_lessons__proposing_by_api__answers_with_them(cast: Cast, ended: Pilot, api: Callable[..., Api]) -> None:
    body = {
        "slug": "second-try",
        "name": "Second try",
        "system": "route-optimiser",
        "unit": "/brightline/northfield/",
        "sponsor": cast.priya.email,
        "overseers": [cast.colleagues[0].email],
        "purpose": "Order of stops.",
        "fall_back": "The printed round.",
        "ends_at": "2099-01-01T17:00:00Z",
    }
    answer = api(cast.mara).post("/api/v1/pilots", body)
    assert answer.status_code == 201, answer.content
    assert [one["lessons"] for one in json.loads(answer.content)["lessons"]] == [LESSONS]


def test_lessons__proposed_pilot__shows_them_on_its_page(cast: Cast, ended: Pilot, sign_in: Callable[[Person], Client]) -> None:
    pilot = scene.propose(cast, slug="second-try", name="Second try")
    assert LESSONS in sign_in(cast.mara).get(f"/pilots/{pilot.slug}").content.decode()


def test_lessons__who_may_read_what(cast: Cast, ended: Pilot, api: Callable[..., Api]) -> None:
    lead_elsewhere = factories.person("Owen Pritchard", cast.harbour)
    factories.role(lead_elsewhere, "lead", cast.harbour)
    assert found(api(lead_elsewhere))[0]["lessons"] == LESSONS, "who proposes reads those of the whole organisation"
    assert found(api(cast.outsider)) == [], "anybody else those of the pilots they may see"
    assert found(api(cast.jo))[0]["lessons"] == LESSONS


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("q=" + "x" * 201, "query_too_long"),
        ("q=pay&system=route-optimiser", "query_mixed"),
        ("system=none", "system_unknown"),
        ("unit=/no/", "unit_unknown"),
    ],
)
def test_lessons__of_a_wrong_question__says_which(cast: Cast, api: Callable[..., Api], query: str, code: str) -> None:
    answer = api(cast.mara).get(f"/api/v1/lessons?{query}")
    assert (answer.status_code, json.loads(answer.content)["code"]) == (422, code)
