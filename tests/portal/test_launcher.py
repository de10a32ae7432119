"""`manage.py up` with real processes: survival, stopping, orphans, and what it says when it cannot start."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.launcher.folders import SHARED_PLACES
from tests.portal.running import PYTHON, ROOT, Up, bare_environment, free_port, lives, refused, until
from tests.services import Database

pytestmark = pytest.mark.slow
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that the database's user can enter; pytest closes its own to everybody else each time one starts."""
    folder = Path(tempfile.mkdtemp(prefix="lastmile-up-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def portal(folder: Path) -> Iterator[Up]:
    """A running `up` without the demonstration; the tests of this module share it."""
    up = Up(folder / "data", "--no-demo").ready()
    yield up
    up.end()


def test_up__running__answers_and_says_what_it_is_for(portal: Up) -> None:
    assert portal.status() == 200
    assert f"http://127.0.0.1:{portal.port}" in portal.text
    assert "for trials, small teams and tests" in portal.text
    assert not (portal.data / "demo.json").exists()


def test_up__second_on_same_data__names_the_first(portal: Up) -> None:
    said = refused(portal.data, "--port", str(free_port()))
    assert f"Another `up` (process {portal.process.pid}) already runs on {portal.data}" in said
    assert f"http://127.0.0.1:{portal.port}" in said
    assert portal.status() == 200


def test_up__port_taken__says_so(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"Port {port} cannot be used: address already in use. Choose another with --port." in refused(
            folder / "other", "--port", str(port)
        )


def test_up__no_such_port__says_so(folder: Path) -> None:
    assert "70000 is no port" in refused(folder / "other", "--port", "70000")


def test_up__data_not_writable__says_so() -> None:
    """In a folder where not even root may make another."""
    assert re.search(r"The data folder /sys/lastmile cannot be used: .+ Give another with --data DIR.", refused(Path("/sys/lastmile")))


def test_up__processes__know_only_what_they_need(portal: Up) -> None:
    web, worker = (Path(f"/proc/{portal.child(name)}/environ").read_text() for name in ("granian", "celery"))
    for secret in ("DATABASE_OWNER_URL", "DATABASE_SEALER_URL", "DATABASE_ERASER_URL", "LOG_KEY_FILE", "lm_owner"):
        assert secret not in web
    assert "DATABASE_SEALER_URL" in worker
    assert "LOG_KEY_FILE" in worker
    assert "DATABASE_ERASER_URL" in worker
    assert "DATABASE_OWNER_URL" not in worker
    for secret_file in (portal.data / "secrets").iterdir():
        assert secret_file.stat().st_mode & 0o077 == 0


def test_up__roles__app_uses_and_owner_owns(portal: Up) -> None:
    with portal.connect() as link:
        link.execute("select 1 from portal_person")
        owners = {owner for (owner,) in link.execute("select tableowner from pg_tables where schemaname = 'public'").fetchall()}
        assert owners == {"lm_owner"}
        assert link.execute("show ssl").fetchone() == ("off",)
        assert link.execute("show listen_addresses").fetchone() == ("",)


def test_command__with_data__finds_the_services(portal: Up) -> None:
    argv = [PYTHON, str(ROOT / "manage.py"), "migrate", "--check", "--data", str(portal.data)]
    done = subprocess.run(argv, env=bare_environment(), capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr


def test_command__no_portal_there__says_what_to_do(folder: Path) -> None:
    argv = [PYTHON, str(ROOT / "manage.py"), "migrate", f"--data={folder / 'none'}"]
    done = subprocess.run(argv, env=bare_environment(), capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 1
    assert "No portal runs on" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("victim", ["bin/postgres", "granian", "celery", "valkey-server"])
def test_up__child_killed__is_back_and_nothing_acknowledged_is_lost(portal: Up, victim: str) -> None:
    before = portal.processes()
    with portal.writing() as acknowledged:
        until(lambda: len(acknowledged) > 20)
        portal.kill(victim)
        until(lambda: portal.status() == 200)
        seen = len(acknowledged)
        until(lambda: len(acknowledged) > seen + 20)
    assert set(acknowledged) <= portal.written()
    # Nor has any child of the killed one outlived it.
    until(lambda: not [pid for pid in before - portal.processes() if lives(pid)], 5)
    assert "starting it again" in portal.text


def test_launcher__child_that_keeps_dying__gives_up_with_its_last_words() -> None:
    program = """
from portal.launcher.folders import Refusal
from portal.launcher.processes import Child, Launcher
launcher = Launcher()
launcher.start(Child("web", ["/bin/sh", "-c", "echo the disk is full; exit 3"], {}))
try:
    launcher.keep_alive()
except Refusal as problem:
    print("REFUSED", problem)
finally:
    launcher.stop()
"""
    done = subprocess.run([PYTHON, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert "web ended (exit 3); starting it again" in done.stdout
    said = done.stdout.partition("REFUSED")[2]
    assert "web ended 6 times in a row; giving up" in said
    assert "the disk is full" in said


def test_up__launcher_killed__leaves_no_orphan_and_starts_again(folder: Path) -> None:
    """And a data path so long that no socket fits into it."""
    data = folder / ("long " + "x" * 150)
    first = Up(data, "--no-demo").ready()
    sockets = first.command_environment()["BROKER_URL"].removeprefix("redis+socket://")
    assert len(sockets) < 107
    with first.connect() as link:
        link.execute("insert into django_session values ('before', 'kept', now())")
    first.end(signal.SIGKILL)
    second = Up(data, "--no-demo")  # at once: it waits for the last process of the first
    until(lambda: not first.left(), 6)
    second.ready()
    with second.connect() as link:
        assert link.execute("select 1 from django_session where session_key = 'before'").fetchone()
    assert second.end(signal.SIGINT) < 5
    assert second.process.returncode == 0
    assert not second.left()
    assert not (data / "secrets" / "environment.json").exists()


def test_up__own_servers__starts_none_and_loads_no_demonstration(folder: Path, committed_db: Database) -> None:
    environment = bare_environment() | {
        "DATABASE_URL": committed_db.url(),
        "DATABASE_OWNER_URL": committed_db.url("lm_owner"),
        "BROKER_URL": os.environ["BROKER_URL"],
    }
    up = Up(folder / "own", environment=environment).ready()
    try:
        assert up.status() == 200
        assert not up.child("bin/postgres")
        assert not up.child("valkey-server")
        assert "embedded" not in up.text
        assert not (up.data / "demo.json").exists()
        with committed_db.connect() as link:
            assert link.execute("select 1 from portal_person").fetchone() is None
    finally:
        up.end()
    assert not up.left()


@AS_ROOT
def test_up__root_with_checkout_and_data_that_others_cannot_enter__uses_a_place_they_can(folder: Path) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    checkout = private / "checkout"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(".git", ".venv", "var", ".*_cache", "uvenv"))
    links = ["--link"] if (ROOT / ".venv").stat().st_dev == private.stat().st_dev else []
    subprocess.run(["cp", "--archive", *links, f"{ROOT / '.venv'}/.", str(checkout / ".venv")], check=True)
    shared = [Path(place) for place in SHARED_PLACES]
    before = {each for place in shared if place.exists() for each in place.iterdir()}
    up = Up(checkout / "var", "--no-demo", root=checkout, python=str(checkout / ".venv/bin/python"))
    try:
        up.ready()
        assert up.status() == 200
        assert "who cannot enter" in up.text
        assert Path(f"/proc/{up.child('bin/postgres')}").stat().st_uid != 0
        assert Path(f"/proc/{up.child('valkey-server')}").stat().st_uid != 0
    finally:
        up.end()
        for place in shared:
            for each in set(place.iterdir()) - before if place.exists() else ():
                shutil.rmtree(each)
    assert not up.left()
