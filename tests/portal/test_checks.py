"""System checks of what an operator sets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pytest_django import Settings

from portal import checks


def ids(found: list[Any]) -> list[str]:
    return [each.id for each in found]


@pytest.mark.parametrize(
    ("url", "hosts", "expected"),
    [
        ("https://lastmile.example.org", ["lastmile.example.org"], []),
        ("http://127.0.0.1:8000", ["127.0.0.1"], []),
        ("http://lastmile.example.org", ["lastmile.example.org"], ["lastmile.W001"]),
        ("https://lastmile.example.org", ["localhost"], ["lastmile.E002"]),
        ("lastmile.example.org", ["lastmile.example.org"], ["lastmile.E001"]),
    ],
)
def test_public_url__right_or_wrong__said(settings: Settings, url: str, hosts: list[str], expected: list[str]) -> None:
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = url, hosts
    assert ids(checks.public_url()) == expected


def test_log_readers__unknown_word__is_an_error(settings: Settings) -> None:
    settings.LOG_READERS = "everyone"
    assert ids(checks.log_readers()) == ["lastmile.E003"]
    settings.LOG_READERS = "hashes"
    assert checks.log_readers() == []


@pytest.mark.django_db
def test_postgresql__new_enough_and_no_superuser__passes() -> None:
    assert checks.postgresql(databases=["default"]) == []
    assert checks.postgresql() == []


@pytest.mark.parametrize(("owner", "expected"), [("lm_app", ["lastmile.W003"]), ("lm_owner", [])])
def test_separate_owner__same_role__is_a_warning(monkeypatch: pytest.MonkeyPatch, owner: str, expected: list[str]) -> None:
    monkeypatch.setattr(checks, "settings", SimpleNamespace(DATABASES={"default": {"USER": "lm_app"}, "owner": {"USER": owner}}))
    assert ids(checks.separate_owner()) == expected
