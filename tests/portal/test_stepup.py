"""One password, typed within five minutes, for one decision."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.test import RequestFactory

from audit.context import acting
from portal import clock, stepup
from portal.errors import Forbidden, TooMany
from portal.models import Person
from tests import factories
from tests.cast import Cast
from tests.portal.entries import acts

BRIEF, OTHER = "a" * 64, "b" * 64


def request_of(person: Person) -> HttpRequest:
    request = RequestFactory().post("/")
    request.user, request.session = person, SessionStore()
    return request


@pytest.fixture
def request_(cast: Cast) -> HttpRequest:
    cache.clear()
    return request_of(cast.helen)


def confirm(request: HttpRequest, password: str = factories.PASSWORD, digest: str = BRIEF) -> stepup.StepUp:
    with acting(request.user.pk, channel="page"):
        return stepup.confirm(request, password, digest)


def refused(request: HttpRequest, digest: str = BRIEF) -> bool:
    try:
        stepup.require(request, digest)
    except Forbidden as error:
        return error.code == "reauthentication_required"
    return False


def test_step_up__right_password__good_for_that_decision_once(request_: HttpRequest) -> None:
    confirm(request_)
    held = stepup.require(request_, BRIEF)
    assert (held.method, held.digest) == ("password", BRIEF)
    assert refused(request_)
    assert acts("portal.step-up") == ["portal.step-up"]


def test_step_up__other_digest__refused_and_used_up(request_: HttpRequest) -> None:
    confirm(request_)
    assert refused(request_, OTHER)
    assert refused(request_, BRIEF)


@pytest.mark.parametrize(("seconds", "late"), [(299, False), (301, True), (-5, True)])
def test_step_up__later__until_five_minutes(request_: HttpRequest, seconds: int, late: bool) -> None:  # noqa: FBT001
    confirm(request_)
    with clock.at(clock.now() + dt.timedelta(seconds=seconds)):
        assert refused(request_) is late


def test_step_up__never_confirmed__refused(request_: HttpRequest) -> None:
    assert refused(request_)
    assert refused(request_, "")


def test_step_up__wrong_password__recorded_and_forgets_the_one_before(request_: HttpRequest) -> None:
    confirm(request_)
    with pytest.raises(ValidationError):
        confirm(request_, "wrong")
    assert refused(request_)
    assert acts("portal.step-up") == ["portal.step-up", "portal.step-up-failed"]


def test_step_up__no_password_set__refused(request_: HttpRequest, cast: Cast) -> None:
    cast.helen.set_unusable_password()
    with pytest.raises(ValidationError):
        confirm(request_, "")


def test_step_up__eleven_tries__too_many_even_with_the_right_one(request_: HttpRequest) -> None:
    for _try in range(10):
        with pytest.raises(ValidationError):
            confirm(request_, "wrong")
    with pytest.raises(TooMany):
        confirm(request_)
    assert refused(request_)


def test_step_up__password_set_by_an_administrator__refused(request_: HttpRequest, cast: Cast) -> None:
    cast.helen.password_chosen_by_holder = False
    with pytest.raises(Forbidden) as error:
        confirm(request_)
    assert (error.value.code, error.value.extra) == ("choose_own_password", {"link": "/account/password"})
    assert refused(request_)


def test_step_up__by_key__refused(request_: HttpRequest) -> None:
    request_.auth = object()  # type: ignore[attr-defined]  # as DRF's request has it
    with pytest.raises(Forbidden):
        stepup.confirm(request_, factories.PASSWORD, BRIEF)
    assert refused(request_)
