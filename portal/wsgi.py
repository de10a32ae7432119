"""The WSGI application that granian serves."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

_django = get_wsgi_application()

from audit.keeping import restores  # noqa: E402 - needs the settings that the line above reads

restores.refuse_unverified()


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The portal; while a database is being restored under it, only what a load balancer asks."""
    if environ.get("PATH_INFO") not in {"/healthz", "/readyz"} and not restores.may_serve():
        start_response("503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "60")])
        return [restores.MESSAGE.encode()]
    return _django(environ, start_response)
