"""Backup and restore with PostgreSQL's own programs: erased people stay erased, and nothing unverified is served."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.db import connections
from psycopg import sql

from audit.context import acting
from audit.keeping import erasure, restores
from audit.log import sealing
from audit.models import Actor
from feedback.services import items
from portal import dumping
from portal.models import Role
from tests import factories
from tests.audit.conftest import erasing, log
from tests.cast import Cast
from tests.services import Database, drop

__all__ = ["erasing", "log"]

pytestmark = pytest.mark.slow  # each command is a process of its own

NAME, TEXT = "Canarina Featherstone", "A canary sentence that must not come back"


@pytest.fixture
def empty(committed_db: Database) -> Iterator[Database]:
    """A database with the roles' grants and no table."""
    from portal.launcher.postgres import privileges

    other = Database(f"{committed_db.name}_restored")
    with Database("postgres").connect("postgres") as link:
        link.execute(sql.SQL("create database {} owner lm_owner").format(sql.Identifier(other.name)))
    with other.connect("postgres") as link:
        for statement in privileges(other.name):
            link.execute(statement)
    yield other
    drop(other)


def manage(database: Database, folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    more = {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "LOG_KEY_FILE": str(folder / "log.key"),
        "LOG_ORIGIN": "testserver/log",
        "ERASURE_LEDGER_FILE": str(folder / "erasures.ledger"),
        "LASTMILE_DATA": str(folder),
    }
    return subprocess.run(
        [sys.executable, "-m", "django", *argv], env=database.environment | more, capture_output=True, text=True, check=False
    )


def served(database: Database, folder: Path) -> subprocess.CompletedProcess[str]:
    """What the web server does first."""
    code = "import portal.wsgi; from portal.selectors.readiness import readiness; print(readiness()['status'])"
    return manage(database, folder, "shell", "--no-imports", "-c", code)


def test_restore__person_erased_since_the_backup__stays_erased_and_everything_verifies(
    erasing: Database, empty: Database, cast: Cast, tmp_path: Path
) -> None:
    person = factories.person(NAME, cast.northfield, staff_number="CN-4711")
    second = factories.person("Uma Second", cast.company)
    factories.role(second, Role.COMPLIANCE, cast.company)
    with acting(person.pk, channel="page"):
        items.file(actor=person, system=cast.system, kind="problem", text=TEXT, identity="named")
    sealing.seal()
    file = tmp_path / "portal.backup"
    made = manage(erasing, tmp_path, "backup", str(file))
    assert made.returncode == 0, made.stderr
    assert (file.stat().st_mode & 0o777, (tmp_path / "portal.backup.checkpoint").exists()) == (0o600, True)
    assert manage(erasing, tmp_path, "backup", str(file)).returncode == 1

    with acting(cast.tom.pk):
        request = erasure.ask(actor=cast.tom.pk, person="CN-4711", why="asked")
    with acting(second.pk):
        request = erasure.confirm(request, actor=second.pk)
    erasure.erase(request)
    sealing.seal()

    assert manage(erasing, tmp_path, "restore", str(file)).stderr.count("not empty") == 1
    done = manage(empty, tmp_path, "restore", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Erasures done again: 1." in done.stdout
    assert "are lost" in done.stdout
    verified = manage(empty, tmp_path, "verify_audit", str(tmp_path / "portal.backup.checkpoint"))
    assert verified.returncode == 0, verified.stdout
    checked = manage(empty, tmp_path, "audit_check")
    assert "is missing" not in checked.stdout
    assert "may " not in checked.stdout
    with empty.connect("postgres") as link:
        assert link.execute("select name from portal_person where id = %s", [person.pk]).fetchone() == ("Erased person",)
        assert link.execute("select count(*) from audit_payload where body like %s", [f"%{TEXT}%"]).fetchone() == (0,)
        assert link.execute("select count(*) from audit_actor where id = %s", [person.pk]).fetchone() == (0,)
        assert link.execute("select has_table_privilege('lm_app', 'audit_payload', 'delete')").fetchone() == (False,)
    assert not Actor.objects.filter(pk=person.pk).exists()
    assert served(empty, tmp_path).stdout.strip() in {"ok", "degraded"}
    connections.close_all()


def test_restore__edited_backup__is_not_served(erasing: Database, empty: Database, cast: Cast, tmp_path: Path) -> None:
    sealing.seal()
    with erasing.connect("postgres") as superuser:
        superuser.execute("alter table audit_payload_000000 disable trigger all; alter table audit_payload disable trigger all")
        superuser.execute("update audit_payload set body = replace(body, 'Jo Okafor', 'Jo Other')")
    file = tmp_path / "portal.backup"
    assert manage(erasing, tmp_path, "backup", str(file)).returncode == 0
    done = manage(empty, tmp_path, "restore", str(file))
    assert done.returncode == 1
    assert "does not verify" in done.stderr
    refused = served(empty, tmp_path)
    assert refused.returncode == 1
    assert "has not been verified" in refused.stderr
    asked = "from django.test import Client; answer = Client(headers={'host': 'localhost'}).get('/readyz'); print(answer.status_code, answer.json()['database'])"
    assert manage(empty, tmp_path, "shell", "--no-imports", "-c", asked).stdout == "503 restored, not verified\n"


def test_restore__killed_once_the_backup_is_in__is_not_served(committed_db: Database, empty: Database, tmp_path: Path) -> None:
    """The mark comes with the tables, in one transaction: there is no moment in between at which it could be served."""
    file = tmp_path / "portal.backup"
    assert manage(committed_db, tmp_path, "backup", str(file)).returncode == 0
    killed = (
        "import os\nfrom portal.management.commands import restore\n"
        "restore.call_command = lambda *args, **options: os._exit(9)\n"
        f"restore.Command().handle(file={str(file)!r}, new_key=False)"
    )
    assert manage(empty, tmp_path, "shell", "--no-imports", "-c", killed).returncode == 9
    with empty.connect("postgres") as link:
        assert link.execute("select count(*) from audit_restored where verified_at is null").fetchone() == (1,)
    assert "has not been verified" in served(empty, tmp_path).stderr


def test_restore__backup_without_its_guards__is_not_served(erasing: Database, empty: Database, cast: Cast, tmp_path: Path) -> None:
    sealing.seal()
    with erasing.connect("lm_owner") as owner:
        owner.execute("drop trigger audit_changed on portal_unit; drop trigger audit_no_delete on audit_payload")
    file = tmp_path / "portal.backup"
    assert manage(erasing, tmp_path, "backup", str(file)).returncode == 0
    done = manage(empty, tmp_path, "restore", str(file))
    assert done.returncode == 1
    assert "The trigger audit_changed on portal_unit is missing" in done.stderr
    assert "has not been verified" in served(empty, tmp_path).stderr


def test_web__database_restored_while_it_runs__answers_503_until_it_is_verified(
    committed_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.wsgi import application

    def asked(path: str) -> str:
        environ: dict[str, Any] = {"PATH_INFO": path, "HTTP_HOST": "testserver"}
        setup_testing_defaults(environ)
        told: list[str] = []
        b"".join(application(environ, lambda status, *_rest: told.append(status)))  # type: ignore[arg-type]
        return told[0]

    monkeypatch.setattr(restores, "_seen_verified", threading.Event())
    with committed_db.connect("lm_owner") as owner:
        owner.execute("insert into audit_restored default values")
        assert [asked(path)[:3] for path in ("/", "/log/checkpoint", "/readyz", "/healthz")] == ["503", "503", "503", "200"]
        owner.execute("update audit_restored set verified_at = clock_timestamp()")
    assert [asked(path)[:3] for path in ("/", "/readyz")] == ["302", "200"]


def test_restore__backup_that_was_cut_short__leaves_the_database_empty(committed_db: Database, empty: Database, tmp_path: Path) -> None:
    file = tmp_path / "portal.backup"
    assert manage(committed_db, tmp_path, "backup", str(file)).returncode == 0
    file.write_bytes(file.read_bytes()[:-60_000])
    done = manage(empty, tmp_path, "restore", str(file))
    assert (done.returncode, "pg_restore failed" in done.stderr) == (1, True)
    with empty.connect("postgres") as link:
        assert link.execute("select count(*) from pg_class where relnamespace = 'public'::regnamespace").fetchone() == (0,)


def test_load__setting_that_an_older_server_does_not_know__is_left_out_of_the_head_alone(db: None) -> None:
    script = b"--\n\\restrict x\nSET lock_timeout = 0;\nSET of_a_later_postgresql = 0;\n\nCREATE TABLE t (a text);\n"
    data = b"COPY t (a) FROM stdin;\nSET of_a_later_postgresql = 0;\n\\.\n"
    fed = io.BytesIO()
    dumping.feed(io.BytesIO(script + data), fed, "default")
    assert fed.getvalue() == script.replace(b"SET of_a_later_postgresql = 0;\n", b"") + data


@pytest.mark.parametrize("content", [None, b"", b"no dump at all"])
def test_restore__file_that_is_no_backup__says_so_and_leaves_the_database_empty(
    committed_db: Database, empty: Database, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "portal.backup"
    if content is not None:
        file.write_bytes(content)
    done = manage(empty, tmp_path, "restore", str(file))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    with empty.connect("postgres") as link:
        assert link.execute("select count(*) from pg_class where relnamespace = 'public'::regnamespace").fetchone() == (0,)
