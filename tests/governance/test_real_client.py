"""The gate with the public OpenFeature client against a real web server; Stop while broker and worker are away."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests as http
from openfeature import api as openfeature
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

from audit.context import acting
from governance.models import Pilot
from governance.services import stopping
from portal.models import Person
from tests import factories
from tests.cast import Cast
from tests.governance import scene
from tests.services import Database

KEY = "route-optimiser-northfield"


@dataclass
class Web:
    """A granian of its own, without a worker, whose broker takes calls and never answers (worse than one that is gone)."""

    url: str

    def signed_in(self, person: Person) -> http.Session:
        session = http.Session()
        page = session.get(f"{self.url}/account/sign-in", timeout=10)
        sent = {"login": person.staff_number, "password": factories.PASSWORD, "csrfmiddlewaretoken": token_of(page.text)}
        answer = session.post(f"{self.url}/account/sign-in", sent, timeout=10, allow_redirects=False)
        assert answer.status_code == 302, answer.text[:500]
        return session


def token_of(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    return found[1]


@pytest.fixture
def web(committed_db: Database) -> Iterator[Web]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    frozen = socket.create_server(("127.0.0.1", 0))
    environment = {**committed_db.environment, "BROKER_URL": f"redis://127.0.0.1:{frozen.getsockname()[1]}/0"}
    argv = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--blocking-threads", "2"]
    with subprocess.Popen(
        [*argv, "portal.wsgi:application"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        web = Web(f"http://127.0.0.1:{port}")
        try:
            for _try in range(200):
                try:
                    http.get(f"{web.url}/healthz", timeout=5)
                    break
                except http.ConnectionError:
                    time.sleep(0.1)
            yield web
        finally:
            server.terminate()
            frozen.close()


@pytest.fixture
def flag(web: Web, cast: Cast) -> Any:
    key = factories.key(system=cast.system, scopes=["gate:read"])
    provider = OFREPProvider(web.url, headers_factory=lambda: {"Authorization": f"Bearer {key}"})
    openfeature.set_provider(provider, domain=web.url)
    client = openfeature.get_client(domain=web.url)

    def of(person: Person, *, default: bool = True) -> bool:
        # The default is True on purpose: a gate that fails to answer would show.
        return client.get_boolean_value(KEY, default, EvaluationContext(targeting_key=person.staff_number))

    return of


def test_client__before_apply_stop__false_true_false(web: Web, cast: Cast, flag: Any) -> None:
    pilot = scene.propose(cast)
    request = scene.ask_to_start(cast, pilot)
    assert flag(cast.jo) is False
    scene.sign(cast.helen, request)
    assert flag(cast.jo) is True
    assert flag(cast.outsider) is False
    with acting(cast.colleagues[0].pk, channel="page"):
        stopping.stop(actor=cast.colleagues[0], pilot=pilot)
    assert flag(cast.jo) is False


def test_p3__broker_and_worker_away__sign_in_stop_and_gate_work(web: Web, cast: Cast, flag: Any) -> None:
    scene.widened(cast)
    assert flag(cast.jo) is True
    overseer = web.signed_in(cast.colleagues[0])
    page = overseer.get(f"{web.url}/pilots/{KEY}/stop", timeout=10)
    started = time.monotonic()
    answer = overseer.post(f"{web.url}/pilots/{KEY}/stop", {"csrfmiddlewaretoken": token_of(page.text)}, timeout=30, allow_redirects=False)
    assert answer.status_code == 302, answer.text[:500]
    assert flag(cast.jo) is False
    assert time.monotonic() - started < 10
    assert Pilot.objects.get().condition == "stopped"
