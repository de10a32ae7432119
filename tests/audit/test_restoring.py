"""Restoring a version: a new change by the person who asks, over the newest version that they saw; never what was signed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from audit.history import governed_models
from audit.models import Actor, Entry
from audit.subjects import not_restorable, restorable
from portal.models import AISystem, Person, SystemVersion, Unit
from tests import factories
from tests.cast import Api, Cast
from tests.services import Database

SignIn = Callable[[Any], Client]


@pytest.fixture
def renamed(cast: Cast) -> AISystem:
    """A system with three versions: its purpose was rewritten, then its risk tier."""
    for name, value in (("purpose", "Plans routes, and who drives them."), ("risk_tier", "high")):
        with factories.by_test():
            setattr(cast.system, name, value)
            cast.system.save()
    return cast.system


def address(obj: Any, version: int = 1) -> str:
    return f"/audit/restore/{obj._meta.label_lower}/{obj.pk}?version={version}"


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def latest(action: str) -> Entry:
    return Entry.objects.filter(action=action).select_related("payload").latest("id")


def test_restore__system__is_a_new_change_by_the_person_who_asks(cast: Cast, renamed: AISystem, sign_in: SignIn) -> None:
    client = sign_in(cast.tom)
    page = text(client.get(address(renamed)))
    assert "What would change" in page
    assert "who drives them" in page
    # What decides who may do what stays, and the page says so.
    assert re.search(r"What differs and stays as it is now.*risk tier", page)
    answer = client.post(address(renamed), {"current": "3", "reason": "The old words were right"}, follow=True)
    assert "Restored: version 4 has the values of version 1." in text(answer)
    renamed.refresh_from_db()
    assert (renamed.purpose, renamed.risk_tier) == ("Plans the day's delivery routes to save fuel.", "high")
    change, act = latest("changed"), latest("audit.restored")
    assert (change.actor, change.ver, change.fields, change.reason_code) == (cast.tom.pk, 4, ["purpose"], "restored")
    assert "The old words were right" in change.payload.body
    assert (act.model, act.object, act.actor) == ("portal.aisystem", str(renamed.pk), cast.tom.pk)
    assert '"detail":{"fields":["purpose"],"instead_of":3,"new":4,"version":1}' in act.payload.body
    assert AISystem.history.filter(id=renamed.pk).count() == 4


def test_restore__changed_meanwhile__is_refused_and_nothing_is_written(cast: Cast, renamed: AISystem, sign_in: SignIn) -> None:
    answer = sign_in(cast.tom).post(address(renamed), {"current": "2", "reason": "Back"})
    assert answer.status_code == 409
    assert "changed since you looked (version 3 now)" in text(answer)
    assert Entry.objects.filter(model="portal.aisystem", ver__isnull=False).count() == 3
    assert not Entry.objects.filter(action="audit.restored").exists()
    assert latest("audit.refused").actor == cast.tom.pk


@pytest.mark.parametrize(("reason", "words"), [("", "This field is required"), ("   ", "required"), ("x" * 1001, "1000")])
def test_restore__without_a_reason__is_refused(cast: Cast, renamed: AISystem, sign_in: SignIn, reason: str, words: str) -> None:
    answer = sign_in(cast.tom).post(address(renamed), {"current": "3", "reason": reason})
    assert answer.status_code == 422
    assert words in text(answer)
    assert Entry.objects.filter(model="portal.aisystem", ver__isnull=False).count() == 3


def test_restore__values_that_do_not_fit_today__are_refused(cast: Cast, sign_in: SignIn) -> None:
    """Somebody else has the e-mail by now."""
    with factories.by_test():
        cast.mara.email = "m.lindqvist@brightline.example"
        cast.mara.save()
        cast.helen.email = "mara@brightline.example"
        cast.helen.save()
    answer = sign_in(cast.tom).post(address(cast.mara), {"current": "2", "reason": "Back"})
    assert answer.status_code == 422
    assert "already exists" in text(answer)
    cast.mara.refresh_from_db()
    assert cast.mara.email == "m.lindqvist@brightline.example"


def test_restore__person__particulars_only(cast: Cast, sign_in: SignIn) -> None:
    with factories.by_test():
        cast.jo.name, cast.jo.unit, cast.jo.is_active = "Jo Unknown", cast.harbour, False
        cast.jo.save()
    assert sign_in(cast.tom).post(address(cast.jo), {"current": "2", "reason": "Wrong name"}).status_code == 302
    jo = Person.objects.get(pk=cast.jo.pk)
    assert (jo.name, jo.unit_id, jo.is_active) == ("Jo Okafor", cast.harbour.pk, False)
    assert Actor.objects.get(pk=jo.pk).label == "Jo Okafor"
    assert jo.check_password(factories.PASSWORD)


def test_restore__deleted__comes_back_with_its_key(cast: Cast, sign_in: SignIn) -> None:
    key = cast.version.pk
    with factories.by_test():
        SystemVersion.objects.get(pk=key).delete()
    here = f"/audit/restore/portal.systemversion/{key}?version=1"
    client = sign_in(cast.tom)
    assert "It comes back with its old key" in text(client.get(here))
    assert client.post(here, {"current": "2", "reason": "Deleted by mistake"}).status_code == 302
    back = SystemVersion.objects.get(pk=key)
    assert (back.label, back.system_id) == ("2.4.0", cast.system.pk)
    assert latest("created").ver == 3
    assert client.post(here, {"current": "2", "reason": "Once more"}).status_code == 409


def test_restore__deleted_person__comes_back_without_a_password(cast: Cast, sign_in: SignIn) -> None:
    with factories.by_test():
        gone = factories.person("Gil Moss", cast.northfield)
        key = gone.pk
        gone.delete()
    answer = sign_in(cast.tom).post(f"/audit/restore/portal.person/{key}?version=1", {"current": "2", "reason": "Mistake"})
    assert answer.status_code == 302
    back = Person.objects.get(pk=key)
    assert not back.has_usable_password()
    assert not back.roles.exists()


def test_restore__deleted_unit__stands_where_its_parent_is_now(cast: Cast, sign_in: SignIn) -> None:
    with factories.by_test():
        team = factories.unit("team", cast.northfield)
        key = team.pk
        team.delete()
        cast.northfield.path = "/brightline/harbour/northfield/"
        cast.northfield.parent = cast.harbour
        cast.northfield.save()
    answer = sign_in(cast.tom).post(f"/audit/restore/portal.unit/{key}?version=1", {"current": "2", "reason": "Mistake"})
    assert answer.status_code == 302
    assert Unit.objects.get(pk=key).path == "/brightline/harbour/northfield/team/"


def test_restore__what_gives_access_or_was_signed__never(cast: Cast, sign_in: SignIn) -> None:
    held = cast.mara.roles.get()
    with factories.by_test():
        held.ends_on = held.starts_on
        held.save()
    client = sign_in(cast.tom)
    assert "an administrator gives it anew" in text(client.get(address(held)))
    answer = client.post(address(held), {"current": "2", "reason": "Back"})
    assert answer.status_code == 409
    assert "an administrator gives it anew" in text(answer)
    assert "Restore this version" not in text(client.get(f"/audit/records/portal.roleassignment/{held.pk}"))


def test_restore__every_governed_model__is_decided() -> None:
    """A new model is never restorable by accident, and whoever asks is told what to do instead."""
    allowed = {model._meta.label_lower for model in governed_models() if restorable(model._meta.label_lower)}
    assert allowed == {"portal.unit", "portal.aisystem", "portal.systemversion", "portal.person"}
    default = not_restorable("nothing.known")
    undecided = {
        label
        for model in governed_models()
        if (label := model._meta.label_lower) not in allowed
        and model._meta.app_label in {"portal", "feedback", "governance"}
        and not_restorable(label) == default
    }
    assert undecided == set()


def test_restore__erased_version__has_nothing_to_give(committed_db: Database, cast: Cast, renamed: AISystem, sign_in: SignIn) -> None:
    first, second, _third = Entry.objects.filter(model="portal.aisystem", object=str(renamed.pk)).order_by("ver")
    said = {"detail": {"entries": [[first.pk, first.pk]], "why": "kept for 365 days", "certificate": ""}}
    with committed_db.connect("postgres") as superuser:
        superuser.execute("alter table portal_historicalaisystem disable trigger user")
        superuser.execute("delete from portal_historicalaisystem where history_id = any(%s)", [[first.pk, second.pk]])
        superuser.execute(
            """with said as (
                   insert into audit_entry (xid, at, db_role, actor, request_id, channel, reason_code, action, model, object, fields, data_class)
                   values (pg_current_xact_id(), now(), 'tests', %s, '', '', '', 'audit.payload-expired', '', '', '{}', 'erasure') returning id
               ) insert into audit_payload (entry_id, salt, body) select id, uuid_send(gen_random_uuid()), %s from said""",
            [cast.tom.pk, json.dumps(said)],
        )
    client = sign_in(cast.tom)
    assert "not there any more" in text(client.get(address(renamed)))
    assert client.post(address(renamed), {"current": "3", "reason": "Back"}).status_code == 409
    page = text(client.get(f"/audit/records/portal.aisystem/{renamed.pk}", {"at": first.at.isoformat()}))
    assert "Erased on" in page
    assert "kept for 365 days" in page
    # A version whose content nobody erased on record is a finding, and the page says so.
    page = text(client.get(f"/audit/records/portal.aisystem/{renamed.pk}", {"at": second.at.isoformat()}))
    assert "no erasure says why" in page
    assert client.post(address(renamed, 2), {"current": "3", "reason": "Back"}).status_code == 409


@pytest.mark.parametrize(
    ("address_", "status"),
    [
        ("portal.aisystem/{key}", 302),
        ("portal.aisystem/{key}?version=x", 422),
        ("portal.aisystem/{key}?version=٣", 422),
        ("portal.aisystem/{key}?version=99", 404),
        ("portal.aisystem/999999?version=1", 404),
        ("portal.nothing/1?version=1", 404),
    ],
)
def test_restore__unknown_or_malformed__is_refused(cast: Cast, renamed: AISystem, sign_in: SignIn, address_: str, status: int) -> None:
    assert sign_in(cast.tom).get("/audit/restore/" + address_.format(key=renamed.pk)).status_code == status


def test_restore__others__may_not(cast: Cast, renamed: AISystem, sign_in: SignIn) -> None:
    for person in (cast.jo, cast.mara, cast.helen, cast.sam):
        assert sign_in(person).get(address(renamed)).status_code == 403
        assert sign_in(person).post(address(renamed), {"current": "3", "reason": "Back"}).status_code == 403


def test_api__restore(cast: Cast, renamed: AISystem, api: Callable[..., Api]) -> None:
    here = f"/api/v1/audit/objects/portal.aisystem/{renamed.pk}/restore"
    client = api(cast.tom)
    found = client.get(here + "?version=1").json()
    assert (found["current"], found["refusal"], found["deleted"]) == (3, "", False)
    assert [one["field"] for one in found["changes"]] == ["purpose"]
    assert [one["field"] for one in found["kept"]] == ["risk_tier"]
    assert client.post(here, {"version": 1, "current": 3}).status_code == 422
    assert client.post(here, {"version": 1, "current": 2, "reason": "Back"}).json()["code"] == "changed_meanwhile"
    answer = client.post(here, {"version": 1, "current": 3, "reason": "Back"})
    assert (answer.status_code, answer.json()["ver"]) == (200, 4)
    assert client.post(here, {"version": 1, "current": 4, "reason": "Again"}).json()["code"] == "not_restorable"
    assert api(cast.tom, "audit:read").post(here, {"version": 1, "current": 4, "reason": "Again"}).status_code == 403
    assert api(cast.mara).post(here, {"version": 1, "current": 4, "reason": "Again"}).status_code == 403
