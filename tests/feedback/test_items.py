"""The suggestion box through the API and the pages."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from audit.models import Entry
from audit.services import system_actor
from feedback import workflow
from feedback.models import Item, ItemAuthor, Voice
from portal import clock
from portal.models import Notice
from tests.feedback.told import send, shown


def filed(api: Any, person: Any, **body: Any) -> dict[str, Any]:
    values = {"system": "route-optimiser", "kind": "problem", "text": "It sends me through the school street at 8:15"} | body
    response = api(person).post("/api/v1/items", values)
    assert response.status_code == 201, response.content
    found: dict[str, Any] = response.json()
    return found


def test_file__named__has_a_number_and_a_promised_day(cast: Any, api: Any) -> None:
    with clock.at(dt.datetime(2026, 11, 20, 15, 0, tzinfo=dt.UTC)):  # a Friday
        made = filed(api, cast.jo)
    assert made["ref"].startswith("FB-")
    assert made["author"] == "Jo Okafor"
    assert made["unit"] == "/brightline/northfield/"
    assert made["reply_due"] == "2026-11-27"
    assert (made["status"], made["voices"], made["answered"]) == ("new", 0, False)


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"kind": "rant"}, "/kind", "kind_unknown"),
        ({"text": "  "}, "/text", "required"),
        ({"text": "x" * 4001}, "/text", "too_long"),
        ({"identity": "anonymous"}, "/identity", "anonymous_elsewhere"),
        ({"severity": "huge"}, "/severity", "severity_unknown"),
        ({"recommendation": "AL-404"}, "/recommendation", "recommendation_unknown"),
    ],
)
def test_file__wrong__says_where(cast: Any, api: Any, body: dict[str, str], pointer: str, code: str) -> None:
    values = {"system": "route-optimiser", "kind": "problem", "text": "x"} | body
    response = api(cast.jo).post("/api/v1/items", values)
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    if code == "anonymous_elsewhere":
        assert "/anonymous/items" in error["detail"]
    assert not Item.objects.exists()


def test_file__about_a_recommendation__freezes_it(cast: Any, api: Any, system_key: Any) -> None:
    send(system_key(cast.system), shown("AL-1"))
    made = filed(api, cast.jo, recommendation="AL-1")
    about = made["recommendation"]
    assert (about["id"], about["version"], about["confidence"]) == ("AL-1", "2.4.0", "0.68")
    assert about["content"]["text"].startswith("Swap stop 4")
    assert about["explanation"]["pct_similar"] == 92


def test_file__somebody_elses_recommendation__is_unknown(cast: Any, api: Any, system_key: Any) -> None:
    send(system_key(cast.system), shown("AL-1"))
    values = {"system": "route-optimiser", "kind": "problem", "text": "x", "recommendation": "AL-1"}
    assert api(cast.colleagues[0]).post("/api/v1/items", values).status_code == 422


def test_file__same_idempotency_key__files_once(cast: Any, api: Any) -> None:
    client, body = api(cast.jo), {"system": "route-optimiser", "kind": "idea", "text": "Bigger buttons"}
    first = client.post("/api/v1/items", body, Idempotency_Key="k1")
    again = client.post("/api/v1/items", body, Idempotency_Key="k1")
    assert first.json()["ref"] == again.json()["ref"]
    assert Item.objects.count() == 1


def test_file__by_the_tool__is_the_persons_and_about_the_tool_alone(cast: Any, system_key: Any, api: Any) -> None:
    from tests import factories

    key = system_key(cast.system)
    body = {"system": "route-optimiser", "kind": "friction", "text": "The map flickers", "person": "NF-117"}
    made = key.post("/api/v1/items", body)
    assert made.status_code == 201, made.content
    assert made.json()["author"] == "Jo Okafor"
    assert key.post("/api/v1/items", body | {"person": "nobody"}).status_code == 422
    factories.system("line-vision", cast.company)
    assert key.post("/api/v1/items", body | {"system": "line-vision"}).status_code == 404
    assert system_key(cast.system, "events:write").post("/api/v1/items", body).status_code == 403
    assert key.get("/api/v1/items").status_code == 403
    assert api(cast.jo).get(f"/api/v1/items/{made.json()['ref']}").status_code == 200


def test_file__by_the_tool_in_somebodys_name__says_so_on_the_page_and_in_the_entry(
    cast: Any, system_key: Any, api: Any, sign_in: Any
) -> None:
    body = {"system": "route-optimiser", "kind": "friction", "text": "The map flickers"}
    by_tool = system_key(cast.system).post("/api/v1/items", body | {"person": cast.mara.staff_number}).json()["ref"]
    assert "by Route optimiser for Mara Lindqvist" in sign_in(cast.jo).get(f"/items/{by_tool}").content.decode()
    entry = Entry.objects.get(model="feedback.item", object=by_tool.removeprefix("FB-"), action="created")
    assert (entry.actor, entry.on_behalf) == (system_actor("system:route-optimiser"), cast.mara.pk)
    own = api(cast.mara).post("/api/v1/items", body).json()["ref"]
    page = sign_in(cast.jo).get(f"/items/{own}").content.decode()
    assert "by Mara Lindqvist" in page
    assert "Route optimiser for" not in page


def test_file__by_the_tool_in_confidence__names_nobody_in_the_entry(cast: Any, system_key: Any) -> None:
    body = {"system": "route-optimiser", "kind": "concern", "text": "It knows my breaks", "person": "NF-117"}
    ref = system_key(cast.system).post("/api/v1/items", body).json()["ref"]
    entry = Entry.objects.get(model="feedback.item", object=ref.removeprefix("FB-"), action="created")
    assert entry.on_behalf is None
    assert not Entry.objects.filter(on_behalf=cast.jo.pk).exists()


def test_file__by_page__takes_kind_sentence_and_name(cast: Any, sign_in: Any) -> None:
    browser = sign_in(cast.jo)
    page = browser.get("/feedback/new")
    assert page.status_code == 200
    assert "/anonymous/new" in page.content.decode()
    wrong = browser.post("/feedback/new", {"system": "route-optimiser", "kind": "friction", "text": ""})
    assert wrong.status_code == 422
    done = browser.post(
        "/feedback/new", {"system": "route-optimiser", "kind": "friction", "text": "Buttons too small", "identity": "named"}
    )
    assert done.status_code == 302
    receipt = browser.get(done["Location"]).content.decode()
    item = Item.objects.get()
    assert item.ref in receipt
    assert item.author == cast.jo


def test_concern__by_default__is_confidential_and_goes_to_compliance(cast: Any, api: Any, sign_in: Any) -> None:
    made = filed(api, cast.jo, kind="concern", text="It watches my breaks")
    assert (made["identity"], made["author"], made["unit"]) == ("confidential", None, "/brightline/")
    ref = made["ref"]
    assert api(cast.jo).get(f"/api/v1/items/{ref}").status_code == 200
    assert api(cast.tom).get(f"/api/v1/items/{ref}").status_code == 200
    for other in (cast.mara, cast.helen, cast.sam, cast.colleagues[0]):
        assert api(other).get(f"/api/v1/items/{ref}").status_code == 404
        assert api(other).get("/api/v1/items").json()["results"] == []
    assert Notice.objects.filter(kind="feedback.needs-answer", recipient=cast.tom).exists()
    assert not Notice.objects.filter(recipient=cast.mara).exists()
    assert api(cast.tom).post(f"/api/v1/items/{ref}/replies", {"text": "It does not, and here is why."}).status_code == 201


def test_confidential__author__stands_in_no_version_entry_or_notice(cast: Any, api: Any) -> None:
    made = filed(api, cast.jo, identity="confidential", text="The depot lead switches it off")
    api(cast.jo).post(f"/api/v1/items/{made['ref']}/replies", {"text": "Every Friday"})
    api(cast.mara).post(f"/api/v1/items/{made['ref']}/replies", {"text": "Thank you"})
    assert ItemAuthor.objects.get().person == cast.jo
    jo = str(cast.jo.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_entry WHERE actor::text = %s AND model LIKE 'feedback.%%'", [jo])
        assert cursor.fetchone()[0] == 0
        cursor.execute("SELECT e::text FROM audit_entry e WHERE model LIKE 'feedback.%%'")
        assert not [row for row in cursor.fetchall() if jo in row[0]]
        for table in ("feedback_historicalitem", "feedback_historicalreply"):
            cursor.execute(f"SELECT t::text FROM {table} t")
            rows = [row[0] for row in cursor.fetchall()]
            assert rows
            assert not [row for row in rows if jo in row or cast.jo.name in row]
    told = Notice.objects.get(recipient=cast.jo)
    assert told.kind == "feedback.answered", "the same kind that a voice gets: its entry must not say that there is an author"
    assert made["ref"] not in f"{told.dedupe_key} {told.subject} {told.context} {told.url}"


def test_confidential__a_look_at_the_name__needs_a_reason_and_is_recorded(cast: Any, api: Any, sign_in: Any) -> None:
    ref = filed(api, cast.jo, identity="confidential")["ref"]
    assert sign_in(cast.mara).post(f"/items/{ref}/name", {"reason": "curious"}).status_code == 403
    compliance = sign_in(cast.tom)
    assert cast.jo.name not in compliance.get(f"/items/{ref}").content.decode()
    assert compliance.post(f"/items/{ref}/name", {"reason": " "}).status_code == 422
    page = compliance.post(f"/items/{ref}/name", {"reason": "Protect the author from reprisal"})
    assert cast.jo.name in page.content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT actor::text FROM audit_entry WHERE action = 'feedback.name-looked-at'")
        assert cursor.fetchall() == [(str(cast.tom.pk),)]


def test_voice__put_and_delete__are_idempotent(cast: Any, api: Any) -> None:
    ref = filed(api, cast.jo)["ref"]
    colleague = api(cast.colleagues[0])
    for _turn in range(3):
        assert colleague.put(f"/api/v1/items/{ref}/voice").json() == {"ref": ref, "voices": 1, "my_voice": True}
    assert api(cast.colleagues[1]).put(f"/api/v1/items/{ref}/voice").json()["voices"] == 2
    for _turn in range(2):
        assert colleague.delete(f"/api/v1/items/{ref}/voice").json()["voices"] == 1
    assert colleague.get(f"/api/v1/items/{ref}").json()["my_voice"] is False


@pytest.mark.slow
def test_voice__fifty_at_once__count_once(committed_db: Any, cast: Any, api: Any) -> None:
    ref = filed(api, cast.jo)["ref"]
    from tests import factories
    from tests.cast import Api

    key = factories.key(person=cast.colleagues[0], scopes=["read", "write"])
    ready, answers = threading.Barrier(50), []

    def call() -> None:
        client = Api(key)
        ready.wait()
        try:
            answers.append(client.put(f"/api/v1/items/{ref}/voice").json()["voices"])
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [1] * 50
    assert Voice.objects.count() == 1
    assert Item.objects.get().voice_count == 1


def test_reply__by_the_lead__answers_and_tells_author_and_voices(cast: Any, api: Any) -> None:
    ref = filed(api, cast.jo)["ref"]
    api(cast.colleagues[0]).put(f"/api/v1/items/{ref}/voice")
    response = api(cast.mara).post(f"/api/v1/items/{ref}/replies", {"text": "Routes avoid school streets from Monday."})
    assert response.status_code == 201
    read = api(cast.jo).get(f"/api/v1/items/{ref}").json()
    assert read["answered"] is True
    assert read["replies"][0]["writer"] == "Mara Lindqvist"
    assert set(Notice.objects.filter(kind="feedback.answered", channel="app").values_list("recipient", flat=True)) == {
        cast.jo.pk,
        cast.colleagues[0].pk,
    }


def test_reply__by_others__is_forbidden(cast: Any, api: Any) -> None:
    ref = filed(api, cast.jo)["ref"]
    for other in (cast.colleagues[0], cast.helen, cast.sam, cast.tom):
        assert api(other).post(f"/api/v1/items/{ref}/replies", {"text": "Me"}).status_code == 403
        assert api(other).post(f"/api/v1/items/{ref}/status", {"status": "done", "words": "x"}).status_code == 403


def test_status__without_words__is_refused(cast: Any, api: Any) -> None:
    ref = filed(api, cast.jo)["ref"]
    response = api(cast.mara).post(f"/api/v1/items/{ref}/status", {"status": "planned", "words": " "})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/words"


def test_status__not_in_the_table__is_a_conflict_that_names_what_is(cast: Any, api: Any) -> None:
    ref = filed(api, cast.jo)["ref"]
    lead = api(cast.mara)
    assert lead.post(f"/api/v1/items/{ref}/status", {"status": "done", "words": "Shipped in 2.5"}).status_code == 200
    response = lead.post(f"/api/v1/items/{ref}/status", {"status": "planned", "words": "Again"})
    assert response.status_code == 409
    assert response.json()["allowed"] == ["reopened"]
    history = lead.post(f"/api/v1/items/{ref}/status", {"status": "reopened", "words": "It came back"}).json()
    assert (history["status"], history["answered"]) == ("reopened", False)
    assert [step["words"] for step in history["history"]] == ["Shipped in 2.5", "It came back"]


@given(st.lists(st.sampled_from(workflow.STATUSES), max_size=12))
def test_workflow__any_walk__keeps_to_the_table(walk: list[str]) -> None:
    status = workflow.NEW
    for to in walk:
        if not workflow.may_move(status, to):
            assert to not in workflow.moves_from(status)
            continue
        assert to in workflow.moves_from(status)
        assert to != status
        if status in workflow.CLOSED:
            assert to == workflow.REOPENED
        assert to != workflow.NEW
        status = to
    assert workflow.moves_from(status), "no dead end"


def test_item_page__you_said_we_did__stand_together(cast: Any, api: Any, sign_in: Any) -> None:
    ref = filed(api, cast.jo)["ref"]
    lead = sign_in(cast.mara)
    page = lead.get(f"/items/{ref}").content.decode()
    assert "Not answered yet" in page
    moved = lead.post(f"/items/{ref}/status", {"status": "done", "words": "41 school streets are avoided now."})
    assert moved.status_code == 302
    page = sign_in(cast.jo).get(f"/items/{ref}").content.decode()
    assert "You said" in page
    assert "41 school streets are avoided now." in page
    assert "Move it" not in page
    home = sign_in(cast.jo).get("/").content.decode()
    assert "41 school streets are avoided now." in home


def test_voice__of_the_author__counts_already(cast: Any, api: Any, sign_in: Any) -> None:
    ref = filed(api, cast.jo)["ref"]
    jo = sign_in(cast.jo)
    assert "Me too" not in jo.get(f"/items/{ref}").content.decode()
    assert jo.post(f"/items/{ref}/voice").status_code == 302
    assert Item.objects.get().people == 1
    assert api(cast.jo).put(f"/api/v1/items/{ref}/voice").json() == {"ref": ref, "voices": 0, "my_voice": False}
    api(cast.colleagues[0]).put(f"/api/v1/items/{ref}/voice")
    assert Item.objects.get().people == 2
    assert f"{cast.jo.name} and 1 other," in jo.get(f"/items/{ref}").content.decode()


def test_item_page__voice_and_reply__post_and_redirect(cast: Any, api: Any, sign_in: Any) -> None:
    ref = filed(api, cast.jo)["ref"]
    colleague = sign_in(cast.colleagues[0])
    assert colleague.post(f"/items/{ref}/voice").status_code == 302
    assert Item.objects.get().voice_count == 1
    assert "You too" in colleague.get(f"/items/{ref}").content.decode()
    colleague.post(f"/items/{ref}/voice", {"withdraw": "1"})
    assert Item.objects.get().voice_count == 0
    assert colleague.post(f"/items/{ref}/reply", {"text": "x"}).status_code == 403
    assert sign_in(cast.jo).post(f"/items/{ref}/reply", {"text": "Only on school days"}).status_code == 302
    assert sign_in(cast.mara).post(f"/items/{ref}/status", {"status": "planned", "words": ""}).status_code == 422


def test_box__another_company__sees_nothing(cast: Any, api: Any) -> None:
    from tests import factories

    ref = filed(api, cast.jo)["ref"]
    stranger = factories.person("Nils Berg", factories.unit("elsewhere"))
    assert api(stranger).get(f"/api/v1/items/{ref}").status_code == 404
    assert api(stranger).get("/api/v1/items").json()["results"] == []


def test_box__filters_sorts_and_pages(cast: Any, api: Any) -> None:
    refs = [filed(api, cast.jo, kind=kind, text=kind)["ref"] for kind in ("idea", "problem", "praise")]
    api(cast.colleagues[0]).put(f"/api/v1/items/{refs[1]}/voice")
    reader = api(cast.mara)

    def listed(query: str) -> list[str]:
        return [item["ref"] for item in reader.get(f"/api/v1/items?{query}").json()["results"]]

    assert listed("") == refs[::-1]
    assert listed("sort=reach") == [refs[1], refs[2], refs[0]]
    assert listed("sort=stale") == refs
    assert listed("kind=idea") == [refs[0]]
    assert listed("waiting=1&sort=new") == refs[::-1]
    assert listed("status=done") == []
    first = reader.get("/api/v1/items?limit=2").json()
    second = reader.get(f"/api/v1/items?limit=2&cursor={first['next']}").json()
    assert [item["ref"] for item in first["results"] + second["results"]] == refs[::-1]
    assert second["next"] is None


@pytest.mark.parametrize("address", ["/items", "/items?sort=reach", "/items?waiting=1"])
def test_box__more_items__no_more_queries(cast: Any, api: Any, sign_in: Any, address: str) -> None:
    browser = sign_in(cast.mara)
    filed(api, cast.jo)
    filed(api, cast.jo, identity="confidential")
    browser.get(address)
    with CaptureQueriesContext(connection) as few:
        browser.get(address)
    for number in range(12):
        filed(api, cast.colleagues[number % 5], identity="named" if number % 2 else "confidential")
    with CaptureQueriesContext(connection) as many:
        assert browser.get(address).status_code == 200
    assert len(many) == len(few)


def test_late__after_the_promised_day__reminds_the_lead_once_a_week(cast: Any, api: Any) -> None:
    from portal.services.notices import raise_due
    from tests.factories import by_test

    start = dt.datetime(2026, 11, 2, 9, 0, tzinfo=dt.UTC)
    with clock.at(start):
        ref = filed(api, cast.jo)["ref"]
    late = Notice.objects.filter(kind="feedback.reply-late", channel="app")
    for days, expected in ((7, 0), (8, 1), (8, 1), (10, 1), (15, 2)):  # promised for 9 November; day 9 was missed
        with by_test(), clock.at(start + dt.timedelta(days=days)):
            raise_due(clock.now())
        assert late.count() == expected, days
    assert set(late.values_list("recipient", flat=True)) == {cast.mara.pk}
    with clock.at(start + dt.timedelta(days=16)):
        page = api(cast.mara).get(f"/api/v1/items/{ref}").json()
    assert page["late"] is True


def test_home__lead__sees_what_waits_for_an_answer(cast: Any, api: Any, sign_in: Any) -> None:
    filed(api, cast.jo)
    assert "1 item waits for an answer" in sign_in(cast.mara).get("/").content.decode()
    assert "waits for an answer" not in sign_in(cast.jo).get("/").content.decode()


def test_mail__of_each_kind__says_what_happened(cast: Any, api: Any, mailoutbox: list[Any]) -> None:
    from portal.services import notices
    from tests.factories import by_test

    start = dt.datetime(2026, 11, 2, 9, 0, tzinfo=dt.UTC)
    with clock.at(start):
        ref = filed(api, cast.colleagues[0], text="It sends me through the school street")["ref"]
        hidden = filed(api, cast.colleagues[1], identity="confidential", text="A secret thing")["ref"]
        filed(api, cast.jo, kind="incident", text="A near miss")
    with clock.at(start + dt.timedelta(days=9)):
        with by_test():
            notices.raise_due(clock.now())
        for one in (ref, hidden):
            api(cast.mara).post(f"/api/v1/items/{one}/replies", {"text": "Routes avoid it from Monday"})
        api(cast.mara).post(f"/api/v1/items/{ref}/status", {"status": "done", "words": "Shipped in 2.5"})
        notices.deliver()
    first = {mail.subject: mail for mail in mailoutbox}
    assert "There is news about something you filed" not in first, "it waits for the morning"
    with clock.at(start + dt.timedelta(days=10)):
        notices.deliver()
    mails = {mail.subject: mail for mail in mailoutbox}
    for subject, words in {
        f"{ref} was answered": "Routes avoid it from Monday",
        f"{ref} is now: Done": "Shipped in 2.5",
        f"{ref} waits for an answer since 2026-11-09": "was promised an answer by 2026-11-09",
        "There is news about something you filed": "does not say which",
    }.items():
        html = mails[subject].alternatives[0][0]
        assert words in " ".join(mails[subject].body.split())
        assert words in " ".join(html.split())
    secret = mails["There is news about something you filed"]
    assert secret.to == [cast.colleagues[1].email]
    assert hidden not in secret.body
    assert "A secret thing" not in secret.body + secret.alternatives[0][0]
    assert any("A near miss" in mail.body for mail in mailoutbox if mail.to == [cast.mara.email])
