"""`manage.py up`: database, broker, migrations, demonstration, web and worker, until somebody presses Ctrl-C."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from portal.launcher.folders import ENVIRONMENT, ROOT, DataFolder, Refusal
from portal.launcher.processes import Child, Launcher, Stopped
from portal.launcher.services import Environments, Services

HOST = "127.0.0.1"
MANAGE = (sys.executable, str(ROOT / "manage.py"))
# What packages ship for pages that we do not have: the browsable API, extensions of htmx.
NEVER_SERVED = ("--ignore", "rest_framework", "--ignore", "ext")


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="manage.py up", description="Start the portal with everything it needs. Ctrl-C stops it.")
    parser.add_argument("--port", type=int, default=8000, help="the port on this machine (8000)")
    parser.add_argument(
        "--data", default=os.environ.get("LASTMILE_DATA", str(ROOT / "var")), help="the folder for everything that lasts (var)"
    )
    parser.add_argument("--no-demo", action="store_true", help="start empty, without the demonstration")
    parser.add_argument("--scenes", default="", metavar="all", help="which scenes of the demonstration to load")
    return parser.parse_args(argv)


def check_port(port: int) -> None:
    """Refusal when somebody else listens there."""
    if not 1 <= port <= 65535:
        raise Refusal(f"{port} is no port: choose one from 1 to 65535 with --port.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise Refusal(
                f"Port {port} cannot be used: {(error.strerror or 'it is taken').lower()}. Choose another with --port."
            ) from error


def up(argv: Sequence[str]) -> int:
    """The exit code: 0 after Ctrl-C, 1 when something could not start or keeps dying."""
    options = arguments(argv)
    began = time.monotonic()
    os.umask(0o022)
    try:
        data = DataFolder(options.data)
        data.hold()
        check_port(options.port)
        address = f"http://{HOST}:{options.port}"
        data.sign(address)
        launcher = Launcher()
        try:
            _serve(launcher, data, options, address, began)
        finally:
            launcher.say("Stopping.")
            launcher.stop()
            data.tidy()
    except Refusal as problem:
        print(problem, file=sys.stderr, flush=True)
        return 1
    except psycopg.Error as error:
        print(f"The database does not answer as it should: {error}", file=sys.stderr, flush=True)
        return 1
    except Stopped:
        pass
    return 0


def _serve(launcher: Launcher, data: DataFolder, options: argparse.Namespace, address: str, began: float) -> None:
    services = Services(launcher, data)
    place = data.place(services.user)
    if place != data.path and services.user:
        launcher.say(f"The database runs as {services.user.name}, who cannot enter {data.path}: its files are in {place}.")
    services.start()
    demonstration = not services.own_database and not options.no_demo
    extra = {"PUBLIC_URL": os.environ.get("PUBLIC_URL", address)}
    if demonstration:
        extra["LOG_READERS"] = os.environ.get("LOG_READERS", "entries")
    environments = services.environments(extra)
    data.write_private(data.secrets / ENVIRONMENT, json.dumps(_differences(environments.command), indent=1))

    migrate = launcher.start(Child("migrate", [*MANAGE, "migrate", "--no-input", "--verbosity", "0"], environments.owner, folder=ROOT))
    static = launcher.start(
        Child("static", [*MANAGE, "collectstatic", "--no-input", "--verbosity", "0", *NEVER_SERVED], environments.web, folder=ROOT)
    )
    launcher.finish(migrate)
    launcher.finish(static)
    unfinished = (data.path / "demo.json.new").exists()  # killed after the database took it, before its sign-ins had their name
    if demonstration and not (data.path / "demo.json").exists() and (unfinished or _nobody_yet(services)):
        scenes = ["--scenes", options.scenes] if options.scenes else []
        launcher.say("Loading the demonstration: once.")
        launcher.run(Child("demo", [*MANAGE, "demo", *scenes], environments.command, folder=ROOT, quiet=True))

    web = launcher.start(_web(environments, options.port))
    launcher.wait_for("The web server", lambda: answers(options.port), 60, web)
    launcher.start(_worker(environments, place=data.path))
    _welcome(launcher, services, data, extra["PUBLIC_URL"], time.monotonic() - began)
    launcher.keep_alive()


def _differences(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if os.environ.get(name) != value}


def _nobody_yet(services: Services) -> bool:
    assert services.postgres is not None
    with services.postgres.connect() as link:
        return link.execute("select 1 from portal_person limit 1").fetchone() is None


def _web(environments: Environments, port: int) -> Child:
    """granian's WSGI server: a worker process a core, four threads each."""
    argv = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)]
    argv += ["--workers", str(os.cpu_count() or 1), "--blocking-threads", "4", "--workers-kill-timeout", "1", "--respawn-failed-workers"]
    return Child("web", [*argv, "--log-level", "warning", "--no-ws", "portal.wsgi:application"], environments.web, folder=ROOT)


def _worker(environments: Environments, place: Path) -> Child:
    """Celery's worker with the timetable beside it; two timetables at once would do no harm."""
    argv = [sys.executable, "-m", "celery", "--app", "portal", "--quiet", "worker", "--beat", "--schedule", str(place / "timetable")]
    argv += ["--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
    environment = environments.worker | {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
    return Child("worker", argv, environment, folder=ROOT)


def answers(port: int) -> bool:
    """Whether the portal says that it is well."""
    link = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        link.request("GET", "/healthz")
        return link.getresponse().status < 500
    except OSError:
        return False
    finally:
        link.close()


def _welcome(launcher: Launcher, services: Services, data: DataFolder, address: str, seconds: float) -> None:
    launcher.say(f"\nLastmile is up at {address} (after {seconds:.0f} s). Ctrl-C stops it. Its data is in {data.path}.")
    if services.postgres or services.valkey:
        launcher.say("The database and the broker here are embedded: for trials, small teams and tests.")
        launcher.say("For production bring your own servers: docs/how-to/own-database.md.")
    if services.user:
        launcher.say(f"You are root: the database and the broker run as {services.user.name}, the web server and the worker as root.")
    demo = data.path / "demo.json"
    if not services.own_database and demo.exists():
        people = json.loads(demo.read_text(encoding="utf-8")).get("people", [])
        width = max((len(each["login"]) for each in people), default=0)
        launcher.say(f"Sign in as one of these (also in {demo}):")
        for each in people:
            launcher.say(f"  {each['login']:<{width}}  {each['password']}  {each['role']}")
