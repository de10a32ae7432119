"""A real `manage.py up`, for the tests of the launcher."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = sys.executable
OURS = ("DATABASE_", "BROKER_URL", "SECRET_KEY", "LASTMILE_", "DJANGO_SETTINGS_MODULE", "LOG_", "PUBLIC_URL")
PATIENCE = 60.0


def bare_environment() -> dict[str, str]:
    """The caller's, without what `manage.py test` put into it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The first true value of `condition`; AssertionError when time is up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError, psycopg.OperationalError):
            if found := condition():
                return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} seconds: {condition}")


class Up:
    """One running `up`; `lines` is what it printed so far."""

    def __init__(
        self, data: Path, *options: str, root: Path = ROOT, python: str = PYTHON, environment: Mapping[str, str] | None = None
    ) -> None:
        self.data, self.port = data, free_port()
        self.lines: list[str] = []
        argv = [python, str(root / "manage.py"), "up", "--data", str(data), "--port", str(self.port), *options]
        environment = environment or bare_environment()
        self.process = subprocess.Popen(argv, env=environment, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.known: set[int] = set()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout:
            self.lines.extend(line.rstrip() for line in self.process.stdout)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def ready(self) -> Up:
        until(lambda: "Lastmile is up" in self.text or self.process.poll() is not None)
        assert "Lastmile is up" in self.text, self.text
        self.known |= self.processes()
        return self

    def processes(self) -> set[int]:
        """The launcher and everything below it."""
        parents: dict[int, int] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found

    def child(self, needle: str) -> int:
        """The launcher's own child whose command line holds `needle`."""
        for pid in sorted(self.processes() - {self.process.pid}):
            with contextlib.suppress(OSError):
                stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                if int(stat[1]) == self.process.pid and needle in command:
                    return pid
        return 0

    def kill(self, needle: str) -> int:
        """Kill -9 the child and wait until another has taken its place, whose process id is returned."""
        old = self.child(needle)
        assert old, needle
        self.known |= self.processes()
        os.kill(old, signal.SIGKILL)
        try:
            new: int = until(lambda: (found := self.child(needle)) != old and found)
        except AssertionError as error:
            raise AssertionError(f"{needle} did not come back; up ended: {self.process.poll()}\n{self.text[-3000:]}") from error
        return new

    def command_environment(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.data / "secrets" / "environment.json").read_text())
        return found

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.command_environment()["DATABASE_URL"], autocommit=True, connect_timeout=3)

    @contextlib.contextmanager
    def writing(self) -> Iterator[list[str]]:
        """Insert rows one after another, through every break; the list holds the keys whose insert was acknowledged."""
        acknowledged: list[str] = []
        done = threading.Event()

        def write() -> None:
            while not done.is_set():
                with contextlib.suppress(OSError, psycopg.OperationalError), self.connect() as link:
                    while not done.is_set():
                        key = uuid.uuid4().hex
                        link.execute("insert into django_session values (%s, 'kept', now())", [key])
                        acknowledged.append(key)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            yield acknowledged
        finally:
            done.set()
            writer.join()

    def written(self) -> set[str]:
        with self.connect() as link:
            return {key for (key,) in link.execute("select session_key from django_session").fetchall()}

    def status(self) -> int:
        """What /healthz answers."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.closing(link):
            link.request("GET", "/healthz")
            return link.getresponse().status

    def left(self) -> set[int]:
        """Which of the processes seen so far still live (zombies do not)."""
        return {pid for pid in self.known if lives(pid)}

    def end(self, number: signal.Signals = signal.SIGINT) -> float:
        """Send the signal; how many seconds it took until the launcher was gone."""
        self.known |= self.processes()
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(30)
        self.reader.join(30)
        return time.monotonic() - began


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def refused(data: Path, *options: str) -> str:
    """What an `up` that cannot start says; it must end by itself with exit code 1."""
    argv = [PYTHON, str(ROOT / "manage.py"), "up", "--data", str(data), *options]
    done = subprocess.run(argv, env=bare_environment(), cwd="/", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return re.sub(r"\s+", " ", done.stderr)
