"""Dump, restore into a fresh cluster, write, seal twice: nothing is lost, doubled or out of its place."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from audit.models import Entry
from portal.launcher.postgres import programs
from tests.services import Database

# Runs in a process of its own: starting a cluster takes over signals.
FRESH_CLUSTER = """
import json, os, shutil, subprocess, sys
from portal.launcher.folders import DataFolder
from portal.launcher.postgres import throwaway_folder
from portal.launcher.processes import Launcher
from portal.launcher.services import Services

dump, key = sys.argv[1:]
folder, launcher = throwaway_folder(), Launcher()
try:
    services = Services(launcher, DataFolder(folder), throwaway=True, own_servers=False)
    services.start()
    services.postgres.roles("restored")
    url = services.url("postgres", "restored")
    subprocess.run([services.postgres.bin / "pg_restore", "--dbname", url, "--exit-on-error", dump], check=True)
    environment = os.environ | {
        "DATABASE_URL": services.url("lm_app", "restored"),
        "DATABASE_SEALER_URL": services.url("lm_sealer", "restored"),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "LOG_KEY_FILE": key,
    }
    work = '''
import django, json
django.setup()
from audit.log import sealing
from audit.context import acting
from audit.models import Entry, Leaf
from audit.services import record, system_actor
from audit.log.verification import verify
def write():
    with acting(system_actor("tests")):
        record("audit.backup-made")
write()
sealed = [sealing.seal().new]
write()
sealed += [sealing.seal().new, sealing.seal().new]
report = verify()
places = list(Leaf.objects.order_by("seq").values_list("seq", "entry_id"))
print(json.dumps({"sealed": sealed, "findings": [str(finding) for finding in report.findings], "entries": report.entries,
                  "places": [seq for seq, _ in places] == list(range(len(places))), "all": len(places) == Entry.objects.count()}))
'''
    done = subprocess.run([sys.executable, "-c", work], env=environment, check=True, capture_output=True, text=True)
    print("RESULT " + done.stdout)
except subprocess.CalledProcessError as error:
    print(error.stderr)
    raise
finally:
    launcher.stop()
    shutil.rmtree(folder, ignore_errors=True)
"""


def test_seal__after_dump_and_restore__goes_on_where_it_was(
    log: Database, sealed: Callable[[int], int], act: Callable[..., int], tmp_path: Path
) -> None:
    sealed(20)
    act()
    dump = tmp_path / "log.dump"
    bin_ = programs(None)
    program = bin_ / "pg_dump" if (bin_ / "pg_dump").exists() else Path(shutil.which("pg_dump") or "pg_dump")
    subprocess.run([program, "--format=custom", f"--file={dump}", log.url("postgres")], check=True)
    before = Entry.objects.count()
    done = subprocess.run(
        [sys.executable, "-c", FRESH_CLUSTER, str(dump), str(tmp_path / "log.key")],
        env=log.environment | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        check=False,
        capture_output=True,
        text=True,
    )
    result = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), "")
    assert result, done.stdout + done.stderr
    assert json.loads(result.removeprefix("RESULT ")) == {
        "sealed": [2, 1, 0],
        "findings": [],
        "entries": before + 2,
        "places": True,
        "all": True,
    }
