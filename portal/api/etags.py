"""Answer 304 when the caller already has what would be sent."""

from __future__ import annotations

import hashlib

from rest_framework.request import Request
from rest_framework.response import Response


def tag_of(*parts: object) -> str:
    """A weak ETag over the parts that decide the answer (a version, a last change, the caller's scope)."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()
    return f'W/"{digest[:32]}"'


def matches(request: Request, tag: str) -> bool:
    """True when If-None-Match holds `tag`, compared weakly."""
    asked = request.headers.get("If-None-Match", "")
    bare = tag.removeprefix("W/")
    return asked.strip() == "*" or any(part.strip().removeprefix("W/") == bare for part in asked.split(","))


def tagged(request: Request, response: Response, tag: str) -> Response:
    """`response` with its ETag, or 304 without a body when the caller has it."""
    answer = Response(status=304) if matches(request, tag) else response
    answer["ETag"] = tag
    return answer
