"""Find a key by what a program or a page sends."""

from __future__ import annotations

import hashlib
import hmac
import re

from portal import clock
from portal.models import ApiKey

SHAPE = re.compile(r"lm_([a-z0-9]{10})_([A-Za-z0-9_-]{43})")


def digest_of(secret: str) -> bytes:
    """What is kept of a key: its secret has 256 bits, so a plain digest is enough."""
    return hashlib.sha512(secret.encode()).digest()


def key_of(text: str) -> ApiKey | None:
    """The live key that `text` is, with its system or person, or None. Compares in constant time; one query."""
    shape = SHAPE.fullmatch(text)
    if shape is None:
        return None
    prefix, secret = shape.groups()
    key = ApiKey.objects.live(clock.now()).select_related("system__unit", "person__unit").filter(prefix=prefix).first()
    known = bytes(key.digest) if key is not None else bytes(64)
    if not hmac.compare_digest(known, digest_of(secret)) or key is None:
        return None
    if key.person is not None and not key.person.is_active:
        return None
    return key


def browser_key_of(text: str, origin: str) -> ApiKey | None:
    """The live browser key that `text` is, or None; also None for a page of another origin than those it is bound to."""
    key = key_of(text)
    return key if key is not None and key.kind == ApiKey.Kind.BROWSER and origin in key.origins else None


def is_host(origin: str) -> bool:
    """Whether pages of `origin` may ask this portal anything at all: some live browser key is bound to it."""
    return bool(origin) and ApiKey.objects.live(clock.now()).filter(kind=ApiKey.Kind.BROWSER, origins__contains=[origin]).exists()
