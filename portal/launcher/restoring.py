"""`manage.py restore FILE` on a data folder: the embedded database is started for it, and stopped again."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import psycopg

from portal.launcher.folders import ROOT, DataFolder, Refusal
from portal.launcher.processes import Child, Launcher, Stopped
from portal.launcher.services import Services
from portal.launcher.up import HOST


def restore(argv: Sequence[str]) -> int:
    """The exit code: 0 when the database was restored and verified."""
    parser = argparse.ArgumentParser(prog="manage.py restore", description="Restore a backup into a new data folder. Stop `up` first.")
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--data", default=os.environ.get("LASTMILE_DATA", str(ROOT / "var")), help="the data folder (var)")
    parser.add_argument("--port", type=int, default=8000, help="the port that `up` will use (8000)")
    parser.add_argument("--new-key", action="store_true", help="go on with a new signing key after the old one was lost")
    options = parser.parse_args(argv)
    os.umask(0o022)
    launcher = Launcher()
    try:
        data = DataFolder(options.data)
        data.hold()
        data.sign("restoring")
        services = Services(launcher, data)
        try:
            services.start()
            extra = {"PUBLIC_URL": os.environ.get("PUBLIC_URL", f"http://{HOST}:{options.port}")}
            environment = services.environments(extra).command
            more = ["--new-key"] if options.new_key else []
            command = [sys.executable, "-m", "django", "restore", os.path.abspath(options.file), *more]  # noqa: PTH100 - as given
            launcher.run(Child("restore", command, environment, folder=ROOT))
            if services.postgres:
                with services.postgres.connect() as link:
                    link.execute("checkpoint")  # so that it stops quickly, and starts without recovering
        finally:
            launcher.stop()
            data.tidy()
    except Refusal as problem:
        print(problem, file=sys.stderr, flush=True)
        return 1
    except psycopg.Error as error:
        print(f"The database does not answer as it should: {error}", file=sys.stderr, flush=True)
        return 1
    except Stopped:
        return 130
    return 0
