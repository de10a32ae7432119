"""Probes, error pages, the OpenAPI document, settings, logs, commands."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.test import Client

from portal.logs import JsonLine, Line
from portal.models import ApiKey, Person, RoleAssignment
from tests.cast import Api, Cast
from tests.portal.entries import last

ROOT = Path(__file__).parents[2]
RANDOM = "vJ9xH2mQ7rT4wZ8kL5nB1cF6gD3sA0pY-uEiOoWqXyVtRzKhMjNf"


# Probes


def test_healthz__anyone__asks_nothing(django_assert_num_queries: Callable[[int], Any], db: None) -> None:
    with django_assert_num_queries(0):
        assert Client().get("/healthz").json() == {"status": "ok"}


def test_readyz__served__each_part_named(db: None) -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert set(answer.json()) == {"status", "database", "migrations", "broker", "seal_lag_seconds"}
    assert answer.json()["migrations"] == "ok"


def test_readyz__broker_gone__degraded_and_still_served(db: None, settings: Any) -> None:
    settings.BROKER_URL = "redis://127.0.0.1:1/0"
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["status"], answer.json()["broker"]) == (200, "degraded", "unreachable")


# Error pages


def test_page__unknown_address__says_what_next(cast: Cast, sign_in: Callable[[Person], Client]) -> None:
    answer = sign_in(cast.jo).get("/no/such/page")
    assert answer.status_code == 404
    assert "What to do next" in answer.content.decode()


def test_page__role_missing__403_and_recorded(cast: Cast, sign_in: Callable[[Person], Client]) -> None:
    from audit.models import Entry

    assert sign_in(cast.jo).get("/people").status_code == 403
    assert Entry.objects.filter(action="audit.refused", actor=cast.jo.pk).count() == 1


def test_page__command_refused__403_and_recorded(cast: Cast, sign_in: Callable[[Person], Client]) -> None:
    assert sign_in(cast.jo).post(f"/people/{cast.mara.pk}/leave").status_code == 403
    assert last("audit.refused").actor == cast.jo.pk
    assert Person.objects.get(pk=cast.mara.pk).is_active


def test_page__without_the_csrf_token__403_with_words(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.jo)
    answer = client.post("/notices/read")
    assert answer.status_code == 403
    assert "open for too long" in answer.content.decode()


def test_headers__every_page__strict(cast: Cast, sign_in: Callable[[Person], Client]) -> None:
    answer = sign_in(cast.jo).get("/kept")
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer.cookies == {} or all(cookie["httponly"] for name, cookie in answer.cookies.items() if name == "sessionid")


# The OpenAPI document


def schema() -> str:
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return out.getvalue()


def test_openapi__committed_copy__is_the_current_one(db: None) -> None:
    committed = (ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8")
    assert schema() == committed, "Run: python3 manage.py spectacular --file docs/openapi.yaml"


def test_openapi__served__to_anybody(db: None) -> None:
    answer = Client().get("/api/v1/schema")
    assert answer.status_code == 200
    document = yaml.safe_load(answer.content)
    assert "/api/v1/systems/{slug}/keys" in document["paths"]


# Settings


def check(**environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SECRET_KEY", "PUBLIC_URL", "DJANGO_"))}
    values = clean | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PUBLIC_URL": "https://lastmile.example",
        "ALLOWED_HOSTS": "lastmile.example",
        "DATABASE_URL": "postgresql://lm_app:x@localhost:1/none",
        "DATABASE_OWNER_URL": "postgresql://lm_owner:x@localhost:1/none",
    }
    command = [sys.executable, "-m", "django", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(command, env=values | environment, cwd=ROOT, capture_output=True, text=True, check=False)


def test_settings__of_production__pass_the_deployment_checks(db: None) -> None:
    done = check(SECRET_KEY=RANDOM)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("key", ["", "change-me", "changeme-please", "django-insecure-abc", "secret"])
def test_settings__known_key__refuse_to_start(key: str) -> None:
    done = check(SECRET_KEY=key)
    assert done.returncode != 0
    assert "SECRET_KEY" in done.stderr


def test_settings__key_in_a_file__read(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(RANDOM + "\n")
    assert check(SECRET_KEY_FILE=str(tmp_path / "key")).returncode == 0


# Logs


def record_of(request: Any = None, error: Exception | None = None) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("django.request", logging.ERROR, "", 1, "Internal Server Error: %s", ("/people/jo?name=Jo",), info)
    if request is not None:
        record.request, record.status_code = request, 500
    return record


def test_logs__a_failed_request__neither_path_nor_values(rf: Any) -> None:
    request = rf.get("/people/jo?name=Jo", REMOTE_ADDR="10.1.2.3")
    try:
        raise ValueError("Key (email)=(jo@brightline.example) already exists")
    except ValueError as error:
        record = record_of(request, error)
    for text in (Line().format(record), JsonLine().format(record)):
        assert "jo" not in text.lower().replace("json", "")
        assert "10.1.2.3" not in text
        assert "ValueError" in text
    assert json.loads(JsonLine().format(record))["message"] == "500 GET an unknown address"


# Commands


def issued(*words: str) -> str:
    out = io.StringIO()
    call_command("key", *words, stdout=out)
    return out.getvalue().split()[-1]


def test_key_command__person_and_system__last_word_works(cast: Cast) -> None:
    assert Api(issued("mara@brightline.example", "--scope", "read")).get("/api/v1/systems").status_code == 200
    assert Api(issued("NF-117")).get("/api/v1/systems").status_code == 200
    issued("route-optimiser", "--scope", "gate:read", "--scope", "events:write", "--days", "7")
    assert ApiKey.objects.get(kind="system").scopes == ["events:write", "gate:read"]


@pytest.mark.parametrize("words", [["nobody@x.example"], ["NF-117", "--scope", "gate:read"], ["NF-117", "--days", "4000"]])
def test_key_command__wrong__says_so(cast: Cast, words: list[str]) -> None:
    with pytest.raises(CommandError):
        issued(*words)


def test_administrator_command__empty_portal__first_person_signs_in(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("forty quiet engines\n"))
    call_command("administrator", "A-1", "Sam Whitlock", "--organisation", "Brightline", stdout=io.StringIO())
    assert RoleAssignment.objects.get().unit.name == "Brightline"
    client = Client()
    assert client.post("/account/sign-in", {"login": "A-1", "password": "forty quiet engines"}).status_code == 302
    assert client.get("/people").status_code == 200
