"""What an export pack costs: size, time and memory, for everything and for a few entries of the same log.

    python3 manage.py test bench/pack.py -s
LASTMILE_ENTRIES says how many entries there are (200000). Memory is the high-water mark of a process that makes the pack.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from audit.verifier import verify
from tests.audit.conftest import act, log
from tests.services import Database, committed_db, django_db_setup

__all__ = ["act", "committed_db", "django_db_setup", "log"]

ENTRIES = int(os.environ.get("LASTMILE_ENTRIES", "200000"))
MAKE = """
import resource, sys, time
import django
django.setup()
from audit.context import acting
from audit.services import system_actor
from audit.packs import asking, making
from audit.packs.selection import Choice
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with acting(system_actor("bench"), channel="command") as context:
    pack = asking.ask(Choice("query" if sys.argv[1] else "all", sys.argv[1]), actor=context.actor)
start = time.monotonic()
making.sweep()
pack.refresh_from_db()
assert pack.state == "done", pack.problem
used = resource.getrusage(resource.RUSAGE_SELF)
print(f"{pack.total} entries: {pack.size / 1e6:.1f} MB, {time.monotonic() - start:.1f} s, CPU {used.ru_utime + used.ru_stime:.1f} s,"
      f" memory {base // 1024} MB before, at most {used.ru_maxrss // 1024} MB")
print(making.folder() / pack.file)
"""


def test_pack(log: Database, act: Callable[..., int], tmp_path: Path) -> None:
    act()
    body = '{"values" : {"id" : 1, "name" : "Northfield depot", "decision" : "approve", "reason" : "Drivers use it"}}'
    environment = log.environment | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "LOG_KEY_FILE": str(tmp_path / "log.key"),
        "PACKS_DIR": str(tmp_path / "packs"),
    }
    made = 0
    for entries in (ENTRIES // 10, ENTRIES):
        with log.connect("lm_app") as link:
            sql = "select count(audit_record('audit.searched', 'bench.thing', (n %% 1000)::text, %s, 'act', '{}')) from generate_series(%s::int, %s::int) n"
            link.execute(sql, [body, made + 1, entries])
        made = entries
        for query in ("", "object:bench.thing/7"):
            told = subprocess.run([sys.executable, "-c", MAKE, query], env=environment, capture_output=True, text=True, check=False)
            assert told.returncode == 0, told.stderr[-2000:]
            words, path = told.stdout.strip().splitlines()
            start = time.monotonic()
            checked = subprocess.run([sys.executable, "-I", verify.__file__, path], capture_output=True, text=True, check=False)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
            print(f"\n{query or 'everything'}: {words}; verify.py {time.monotonic() - start:.1f} s, largest child so far {peak} MB")
            assert checked.returncode == 0, checked.stdout[:2000]
