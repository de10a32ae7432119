"""What foreign readers of the log need: programs that may be missing on a bare machine, and a server that lies."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.portal.running import free_port

HERE = Path(__file__).parent
# Debian's package golang-golang-x-mod-dev puts its source here.
GO_SOURCES = Path("/usr/share/gocode")


def everything_required() -> bool:
    """LASTMILE_TESTS=all: what is missing fails a test instead of skipping it."""
    return os.environ.get("LASTMILE_TESTS") == "all"


def missing(what: str) -> Any:
    """Skip the test, or fail it where everything has to be there."""
    if everything_required():
        pytest.fail(f"LASTMILE_TESTS=all, and there is no {what}")
    pytest.skip(f"no {what} on this machine; .ci/run installs it")


def go_reader(folder: Path) -> Path:
    """The reader in Go, built in `folder` (once) from Debian's packages, without any network."""
    if (folder / "reader").exists():
        return folder / "reader"
    go = shutil.which("go")
    if go is None or not (GO_SOURCES / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        missing("Go with golang.org/x/mod")
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_SOURCES), "GOCACHE": str(folder / "cache"), "GOFLAGS": ""}
    build = [str(go), "build", "-o", str(folder / "reader"), str(HERE / "go" / "reader.go")]
    subprocess.run(build, env=environment, check=True, capture_output=True, timeout=300)
    return folder / "reader"


def python_with(package: str) -> str:
    """An interpreter that can import `package`: this one, or the one that LASTMILE_READERS_PYTHON names."""
    if importlib.util.find_spec(package) is not None:
        return sys.executable
    other = os.environ.get("LASTMILE_READERS_PYTHON", "")
    if other == "none":
        pytest.skip("this machine has no Python 3.12 or later")
    if not other or subprocess.run([other, "-c", f"import {package}"], check=False, capture_output=True).returncode:
        missing(f"Python 3.12 or later with {package} (LASTMILE_READERS_PYTHON)")
    return other


def answers(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server that was just started answers, with whatever status."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _try in range(300):
        assert process.poll() is None, f"{url} ended with {process.returncode}"
        try:
            opener.open(url, timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
        except OSError:
            time.sleep(0.1)
            continue
        return
    pytest.fail(f"{url} does not answer")


@contextlib.contextmanager
def web_server(environment: dict[str, str]) -> Iterator[str]:
    """A real web server over `environment`'s database; its address."""
    port = free_port()
    argv = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--blocking-threads", "2"]
    argv += ["portal.wsgi:application"]
    with subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            answers(f"http://127.0.0.1:{port}/healthz", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@contextlib.contextmanager
def liar(address: str, change: Callable[[str, bytes], bytes]) -> Iterator[str]:
    """A server that passes on what `address` answers, with `change(path, body)` made to it; its address."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                with opener.open(address + self.path, timeout=20) as answer:
                    status, body = answer.status, change(self.path, answer.read())
            except urllib.error.HTTPError as error:
                status, body = error.code, error.read()
                error.close()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
