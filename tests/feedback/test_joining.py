"""Follow, comment, mention, edit, say whether it was fixed, merge and part: through the API, as people do it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from audit.models import Entry, Payload
from feedback.models import Follow, Item, Merge, Verdict, Voice
from portal.models import Notice
from tests.feedback.test_items import filed


def done(api: Any, cast: Any, ref: str) -> None:
    move = api(cast.mara).post(f"/api/v1/items/{ref}/status", {"status": "done", "words": "The dock is in the map now"})
    assert move.status_code == 200, move.content


def told(kind: str) -> set[Any]:
    return set(Notice.objects.filter(kind=kind, channel="app").values_list("recipient", flat=True))


def test_follow_and_mute__change_who_hears(cast: Any, api: Any) -> None:
    ref = filed(api, cast.jo)["ref"]
    ada, ben, carla = (api(person) for person in cast.colleagues[:3])
    assert ada.put(f"/api/v1/items/{ref}/follow", {"choice": "follow"}).json() == {"choice": "follow"}
    assert ada.put(f"/api/v1/items/{ref}/follow", {"choice": "follow"}).status_code == 200
    ben.put(f"/api/v1/items/{ref}/voice")
    ben.put(f"/api/v1/items/{ref}/follow", {"choice": "mute"})
    carla.put(f"/api/v1/items/{ref}/follow", {"choice": "follow"})
    carla.put(f"/api/v1/items/{ref}/follow", {"choice": "neither"})
    assert ada.put(f"/api/v1/items/{ref}/follow", {"choice": "loudly"}).status_code == 422
    done(api, cast, ref)
    assert told("feedback.moved") == {cast.jo.pk, cast.colleagues[0].pk}


def test_follow__by_a_confidential_author__is_refused_and_leaves_no_row(cast: Any, api: Any) -> None:
    ref = filed(api, cast.jo, identity="confidential")["ref"]
    answer = api(cast.jo).put(f"/api/v1/items/{ref}/follow", {"choice": "mute"})
    assert answer.json()["errors"][0]["code"] == "would_name_you"
    assert not Follow.history.exists()


def test_comment__with_mentions__tells_those_who_may_read_it(cast: Any, api: Any) -> None:
    ref = filed(api, cast.jo)["ref"]
    text = "@mara.lindqvist no, @mara and @NF-117: see dock 7. mail@mara.example is none, @nobody neither."
    made = api(cast.colleagues[0]).post(f"/api/v1/items/{ref}/comments", {"text": text})
    assert made.status_code == 201, made.content
    assert told("feedback.mentioned") == {cast.mara.pk, cast.jo.pk}
    whole = api(cast.colleagues[1]).get(f"/api/v1/items/{ref}").json()
    assert [(reply["side"], reply["writer"]) for reply in whole["replies"]] == [("comment", "Ada Novak")]
    assert not whole["answered"]


def test_note__is_read_by_those_who_answer_alone(cast: Any, api: Any, sign_in: Any) -> None:
    ref = filed(api, cast.jo)["ref"]
    canary = "Canary: ask the vendor first"
    made = api(cast.mara).post(f"/api/v1/items/{ref}/comments", {"text": f"{canary} @NF-117", "internal": True})
    assert made.status_code == 201
    assert told("feedback.mentioned") == set()
    assert api(cast.jo).post(f"/api/v1/items/{ref}/comments", {"text": "x", "internal": True}).status_code == 403
    reply = made.json()["id"]
    for person in (cast.jo, cast.colleagues[0], cast.helen, cast.tom):
        caller = api(person)
        assert canary not in caller.get(f"/api/v1/items/{ref}").content.decode()
        assert canary not in caller.get(f"/api/v1/items/{ref}/edits").content.decode()
        assert caller.put(f"/api/v1/items/{ref}/replies/{reply}/text", {"text": "x"}).status_code == 404
        assert canary not in sign_in(person).get(f"/items/{ref}").content.decode()
    assert canary in api(cast.mara).get(f"/api/v1/items/{ref}").content.decode()


def test_edit__own_words__keeps_what_they_were(cast: Any, api: Any) -> None:
    ref = filed(api, cast.jo)["ref"]
    edited = api(cast.jo).put(f"/api/v1/items/{ref}/text", {"text": "Dock 7 is closed on Fridays"})
    assert edited.json()["text"] == "Dock 7 is closed on Fridays"
    assert edited.json()["edited_at"]
    assert [row["text"] for row in api(cast.mara).get(f"/api/v1/items/{ref}/edits").json()] == [
        "It sends me through the school street at 8:15",
        "Dock 7 is closed on Fridays",
    ]
    assert api(cast.mara).put(f"/api/v1/items/{ref}/text", {"text": "x"}).status_code == 403
    done(api, cast, ref)
    assert api(cast.jo).put(f"/api/v1/items/{ref}/text", {"text": "x"}).json()["code"] == "item_closed"


def test_edit__by_a_confidential_author__names_nobody(cast: Any, api: Any) -> None:
    ref = filed(api, cast.jo, identity="confidential")["ref"]
    assert api(cast.jo).put(f"/api/v1/items/{ref}/text", {"text": "Other words"}).status_code == 200
    assert not Entry.objects.filter(actor=cast.jo.pk, model="feedback.item").exists()
    assert not Item.history.filter(history_user_id=cast.jo.pk).exists()


def test_verdict__no__reopens_with_a_new_promise(cast: Any, api: Any) -> None:
    ref = filed(api, cast.jo)["ref"]
    api(cast.colleagues[0]).put(f"/api/v1/items/{ref}/voice")
    assert api(cast.jo).put(f"/api/v1/items/{ref}/verdict", {"fixed": True}).json()["code"] == "not_done"
    done(api, cast, ref)
    assert api(cast.colleagues[1]).put(f"/api/v1/items/{ref}/verdict", {"fixed": True}).status_code == 403
    assert api(cast.jo).put(f"/api/v1/items/{ref}/verdict", {"fixed": True}).json()["status"] == "done"
    no = api(cast.colleagues[0]).put(f"/api/v1/items/{ref}/verdict", {"fixed": False, "words": "Not for trucks"})
    assert no.json()["status"] == "reopened"
    whole = api(cast.jo).get(f"/api/v1/items/{ref}").json()
    assert (whole["answered"], whole["history"][-1]["words"]) == (False, "Not for trucks")
    assert told("feedback.not-fixed") == {cast.mara.pk}
    assert api(cast.jo).put(f"/api/v1/items/{ref}/verdict", {"fixed": False}).status_code == 200
    assert Verdict.objects.filter(fixed=False).count() == 2


def test_verdict__of_a_confidential_author__names_nobody(cast: Any, api: Any) -> None:
    ref = filed(api, cast.jo, identity="confidential")["ref"]
    done(api, cast, ref)
    assert api(cast.jo).put(f"/api/v1/items/{ref}/verdict", {"fixed": False, "words": "Still so"}).json()["status"] == "reopened"
    assert not Entry.objects.filter(actor=cast.jo.pk).exclude(model__startswith="portal").exists()
    assert not Payload.objects.filter(body__contains=str(cast.jo.pk), entry__model__startswith="feedback").exists()


def test_merge__moves_everything_and_leads_there(cast: Any, api: Any, sign_in: Any) -> None:
    source, target = filed(api, cast.jo)["ref"], filed(api, cast.colleagues[0], text="School street again")["ref"]
    for person in cast.colleagues[1:4]:
        api(person).put(f"/api/v1/items/{source}/voice")
    api(cast.colleagues[1]).put(f"/api/v1/items/{target}/voice")
    api(cast.colleagues[4]).put(f"/api/v1/items/{source}/follow", {"choice": "follow"})
    api(cast.colleagues[0]).post(f"/api/v1/items/{source}/comments", {"text": "The same here"})
    body = {"into": target, "reason": "Both are about the school street"}
    assert api(cast.jo).post(f"/api/v1/items/{source}/merge", body).status_code == 403
    merged = api(cast.mara).post(f"/api/v1/items/{source}/merge", body)
    assert merged.status_code == 200, merged.content
    assert (merged.json()["voices"], merged.json()["people"], len(merged.json()["replies"])) == (4, 5, 1)
    old = api(cast.jo).get(f"/api/v1/items/{source}").json()
    assert (old["merged_into"], old["status"], old["voices"]) == (target, "duplicate", 0)
    page = sign_in(cast.jo).get(f"/items/{source}")
    assert (page.status_code, page["Location"]) == (302, f"/items/{target}?from={source}")
    assert {cast.jo.pk, cast.colleagues[2].pk, cast.colleagues[4].pk} <= told("feedback.merged")
    assert api(cast.colleagues[4]).put(f"/api/v1/items/{source}/voice").json()["voices"] == 5
    done(api, cast, target)
    assert {cast.jo.pk, cast.colleagues[4].pk} <= told("feedback.moved")


def test_merge__what_may_not_be_one__is_refused(cast: Any, api: Any) -> None:
    one, concern = filed(api, cast.jo)["ref"], filed(api, cast.jo, kind="concern", identity="named")["ref"]
    incident = filed(api, cast.jo, kind="incident")["ref"]
    lead = api(cast.mara)
    assert lead.post(f"/api/v1/items/{one}/merge", {"into": one, "reason": "x"}).status_code == 422
    assert lead.post(f"/api/v1/items/{one}/merge", {"into": concern, "reason": "x"}).status_code == 404
    assert lead.post(f"/api/v1/items/{incident}/merge", {"into": one, "reason": "x"}).json()["code"] == "incident_apart"
    assert lead.post(f"/api/v1/items/{one}/merge", {"into": incident, "reason": " "}).status_code == 422
    other = filed(api, cast.jo)["ref"]
    assert lead.post(f"/api/v1/items/{one}/merge", {"into": other, "reason": "x"}).status_code == 200
    assert lead.post(f"/api/v1/items/{other}/merge", {"into": one, "reason": "x"}).json()["code"] == "merged_already"


def state() -> dict[str, Any]:
    return {
        item.ref: (
            item.voice_count,
            item.carried_count,
            item.merged_into_id,
            frozenset(item.voices.values_list("person", flat=True)),
            frozenset(item.follows.values_list("person", "muted")),
            frozenset(item.replies.values_list("pk", flat=True)),
        )
        for item in Item.objects.all()
    }


@settings(
    max_examples=20, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # items of its own each time
@given(
    voices=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=12),
    follows=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2), st.booleans()), max_size=6),
    nameless=st.booleans(),
)
def test_merge_and_part__any_joining__gives_back_exactly_that(cast: Any, api: Any, voices: Any, follows: Any, nameless: Any) -> None:
    refs = [filed(api, cast.jo, identity="confidential" if nameless else "named")["ref"], filed(api, cast.mara)["ref"]]
    refs.append(filed(api, cast.colleagues[0])["ref"])
    for person, item in voices:
        api(cast.colleagues[person]).put(f"/api/v1/items/{refs[item]}/voice")
    for person, item, muted in follows:
        api(cast.colleagues[person]).put(f"/api/v1/items/{refs[item]}/follow", {"choice": "mute" if muted else "follow"})
    api(cast.jo).post(f"/api/v1/items/{refs[0]}/replies", {"text": "And on Mondays"})
    before, lead = state(), api(cast.mara)
    for source, target in ((0, 1), (1, 2)):
        merged = lead.post(f"/api/v1/items/{refs[source]}/merge", {"into": refs[target], "reason": "The same"})
        assert merged.status_code == 200, merged.content
        for item in Item.objects.all():
            assert item.voice_count == item.voices.count()
    assert lead.post(f"/api/v1/items/{refs[0]}/part", {"words": "Too early"}).json()["code"] == "part_that_first"
    for source in (1, 0):
        assert lead.post(f"/api/v1/items/{refs[source]}/part", {"words": "Not the same after all"}).status_code == 200
    assert state() == before


@pytest.mark.slow
def test_merge_and_part__while_fifty_voices_come_and_go__counts_stay_true(committed_db: Any, cast: Any, api: Any) -> None:
    source, target = filed(api, cast.jo)["ref"], filed(api, cast.mara)["ref"]
    lead, callers = api(cast.mara), [api(person) for person in cast.colleagues]
    wrong: list[int] = []

    def join(number: int) -> None:
        caller = callers[number % 5]
        for call in (caller.put, caller.delete, caller.put) if number % 3 else (caller.put,):
            status = call(f"/api/v1/items/{source if number % 2 else target}/voice").status_code
            if status != 200:
                wrong.append(status)
        connections.close_all()

    def merge_and_part() -> None:
        for _ in range(5):
            assert lead.post(f"/api/v1/items/{source}/merge", {"into": target, "reason": "The same"}).status_code == 200
            assert lead.post(f"/api/v1/items/{source}/part", {"words": "Not the same"}).status_code == 200
        connections.close_all()

    threads = [threading.Thread(target=join, args=(number,)) for number in range(50)] + [threading.Thread(target=merge_and_part)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection.close()
    assert wrong == []
    assert Merge.objects.filter(undone_at=None).count() == 0
    for item in Item.objects.all():
        assert item.voice_count == Voice.objects.filter(item=item).count()
        assert item.carried_count == 0


def test_pages__everything_by_hand(cast: Any, api: Any, sign_in: Any) -> None:
    ref, twin = filed(api, cast.jo)["ref"], filed(api, cast.colleagues[0], text="School street again")["ref"]
    jo, ada, mara = sign_in(cast.jo), sign_in(cast.colleagues[0]), sign_in(cast.mara)
    assert ada.post(f"/items/{ref}/follow", {"choice": "follow"}).status_code == 302
    assert "Following" in ada.get(f"/items/{ref}").content.decode()
    assert ada.post(f"/items/{ref}/comment", {"text": "Here, too"}).status_code == 302
    assert mara.post(f"/items/{ref}/note", {"text": "Ask the vendor"}).status_code == 302
    assert "Ask the vendor" in mara.get(f"/items/{ref}").content.decode()
    assert "Ask the vendor" not in jo.get(f"/items/{ref}").content.decode()
    reply = Item.objects.by_ref(ref).get().replies.get(side="comment")
    assert ada.post(f"/items/{ref}/replies/{reply.pk}/edit", {"text": "Here as well"}).status_code == 302
    assert jo.post(f"/items/{ref}/edit", {"text": "Dock 7 is closed"}).status_code == 302
    edits = jo.get(f"/items/{ref}/edits").content.decode()
    assert "Here, too" in edits
    assert "Dock 7 is closed" in edits
    mara.post(f"/items/{ref}/status", {"status": "done", "words": "Fixed"})
    assert "Did this fix it for you?" in jo.get(f"/items/{ref}").content.decode()
    assert "Did this fix it for you?" not in ada.get(f"/items/{ref}").content.decode()
    assert jo.post(f"/items/{ref}/verdict", {"fixed": "no", "words": ""}).status_code == 302
    assert "Reopened" in jo.get(f"/items/{ref}").content.decode()
    wrong = mara.post(f"/items/{ref}/merge", {"into": "FB-999999", "reason": "The same"})
    assert (wrong.status_code, "no item with this number" in wrong.content.decode()) == (422, True)
    assert mara.post(f"/items/{ref}/merge", {"into": twin, "reason": "The same"})["Location"] == f"/items/{twin}"
    page = mara.get(f"/items/{ref}", follow=True).content.decode()
    assert f"{ref} is part of this item" in page
    assert mara.post(f"/items/{ref}/part", {"words": "Not the same"})["Location"] == f"/items/{ref}"
