"""Filing from the page: three ways explained, for a colleague without a screen, sent once."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from audit.models import Entry
from feedback.models import Item
from portal.models import Notice
from tests import factories


def told(kind: str) -> set[Any]:
    return set(Notice.objects.filter(kind=kind, channel="app").values_list("recipient", flat=True))


def form(**fields: str) -> dict[str, str]:
    return {"system": "route-optimiser", "kind": "idea", "text": "Say why the dock changed"} | fields


def test_page__three_ways_stand_before_the_sentence(cast: Any, sign_in: Any) -> None:
    page = sign_in(cast.jo).get("/feedback/new").content.decode()
    places = [page.index(words) for words in ("Everyone here", "Only compliance", "Nobody</a>", "What should it know?")]
    assert places == sorted(places)
    for line in ("Everyone who can see the item", "Compliance alone, and each look is recorded", "A page without your account."):
        assert line in page


def test_for_a_colleague__is_theirs_with_who_wrote_it_down(cast: Any, sign_in: Any, api: Any) -> None:
    ada = cast.colleagues[0]
    filed = sign_in(ada).post("/feedback/new", form(on_behalf="nf-117"))
    item = Item.objects.get()
    assert filed["Location"] == f"/items/{item.ref}/filed"
    assert (item.author, item.proxy, item.unit, item.identity) == (cast.jo, ada, cast.northfield, "named")
    entry = Entry.objects.get(model="feedback.item", action="created")
    assert (entry.actor, entry.on_behalf) == (ada.pk, cast.jo.pk)
    assert told("feedback.filed-for-you") == {cast.jo.pk}
    assert "by Ada Novak for Jo Okafor" in sign_in(cast.mara).get(f"/items/{item.ref}").content.decode()
    assert api(cast.mara).get(f"/api/v1/items/{item.ref}").json()["proxy"] == "Ada Novak"


def test_for_a_colleague__withdrawn_by_them_alone(cast: Any, sign_in: Any, api: Any) -> None:
    ada = cast.colleagues[0]
    made = api(ada).post("/api/v1/items", form(person="NF-117"))
    assert made.status_code == 201, made.content
    ref = made.json()["ref"]
    for person in (ada, cast.mara, cast.colleagues[1]):
        assert api(person).post(f"/api/v1/items/{ref}/withdraw").status_code == 403
    api(cast.colleagues[2]).put(f"/api/v1/items/{ref}/voice")
    assert "Withdraw it" in sign_in(cast.jo).get(f"/items/{ref}").content.decode()
    assert "Withdraw it" not in sign_in(ada).get(f"/items/{ref}").content.decode()
    taken = api(cast.jo).post(f"/api/v1/items/{ref}/withdraw")
    assert (taken.json()["status"], taken.json()["history"][-1]["words"]) == ("declined", "I did not want this said in my name.")
    assert told("feedback.withdrawn") == {ada.pk, cast.colleagues[2].pk}
    assert api(cast.jo).post(f"/api/v1/items/{ref}/withdraw").json()["code"] == "item_closed"


def test_withdraw__what_one_filed_oneself__is_no_case_for_it(cast: Any, api: Any) -> None:
    ref = api(cast.jo).post("/api/v1/items", form()).json()["ref"]
    assert api(cast.jo).post(f"/api/v1/items/{ref}/withdraw").json()["code"] == "filed_yourself"


def test_for_a_colleague__a_lead_for_their_people(cast: Any, api: Any) -> None:
    dock = factories.person("Dock Hand", factories.unit("dock", cast.northfield), email=None)
    assert api(cast.mara).post("/api/v1/items", form(person=dock.staff_number)).status_code == 201
    assert api(cast.jo).post("/api/v1/items", form(person=dock.staff_number)).status_code == 422


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"on_behalf": "NF-999"}, "on_behalf"),
        ({"on_behalf": "outsider"}, "on_behalf"),
        ({"on_behalf": "self"}, "on_behalf"),
        ({"on_behalf": "NF-117", "identity": "confidential"}, "on_behalf"),
        ({"on_behalf": "NF-117", "kind": "concern"}, "kind"),
    ],
)
def test_for_a_colleague__what_cannot_be__is_said_beside_the_field(cast: Any, sign_in: Any, fields: dict[str, str], field: str) -> None:
    ada = cast.colleagues[0]
    numbers = {"outsider": cast.outsider.staff_number, "self": ada.staff_number}
    given = form(**fields) | {"on_behalf": numbers.get(fields["on_behalf"], fields["on_behalf"])}
    answer = sign_in(ada).post("/feedback/new", given)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Item.objects.exists()


def test_for_a_colleague__who_left__is_refused(cast: Any, api: Any) -> None:
    gone = factories.person("Gone Home", cast.northfield, email=None, is_active=False)
    assert api(cast.jo).post("/api/v1/items", form(person=gone.staff_number)).status_code == 422


def test_from_a_browser__the_same_key_twice__files_once(cast: Any, sign_in: Any) -> None:
    """What the outbox sends: the page's session, its token, and an id made in the browser."""
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    browser.cookies = sign_in(cast.jo).cookies
    browser.get("/feedback/new")
    headers = {"Idempotency-Key": str(uuid.uuid4()), "X-CSRFToken": browser.cookies["csrftoken"].value}
    answers = [browser.post("/api/v1/items", form(), content_type="application/json", headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["ref"] == answers[1].json()["ref"]
    assert Item.objects.count() == 1
    del headers["X-CSRFToken"]
    assert browser.post("/api/v1/items", form(), content_type="application/json", headers=headers).status_code == 403


def test_worker__is_script_at_the_root_and_asked_for_again(client: Any) -> None:
    answer = client.get("/worker.js")
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("text/javascript", "no-cache")
    assert not answer.cookies
