"""Words find items, and what is being typed finds those that say the same; nobody finds what they may not see."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.feedback.test_items import filed


def found(api: Any, person: Any, query: str) -> list[str]:
    answer = api(person).get(f"/api/v1/items?q={query}")
    assert answer.status_code == 200, answer.content
    return [row["ref"] for row in answer.json()["results"]]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("The routes are planned badly around schools", "route+school"),
        ("Die Straßen vor den Schulen sind gesperrt", "Schule"),
        ("Les livraisons arrivent trop tard", "livraison"),
        ("Dock 7 is closed on Fridays", "dock+-monday"),
        ("Dock 7 is closed on Fridays", "%22closed+on%22"),
        ("C'est \\ 'odd' & | ! ( :* text", "odd"),
    ],
)
def test_search__any_language__finds_by_stem(cast: Any, api: Any, text: str, query: str) -> None:
    other, ref = filed(api, cast.jo, text="Something else entirely")["ref"], filed(api, cast.jo, text=text)["ref"]
    assert found(api, cast.mara, query) == [ref]
    assert found(api, cast.mara, other) == [other]


@pytest.mark.parametrize("query", ["", "%27%27%27", "!!(((", "%3A*%26%7C", "a" * 500, "-", "FB-99999999999999999999"])
def test_search__odd_input__answers(cast: Any, api: Any, sign_in: Any, query: str) -> None:
    filed(api, cast.jo)
    assert api(cast.jo).get(f"/api/v1/items?q={query}").status_code == 200
    assert sign_in(cast.jo).get(f"/items?q={query}").status_code == 200


def test_search__somebody_elses_concern__is_not_found(cast: Any, api: Any) -> None:
    ref = filed(api, cast.jo, kind="concern", text="Canary: it counts my breaks")["ref"]
    assert found(api, cast.mara, "canary") == []
    assert found(api, cast.tom, "canary") == [ref]
    text = "Canary: it counts our breaks"
    assert api(cast.mara).post("/api/v1/items/similar", {"text": text}).json() == []
    assert [row["ref"] for row in api(cast.tom).post("/api/v1/items/similar", {"text": text}).json()] == [ref]


def test_similar__while_typing__closed_ones_come_with_their_answer(cast: Any, api: Any, sign_in: Any) -> None:
    ref = filed(api, cast.jo, text="It sends me through the school street at 8:15")["ref"]
    filed(api, cast.jo, text="Bigger buttons for gloves, please")
    api(cast.mara).post(f"/api/v1/items/{ref}/status", {"status": "done", "words": "The street is closed for the AI from 8 to 9"})
    [one] = api(cast.colleagues[0]).post("/api/v1/items/similar", {"text": "sends us through the school street again"}).json()
    assert (one["ref"], one["answer"]) == (ref, "The street is closed for the AI from 8 to 9")
    part = sign_in(cast.colleagues[0]).get("/items/alike?text=sends+us+through+the+school+street", headers={"HX-Request": "true"})
    assert ref in part.content.decode()
    assert "<html" not in part.content.decode()
    assert "Nobody said something like this" in sign_in(cast.jo).get("/items/alike?text=wholly+different+words").content.decode()


def test_similar__more_items__no_more_queries(cast: Any, api: Any, sign_in: Any) -> None:
    browser = sign_in(cast.jo)
    filed(api, cast.jo)
    path = "/items/alike?text=It+sends+me+through+the+school+street"
    browser.get(path)
    with CaptureQueriesContext(connection) as few:
        browser.get(path)
    for number in range(8):
        filed(api, cast.jo, text=f"It sends me through the school street at 8:{number}")
    with CaptureQueriesContext(connection) as many:
        browser.get(path)
    assert len(many) == len(few)
