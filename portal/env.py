"""Typed readers of the environment: the one place where settings come from.

Every reader takes the name, and raises ImproperlyConfigured with what to do when the value cannot be read.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """The value of `name`, or the content of the file that `<name>_FILE` points to (stripped), or `default`."""
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE points to {path}, which cannot be read: {error}") from error
    return os.environ.get(name, default)


def boolean(name: str, *, default: bool = False) -> bool:
    """True for 1/true/yes/on, False for 0/false/no/off or nothing."""
    value = os.environ.get(name, "").strip().lower()
    if value == "":
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}: write true or false.")


def integer(name: str, default: int) -> int:
    """A whole number."""
    value = os.environ.get(name, "")
    try:
        return int(value) if value else default
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is {value!r}: write a whole number.") from error


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list; empty parts are dropped."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def database(name: str) -> dict[str, object] | None:
    """A Django DATABASES entry from a postgresql:// URL, or None when `name` is not set.

    A unix socket is given as `postgresql://user:secret@/dbname?host=/folder`.
    """
    url = text(name)
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or len(parts.path) < 2:
        raise ImproperlyConfigured(f"{name} must look like postgresql://user:secret@host:5432/name; only PostgreSQL is supported.")
    options: dict[str, object] = dict(parse_qsl(parts.query))
    host = options.pop("host", parts.hostname or "")
    port = options.pop("port", parts.port or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }
