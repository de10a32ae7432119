"""Which erasures were done, in a file outside the database (settings.ERASURE_LEDGER_FILE): a restored backup does them again.

One line of JSON for each, only ever added: pseudonyms, numbers and times, no values. A line is written before the
database commits, so an erasure is never missing here; one that was not committed after all is found undone and done.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings


class LedgerBroken(Exception):
    """The ledger cannot be read, or cannot be written."""


@dataclass(frozen=True)
class Line:
    """One erasure: what has to be known to do it again."""

    erasure: str
    person: str
    why: str
    reference: str
    asked_by: str
    asked_at: str
    confirmed_by: str
    confirmed_at: str


def ledger_path() -> Path:
    """Where the file lies."""
    return Path(settings.ERASURE_LEDGER_FILE)


def add(line: Line) -> None:
    """Append and make sure that it is on the disk; raises LedgerBroken."""
    path = ledger_path()
    text = json.dumps(asdict(line), separators=(",", ":")) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise LedgerBroken(f"{path} cannot be written ({error.strerror}): nobody is erased without it.") from error


def lines() -> list[Line]:
    """Every erasure once, oldest first; none without a file. Raises LedgerBroken naming the line."""
    path = ledger_path()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeError) as error:
        raise LedgerBroken(f"{path} cannot be read: {error}") from error
    found: dict[str, Line] = {}
    for number, part in enumerate(text.splitlines(), start=1):
        try:
            line = Line(**json.loads(part))
        except (ValueError, TypeError) as error:
            raise LedgerBroken(f"Line {number} of {path} cannot be read: {error}") from error
        found.setdefault(line.erasure, line)
    return list(found.values())
