"""Acts that change no row are entries too: sign-ins, refusals, looks at what is sensitive, searches of the trail itself."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client

from audit.models import Entry, Payload
from portal.models import Person
from tests.cast import Cast
from tests.factories import PASSWORD

SignIn = Callable[[Person], Client]


def acts() -> list[tuple[str, uuid.UUID]]:
    return list(Entry.objects.filter(ver=None).order_by("id").values_list("action", "actor"))


def test_acts__sign_in_and_out__are_the_persons_own(cast: Cast) -> None:
    client = Client()
    client.post("/account/sign-in", {"login": cast.jo.staff_number, "password": PASSWORD})
    client.post("/account/sign-out")
    assert [act for act in acts() if act[0].startswith("portal.signed")] == [
        ("portal.signed-in", cast.jo.pk),
        ("portal.signed-out", cast.jo.pk),
    ]


@pytest.mark.parametrize("typed", ["mara@brightline.example", "NF-117", "mara.secret.typo@brightline.example", "my-whole-passw0rd"])
def test_acts__failed_sign_in__is_an_entry_without_anything_that_was_typed(cast: Cast, typed: str) -> None:
    """People type a password where the name belongs. An account that exists is named by its pseudonym, any other not at all."""
    cache.clear()
    Client().post("/account/sign-in", {"login": typed, "password": "not-the-one-4711"})
    entry = Entry.objects.get(action="portal.sign-in-failed")
    known = Person.objects.filter(email=typed) | Person.objects.filter(staff_number=typed)
    assert entry.object == "".join(str(pk) for pk in known.values_list("pk", flat=True))
    told = Payload.objects.get(entry=entry).body + "".join(str(value) for value in vars(entry).values())
    assert "not-the-one-4711" not in told
    assert typed not in told


@pytest.mark.parametrize(
    ("method", "path", "attempt"),
    [
        ("get", "/audit", "GET /audit"),
        ("get", "/audit/trust", "GET /audit/trust"),
        ("get", "/audit/entries/334?q=secret", "GET /audit/entries/334"),
    ],
)
def test_acts__refused_look__is_an_entry(cast: Cast, sign_in: SignIn, method: str, path: str, attempt: str) -> None:
    assert getattr(sign_in(cast.jo), method)(path).status_code == 403
    entry = Entry.objects.get(action="audit.refused")
    assert entry.actor == cast.jo.pk
    assert f'"{attempt}"' in Payload.objects.get(entry=entry).body


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("/audit?q=action:created", "audit.searched"),
        ("/audit/records/portal.unit/{unit}", "audit.record-read"),
        ("/audit/trust", "audit.trust-read"),
    ],
)
def test_acts__looks_of_compliance__are_entries(cast: Cast, sign_in: SignIn, path: str, action: str) -> None:
    assert sign_in(cast.tom).get(path.format(unit=cast.jo.unit_id)).status_code == 200
    assert Entry.objects.filter(action=action, actor=cast.tom.pk).count() == 1
