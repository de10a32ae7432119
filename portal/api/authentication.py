"""`Authorization: Bearer lm_<prefix>_<secret>`: who a program is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from audit import services as audit
from audit.context import become
from portal.models import ApiKey
from portal.selectors.keys import key_of
from portal.services.keys import note_use

if TYPE_CHECKING:
    import uuid

    from portal.models import AISystem, Person


@dataclass(frozen=True)
class Program:
    """The caller behind a system key: signed in, but nobody. It holds no permission; its key's scopes decide."""

    system: AISystem
    actor: uuid.UUID

    is_authenticated = True
    is_active = True
    is_anonymous = False

    @property
    def pk(self) -> uuid.UUID:
        return self.actor

    def has_perm(self, perm: str, obj: object | None = None) -> bool:
        return False


def program(system: AISystem) -> Program:
    return Program(system=system, actor=audit.system_actor(f"system:{system.slug}"))


class KeyAuthentication(BaseAuthentication):
    """Signs in by key; sets `request.auth` to the ApiKey and `request.user` to the person or a Program."""

    def authenticate(self, request: Request) -> tuple[Person | Program, ApiKey] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        if len(parts) != 2:
            raise AuthenticationFailed("Send one key: `Authorization: Bearer <key>`.", code="key_invalid")
        key = key_of(parts[1].decode("latin-1"))
        if key is None:
            raise AuthenticationFailed("This key is unknown, expired or revoked.", code="key_invalid")
        if key.kind == ApiKey.Kind.BROWSER:
            raise AuthenticationFailed("This key is for pages: it works on /api/v1/widget alone.", code="key_invalid")
        note_use(key)
        user = key.person or (program(key.system) if key.system else None)
        if user is None:
            raise AuthenticationFailed("This key is bound to nothing.", code="key_invalid")
        become(user.pk)
        # Refusals are recorded from the plain request.
        request._request.user = user  # type: ignore[assignment]
        return user, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BrowserAuthentication(SessionAuthentication):
    """The session of a page's own script, with its token in `X-CSRFToken`."""

    def enforce_csrf(self, request: Request) -> None:
        """The check reads the body for a form's token; read it whole before, since `idempotent` needs it afterwards."""
        _read = request._request.body
        super().enforce_csrf(request._request)  # type: ignore[arg-type]


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names the key."""

    target_class = KeyAuthentication
    name = "key"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A system key or a personal key."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BrowserAuthentication
    name = "session"
    priority = 1

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
