"""What holds for the whole tree: imports, sizes, names, migrations, deployment checks."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import Database

ROOT = Path(__file__).resolve().parent.parent
APPS = ("audit", "portal", "feedback", "governance")
MODULES = sorted(path for app in APPS for path in (ROOT / app).rglob("*.py"))
# Auditors get this one as a single file.
WHOLE = ROOT / "audit" / "verifier" / "verify.py"
PURE = ("merkle", "canonical", "notes", "tlog", "handover", "cosigning", "workflow", "statistics", "explanations")
LONGEST_MODULE = 400
LONGEST_TEMPLATE = 120


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_imports__contracts__kept() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_pure_modules__import_no_django() -> None:
    pure = {f"{app}.{name}" for app in APPS for name in PURE}
    guilty = {
        _name(path): foreign
        for path in MODULES
        if path.stem in PURE and path.parent.name in APPS
        if (foreign := {each for each in _imports(path) - pure if each.split(".")[0] in {"django", *APPS}})
    }
    assert not guilty


def test_domain__knows_no_web() -> None:
    """import-linter cannot name a part of a foreign package."""
    web = {"django.http", "django.shortcuts", "django.views"}
    domain = [path for path in MODULES if {"models", "selectors", "services"} & set(path.relative_to(ROOT).with_suffix("").parts)]
    guilty = {
        _name(path): found for path in domain if (found := {each for each in _imports(path) if each in web} - {"django.http.Http404"})
    }
    assert not guilty


def test_launcher__imports_no_django() -> None:
    for path in (ROOT / "portal" / "launcher").glob("*.py"):
        assert not {each for each in _imports(path) if each.split(".")[0] in {"django", "celery"}}, _name(path)


def test_bootstrap__needs_only_python() -> None:
    top = {
        each.name if isinstance(node, ast.Import) else node.module or ""
        for node in ast.parse((ROOT / "manage.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for each in node.names
    }
    assert {each.split(".")[0] for each in top} <= sys.stdlib_module_names


def test_modules__fit_in_the_head() -> None:
    long = {
        _name(path): count
        for path in MODULES
        if "migrations" not in path.parts
        and path != WHOLE
        and (count := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_MODULE
    }
    assert not long


def test_templates__fit_in_the_head() -> None:
    pages = (ROOT / "templates").rglob("*.html")
    long = {_name(path): count for path in pages if (count := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_TEMPLATE}
    assert not long


def test_modules__are_named_after_an_idea() -> None:
    assert not [_name(path) for path in MODULES if path.stem in {"utils", "util", "helpers", "helper", "common", "misc"}]


def test_signals__none_on_rows() -> None:
    """State changes are written in services; what follows from a row follows by trigger or outbox row."""
    assert not [_name(path) for path in MODULES if "django.db.models.signals" in _imports(path) and path.parent.name != "audit"]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_lock__hashed_and_names_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"https?://|--index-url|--find-links|--extra-index|file:|@ ", text)
    pinned = re.findall(r"^([A-Za-z0-9_.\-\[\]]+)==", text, flags=re.MULTILINE)
    assert len(pinned) > 20
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        if "==" in block.split("\n")[0]:
            assert "--hash=sha256:" in block, block.split("\n")[0]


def test_locks__development_holds_all_of_the_other() -> None:
    """manage.py takes a development environment as good for `up` too."""
    pins = [
        set(re.findall(r"^(\S+==\S+)", (ROOT / lock).read_text(encoding="utf-8"), flags=re.MULTILINE))
        for lock in ("requirements.lock", "requirements-dev.lock")
    ]
    assert pins[0] <= pins[1]


def test_settings__each_has_its_row_in_the_reference() -> None:
    read = set(re.findall(r'env\.\w+\("([A-Z_]+)"', (ROOT / "portal" / "settings.py").read_text(encoding="utf-8")))
    documented = set(re.findall(r"`([A-Z_]+)`", (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")))
    assert read - documented == set()


def _manage(*arguments: str, database: Database | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    basis = database.environment if database else dict(os.environ)
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=basis | environment, capture_output=True, text=True, check=False
    )


def test_migrations__follow_the_models() -> None:
    done = _manage("makemigrations", "--check", "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr


def test_deployment__as_the_operators_guide_says__no_warning(committed_db: Database) -> None:
    done = _manage(
        "check",
        "--deploy",
        "--fail-level=WARNING",
        database=committed_db,
        DJANGO_SETTINGS_MODULE="portal.settings",
        PUBLIC_URL="https://lastmile.example.org",
        ALLOWED_HOSTS="lastmile.example.org",
        SECRET_KEY="n0t-a-real-one-but-l0ng-enough-and-mixed-Z9w8v7u6t5s4r3q2p1o0",
    )
    assert done.returncode == 0, done.stdout + done.stderr
