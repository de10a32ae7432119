"""The embedded services as one thing: started in order, and the environments of those who use them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from portal.launcher.folders import DataFolder, run_user
from portal.launcher.postgres import DATABASE, Postgres
from portal.launcher.processes import Child, Launcher
from portal.launcher.valkey import Valkey

# Only who needs a secret gets it: the web process can neither migrate nor seal nor erase nor read the log's key.
PRIVILEGED = ("DATABASE_OWNER_URL", "DATABASE_SEALER_URL", "DATABASE_ERASER_URL", "LOG_KEY_FILE", "ERASURE_LEDGER_FILE")


def given(name: str) -> str:
    """The variable `name`, or the content of the file that `<name>_FILE` points to, as portal.env reads it."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ.get(name, "")


@dataclass(frozen=True)
class Environments:
    """What each kind of process is told. `command` is an administrator's: everything."""

    web: dict[str, str]
    worker: dict[str, str]
    owner: dict[str, str]
    command: dict[str, str]


class Services:
    """PostgreSQL and Valkey of one data folder, each only if the caller brings none of their own."""

    def __init__(self, launcher: Launcher, data: DataFolder, *, throwaway: bool = False, own_servers: bool = True) -> None:
        self.launcher, self.data, self.quiet = launcher, data, throwaway
        self.own_database = own_servers and bool(given("DATABASE_URL"))
        self.own_broker = own_servers and bool(given("BROKER_URL"))
        embedded = not (self.own_database and self.own_broker)
        self.user = run_user() if embedded else None
        self.sockets = data.sockets(self.user) if embedded else data.path
        self.postgres = None if self.own_database else Postgres(data, self.user, self.sockets, throwaway=throwaway)
        self.valkey = None if self.own_broker else Valkey(self.user, self.sockets)

    def start(self) -> None:
        """Until both answer and the roles are there."""
        launcher = self.launcher
        broker = launcher.start(self._child(self.valkey)) if self.valkey else None
        if self.postgres:
            if making := self.postgres.make():
                launcher.run(making)
                self.postgres.made()
            database = launcher.start(self._child(self.postgres))
            launcher.wait_for("The database", self.postgres.ready, 90, database)
            self.postgres.roles()
        if self.valkey and broker:
            launcher.wait_for("The broker", self.valkey.ready, 20, broker)

    def _child(self, service: Postgres | Valkey) -> Child:
        child = service.child()
        child.quiet = self.quiet
        return child

    def environments(self, extra: dict[str, str]) -> Environments:
        """`extra` is added to all of them."""
        basis = {
            name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in PRIVILEGED and name not in PRIVILEGED
        }
        basis |= {"DJANGO_SETTINGS_MODULE": "portal.settings", "LASTMILE_DATA": str(self.data.path), "PYTHONUNBUFFERED": "1"}
        if not given("SECRET_KEY"):
            basis["SECRET_KEY"] = self.data.secret("django.key")
        if self.valkey:
            basis["BROKER_URL"] = self.valkey.url
        basis |= extra
        privileged = {name: given(name) for name in PRIVILEGED if given(name) and not name.endswith("_FILE")}
        owner = given("DATABASE_OWNER_URL") or given("DATABASE_URL")
        if self.postgres:
            basis["DATABASE_URL"] = self.url("lm_app")
            owner = self.url("lm_owner")
            privileged = {
                "DATABASE_OWNER_URL": owner,
                "DATABASE_SEALER_URL": self.url("lm_sealer"),
                "DATABASE_ERASER_URL": self.url("lm_eraser"),
            }
        key_file = os.environ.get("LOG_KEY_FILE", "")
        if not key_file:
            self.data.secret("log.key", base64_of=32)
            key_file = str(self.data.secrets / "log.key")
        key = {"LOG_KEY_FILE": key_file}
        if ledger := os.environ.get("ERASURE_LEDGER_FILE"):
            key["ERASURE_LEDGER_FILE"] = ledger
        background = {name: value for name, value in privileged.items() if name != "DATABASE_OWNER_URL"}
        return Environments(
            web=basis,
            worker=basis | key | background,
            owner={name: value for name, value in basis.items() if name != "DATABASE_URL_FILE"} | {"DATABASE_URL": owner},
            command=basis | key | privileged,
        )

    def url(self, role: str, database: str = DATABASE) -> str:
        assert self.postgres is not None
        return self.postgres.url(role, database)
