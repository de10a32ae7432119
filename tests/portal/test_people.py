"""Units, people and roles, through the administrator's pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from audit.models import Entry
from portal import clock
from portal.models import ApiKey, Notice, Person, Role, RoleAssignment, Unit
from tests import factories
from tests.cast import Api, Cast
from tests.governance import scene
from tests.portal.entries import last, versions_of

SignIn = Callable[[Person], Client]


@pytest.fixture
def sam(cast: Cast, sign_in: SignIn) -> Client:
    return sign_in(cast.sam)


def new_person(cast: Cast, **changes: str) -> dict[str, str]:
    return {"staff_number": "HB-9", "name": "Noor Haddad", "unit": str(cast.harbour.pk), "email": "", "password": ""} | changes


# People


def test_person__added_without_email__signs_in_by_staff_number(cast: Cast, sam: Client) -> None:
    assert sam.post("/people/new", new_person(cast, password="blue vans at nine")).status_code == 302
    answer = Client().post("/account/sign-in", {"login": "HB-9", "password": "blue vans at nine"})
    assert answer["Location"] == "/"
    noor = Person.objects.get(staff_number="HB-9")
    entry = Entry.objects.filter(action="created", model="portal.person").latest("id")
    assert (entry.object, entry.actor) == (str(noor.pk), cast.sam.pk)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"staff_number": "nf-117"}, "Someone has this staff number already."),
        ({"email": "MARA@brightline.example"}, "Someone has this e-mail already."),
        ({"staff_number": "a@b"}, "A staff number has no @"),
        ({"password": "short"}, "too short"),
        ({"name": ""}, "required"),
    ],
)
def test_person__wrong__said_beside_the_field(cast: Cast, sam: Client, changes: dict[str, str], words: str) -> None:
    before = Person.objects.count()
    answer = sam.post("/people/new", new_person(cast, **changes))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert Person.objects.count() == before


def test_people__searched__found_in_own_reach_only(cast: Cast, sam: Client, sign_in: SignIn) -> None:
    assert "Ivy Chen" in sam.get("/people?text=ivy").content.decode()
    assert "Jo Okafor" not in sam.get("/people?text=ivy").content.decode()
    assert "Nobody fits" in sam.get("/people?text=zzz").content.decode()
    local = factories.person("Uma Local", cast.northfield)
    factories.role(local, Role.ADMINISTRATOR, cast.northfield)
    page = sign_in(local).get("/people").content.decode()
    assert "Jo Okafor" in page
    assert "Ivy Chen" not in page
    assert sign_in(local).get(f"/people/{cast.outsider.pk}").status_code == 404


def test_people__more_than_a_page__same_number_of_queries(
    cast: Cast, sam: Client, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    for number in range(60):
        factories.person(f"Driver {number:03d}", cast.harbour, email=None)
    with django_assert_max_num_queries(14):  # type: ignore[attr-defined]
        first = sam.get("/people").content.decode()
    assert "Next page" in first
    assert first.count("<tr>") == 51


def test_person__looked_at__is_an_entry_and_shows_no_behaviour(cast: Cast, sam: Client) -> None:
    answer = sam.get(f"/people/{cast.jo.pk}")
    assert answer.status_code == 200
    entry = last("portal.person-looked-at")
    assert (entry.actor, entry.object) == (cast.sam.pk, str(cast.jo.pk))


def test_person__changed__saved_with_versions(cast: Cast, sam: Client) -> None:
    values = {"staff_number": "NF-117", "name": "Jo Okafor-Hill", "unit": str(cast.harbour.pk), "email": "jo@brightline.example"}
    assert sam.post(f"/people/{cast.jo.pk}/change", values).status_code == 302
    jo = Person.objects.get(pk=cast.jo.pk)
    assert (jo.name, jo.unit, jo.email) == ("Jo Okafor-Hill", cast.harbour, "jo@brightline.example")
    assert [version.name for version in versions_of(jo).order_by("history_id")] == ["Jo Okafor", "Jo Okafor-Hill"]


# Losing the account, a role, a password: signed out at once


def test_leave__account_closed__sessions_keys_and_roles_end(cast: Cast, sam: Client, sign_in: SignIn, api: Callable[[Person], Api]) -> None:
    browser, program = sign_in(cast.mara), api(cast.mara)
    assert (browser.get("/kept").status_code, program.get("/api/v1/systems").status_code) == (200, 200)
    assert sam.post(f"/people/{cast.mara.pk}/leave").status_code == 302
    assert (browser.get("/kept").status_code, program.get("/api/v1/systems").status_code) == (302, 401)
    assert not RoleAssignment.objects.in_force(clock.now().date()).filter(person=cast.mara).exists()
    assert ApiKey.objects.get(person=cast.mara).revoked_at is not None
    assert sam.post(f"/people/{cast.mara.pk}/leave").status_code == 302


def test_leave__own_account__refused(cast: Cast, sam: Client) -> None:
    answer = sam.post(f"/people/{cast.sam.pk}/leave")
    assert answer.status_code == 422
    assert "Ask another administrator" in answer.content.decode()
    assert Person.objects.get(pk=cast.sam.pk).is_active


def test_end_role__lead__signed_out_and_without_it_afterwards(
    cast: Cast, sam: Client, sign_in: SignIn, api: Callable[[Person], Api]
) -> None:
    browser, program = sign_in(cast.tom), api(cast.tom)
    held = cast.tom.roles.get()
    assert sam.post(f"/people/{cast.tom.pk}/roles/{held.pk}/end").status_code == 302
    assert browser.get("/kept").status_code == 302
    assert program.get("/api/v1/systems").status_code == 401
    assert not Person.objects.get(pk=cast.tom.pk).has_perm("audit.read")
    assert sign_in(cast.jo).get("/kept").status_code == 200


def test_end_role__other_sessions__stay(cast: Cast, sam: Client, sign_in: SignIn) -> None:
    browser = sign_in(cast.jo)
    sam.post(f"/people/{cast.tom.pk}/roles/{cast.tom.roles.get().pk}/end")
    assert browser.get("/kept").status_code == 200


def test_password__set_by_administrator__cannot_sign_until_the_holder_chose_one(cast: Cast, sam: Client) -> None:
    first, own = "nine yellow crates", "eleven quiet lorries"
    pilot = scene.complete(cast, scene.started(cast))
    asked = scene.ask_to_widen(cast, pilot)
    assert sam.post(f"/people/{cast.helen.pk}/password", {"password": first}).status_code == 302
    told = Notice.objects.filter(kind="portal.password-set", channel=Notice.Channel.APP)
    assert {notice.recipient for notice in told} == {cast.helen, cast.tom}
    helen = Client()
    helen.post("/account/sign-in", {"login": cast.helen.staff_number, "password": first})
    assert "/account/password" in helen.get(f"/requests/{asked.pk}").content.decode()
    values = {"digest": asked.digest, "decision": "approve", "reason": ""}
    refused = helen.post(f"/requests/{asked.pk}/sign", values | {"password": first})
    assert refused.status_code == 403
    assert "Choose your own password" in refused.content.decode()
    assert not asked.signatures.exists()
    same = helen.post("/account/password", {"oldpassword": first, "password1": first, "password2": first})
    assert "Choose another password" in same.content.decode()
    assert helen.post("/account/password", {"oldpassword": first, "password1": own, "password2": own}).status_code == 302
    assert helen.post(f"/requests/{asked.pk}/sign", values | {"password": own}).status_code == 302
    assert asked.signatures.get().signer == cast.helen


def test_person__added_with_a_password__told_with_compliance_and_cannot_sign(cast: Cast, sam: Client) -> None:
    sam.post("/people/new", new_person(cast, password="blue vans at nine"))
    noor = Person.objects.get(staff_number="HB-9")
    assert not noor.password_chosen_by_holder
    told = Notice.objects.filter(kind="portal.password-set", channel=Notice.Channel.APP)
    assert {notice.recipient for notice in told} == {noor, cast.tom}


def test_password__set_by_administrator__old_sessions_end(cast: Cast, sam: Client, sign_in: SignIn) -> None:
    browser = sign_in(cast.jo)
    assert sam.post(f"/people/{cast.jo.pk}/password", {"password": "nine yellow crates"}).status_code == 302
    assert browser.get("/kept").status_code == 302
    assert Client().post("/account/sign-in", {"login": "NF-117", "password": "nine yellow crates"}).status_code == 302
    assert last("portal.password-changed").object == str(cast.jo.pk)


def test_password__set__neither_it_nor_its_hash_is_recorded(cast: Cast, sam: Client) -> None:
    from audit.models import Payload

    sam.post(f"/people/{cast.jo.pk}/password", {"password": "nine yellow crates"})
    bodies = " ".join(Payload.objects.values_list("body", flat=True))
    assert "nine yellow" not in bodies
    assert Person.objects.get(pk=cast.jo.pk).password not in bodies
    assert "password" not in {field.name for field in versions_of(cast.jo).model._meta.fields}


# Roles


def give(client: Client, person: Person, role: str, unit: Unit, **changes: str) -> int:
    return client.post(f"/people/{person.pk}/roles", {"role": role, "unit": str(unit.pk), **changes}).status_code


def test_give_role__over_a_unit__reaches_below_and_not_beside(cast: Cast, sam: Client) -> None:
    assert give(sam, cast.jo, "lead", cast.northfield) == 302
    jo = Person.objects.get(pk=cast.jo.pk)
    bay = factories.unit("bay-4", cast.northfield)
    assert jo.has_perm("pilots.lead", cast.northfield)
    assert jo.has_perm("pilots.lead", bay)
    assert not jo.has_perm("pilots.lead", cast.harbour)
    assert not jo.has_perm("pilots.lead", cast.company)


def test_give_role__dated__in_force_only_between(cast: Cast, sam: Client) -> None:
    today = clock.now().date()
    begin, end = today + dt.timedelta(days=2), today + dt.timedelta(days=5)
    assert give(sam, cast.jo, "lead", cast.northfield, starts_on=str(begin), ends_on=str(end)) == 302
    holds = []
    for day in range(7):
        with clock.at(clock.now() + dt.timedelta(days=day)):
            holds.append(Person.objects.get(pk=cast.jo.pk).has_perm("pilots.lead"))
    assert holds == [False, False, True, True, True, False, False]


@pytest.mark.parametrize("role", ["sponsor", "executive", "compliance"])
def test_give_role__to_an_administrator__no_signing_role(cast: Cast, sam: Client, role: str) -> None:
    other = factories.person("Otto Admin", cast.company)
    factories.role(other, Role.ADMINISTRATOR, cast.company)
    assert give(sam, other, role, cast.company) == 422
    assert other.roles.count() == 1


def test_give_role__to_oneself__refused_and_recorded(cast: Cast, sam: Client) -> None:
    assert give(sam, cast.sam, "lead", cast.company) == 403
    assert last("audit.refused").actor == cast.sam.pk
    assert cast.sam.roles.count() == 1


def test_give_role__twice__said(cast: Cast, sam: Client) -> None:
    assert give(sam, cast.mara, "lead", cast.northfield) == 422


def test_give_role__above_the_own_reach__refused(cast: Cast, sign_in: SignIn) -> None:
    local = factories.person("Uma Local", cast.northfield)
    factories.role(local, Role.ADMINISTRATOR, cast.northfield)
    client = sign_in(local)
    assert give(client, cast.jo, "lead", cast.northfield) == 302
    assert give(client, cast.jo, "lead", cast.company) == 422
    assert give(client, cast.jo, "lead", cast.harbour) == 422


# Units


def test_unit__added_below__inherits_the_calendar(cast: Cast, sam: Client) -> None:
    values = {"parent": str(cast.northfield.pk), "name": "Bay 4", "slug": "bay-4", "time_zone": "", "country": "", "subdivision": ""}
    assert sam.post("/units/new", values).status_code == 302
    bay = Unit.objects.get(slug="bay-4")
    assert (bay.path, bay.time_zone, bay.country) == ("/brightline/northfield/bay-4/", "Europe/London", "GB")
    assert sam.post("/units/new", values).status_code == 422


@pytest.mark.parametrize(("field", "value"), [("time_zone", "Mars/Base"), ("country", "ZZ"), ("subdivision", "XX")])
def test_unit__impossible_calendar__said(cast: Cast, sam: Client, field: str, value: str) -> None:
    values = {"name": "Northfield depot", "time_zone": "Europe/London", "country": "GB", "subdivision": "ENG"} | {field: value}
    assert sam.post(f"/units/{cast.northfield.pk}", values).status_code == 422


def test_unit__moved__everything_below_moves(cast: Cast, sam: Client) -> None:
    bay = factories.unit("bay-4", cast.northfield)
    assert sam.post(f"/units/{cast.northfield.pk}/move", {"parent": str(cast.harbour.pk)}).status_code == 302
    bay.refresh_from_db()
    assert bay.path == "/brightline/harbour/northfield/bay-4/"
    assert Unit.objects.get(pk=cast.northfield.pk).parent == cast.harbour
    assert versions_of(bay).count() == 2


def test_unit__moved_below_itself__refused(cast: Cast, sam: Client) -> None:
    bay = factories.unit("bay-4", cast.northfield)
    assert sam.post(f"/units/{cast.northfield.pk}/move", {"parent": str(bay.pk)}).status_code == 422


def test_units__many__constant_queries(cast: Cast, sam: Client, django_assert_max_num_queries: Callable[[int], object]) -> None:
    for number in range(30):
        factories.unit(f"depot-{number}", cast.company)
    with django_assert_max_num_queries(12):  # type: ignore[attr-defined]
        assert sam.get("/units").content.decode().count("<tr>") == 34
