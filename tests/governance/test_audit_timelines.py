"""Timelines across models: of a pilot, a request, an item; of a person their acts of governance and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.context import acting
from audit.models import Entry
from audit.subjects import subject_of
from feedback.models import Item
from feedback.services import answers, items, voices
from governance.models import ExpansionRequest, Grant, Pilot, Signature
from governance.services import leaving, stopping
from portal.models import Person
from portal.services import people
from tests import factories
from tests.cast import Api, Cast
from tests.feedback import told
from tests.governance import scene

SignIn = Callable[[Person], Client]
SLUG = "route-optimiser-northfield"
CANARY = "the lane at the harbour is flooded"


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def lines(page: str) -> list[str]:
    """Who did what, line by line."""
    found = re.findall(r"<strong>([^<]*)</strong>(.*?)<small>", page.partition("<main")[2])
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", " ".join(part))).strip() for part in found]


@pytest.fixture
def lived(cast: Cast) -> Pilot:
    pilot = scene.started(cast)
    with acting(cast.jo.pk, channel="page"):
        item = items.file(actor=cast.jo, system=cast.system, kind="idea", text="Group the stops", identity="named")
        leaving.leave(actor=cast.jo, pilot=pilot, reason="I drive another tour")
    with acting(cast.mara.pk, channel="page"):
        answers.reply(item, actor=cast.mara, text="We try it.")
    with acting(cast.tom.pk, channel="page"):
        stopping.stop(actor=cast.tom, pilot=pilot, reason="An incident")
    return Pilot.objects.get(pk=pilot.pk)


def test_pilot__everything_that_belongs_to_it__in_plain_words_by_day(cast: Cast, lived: Pilot, sign_in: SignIn) -> None:
    page = text(sign_in(cast.tom).get(f"/audit/subjects/pilot/{SLUG}"))
    told_ = lines(page)
    request = ExpansionRequest.objects.get()
    for line in (
        "Tom Brandt stopped the pilot",
        "Mara Lindqvist answered FB-",
        "Jo Okafor left the pilot",
        f"Helen Castellan opened grant G-{Grant.objects.get().pk} for at most",
        "Helen Castellan widened the pilot",
        f"Helen Castellan approved request R-{request.pk}",
        f"Mara Lindqvist prepared request R-{request.pk}",
        "Mara Lindqvist proposed the pilot",
    ):
        assert any(one.startswith(line) for one in told_), (line, told_)
    day = Entry.objects.latest("id").at.strftime("%Y-%m-%d")
    assert f'<h2><time datetime="{day}">{day}</time></h2>' in page
    assert "Why: An incident" in page
    look = Entry.objects.get(action="audit.subject-read")
    assert (look.actor, look.model, look.object) == (cast.tom.pk, "governance.pilot", str(lived.pk))


def test_pilot__deleted_parts__are_still_in_it(cast: Cast, lived: Pilot, sign_in: SignIn) -> None:
    with factories.by_test():
        lived.oversights.get().delete()
    page = text(sign_in(cast.tom).get(f"/audit/subjects/pilot/{SLUG}", {"only": "governance.oversight"}))
    assert [next(word for word in ("deleted", "created") if word in line) for line in lines(page)] == ["deleted", "created"]


def test_pilot__every_entry_of_its_records__once_by_pages(cast: Cast, lived: Pilot, api: Callable[..., Api]) -> None:
    subject = subject_of("pilot", SLUG)
    wanted = [entry.pk for entry in Entry.objects.order_by("-id") if (entry.model, entry.object) in set(subject.records)]
    client, found, cursor = api(cast.tom, "audit:read"), [], ""
    while True:
        body = client.get(f"/api/v1/audit/subjects/pilot/{SLUG}?limit=7&cursor={cursor}").json()
        found += [entry["id"] for entry in body["results"]]
        if body["next"] is None:
            break
        cursor = body["next"]
    assert len(found) == len(set(found))
    # The first look is an entry about the pilot itself, which came after.
    assert [number for number in found if number in wanted] == wanted
    assert {"feedback.item", "feedback.reply", "governance.departure", "governance.grant"} <= {model for model, _key in subject.records}


@pytest.mark.parametrize(
    ("only", "models"),
    [("governance.signature", {"governance.signature"}), ("acts", {"governance.pilot"}), ("feedback.item", {"feedback.item"})],
)
def test_pilot__narrowed__to_one_kind(cast: Cast, lived: Pilot, api: Callable[..., Api], only: str, models: set[str]) -> None:
    client = api(cast.tom, "audit:read")
    client.get(f"/api/v1/audit/pilots/{SLUG}")
    body = client.get(f"/api/v1/audit/subjects/pilot/{SLUG}?only={only}").json()
    assert {entry["model"] for entry in body["results"]} == models
    assert all((entry["ver"] is None) == (only == "acts") for entry in body["results"])


def test_request__its_parts_and_signatures(cast: Cast, lived: Pilot, sign_in: SignIn) -> None:
    request = ExpansionRequest.objects.get()
    for key in (str(request.pk), f"R-{request.pk}"):
        page = text(sign_in(cast.tom).get(f"/audit/subjects/request/{key}"))
        assert any("approved request" in line for line in lines(page))
        assert not any("left the pilot" in line for line in lines(page))
    assert "Audit timeline" in text(sign_in(cast.tom).get(f"/requests/{request.pk}"))
    assert "Audit timeline" not in text(sign_in(cast.helen).get(f"/requests/{request.pk}"))


def test_item__answers_and_voices(cast: Cast, lived: Pilot, sign_in: SignIn) -> None:
    item = Item.objects.get()
    with acting(cast.colleagues[2].pk, channel="page"):
        voices.add(item, actor=cast.colleagues[2])
        voices.withdraw(item, actor=cast.colleagues[2])
    page = text(sign_in(cast.tom).get(f"/audit/subjects/item/{item.ref}"))
    assert [line.partition(f" {item.ref}")[0] for line in lines(page) if item.ref in line] == [
        "Carla Ruiz took a voice back from",
        "Carla Ruiz added a voice to",
        "Mara Lindqvist answered",
        "Jo Okafor filed",
    ]


def test_person__acts_of_governance__and_roles_given_to_them(cast: Cast, lived: Pilot, sign_in: SignIn) -> None:
    with acting(cast.sam.pk, channel="page"):
        people.give_role(cast.mara, actor=cast.sam, role="lead", unit=cast.harbour)
    page = text(sign_in(cast.tom).get(f"/audit/subjects/person/{cast.mara.pk}"))
    assert "Acts of governance only" in page
    told_ = lines(page)
    for line in ("Sam Whitlock gave the role of lead", "Mara Lindqvist answered FB-", "Mara Lindqvist proposed the pilot"):
        assert any(one.startswith(line) for one in told_), (line, told_)
    assert text(sign_in(cast.tom).get("/audit/subjects/person/NF-117")).count("Timeline of Jo Okafor")


def test_person__canary__nothing_of_what_they_use_read_file_or_decide(
    cast: Cast, lived: Pilot, sign_in: SignIn, system_key: Callable[..., Api], api: Callable[..., Api]
) -> None:
    """Everything that is not governance, done by a lead and by compliance; none of it stands in their timelines."""
    key = system_key(cast.system)
    for person in (cast.mara, cast.tom):
        client = sign_in(person)
        told.send(key, told.shown(f"rec-{person.pk}", person=person.staff_number))
        told.send(
            key,
            told.outcome(f"rec-{person.pk}", "overridden", person=person.staff_number, reason="other", reason_text=CANARY),
            told.flagged(f"rec-{person.pk}", "wrong", CANARY, person=person.staff_number),
            told.flagged(f"rec-{person.pk}", "unfair", CANARY, person=person.staff_number),
        )
        with acting(person.pk, channel="page"):
            mine = items.file(actor=person, system=cast.system, kind="problem", text=CANARY, identity="named")
            items.file(actor=person, system=cast.system, kind="problem", text=CANARY, identity="confidential")
            answers.reply(mine, actor=person, text=CANARY)  # as its author, not in office
            voices.add(Item.objects.filter(author=cast.jo).first() or mine, actor=person)
        people.want_mail(person, wanted=False)
        for path in ("/", "/items", "/recommendations", f"/pilots/{SLUG}", "/audit", f"/audit?q={CANARY[:8]}", f"/pilots/{SLUG}?at="):
            client.get(path)
        client.post("/accounts/login/", {"login": person.staff_number, "password": "wrong"})
    reader = api(cast.tom, "audit:read")
    with factories.by_test():
        cast.harbour.name = "Harbour yard"
        cast.harbour.save()
    restored = f"/audit/restore/portal.unit/{cast.harbour.pk}?version=1"
    assert sign_in(cast.tom).post(restored, {"current": "2", "reason": "Wrong sign"}).status_code == 302
    for person in (cast.mara, cast.tom, cast.jo):
        page = text(sign_in(cast.tom).get(f"/audit/subjects/person/{person.pk}"))
        assert CANARY not in page
        body = reader.get(f"/api/v1/audit/subjects/person/{person.pk}?limit=200").json()
        assert CANARY not in str(body)
        kinds = {(entry["model"], entry["action"]) for entry in body["results"]}
        assert {model for model, _action in kinds} <= {
            "governance.pilot", "governance.transition", "governance.signature", "governance.expansionrequest", "governance.submission",
            "governance.grant", "governance.stage", "governance.oversight", "governance.criterion", "governance.promise",
            "feedback.reply", "feedback.statuschange", "portal.roleassignment",
            *({"portal.unit"} if person == cast.tom else set()),  # what he restored, as an act of its own
        }  # fmt: skip
        acts = {action for _model, action in kinds if action not in {"created", "changed", "deleted"}}
        assert acts == ({"audit.restored"} if person == cast.tom else set())
        replies = [entry["object"] for entry in body["results"] if entry["model"] == "feedback.reply"]
        assert len(replies) == (1 if person == cast.mara else 0)
    # Jo decides nothing in office: whoever only works with the AI has an empty timeline.
    assert reader.get(f"/api/v1/audit/subjects/person/{cast.jo.pk}").json()["results"] == []
    assert "Nothing is recorded here" in text(sign_in(cast.tom).get(f"/audit/subjects/person/{cast.jo.pk}"))


def test_timelines__more_entries__same_number_of_queries(cast: Cast, lived: Pilot, sign_in: SignIn) -> None:
    client = sign_in(cast.tom)
    paths = (f"/audit/subjects/pilot/{SLUG}", f"/audit/subjects/person/{cast.mara.pk}")

    def count() -> list[int]:
        found = []
        for path in paths:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(path).status_code == 200
            found.append(len(queries))
        return found

    count()
    few = count()
    for number in range(5):
        with acting(cast.jo.pk, channel="page"):
            item = items.file(actor=cast.jo, system=cast.system, kind="idea", text=f"Idea {number}", identity="named")
        with acting(cast.mara.pk, channel="page"):
            answers.reply(item, actor=cast.mara, text="Yes.")
    assert count() == few
    assert max(few) <= 40


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("pilot/none", 404),
        ("request/0", 404),
        ("request/٣", 404),
        ("request/" + "9" * 30, 404),
        ("request/x", 404),
        ("person/nobody", 404),
        ("person/00000000-0000-0000-0000-000000000000", 404),
        ("item/FB-0", 404),
        ("unit/1", 404),
        (f"pilot/{SLUG}?cursor=x", 422),
        (f"pilot/{SLUG}?only=portal.apikey", 422),
    ],
)
def test_timeline__unknown_or_malformed__is_refused(cast: Cast, lived: Pilot, sign_in: SignIn, address: str, status: int) -> None:
    for prefix in ("/audit/subjects/", "/api/v1/audit/subjects/"):
        assert sign_in(cast.tom).get(prefix + address).status_code == status


def test_record__head_of_a_subject__leads_to_its_timeline(cast: Cast, lived: Pilot, sign_in: SignIn) -> None:
    client = sign_in(cast.tom)
    assert f"/audit/subjects/pilot/{SLUG}" in text(client.get(f"/audit/records/governance.pilot/{lived.pk}"))
    assert f"/audit/subjects/person/{cast.jo.pk}" in text(client.get(f"/audit/records/portal.person/{cast.jo.pk}"))


def test_signature__list_and_record__in_plain_words_with_its_request_and_receipt(cast: Cast, lived: Pilot, sign_in: SignIn) -> None:
    client, signature = sign_in(cast.tom), Signature.objects.order_by("pk").last()
    assert signature is not None
    listed = text(client.get("/audit", {"q": f"object:governance.signature/{signature.pk}"}))
    assert f"approved request R-{signature.request_id}" in listed
    assert "<small>id</small>" not in listed
    page = text(client.get(f"/audit/records/governance.signature/{signature.pk}"))
    receipt = f"/requests/{signature.request_id}/signatures/{signature.pk}/receipt"
    assert f'href="/requests/{signature.request_id}">Request R-{signature.request_id}</a>' in page
    assert f'href="{receipt}"' in page
    assert client.get(receipt).status_code == 409  # hers to take once it is sealed


@pytest.mark.parametrize(("query", "finds"), [("request:{r}", True), ("request:R-{r}", True), ("pilot:{p}", True), ("item:1", False)])
def test_search__a_subject__finds_all_that_belongs_to_it(cast: Cast, lived: Pilot, sign_in: SignIn, query: str, *, finds: bool) -> None:
    given = {"r": ExpansionRequest.objects.get().pk, "p": SLUG}
    page = sign_in(cast.tom).get("/audit", {"q": query.format(**given) + " kind:signature"})
    assert ("approved request" in text(page)) is finds
    assert page.status_code == (200 if finds else 422)
    if not finds:
        assert "There is no item “1”" in text(page)
