"""Where a request came from, to count by and not to keep."""

from __future__ import annotations

import hmac

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import HttpRequest


def sender_of(request: HttpRequest) -> str:
    """A keyed hash of the address that a request came from: enough to count, and no address."""
    address = str(get_adapter().get_client_ip(request))
    return hmac.digest(str(settings.SECRET_KEY).encode(), b"sender:" + address.encode(), "sha256").hex()[:32]
