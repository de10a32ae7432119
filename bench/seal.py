"""What sealing costs: CPU of the sealer and of its backend, for each of the three steps. Run from the checkout:

    .venv/bin/python -m bench.seal [--entries 200000] [--rounds 3]

The entries are real ones: rows of a governed model with twelve columns, written and updated through capture. A round
writes so many and seals them in one pass. CPU is that of this process (client) and of the server's
backend (server, from /proc, so only on one machine); waiting for the disk is not CPU. Figures are printed, not
judged; docs/decisions/0010 says where the time goes. A busy machine adds a tenth and more: say its load with the figure.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import uuid
from typing import Any

from bench.governed_write import Clock, database, fresh, set_up

ROWS = 10_000
STATES = ("open", "held", "closed", "queued")


def keep_the_key_in(folder: str) -> None:
    """Where the log's key and last head lie for this run."""
    from django.conf import settings

    settings.LOG_KEY_FILE, settings.LOG_HEAD_FILE, settings.LOG_ORIGIN = f"{folder}/log.key", f"{folder}/log.head", "bench/log"


def write_entries(count: int, *, tidy: bool = True) -> None:
    """At least `count` entries: governed rows, created and then updated by the thousand."""
    from django.db import connection

    from audit.context import acting
    from audit.models import Entry
    from bench.rivals.models import Governed

    with acting(uuid.uuid4(), channel="page", request_id=uuid.uuid4().hex, reason="Wrong turns at Dock 4", reason_code="wrong"):
        turn = 0
        while (left := count - Entry.objects.count()) > 0:
            rows = Governed.objects.count()
            if rows < min(ROWS, left):
                Governed.objects.bulk_create([fresh(Governed, number) for number in range(min(ROWS, left) - rows)])
            else:
                turn += 1
                Governed.objects.filter(pk__lte=left).update(state=f"{STATES[turn % 4]} {left}", count=turn)
    if not tidy:
        return
    with connection.cursor() as cursor:
        # What autovacuum does within minutes.
        cursor.execute("vacuum (analyze) audit_entry, audit_payload, rivals_governed, rivals_historicalgoverned")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with database() as url, tempfile.TemporaryDirectory() as folder:
        set_up(url)
        from django.db import connection

        from audit.log import sealing

        keep_the_key_in(folder)
        seen: dict[str, list[tuple[float, ...]]] = {"sequence": [], "integrate": [], "publish": []}
        for number in range(options.rounds):
            print(f"round {number + 1}: writing {options.entries} entries", file=sys.stderr)
            write_entries(options.entries * (number + 1))
            connection.close()
            clock = Clock()
            for name, times in seen.items():
                before = clock.read()
                getattr(sealing, name)()
                times.append(tuple(b - a for a, b in zip(before, clock.read(), strict=True)))
        report(seen, options.entries, clock.local)
        connection.close()


def report(seen: dict[str, list[tuple[float, ...]]], entries: int, local: bool) -> None:
    if not local:
        print("The server runs elsewhere: its CPU is not counted.")
    print(f"{entries} entries in one pass, {os.cpu_count()} cores; median of {len(seen['sequence'])} rounds, microseconds an entry")
    print(f"{'':<12}{'client':>9}{'server':>9}{'CPU':>9}{'wall':>9}")
    totals: list[Any] = []
    for name, rounds in seen.items():
        line = [1e6 * statistics.median(column) / entries for column in zip(*rounds, strict=True)]
        totals.append(line)
        print(f"{name:<12}{line[0]:>9.2f}{line[1]:>9.2f}{line[0] + line[1]:>9.2f}{line[2]:>9.2f}")
    client, server, wall = (sum(column) for column in zip(*totals, strict=True))
    print(f"{'all':<12}{client:>9.2f}{server:>9.2f}{client + server:>9.2f}{wall:>9.2f}")
    print(f"{1e6 / (client + server):,.0f} entries a second of CPU (client and server), {1e6 / wall:,.0f} a second of time")


if __name__ == "__main__":
    main()
