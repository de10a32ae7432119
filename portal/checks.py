"""System checks of what an operator sets: each says what is wrong and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's name for it
from django.db import connections

from audit.log.notes import FormatError
from audit.outside import anchors
from audit.outside.asking import why_not_allowed

OLDEST_POSTGRESQL = 150000
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@register(Tags.security)
def public_url(**_: Any) -> list[CheckMessage]:
    """PUBLIC_URL is what mails, receipts and cookies are made from."""
    parts = urlsplit(settings.PUBLIC_URL)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return [
            Error(
                f"PUBLIC_URL is {settings.PUBLIC_URL!r}.",
                hint="Write the address that people use, such as https://lastmile.example.org.",
                id="lastmile.E001",
            )
        ]
    found: list[CheckMessage] = []
    if parts.hostname not in settings.ALLOWED_HOSTS and "*" not in settings.ALLOWED_HOSTS:
        hint = f"Set ALLOWED_HOSTS to {parts.hostname}."
        found.append(
            Error(
                f"ALLOWED_HOSTS does not hold {parts.hostname}, the host of PUBLIC_URL: every page would be refused.",
                hint=hint,
                id="lastmile.E002",
            )
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK | {"testserver"}:
        hint = "Serve it over https, behind your proxy, and write https:// in PUBLIC_URL."
        found.append(Warning("Passwords and sessions travel unencrypted: PUBLIC_URL begins with http://.", hint=hint, id="lastmile.W001"))
    return found


@register(Tags.security)
def log_readers(**_: Any) -> list[CheckMessage]:
    """LOG_READERS says what outsiders may fetch of the log."""
    if settings.LOG_READERS in {"entries", "hashes"}:
        return []
    return [Error(f"LOG_READERS is {settings.LOG_READERS!r}.", hint="Write entries or hashes.", id="lastmile.E003")]


@register(Tags.security)
def log_witnesses(**_: Any) -> list[CheckMessage]:
    """LOG_WITNESSES and LOG_STAMP_URL say who outside vouches for the log."""
    try:
        anchors.witnesses()
    except FormatError as error:
        return [Error(str(error), hint="See docs/how-to/witnesses.md.", id="lastmile.E005")]
    if settings.LOG_STAMP_URL and (why := why_not_allowed(settings.LOG_STAMP_URL, plain_http=True)):
        return [Error(f"LOG_STAMP_URL: {why}", hint="See docs/how-to/witnesses.md.", id="lastmile.E006")]
    if settings.LOG_STAMP_URL and not settings.LOG_STAMP_ROOTS:
        return [
            Error(
                "LOG_STAMP_URL is set, and LOG_STAMP_ROOTS is not.",
                hint="Name the file with the authority's root (PEM).",
                id="lastmile.E006",
            )
        ]
    return []


@register(Tags.database)
def postgresql(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Only with a database at hand (`check --database default`, `migrate`)."""
    if not databases or "default" not in databases:
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute("select current_setting('server_version_num')::int, rolsuper from pg_roles where rolname = current_user")
        version, superuser = cursor.fetchone()
    found: list[CheckMessage] = []
    if version < OLDEST_POSTGRESQL:
        found.append(Error(f"PostgreSQL {version // 10000} is too old.", hint="Use PostgreSQL 15 or later.", id="lastmile.E004"))
    if superuser:
        hint = "Make the roles of docs/how-to/own-database.md; a superuser could change the audit trail unseen."
        found.append(Warning("DATABASE_URL signs in as a superuser.", hint=hint, id="lastmile.W002"))
    return found


@register(Tags.security, deploy=True)
def separate_owner(**_: Any) -> list[CheckMessage]:
    """The process that serves must not own the tables."""
    serving, owner = settings.DATABASES["default"], settings.DATABASES["owner"]
    if serving["USER"] != owner["USER"]:
        return []
    hint = "Give DATABASE_URL the role lm_app and DATABASE_OWNER_URL the role lm_owner: docs/how-to/own-database.md."
    return [
        Warning("The role that serves also owns the tables, so the audit trail has no guard against it.", hint=hint, id="lastmile.W003")
    ]
