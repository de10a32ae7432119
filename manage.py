#!/usr/bin/env python3
"""The one entrance: `up` starts the portal, `test` tests it, everything else is a Django command.

This file first makes the environment of the checkout (`.venv`, from the hashed lock) with nothing but
Python's own library, and starts itself again inside it. It must not import anything of ours before that.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
INSIDE = os.path.realpath(sys.prefix) == os.path.realpath(VENV)
# Outside any environment: what makes a new one.
BASE_PYTHON = getattr(sys, "_base_executable", None) or sys.executable
OLDEST, TOO_NEW = (3, 11), (3, 15)
# These need no services: a developer may run them before the first `up`.
OFFLINE = {"", "--help", "--version", "help", "check", "makemigrations", "makemessages", "compilemessages", "spectacular", "collectstatic"}
AS_OWNER = {"migrate", "sqlmigrate", "showmigrations", "dbshell"}


def stamp_of(lock: str) -> str:
    """What an environment made from this lock by this Python is known by."""
    with open(os.path.join(ROOT, lock), "rb") as file:
        return f"{lock} {hashlib.sha256(file.read()).hexdigest()[:32]} {sys.version_info[0]}.{sys.version_info[1]}"


def stamps() -> list[str]:
    try:
        with open(os.path.join(VENV, "lastmile.stamp"), encoding="utf-8") as file:
            return file.read().splitlines() if os.path.exists(VENV_PYTHON) else []
    except OSError:
        return []


def fresh(lock: str) -> bool:
    """Whether `.venv` holds `lock`. From outside any Python version will do: it is the environment's own that counts."""
    wanted = stamp_of(lock)
    return wanted in stamps() if INSIDE else wanted.rpartition(" ")[0] in [line.rpartition(" ")[0] for line in stamps()]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def tried(argv: list[str]) -> bool:
    """Whether it ended well; what it said is shown only if not."""
    done = subprocess.run(argv, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        say(done.stdout)
    return done.returncode == 0


def can_import(name: str) -> bool:
    return subprocess.run([BASE_PYTHON, "-c", f"import {name}"], check=False, capture_output=True).returncode == 0


def install(lock: str) -> None:
    """Make `.venv` and install `lock`: with uv if it is there, else with pip, else say what is missing."""
    options = ["--require-hashes", "--only-binary", ":all:", "-r", os.path.join(ROOT, lock)]
    uv = shutil.which("uv")
    asked = [VENV_PYTHON, "-c", "import sys; print(sys.version_info[:2])"]
    there = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() if os.path.exists(VENV_PYTHON) else ""
    if there != str(sys.version_info[:2]):
        shutil.rmtree(VENV, ignore_errors=True)
        if not can_import("venv"):
            sys.exit("This Python has no venv module. On Debian or Ubuntu: apt install python3-venv. Then run the same command again.")
        if not tried([BASE_PYTHON, "-m", "venv", "--without-pip", VENV]):
            sys.exit(f"The environment could not be made in {VENV}. Is the folder writable?")
    if uv and tried([uv, "pip", "install", "--quiet", "--python", VENV_PYTHON, *options]):
        return
    if subprocess.run([VENV_PYTHON, "-c", "import pip"], check=False, capture_output=True).returncode == 0 or (
        can_import("ensurepip") and tried([VENV_PYTHON, "-m", "ensurepip", "--default-pip"])
    ):
        pip = [VENV_PYTHON, "-m", "pip"]
    elif can_import("pip"):
        pip = [BASE_PYTHON, "-m", "pip", "--python", VENV_PYTHON]
    else:
        sys.exit(
            "This Python can make no environment: ensurepip, pip and uv are all missing.\n"
            "On Debian or Ubuntu: apt install python3-venv. Elsewhere install uv or pip. Then run the same command again."
        )
    if not tried([*pip, "install", "--quiet", "--disable-pip-version-check", *options]):
        sys.exit(f"The packages of {lock} could not be installed (see above). Is there a way to a package index or a mirror?")


def prepare(command: str) -> None:
    """Bring `.venv` up to date with the lock and go on inside it. Safe when several start at once."""
    if not OLDEST <= sys.version_info[:2] < TOO_NEW:
        sys.exit(f"Lastmile needs Python 3.11 to 3.14; this is {sys.version.split()[0]}. Try: python3.13 manage.py {command}")
    lock = "requirements-dev.lock" if command == "test" else "requirements.lock"
    installed = False
    if not fresh(lock):
        with open(__file__, "rb") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            if not fresh(lock):
                if any(line.startswith("requirements-dev.lock") for line in stamps()):
                    lock = "requirements-dev.lock"  # a developer's environment stays one
                say(f"Preparing {VENV} from {lock}: once, up to a minute.")
                install(lock)
                installed = True
                with open(os.path.join(VENV, "lastmile.stamp"), "w", encoding="utf-8") as file:
                    # The development lock holds everything of the other one.
                    file.write("\n".join(sorted({stamp_of(lock), stamp_of("requirements.lock")})) + "\n")
    if installed or not INSIDE:
        os.execv(VENV_PYTHON, [VENV_PYTHON, os.path.join(ROOT, "manage.py"), *sys.argv[1:]])


def django(argv: list[str]) -> None:
    """Run a Django command with the environment that an `up` left in its data folder (`--data`), or with the caller's own."""
    from portal.launcher.folders import Refusal, stored_environment

    data = os.environ.get("LASTMILE_DATA", os.path.join(ROOT, "var"))
    for index, word in enumerate(argv):
        if word == "--data" and index + 1 < len(argv):
            data = argv[index + 1]
            del argv[index : index + 2]
            break
        if word.startswith("--data="):
            data = word[len("--data=") :]
            del argv[index]
            break
    command = argv[0] if argv else ""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    if not any(name in os.environ for name in ("DATABASE_URL", "DATABASE_URL_FILE")):
        try:
            os.environ.update(stored_environment(data))
        except Refusal as problem:
            if command not in OFFLINE:
                sys.exit(str(problem))
            os.environ.setdefault("SECRET_KEY", "no secret: this command serves nobody")
            os.environ["DATABASE_URL"] = "postgresql://nobody@localhost:1/none"
    if command in AS_OWNER and (owner := os.environ.get("DATABASE_OWNER_URL")):
        os.environ["DATABASE_URL"] = owner

    from django.core.management import execute_from_command_line

    execute_from_command_line([sys.argv[0], *argv])


def main() -> None:
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        prepare(command)
    except OSError as error:
        sys.exit(f"{VENV} cannot be made: {error.strerror}. Make the checkout writable, or run as the user who owns it.")
    os.chdir(ROOT) if command == "test" else None
    if command == "install":
        say("The environment is ready.")
    elif command == "up":
        from portal.launcher.up import up

        sys.exit(up(sys.argv[2:]))
    elif command == "restore" and not any(name in os.environ for name in ("DATABASE_URL", "DATABASE_URL_FILE")):
        from portal.launcher.restoring import restore

        sys.exit(restore(sys.argv[2:]))
    elif command == "test":
        from portal.launcher.testing import test

        sys.exit(test(sys.argv[2:]))
    else:
        django(sys.argv[1:])


if __name__ == "__main__":
    main()
