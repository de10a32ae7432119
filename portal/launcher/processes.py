"""Children that live exactly as long as the launcher: started in order, restarted when they die, never orphaned.

Three things hold that together. Each child asks the kernel to end it when the launcher dies. A forked guard,
which survives the launcher, ends what is left of each child's process group (and keeps the data folder's lock
until then). And the launcher adopts orphaned grandchildren, so that nothing outlives a killed child either.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from portal.launcher.folders import Refusal, RunUser

LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None) if LINUX else None
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
GUARD_PATIENCE = 3.0
STABLE_AFTER, MOST_DEATHS = 5.0, 5


def _prctl(option: int, value: int) -> None:
    if _libc is not None:
        _libc.prctl(option, value, 0, 0, 0)


@dataclass
class Child:
    """One program. `stop` is the signal that ends it in good order; `output=False` leaves it the launcher's own terminal;
    a `service` (database, broker) is stopped after the others, which still need it; of a
    `quiet` one nothing is shown unless it fails."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    user: RunUser | None = None
    folder: Path = Path("/")
    stop: signal.Signals = signal.SIGTERM
    output: bool = True
    service: bool = False
    quiet: bool = False
    process: subprocess.Popen[bytes] | None = None
    started: float = 0
    deaths: int = 0
    rest: bytes = b""
    last_lines: list[str] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Stopped(Exception):
    """Somebody asked the launcher to stop while it was waiting for something else."""


