"""A page of another origin with the widget on it, and a line to the portal that can be cut."""

from __future__ import annotations

import contextlib
import html
import http.server
import socket
import socketserver
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WIDGET = Path(__file__).resolve().parent.parent.parent / "feedback" / "static" / "feedback" / "widget.js"
POLICY = (
    "default-src 'none'; script-src 'self' {line}; worker-src 'self'; connect-src {line}; base-uri 'none'; form-action 'none';"
    " require-trusted-types-for 'script'; trusted-types lastmile"
)
PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    "<title>Planner</title>{script}</head><body><main><h1>Swap stop 4 and 6</h1>{element}</main></body></html>"
)


class Line(socketserver.ThreadingTCPServer):
    """Passes bytes to the portal and back, or (`mode`) hangs, refuses, or answers 500 as if the portal did."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, portal: str) -> None:
        super().__init__(("127.0.0.1", 0), _Through)
        parts = urllib.parse.urlsplit(portal)
        self.portal = (str(parts.hostname), int(parts.port or 80))
        self.mode = "up"
        self.seen: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Through(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        line: Any = self.server
        sent = self.request.recv(65536)
        line.seen.append(sent)
        if line.mode == "hangs":
            with contextlib.suppress(OSError):
                self.request.recv(1)
        elif line.mode == "fails":
            self.request.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsorry")
        elif line.mode == "up":
            self._pass(line.portal, sent)

    def _pass(self, portal: tuple[str, int], sent: bytes) -> None:
        with socket.create_connection(portal, timeout=20) as there:
            there.sendall(sent)
            back = threading.Thread(target=_copy, args=(there, self.request, []), daemon=True)
            back.start()
            _copy(self.request, there, line_seen(self.server))
            back.join(20)


def line_seen(line: Any) -> list[bytes]:
    """What pages sent over it."""
    seen: list[bytes] = line.seen
    return seen


def _copy(one: socket.socket, other: socket.socket, seen: list[bytes]) -> None:
    with contextlib.suppress(OSError):
        while part := one.recv(65536):
            seen.append(part)
            other.sendall(part)
        other.shutdown(socket.SHUT_WR)


class Host(http.server.ThreadingHTTPServer):
    """`/?portal=...&key=...` is a page with these attributes on the element; `/?bare=1` is the same page without the widget."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Page)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def page(self, **attributes: str) -> str:
        return f"{self.url}/?{urllib.parse.urlencode(attributes)}"


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        given = dict(urllib.parse.parse_qsl(self.path.partition("?")[2]))
        if self.path == "/feedback/widget.js":
            self._answer("text/javascript", WIDGET.read_bytes())
        elif self.path.startswith("/?"):
            bare, script = given.pop("bare", ""), given.pop("script", "/feedback/widget.js")
            element = " ".join(f'{name}="{html.escape(value)}"' for name, value in given.items())
            parts = (
                {"script": "", "element": ""}
                if bare
                else {"script": SCRIPT.format(html.escape(script)), "element": f"<lastmile-box {element}></lastmile-box>"}
            )
            self._answer("text/html; charset=utf-8", PAGE.format(**parts).encode(), given.get("portal", "http://127.0.0.1:9"))
        else:
            self._answer("image/x-icon", b"")

    def _answer(self, kind: str, body: bytes, line: str = "*") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if kind == "text/javascript":
            self.send_header("Cache-Control", "max-age=3600")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY.format(line=line))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


SCRIPT = '<script src="{}" defer></script>'


@contextlib.contextmanager
def served(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
