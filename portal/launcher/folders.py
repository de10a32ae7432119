"""Where things lie: the data folder with its lock and secrets, and the places that the unprivileged user can enter."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import secrets
import shutil
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ENVIRONMENT = "environment.json"
# A unix socket's path has 107 bytes; PostgreSQL's own part is `/.s.PGSQL.5432.lock`.
LONGEST_SOCKET_FOLDER = 85
# Root's own folder for what the unprivileged user must reach when the checkout or the data folder shuts it out.
SHARED_PLACES = ("/var/lib/lastmile", "/var/tmp/lastmile-root")  # noqa: S108 - ownership is checked below


class Refusal(Exception):
    """Something that the person who started the command can put right; shown without a traceback."""


@dataclass(frozen=True)
class RunUser:
    """The unprivileged user that PostgreSQL and Valkey run as when root starts them."""

    name: str
    uid: int
    gid: int

    def may(self, path: Path, mode: int = os.R_OK | os.X_OK) -> bool:
        """Whether this user can really reach `path`: tried in a child that became the user."""
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(self.gid)
                os.setuid(self.uid)
                os._exit(0 if os.access(path, mode) else 1)
            finally:
                os._exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def run_user() -> RunUser | None:
    """None when we are not root: then everything runs as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("lastmile", "postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return RunUser(name, entry.pw_uid, entry.pw_gid)
    raise Refusal("Started as root, and there is no unprivileged user for the database: make one with `useradd --system lastmile`.")


def shared_place() -> Path:
    """A folder that root owns, everybody can enter and nobody else can write to."""
    for candidate in map(Path, SHARED_PLACES):
        try:
            candidate.mkdir(mode=0o755, exist_ok=True)
            state = candidate.lstat()
        except OSError:
            continue
        if stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid() and not state.st_mode & 0o022:
            return candidate
    raise Refusal(
        f"Neither {SHARED_PLACES[0]} nor {SHARED_PLACES[1]} can be made: the database's unprivileged user needs a folder that it can enter."
    )


def copy_once(source: Path, *beside: Path, label: str) -> Path:
    """Copy `source` and what must lie beside it to root's shared place; the copy of `source` is returned. Later calls reuse it."""
    target = shared_place() / "programs" / label
    if not target.exists():
        target.parent.mkdir(mode=0o755, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f"{label}.", dir=target.parent))
        for each in (source, *beside):
            shutil.copytree(each, fresh / each.relative_to(source.parent.parent), symlinks=True)
        fresh.chmod(0o755)
        try:
            fresh.rename(target)
        except OSError:  # another `up` was faster
            shutil.rmtree(fresh)
    return target / source.relative_to(source.parent.parent)


class DataFolder:
    """The data folder of one `up`: one holder at a time, secrets for its owner only, services' files beside them."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.secrets.mkdir(mode=0o700, exist_ok=True)
            self.lock_file = (self.path / "lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise Refusal(f"The data folder {self.path} cannot be used: {error.strerror}. Give another with --data DIR.") from error
        self.socket_folder: Path | None = None

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    def hold(self, patience: float = 12) -> None:
        """Take the lock, or raise Refusal naming who has it. A killed `up` keeps it until its last process has ended: wait for that."""
        end = time.monotonic() + patience
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self.lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            self.lock_file.seek(0)
            pid, _, address = self.lock_file.read().strip().partition(" ")
            if (pid.isdigit() and Path(f"/proc/{pid}").exists()) or time.monotonic() > end:
                raise Refusal(
                    f"Another `up` (process {pid}) already runs on {self.path}: {address}. Stop it first, or give another --data DIR."
                )
            time.sleep(0.1)

    def sign(self, address: str) -> None:
        self.lock_file.seek(0)
        self.lock_file.truncate()
        self.lock_file.write(f"{os.getpid()} {address}\n")
        self.lock_file.flush()

    def secret(self, name: str, *, base64_of: int = 0) -> str:
        """The secret of this name, made at random the first time: `base64_of` bytes in base64, else 43 letters that are safe in a URL."""
        file = self.secrets / name
        try:
            return file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            value = base64.b64encode(secrets.token_bytes(base64_of)).decode() if base64_of else secrets.token_urlsafe(32)
            self.write_private(file, value + "\n")
            return value

    def write_private(self, file: Path, content: str) -> None:
        fresh = file.with_name(file.name + ".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(content)
        fresh.replace(file)

    def place(self, user: RunUser | None) -> Path:
        """Where the services keep their files: here, or under root's shared place when the unprivileged user cannot enter here."""
        if user is None or user.may(self.path, os.X_OK):
            return self.path
        digest = hashlib.sha256(f"{self.path}:{self.secret('id')}".encode()).hexdigest()[:12]
        place = shared_place() / digest
        place.mkdir(mode=0o755, exist_ok=True)
        return place

    def sockets(self, user: RunUser | None) -> Path:
        """A folder for unix sockets whose path is short enough, for the run user alone (and root)."""
        folder = self.place(user) / "run"
        if len(os.fsencode(folder)) > LONGEST_SOCKET_FOLDER:
            short = next((each for each in ("/run", "/tmp", "/var/tmp") if os.access(each, os.W_OK | os.X_OK)), None)  # noqa: S108 - mkdtemp
            if short is None:
                raise Refusal(f"{folder} is too long for a socket's path, and no short folder is writable: give a shorter --data DIR.")
            folder = Path(tempfile.mkdtemp(prefix="lastmile-", dir=short))
            self.socket_folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)
        give(folder, user)
        return folder

    def tidy(self) -> None:
        """Remove what only a running `up` needs."""
        if self.socket_folder:
            shutil.rmtree(self.socket_folder, ignore_errors=True)
        (self.secrets / ENVIRONMENT).unlink(missing_ok=True)


def give(path: Path, user: RunUser | None) -> None:
    """Make `path` private to the user that runs the services."""
    if user:
        os.chown(path, user.uid, user.gid)
    path.chmod(0o700 if path.is_dir() else 0o600)


def stored_environment(data: str | Path) -> dict[str, str]:
    """The environment that the `up` on this data folder left for commands; Refusal when none runs there or it is another user's."""
    file = Path(data).absolute() / "secrets" / ENVIRONMENT
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except PermissionError:
        raise Refusal(f"{file} belongs to another user: run this command as the one who started `up`.") from None
    except OSError:
        raise Refusal(
            f"No portal runs on {Path(data).absolute()}. Start one with `python3 manage.py up`, name its folder with --data DIR, or set DATABASE_URL."
        ) from None
    return {str(name): str(value) for name, value in found.items()}
