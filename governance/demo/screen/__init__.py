"""Scene 6: a screen of the AI tool itself, on another origin, with the box inside. It talks to the portal over HTTP alone."""

from __future__ import annotations

import html
import http.server
import json
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
WIDGET = HERE.parent.parent.parent / "feedback" / "static" / "feedback" / "widget.js"
PORT = 8010
ORIGINS = [f"http://127.0.0.1:{PORT}", f"http://localhost:{PORT}"]
PROPOSAL = "Swap stop 4 and stop 6"
FILES = {"/screen.css": (HERE / "screen.css", "text/css"), "/feedback/widget.js": (WIDGET, "text/javascript")}


@dataclass(frozen=True)
class Tool:
    """The AI tool: where its portal is, its keys, and the driver who is signed in."""

    portal: str
    system_key: str
    browser_key: str
    driver: str

    def show(self) -> str:
        """Recommend something to the driver; returns the id under which the portal knows it."""
        uid = f"KR-{uuid.uuid4()}"
        data = {
            "person": self.driver,
            "kind": "resequence",
            "version": "v14",
            "proposal": PROPOSAL,
            "confidence": 0.74,
            "explanation": {
                "text": "On 81 of 96 similar mornings the queue at stop 4 was gone by nine.",
                "n_similar": 96,
                "pct_similar": 84,
            },
        }
        shown = "ai.lastmile.recommendation.shown.v1"
        self._call(
            "/api/v1/events", [{"specversion": "1.0", "id": uid, "source": "kestrel-screen", "type": shown, "subject": uid, "data": data}]
        )
        return uid

    def token(self) -> str:
        return str(self._call("/api/v1/widget/sessions", {"person": self.driver})["token"])

    def page(self) -> bytes:
        """The page for one more recommendation."""
        values = {"portal": self.portal, "key": self.browser_key, "token": self.token(), "recommendation": self.show()}
        values |= {"driver": self.driver, "proposal": PROPOSAL}
        return (
            (HERE / "page.html").read_text(encoding="utf-8").format(**{name: html.escape(value) for name, value in values.items()}).encode()
        )

    @property
    def policy(self) -> str:
        return (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; worker-src 'self'; connect-src {self.portal};"
            " base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types lastmile"
        )

    def _call(self, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.system_key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.portal + path, data=json.dumps(body).encode(), headers=headers)  # noqa: S310  the portal's own address
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            return json.load(answer)


def server(tool: Tool, port: int = PORT) -> http.server.ThreadingHTTPServer:
    """Serves the page on this machine."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path in FILES:
                file, kind = FILES[self.path]
                self._answer(200, kind, file.read_bytes())
            elif self.path == "/":
                self._answer(200, "text/html; charset=utf-8", tool.page())
            else:
                self._answer(404, "text/plain", b"")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", tool.policy)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    return http.server.ThreadingHTTPServer(("127.0.0.1", port), Page)
