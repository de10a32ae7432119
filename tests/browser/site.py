"""A served portal for the browser: the real settings under granian, over the demonstration in a database of its own."""

from __future__ import annotations

import http.cookiejar
import json
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

from django.conf import settings

from tests import services
from tests.portal.running import ROOT, free_port


@dataclass(frozen=True)
class Account:
    """Someone of the demonstration who can sign in."""

    login: str
    password: str
    role: str


@dataclass(frozen=True)
class Site:
    """`said` is demo.json."""

    url: str
    accounts: dict[str, Account]
    said: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    text: str


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        """Redirects are answers here."""


class Visitor:
    """A plain HTTP client with a cookie jar; follows no redirect."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.jar = http.cookiejar.CookieJar()
        handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.jar), _NoRedirect()]
        self.opener = urllib.request.build_opener(*handlers)

    def cookie(self, name: str) -> str:
        return next((cookie.value or "" for cookie in self.jar if cookie.name == name), "")

    def get(self, address: str) -> Answer:
        return self._send(urllib.request.Request(self.base + address))

    def post(self, address: str, form: Mapping[str, str]) -> Answer:
        body = urllib.parse.urlencode({**form, "csrfmiddlewaretoken": self.cookie("csrftoken")}).encode()
        request = urllib.request.Request(self.base + address, data=body, headers={"Referer": self.base})
        return self._send(request)

    def sign_in(self, account: Account) -> None:
        self.get("/account/sign-in")
        answer = self.post("/account/sign-in", {"login": account.login, "password": account.password})
        assert answer.status == 302, answer.text

    def _send(self, request: urllib.request.Request) -> Answer:
        try:
            answer = self.opener.open(request, timeout=20)
        except HTTPError as refused:
            answer = refused
        with answer:
            return Answer(answer.status, answer.headers.get("Content-Type", ""), answer.read().decode("utf-8", "replace"))


@contextmanager
def demonstration(folder: Path) -> Iterator[Site]:
    """A portal with the demonstration in it, on a port of its own, with compressed static files as in operation."""
    database = services.clone("lastmile_browser")
    try:
        port = free_port()
        environment = database.environment | {
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "SECRET_KEY": settings.SECRET_KEY,
            "LASTMILE_DATA": str(folder),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
        }
        for command in (["collectstatic", "--noinput", "--verbosity", "0"], ["demo"], ["seal"]):
            _manage(command, environment)
        with _serving(port, environment, folder / "web.log"):
            said = json.loads((folder / "demo.json").read_text())
            yield Site(f"http://127.0.0.1:{port}", _accounts(said), said)
    finally:
        services.drop(database)


def _accounts(said: dict[str, Any]) -> dict[str, Account]:
    """The first of each role."""
    found: dict[str, Account] = {}
    for person in said["people"]:
        found.setdefault(person["role"], Account(person["login"], person["password"], person["role"]))
    return found


def _manage(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *command], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, f"manage.py {command[0]}:\n{done.stdout}{done.stderr}"


@contextmanager
def _serving(port: int, environment: dict[str, str], log: Path) -> Iterator[None]:
    argv: list[Any] = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--no-ws"]
    argv += ["--blocking-threads", "4", "--log-level", "warning", "portal.wsgi:application"]
    with log.open("w") as out, subprocess.Popen(argv, env=environment, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT) as web:
        try:
            _until_it_answers(f"http://127.0.0.1:{port}/healthz", web, log)
            yield
        finally:
            web.terminate()


def _until_it_answers(url: str, web: subprocess.Popen[bytes], log: Path, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and web.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"The portal did not answer on {url}:\n{log.read_text()}")
