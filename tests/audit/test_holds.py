"""Legal holds: they block retention and erasure, two people release them, and the database holds to it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable

import psycopg
import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from audit.context import acting
from audit.keeping import erasure, holds, retention
from audit.models import Entry, LegalHold, Payload, RetentionPolicy
from audit.services import record
from portal import clock
from portal.models import Notice, Person, Role
from portal.services.notices import raise_due
from tests import factories
from tests.audit.test_keeping import PASSWORD, aged, given_password
from tests.cast import Cast
from tests.services import Database

SignIn = Callable[[Person], Client]


@pytest.fixture
def uma(cast: Cast) -> Person:
    """The second person in compliance."""
    person = factories.person("Uma Second", cast.company)
    factories.role(person, Role.COMPLIANCE, cast.company)
    return given_password(person)


@pytest.fixture
def two(cast: Cast, uma: Person, sign_in: SignIn) -> tuple[Client, Client]:
    given_password(cast.tom)
    return sign_in(cast.tom), sign_in(uma)


def test_hold__released_over_pages__takes_two_people_and_their_passwords(cast: Cast, two: tuple[Client, Client]) -> None:
    tom, uma = two
    placed = tom.post("/audit/keeping/holds/new", {"kind": "person", "what": cast.jo.staff_number, "reason": "Case 7"})
    assert placed.status_code == 302
    url = placed["Location"]
    assert "Case 7" in tom.get(f"/audit/records/portal.person/{cast.jo.pk}").content.decode()
    assert tom.post(f"{url}/release", {"reason": "Settled", "password": "wrong"}).status_code == 422
    assert tom.post(f"{url}/release", {"reason": "Settled", "password": PASSWORD}).status_code == 302
    raise_due(clock.now())
    told = Notice.objects.filter(kind="audit.second-needed").values_list("recipient__name", flat=True)
    assert set(told) == {"Uma Second"}
    assert tom.post(f"{url}/confirm", {"password": PASSWORD}).status_code == 409
    assert holds.in_force().count() == 1
    assert uma.post(f"{url}/confirm", {"password": PASSWORD}).status_code == 302
    assert holds.in_force().count() == 0
    assert uma.post(f"{url}/confirm", {"password": PASSWORD}).status_code == 409
    assert Entry.objects.filter(model="audit.legalhold", ver__isnull=False).count() == 3


def test_hold__turned_down__stays(cast: Cast, two: tuple[Client, Client]) -> None:
    tom, uma = two
    url = tom.post("/audit/keeping/holds/new", {"kind": "person", "what": cast.jo.staff_number, "reason": "Case 7"})["Location"]
    tom.post(f"{url}/release", {"reason": "Settled", "password": PASSWORD})
    assert uma.post(f"{url}/keep").status_code == 302
    hold = LegalHold.objects.get()
    assert (hold.in_force, hold.release_asked_by) == (True, None)


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("person", "Nobody Such"),
        ("object", "portal.person"),
        ("object", "portal.person/none"),
        ("query", "free words"),
        ("query", ""),
        ("query", "after:yesterday"),
        ("query", "-action:signed"),
        ("query", "action:a action:b"),
        ("other", "x"),
    ],
)
def test_hold__what_cannot_be_read__is_refused(two: tuple[Client, Client], kind: str, what: str) -> None:
    assert two[0].post("/audit/keeping/holds/new", {"kind": kind, "what": what, "reason": "Case"}).status_code == 422
    assert not LegalHold.objects.exists()


@pytest.mark.parametrize("kind", ["person", "object", "query"])
def test_hold__of_each_kind__blocks_retention_and_erasure(erasing: Database, cast: Cast, uma: Person, kind: str) -> None:
    with acting(cast.jo.pk):
        kept = record("audit.backup-made", obj=cast.jo)
    with acting(cast.outsider.pk):
        gone = record("audit.backup-made", obj=cast.outsider)
    what = {"person": cast.jo.staff_number, "object": f"portal.person/{cast.jo.pk}", "query": f"actor:{cast.jo.pk} action:backup"}[kind]
    with acting(cast.tom.pk):
        asked = erasure.ask(actor=cast.tom.pk, person=cast.jo.staff_number, why="asked")
        holds.place(actor=cast.tom.pk, kind=kind, what=what, reason="Case 7")
    with acting(uma.pk):
        asked = erasure.confirm(asked, actor=uma.pk)
    assert erasure.erase_confirmed() == 0
    asked.refresh_from_db()
    assert "Legal hold H-" in asked.refused
    assert Person.objects.get(pk=cast.jo.pk).name == "Jo Okafor"
    aged(erasing, 400)
    with acting(cast.tom.pk):
        RetentionPolicy.objects.create(data_class="act", keep_days=90, set_by=cast.tom.pk, set_at=dt.datetime.now(dt.UTC))
    assert retention.preview("act", 90).going[0].held == 1
    retention.expire_all()
    assert Payload.objects.filter(entry=kept).exists()
    assert not Payload.objects.filter(entry=gone).exists()


def test_hold__database__refuses_one_person_edits_and_deletion(erasing: Database, cast: Cast, uma: Person) -> None:
    with acting(cast.tom.pk):
        hold = holds.place(actor=cast.tom.pk, kind="person", what=cast.jo.staff_number, reason="Case 7")
    now = dt.datetime.now(dt.UTC)
    asked = {"release_asked_by": cast.tom.pk, "release_asked_at": now, "release_reason": "x"}
    with acting(cast.tom.pk):
        LegalHold.objects.filter(pk=hold.pk).update(**asked)
    with acting(cast.tom.pk), pytest.raises(DatabaseError, match="two people"), transaction.atomic():
        LegalHold.objects.filter(pk=hold.pk).update(released_by=cast.tom.pk, released_at=now)
    with erasing.connect("lm_app") as app:
        for attack in (
            "delete from audit_legalhold",
            "truncate audit_legalhold",
            "update audit_legalhold set person = gen_random_uuid()",
            "update audit_legalhold set reason = 'other'",
            "update audit_legalhold set release_asked_by = gen_random_uuid(), released_by = gen_random_uuid(), released_at = now()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(attack)


def test_hold__api__is_like_the_pages(cast: Cast, two: tuple[Client, Client]) -> None:
    tom, uma = two

    def post(client: Client, path: str, **body: str) -> tuple[int, dict[str, object]]:
        answer = client.post(f"/api/v1/audit/{path}", json.dumps(body), content_type="application/json")
        return answer.status_code, answer.json()

    status, hold = post(tom, "holds", kind="query", what="action:signed after:2026-01-01", reason="Inquiry")
    assert (status, hold["what"]) == (201, "actions such as signed, from 2026-01-01 00:00 UTC")
    assert post(tom, f"holds/{hold['id']}/release", reason="Over", password=PASSWORD)[0] == 200
    assert post(tom, f"holds/{hold['id']}/confirm", password=PASSWORD)[0] == 409
    assert post(uma, f"holds/{hold['id']}/confirm", password=PASSWORD)[1]["in_force"] is False
    assert tom.get("/api/v1/audit/holds").json()["results"][0]["released_by"] == "Uma Second"
