"""What a governed write costs, beside a plain one and beside three packages that keep history. Run from the checkout:

    .venv/bin/python -m bench.governed_write [--rounds 30] [--saves 100] [--bulk-rounds 4]

On a PostgreSQL cluster of its own with fsync on, or in a database of its own on the server of DATABASE_URL. Each round
runs every variant once, in turn. Times are medians over rounds; a ratio is the median of each round's ratio to the plain
write of the same round, so that a busy machine slows both sides alike. CPU is this process and the server's backend
together (the backend's is read from /proc, so only on one machine). Figures are printed, not judged, and the ratios of a single
write still move by a fifth with the load: say it with them (docs/decisions/0002).
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
from django.conf import settings

BULK = 10_000


@contextmanager
def database() -> Iterator[str]:
    """The URL of an empty database, gone afterwards."""
    if url := os.environ.get("DATABASE_URL"):
        name = f"bench_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(url, autocommit=True) as link:
            link.execute(f"create database {name}")  # the name is ours
        try:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        finally:
            with psycopg.connect(url, autocommit=True) as link:
                link.execute(f"drop database {name} with (force)")
        return
    from portal.launcher.folders import DataFolder
    from portal.launcher.postgres import throwaway_folder
    from portal.launcher.processes import Launcher
    from portal.launcher.services import Services

    folder, launcher = throwaway_folder(), Launcher()
    try:
        services = Services(launcher, DataFolder(folder), own_servers=False)
        services.start()
        assert services.postgres is not None
        services.postgres.roles("bench")
        yield services.url("lm_owner", "bench")
    finally:
        launcher.stop()
        shutil.rmtree(folder, ignore_errors=True)


def set_up(url: str) -> None:
    from portal import env

    os.environ["BENCH_URL"] = url
    settings.configure(
        SECRET_KEY="bench",  # noqa: S106 - signs nothing
        DATABASES={"default": env.database("BENCH_URL")},
        INSTALLED_APPS=[
            "audit",
            "bench.rivals",
            "simple_history",
            "auditlog",
            "pgtrigger",
            "pghistory",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.postgres",
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()
    import pgtrigger
    from django.core.management import call_command
    from django.db import connection

    from audit.capture import triggers
    from audit.log.records_check import capture_of
    from bench.rivals.models import Governed

    call_command("migrate", verbosity=0, skip_checks=True)
    call_command("migrate", verbosity=0, run_syncdb=True, skip_checks=True)  # the rivals' tables, which refer to users
    with connection.cursor() as cursor:
        cursor.execute(triggers.install(capture_of(Governed), triggers.VERSION))
    pgtrigger.install()


class Clock:
    """CPU seconds of this process and of its backend, and wall seconds."""

    def __init__(self) -> None:
        from django.db import connection

        connection.ensure_connection()
        self.backend = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
        self.local = self.backend.exists()

    def read(self) -> tuple[float, float, float]:
        server = int(self.backend.read_text().split()[0]) / 1e9 if self.local else 0.0
        return time.process_time(), server, time.perf_counter()


def fresh(model: Any, number: int) -> Any:
    return model(
        title=f"Route optimiser, stage {number}",
        code=f"RO-{number}",
        count=number,
        share=Decimal("12.50"),
        score=0.25,
        starts_on=dt.date(2026, 3, 2),
        decided_at=dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC),
        facts={"shown": number, "outcomes": {"accepted": 3, "overridden": 1}},
        notes="Northfield depot, early shift. " * 4,
        place="Northfield",
    )


def works(model: Any, saves: int, clock: Clock, *, bulk: bool) -> dict[str, tuple[float, float, float]]:
    """Client CPU, server CPU and wall seconds of each kind of write, for one operation or one row."""
    found: dict[str, tuple[float, float, float]] = {}

    def timed(name: str, times: int, work: Callable[[], object]) -> None:
        before = clock.read()
        work()
        client, server, wall = (b - a for a, b in zip(before, clock.read(), strict=True))
        found[name] = (client / times, server / times, wall / times)

    rows = [fresh(model, n) for n in range(saves)]
    timed("create", saves, lambda: [row.save(force_insert=True) for row in rows])

    def save_all(word: str) -> None:
        for number, row in enumerate(rows):
            row.state, row.count = word, number + 1
            row.save()

    timed("save", saves, lambda: save_all("closed"))
    timed("save in a transaction", saves, lambda: alone(rows))
    timed("save in a command", saves, lambda: commands(rows))
    if not bulk:
        return found
    many = [fresh(model, n) for n in range(BULK)]
    timed("bulk_create", BULK, lambda: model.objects.bulk_create(many))
    for row in many:
        row.count += 1
    timed("bulk_update", BULK, lambda: model.objects.bulk_update(many, ["count"], batch_size=1000))
    timed("update()", BULK, lambda: model.objects.filter(pk__gte=many[0].pk).update(state="held"))
    return found


def alone(rows: list[Any]) -> None:
    """A transaction around each save, which is the least that every write here has."""
    from django.db import transaction

    for number, row in enumerate(rows):
        row.state, row.count = "open again", number + 5
        with transaction.atomic():
            row.save()


def commands(rows: list[Any]) -> None:
    """As a service does it: a transaction, the row read again under a lock, one change."""
    from django.db import transaction

    for number, row in enumerate(rows):
        with transaction.atomic():
            again = type(row).objects.select_for_update().get(pk=row.pk)
            again.count = number + 7
            again.save()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--saves", type=int, default=100)
    parser.add_argument("--bulk-rounds", type=int, default=4)
    options = parser.parse_args()
    with database() as url:
        set_up(url)
        from django.db import connection

        from audit.context import acting
        from bench.rivals import models

        variants = [models.Plain, models.Governed, models.SimpleHistory, models.Auditlog, models.PgHistory]
        clock = Clock()
        with connection.cursor() as cursor:
            cursor.execute("select version(), current_setting('fsync'), current_setting('synchronous_commit')")
            version, fsync, commit = cursor.fetchone()
        seen: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
        ours = list(connection.execute_wrappers)
        with acting(uuid.uuid4(), channel="page", request_id=uuid.uuid4().hex):
            works(models.Plain, 50, clock, bulk=False)
            for done in range(options.rounds):
                for model in variants:
                    # The context is our cost: the others run on a bare connection.
                    connection.execute_wrappers[:] = ours if model is models.Governed else []
                    for name, figures in works(model, options.saves, clock, bulk=done < options.bulk_rounds).items():
                        seen.setdefault((name, model.__name__), []).append(figures)
                print(f"round {done + 1} of {options.rounds}", file=sys.stderr)
        print(f"{version.split(' on ')[0]}, fsync {fsync}, synchronous_commit {commit}, Django {django.__version__}")
        report(seen, [model.__name__ for model in variants], clock.local)
        connection.close()


def report(seen: dict[tuple[str, str], list[tuple[float, float, float]]], variants: list[str], local: bool) -> None:
    print(f"{'microseconds a row':<30}{'client':>9}{'server':>9}{'CPU':>9}{'x plain':>9}{'wall':>9}{'x plain':>9}{'+CPU':>9}")
    if not local:
        print("The server runs elsewhere: its CPU is not counted.")
    for kind in dict.fromkeys(name for name, _ in seen):
        plain = seen[kind, variants[0]]
        for variant in variants:
            rounds = seen[kind, variant]
            client, server, wall = (1e6 * statistics.median(values) for values in zip(*rounds, strict=True))
            cpu = [1e6 * (c + s) for c, s, _ in rounds]
            cpu_plain = [1e6 * (c + s) for c, s, _ in plain]
            times = statistics.median(own / other for own, other in zip(cpu, cpu_plain, strict=True))
            wall_times = statistics.median(own[2] / other[2] for own, other in zip(rounds, plain, strict=True))
            more = statistics.median(own - other for own, other in zip(cpu, cpu_plain, strict=True))
            print(
                f"{kind + ' ' + variant:<32}{client:>9.1f}{server:>9.1f}{statistics.median(cpu):>9.1f}{times:>9.2f}"
                f"{wall:>9.1f}{wall_times:>9.2f}{more:>9.1f}"
            )


if __name__ == "__main__":
    main()
