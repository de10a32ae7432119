"""`manage.py test`: static checks, then pytest, on services of their own in a temporary folder.

Without arguments everything runs. With arguments they go to pytest and the static checks are left out:
whoever names a test wants that one, now.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from portal.launcher.folders import ROOT, DataFolder, Refusal
from portal.launcher.postgres import ROLES, SUPERUSER, throwaway_folder
from portal.launcher.processes import Child, Launcher, Stopped, ended
from portal.launcher.services import Services

TEMPLATE = "lastmile_template"
BIN = Path(sys.executable).parent
TEMPLATES = "templates"


def static_checks() -> dict[str, list[str]]:
    """Every check that needs no test: name and command, the slow one first so that the others run beside it."""
    pages = sorted(str(page.relative_to(ROOT)) for page in (ROOT / TEMPLATES).rglob("*.html"))
    letters = sorted(str(page.relative_to(ROOT)) for page in (ROOT / TEMPLATES / "email").rglob("*.txt"))
    checks = {
        "mypy": [str(BIN / "mypy")],
        "ruff": [str(BIN / "ruff"), "check", "--quiet"],
        "format": [str(BIN / "ruff"), "format", "--check", "--quiet"],
        "imports": [str(BIN / "lint-imports"), "--no-cache"],
        "models": [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"],
    }
    if pages:
        checks["djade"] = [str(BIN / "djade"), "--check", "--target-version", "5.2", *pages, *letters]
        checks["djhtml"] = [str(BIN / "djhtml"), "--check", *pages]
    return checks


def test(argv: Sequence[str]) -> int:
    """pytest's exit code, or 1 when a static check fails (the tests run all the same)."""
    os.umask(0o022)
    folder = throwaway_folder()
    launcher = Launcher()
    began = time.monotonic()
    try:
        services = Services(launcher, DataFolder(folder), throwaway=True, own_servers=False)
        services.start()
        environment = _environment(services)
        # A process of its own: it is the owner who migrates, the tests connect as the app.
        owner = environment | {"DATABASE_URL": services.url("lm_owner", TEMPLATE)}
        migrate = launcher.start(
            Child("migrate", [sys.executable, "manage.py", "migrate", "--skip-checks", "--verbosity", "0"], owner, folder=ROOT, quiet=True)
        )
        failed = [] if argv else _check(launcher, environment)
        launcher.finish(migrate)
        if failed:
            launcher.say(f"Static checks failed: {', '.join(failed)}.", "test")
        elif not argv:
            launcher.say(f"Static checks passed ({time.monotonic() - began:.0f} s).", "test")
        code = _pytest(launcher, environment, argv)
        if failed:
            launcher.say(f"Static checks failed, see the top: {', '.join(failed)}.", "test")
        return code or int(bool(failed))
    except Refusal as problem:
        print(problem, file=sys.stderr, flush=True)
        return 1
    except Stopped:
        return 130
    finally:
        launcher.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _environment(services: Services) -> dict[str, str]:
    assert services.postgres is not None
    services.postgres.roles(TEMPLATE)
    roles = {role: services.url(role, "{database}") for role in (*ROLES, SUPERUSER)}
    basis = {name: value for name, value in services.environments({}).web.items() if not name.startswith("DATABASE_")}
    return basis | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": services.url("lm_app", "lastmile_test"),
        "LASTMILE_TEST_SERVICES": json.dumps({"roles": roles, "template": TEMPLATE, "broker": basis["BROKER_URL"]}),
    }


def _check(launcher: Launcher, environment: dict[str, str]) -> list[str]:
    """Run all static checks at once; the names of those that failed."""
    running = [launcher.start(Child(name, argv, environment, folder=ROOT, quiet=True)) for name, argv in static_checks().items()]
    failed = []
    for child in running:
        try:
            launcher.finish(child)
        except Refusal as problem:
            failed.append(child.name)
            launcher.say(str(problem), child.name)
    return failed


def _pytest(launcher: Launcher, environment: dict[str, str], argv: Sequence[str]) -> int:
    child = launcher.start(Child("pytest", [sys.executable, "-m", "pytest", *argv], environment, folder=ROOT, output=False))
    process = child.process
    assert process is not None
    patience = 50  # tenths of a second that pytest has to end by itself once we are asked to stop
    while child.alive and patience:
        launcher.pump(0.1)
        patience -= launcher.stopping
        for each in [each for each in launcher.children if not each.alive and each is not child]:
            launcher.forget(each)
            launcher.say(f"{each.name} ended ({ended(each.process.returncode if each.process else 0)})", "test")
    if launcher.stopping:
        raise Stopped
    launcher.children.remove(child)
    return process.returncode