class Launcher:
    """Starts, watches and stops children from one thread."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        self.pipes = selectors.DefaultSelector()
        self.stopping = False
        self.pid = os.getpid()
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        self.guard_pipe, self.guard = _start_guard()

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def say(self, text: str, name: str = "up") -> None:
        for line in text.splitlines():
            with contextlib.suppress(BrokenPipeError):
                print(f"{name:<8} | {line}", flush=True)

    def start(self, child: Child) -> Child:
        """Start `child` and watch it from now on."""

        def before_exec() -> None:
            # After the change of user, which would clear it.
            _prctl(PR_SET_PDEATHSIG, child.stop)
            if os.getppid() != self.pid:
                os._exit(1)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            if child.output:
                os.umask(0o077)

        user = {"user": child.user.uid, "group": child.user.gid, "extra_groups": ()} if child.user else {}
        try:
            child.process = subprocess.Popen(
                list(child.argv),
                env=dict(child.environment),
                cwd=child.folder,
                stdin=subprocess.DEVNULL if child.output else None,
                stdout=subprocess.PIPE if child.output else None,
                stderr=subprocess.STDOUT if child.output else None,
                start_new_session=child.output,
                preexec_fn=before_exec,  # noqa: PLW1509 - one thread only, see the package's docstring
                **user,  # type: ignore[call-overload]
            )
        except OSError as error:
            raise Refusal(f"{child.argv[0]} could not be started: {error.strerror}.") from error
        assert child.process is not None
        child.started = time.monotonic()
        child.rest = b""
        if child.process.stdout is not None:
            os.set_blocking(child.process.stdout.fileno(), False)
            self.pipes.register(child.process.stdout, selectors.EVENT_READ, child)
        if child.output:
            self._tell_guard(f"+{child.process.pid}\n")
        if child not in self.children:
            self.children.append(child)
        return child

    def _tell_guard(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self.guard_pipe, line.encode())

    def pump(self, seconds: float) -> None:
        """Pass on what children print, for at most `seconds`."""
        if not self.pipes.get_map():
            time.sleep(seconds)
            return
        for key, _ in self.pipes.select(seconds):
            self._read(key.data)

    def _read(self, child: Child) -> None:
        assert child.process is not None
        assert child.process.stdout is not None
        try:
            data = os.read(child.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return
        if not data:
            self.pipes.unregister(child.process.stdout)
            child.process.stdout.close()
            return
        *lines, child.rest = (child.rest + data).split(b"\n")
        for raw in lines:
            line = raw.decode(errors="replace").rstrip()
            child.last_lines = [*child.last_lines[-199:], line]
            if not child.quiet:
                self.say(line, child.name)

    def wait_for(self, what: str, ready: Callable[[], bool], seconds: float, *children: Child) -> None:
        """Until `ready()`; Refusal when time is up or one of `children` ends first, Stopped when asked to stop."""
        end = time.monotonic() + seconds
        while not ready():
            if self.stopping:
                raise Stopped
            for child in children:
                if not child.alive:
                    self.pump(0.2)
                    raise Refusal("\n".join([f"{what} did not start:", *child.last_lines[-8:]]))
            if time.monotonic() > end:
                raise Refusal(f"{what} did not answer within {seconds:.0f} seconds.")
            # Not at once again when something is printed: a database that is recovering prints a line for each question.
            again = time.monotonic() + 0.1
            while (left := again - time.monotonic()) > 0:
                self.pump(left)

    def run(self, child: Child, seconds: float = 600) -> Child:
        """Start `child`, wait until it has ended; Refusal with its last lines unless it ended well."""
        return self.finish(self.start(child), seconds)

    def finish(self, child: Child, seconds: float = 600) -> Child:
        """Wait for a child that ends by itself."""
        self.wait_for(child.name, lambda: not child.alive, seconds)
        self.forget(child)
        assert child.process is not None
        if child.process.returncode != 0:
            shown = child.last_lines if child.quiet else []
            raise Refusal("\n".join([f"{child.name} failed ({ended(child.process.returncode)}).", *shown]))
        return child

    def forget(self, child: Child) -> None:
        """Read what a dead child still said, end what it left behind, and stop watching it."""
        assert child.process is not None
        _kill_group(child.process.pid)
        self._adopted_end()
        while child.process.stdout is not None and not child.process.stdout.closed and self._has_output(child):
            self._read(child)
        if child.process.stdout is not None and not child.process.stdout.closed:
            self.pipes.unregister(child.process.stdout)
            child.process.stdout.close()
        self._tell_guard(f"-{child.process.pid}\n")
        if child in self.children:
            self.children.remove(child)

    def _has_output(self, child: Child) -> bool:
        return any(key.data is child for key, _ in self.pipes.select(0))

    def _adopted_end(self) -> None:
        """End grandchildren whose parent was killed: the kernel has given them to us."""
        ours = {child.process.pid for child in self.children if child.process} | {self.guard}
        for pid in [each for each in _children_of(self.pid) if each not in ours]:
            with contextlib.suppress(ProcessLookupError, PermissionError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)

    def keep_alive(self) -> None:
        """Until asked to stop: pass on output and start again whatever dies. Refusal when one keeps dying."""
        while not self.stopping:
            self.pump(0.2)
            for child in [each for each in self.children if not each.alive]:
                assert child.process is not None
                place = self.children.index(child)
                self.forget(child)
                child.deaths = child.deaths + 1 if time.monotonic() - child.started < STABLE_AFTER else 1
                if child.deaths > MOST_DEATHS:
                    raise Refusal(
                        "\n".join([f"{child.name} ended {child.deaths} times in a row; giving up. Its last lines:", *child.last_lines[-8:]])
                    )
                self.say(f"{child.name} ended ({ended(child.process.returncode)}); starting it again")
                if child.deaths > 1:
                    time.sleep(0.1 * child.deaths)
                self.start(child)
                self.children.insert(place, self.children.pop())

    def stop(self, patience: float = 1.5) -> None:
        """End all children in the reverse of their order, services last. Takes at most three times `patience`."""
        self.stopping = True
        waves = [[each for each in self.children if not each.service], [each for each in self.children if each.service]]
        for wave in waves:
            for child in wave:
                if child.alive and child.process:
                    child.process.send_signal(child.stop)
            end = time.monotonic() + patience
            while any(child.alive for child in wave) and time.monotonic() < end:
                self.pump(0.02)
            for child in wave:
                if child.process:
                    if child.alive:
                        _kill_group(child.process.pid)
                        child.process.kill()
                    child.process.wait()
                    self.forget(child)
        self._adopted_end()
        os.close(self.guard_pipe)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.guard, 0)


def ended(code: int) -> str:
    """How a process ended, in words."""
    return f"exit {code}" if code >= 0 else f"signal {-code}"


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _children_of(pid: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir() if LINUX else ():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                # The command name in brackets may hold anything; the parent is the second field after it.
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    yield int(entry.name)


def _group_lives(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _start_guard() -> tuple[int, int]:
    """Fork the guard; it learns the children's process ids through the pipe whose writing end is returned."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(reading)
        return writing, pid
    try:
        os.close(writing)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _guard(reading)
    finally:
        os._exit(0)


def _guard(reading: int) -> None:
    known: set[int] = set()
    with os.fdopen(reading, encoding="ascii") as lines:
        for line in lines:
            (known.add if line[0] == "+" else known.discard)(int(line[1:]))
    end = time.monotonic() + GUARD_PATIENCE
    while any(_group_lives(pid) for pid in known) and time.monotonic() < end:
        time.sleep(0.05)
    for pid in known:
        _kill_group(pid)
