"""Signing in and out: by staff number or e-mail, counted, and written down."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from portal.models import Person
from tests.cast import Cast
from tests.factories import PASSWORD
from tests.portal.entries import acts


def try_to_sign_in(login: str, password: str = PASSWORD) -> tuple[Client, int]:
    client = Client()
    return client, client.post("/account/sign-in", {"login": login, "password": password}).status_code


@pytest.mark.parametrize("login", ["NF-117", "nf-117", " NF-117 "])
def test_sign_in__staff_number__home(cast: Cast, login: str) -> None:
    client, status = try_to_sign_in(login)
    assert status == 302
    assert client.get("/kept").status_code == 200
    assert "portal.signed-in" in acts()


@pytest.mark.parametrize("login", ["mara@brightline.example", "MARA@Brightline.example"])
def test_sign_in__email__home(cast: Cast, login: str) -> None:
    assert try_to_sign_in(login)[1] == 302


@pytest.mark.parametrize(("login", "password"), [("NF-117", "wrong"), ("nobody", PASSWORD), ("x@y.example", PASSWORD)])
def test_sign_in__wrong__same_words_and_recorded(cast: Cast, login: str, password: str) -> None:
    client = Client()
    answer = client.post("/account/sign-in", {"login": login, "password": password})
    assert "do not belong together" in answer.content.decode()
    assert acts() == ["portal.sign-in-failed"]
    assert client.get("/kept").status_code == 302


def test_sign_in__six_wrong_tries__refused_with_the_right_password(cast: Cast) -> None:
    cache.clear()
    for _try in range(6):
        try_to_sign_in("NF-117", "wrong")
    client, status = try_to_sign_in("NF-117")
    assert status != 302
    assert client.get("/kept").status_code == 302
    assert try_to_sign_in("mara@brightline.example")[1] == 302


def test_sign_in__left__refused(cast: Cast) -> None:
    Person.objects.filter(pk=cast.jo.pk).update(is_active=False)
    client, _status = try_to_sign_in("NF-117")
    assert client.get("/kept").status_code == 302
    assert "portal.signed-in" not in acts()


def test_sign_out__signed_in__recorded_and_ended(cast: Cast) -> None:
    client, _status = try_to_sign_in("NF-117")
    assert client.get("/account/sign-out").status_code == 200
    assert client.post("/account/sign-out").status_code == 302
    assert client.get("/kept").status_code == 302
    assert "portal.signed-out" in acts()


@pytest.mark.parametrize("path", ["/account/signup", "/account/signup/", "/account/email", "/accounts/signup/"])
def test_sign_up__anybody__no_such_address(cast: Cast, path: str) -> None:
    assert Client().get(path).status_code == 404


def test_password__changed_by_oneself__old_one_is_dead(cast: Cast) -> None:
    client, _status = try_to_sign_in("NF-117")
    new = "seven green lorries"
    answer = client.post("/account/password", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert answer.status_code == 302
    assert "do not belong" in Client().post("/account/sign-in", {"login": "NF-117", "password": PASSWORD}).content.decode()
    assert try_to_sign_in("NF-117", new)[1] == 302
    assert "portal.password-changed" in acts()


def test_page__not_signed_in__asked_to_sign_in_and_brought_back(cast: Cast) -> None:
    answer = Client().get("/kept")
    assert answer.status_code == 302
    assert answer["Location"] == "/account/sign-in?next=/kept"


def test_sign_in__sixty_tries_a_minute_from_one_address__429_page(cast: Cast) -> None:
    cache.clear()
    client = Client()
    statuses = [client.post("/account/sign-in", {"login": f"x{number}", "password": "y"}).status_code for number in range(61)]
    assert statuses[-1] == 429
    assert client.post("/account/sign-in", {"login": "x", "password": "y"})["Retry-After"] == "60"
