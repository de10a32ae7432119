"""Web origins, as a browser names them in `Origin`. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

ON_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOST = re.compile(r"\[::1\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
USUAL = {"https": 443, "http": 80}


def read_origin(text: str) -> str | None:
    """`https://Planner.example:443/` as `https://planner.example`; None for anything that no page served safely can be from."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        return None
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc
    host = host.lower()
    if parts.path not in {"", "/"} or "?" in text or "#" in text or not _HOST.fullmatch(host) or port == 0:
        return None
    if parts.scheme != "https" and not (parts.scheme == "http" and host in ON_THIS_MACHINE):
        return None
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in {None, USUAL[parts.scheme]} else "")
