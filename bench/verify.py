"""What verification costs: CPU, wall time and memory, for a short and a long log. Run from the checkout:

    .venv/bin/python -m bench.verify [--entries 100000 1000000] [--batch 1000]

The entries are real ones, written through capture and sealed `--batch` at a time, each batch under a checkpoint of its own.
Two things are measured, each in a process of its own so that its peak of memory is its own:

    log    what a reader of the log does: every leaf read, in canonical form and hashed, every tile and the root of every
           checkpoint from these hashes, every signature
    whole  manage.py verify_audit: that, and every leaf rendered again from entry and payload, every payload against its
           commitment, every version against its payload, every live row against its last version

CPU is that of the process (client) and of the server's backend (server, from /proc, so only on one machine).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.governed_write import Clock, database, set_up
from bench.seal import keep_the_key_in, write_entries


def measure(kind: str, url: str, folder: str) -> None:
    """Run one verification and print its figures as JSON."""
    set_up(url)
    keep_the_key_in(folder)
    clock = Clock()
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before = clock.read()
    from audit.log import verification
    from audit.log.findings import Report
    from audit.log.log_check import LogCheck

    if kind == "log":
        report = Report()
        with verification.snapshot("default"):
            LogCheck("default", report, verification._keys("default", report, None)).check()
    else:
        report = verification.verify()
    client, server, wall = (b - a for a, b in zip(before, clock.read(), strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            {
                "client": client, "server": server, "wall": wall, "peak": peak / 1024, "idle": idle / 1024, "local": clock.local,
                "entries": report.entries, "checkpoints": report.checkpoints, "versions": report.records,
                "findings": [str(finding) for finding in report.findings[:3]],
            }
        )
    )  # fmt: skip


def grow(entries: int, batch: int) -> None:
    """Write so many entries in all, and seal them with a checkpoint for each `batch`."""
    from django.db import connection

    from audit.log import sealing
    from audit.models import Entry

    print(f"writing and sealing {entries} entries", file=sys.stderr)
    have = Entry.objects.count()
    while have < entries:
        have = min(entries, have + batch)
        write_entries(have, tidy=have == entries)
        sealing.seal()
    with connection.cursor() as cursor:
        cursor.execute("vacuum (analyze) audit_leaf, audit_tile, audit_checkpoint, audit_batch")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure)
        return
    with database() as url, tempfile.TemporaryDirectory() as folder:
        set_up(url)
        from django.db import connection

        keep_the_key_in(folder)
        print(f"{os.cpu_count()} cores; seconds, and MiB at the peak of the process (beside what it had before it began)")
        print(f"{'':<7}{'entries':>9}{'checkpoints':>12}{'client':>8}{'server':>8}{'CPU':>8}{'wall':>8}{'MiB':>14}")
        for entries in sorted(options.entries):
            grow(entries, options.batch)
            connection.close()
            for kind in ("log", "whole"):
                time.sleep(1)
                command = [sys.executable, "-m", "bench.verify", "--measure", kind, url, folder]
                done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
                seen = json.loads(done.stdout.splitlines()[-1])
                if seen["findings"] or seen["entries"] != entries:
                    sys.exit(f"The log does not verify: {seen}")
                cpu = seen["client"] + seen["server"]
                print(
                    f"{kind:<7}{entries:>9}{seen['checkpoints']:>12}{seen['client']:>8.2f}{seen['server']:>8.2f}{cpu:>8.2f}{seen['wall']:>8.2f}"
                    f"{seen['peak']:>8.1f} ({seen['idle']:.0f})",
                    flush=True,
                )
        connection.close()


if __name__ == "__main__":
    main()
