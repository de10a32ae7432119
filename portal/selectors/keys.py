"""Find a key by what a program sends."""

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
