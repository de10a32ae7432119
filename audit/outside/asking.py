"""Ask a server outside, with a limit on time and size: for witnesses and time stamp authorities, which an operator names.

No redirect is followed and no proxy asked. Everything that goes wrong raises Unreachable, in words for the operator.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

SECONDS = 15.0
MOST_BYTES = 256 * 1024


class Unreachable(Exception):
    """No answer, or none that could be taken."""


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    body: bytes


def is_loopback(host: str) -> bool:
    """True for this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def why_not_allowed(url: str, *, plain_http: bool = False) -> str:
    """In what an address cannot be used; empty when it can. Without `plain_http`, http is for this machine alone."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return f"{url!r} is not an address."
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment or not url.isascii() or not url.isprintable():
        return f"{url!r} is not an address such as https://witness.example.org/path."
    if " " in url or parts.username is not None:
        return f"{url!r} holds a space or a name and secret: an address has neither."
    if parts.scheme == "http" and not plain_http and not is_loopback(host):
        return f"{url!r} is not encrypted: write https."
    return ""


def post(url: str, body: bytes, kind: str, *, plain_http: bool = False, seconds: float = SECONDS, most_bytes: int = MOST_BYTES) -> Answer:
    """Send `body` of media type `kind`; whatever status comes back is an answer."""
    if why := why_not_allowed(url, plain_http=plain_http):
        raise Unreachable(why)
    parts = urlsplit(url)
    maker = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    link = maker(parts.hostname or "", parts.port, timeout=seconds)
    late, sockets = threading.Event(), list[socket.socket]()
    # A timeout of the socket begins anew with every byte: whoever drips is cut off by the clock.
    clock = threading.Timer(seconds, _cut, (link, sockets, late))
    clock.daemon = True
    clock.start()
    try:
        link.connect()
        sockets.append(link.sock)  # http.client lets go of it when the answer has no length
        link.request("POST", parts.path or "/", body, {"Content-Type": kind, "Accept-Encoding": "identity", "User-Agent": "lastmile"})
        response = link.getresponse()
        data = response.read(most_bytes + 1)
        if late.is_set():
            raise TimeoutError
        if len(data) > most_bytes:
            raise Unreachable(f"{url} answered with more than {most_bytes} bytes.")
        if response.length:
            raise Unreachable(f"{url} broke off in the middle of its answer.")
        return Answer(response.status, response.headers.get_content_type(), data)
    except (OSError, http.client.HTTPException) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            raise Unreachable(f"{url} did not answer within {seconds:.0f} seconds.") from error
        raise Unreachable(f"{url} cannot be reached: {type(error).__name__}.") from error
    finally:
        clock.cancel()
        link.close()


def _cut(link: http.client.HTTPConnection, sockets: list[socket.socket], late: threading.Event) -> None:
    late.set()
    for each in sockets or [link.sock]:  # not connected yet: in the middle of a TLS handshake
        if each is not None:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
