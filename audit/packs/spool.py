"""The first half of a pack: entries become files in a folder, one entry at a time, whatever their number."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from audit.log.receipts import deserves_one
from audit.models import Actor
from audit.verifier import verify

MOST_RECEIPTS = 2_000
FILES = ("entries.ndjson", "entries.csv", "values.csv", "fields.txt", "names.ndjson")


class Spool:
    """Files for a pack in `folder`. Feed it every entry, then `close` it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, str] = {}
        self.asked: set[str] = set()
        self.reading = verify.Reading(self.names)
        self.receipts: array[int] = array("q")
        self.erased: array[int] = array("q")
        self.more_receipts = 0
        self.pages: list[str] = []
        self._stack = ExitStack()
        (folder / "pages").mkdir()
        self._files = {name: self._open(name) for name in FILES[:4]}
        self._page: IO[str] | None = None
        self._write("entries.csv", verify.row(verify.ENTRY_COLUMNS))
        self._write("values.csv", verify.row(verify.VALUE_COLUMNS))

    def feed(self, chunk: list[tuple[verify.Entry, str]]) -> None:
        """The next entries, each with its line."""
        self.name_people([entry for entry, _ in chunk])
        for entry, line in chunk:
            self._turn()
            lines = self.reading.add(entry)
            self._write("entries.ndjson", line)
            self._write("fields.txt", verify.fingerprints(entry))
            self._write("entries.csv", lines.entry)
            for one in lines.values:
                self._write("values.csv", one)
            assert self._page is not None
            self._page.write(lines.page + "\n")
            if entry.body is None:
                self.erased.append(entry.leaf["id"])
            if deserves_one(entry.leaf):
                if len(self.receipts) < MOST_RECEIPTS:
                    self.receipts.append(entry.seq)
                else:
                    self.more_receipts += 1

    def name_people(self, entries: list[verify.Entry]) -> None:
        """Look up who stands behind the pseudonyms that these entries hold, once each."""
        found: set[str] = set()
        for entry in entries:
            found.update(each[2:] for each in (entry.leaf["actor"], entry.leaf["on"]) if each)
            texts = [entry.leaf["obj"], *(value for value in verify.values_of(entry.body).values() if isinstance(value, str))]
            found.update(text for text in texts if verify._UUID.fullmatch(text))
        new = found - self.asked
        self.asked |= new
        for pk, label in Actor.objects.filter(pk__in=[uuid.UUID(one) for one in new]).values_list("pk", "label"):
            self.names[str(pk)] = label

    def close(self) -> dict[str, str]:
        """Finish the files; answers the commitment to each name, which the log keeps: it tells nothing without the salt."""
        self._end_page(last=True)
        commitments: dict[str, str] = {}
        with (self.folder / "names.ndjson").open("w", encoding="utf-8", newline="\n") as file:
            for actor, name in self.names.items():
                salt = secrets.token_hex(16)
                commitments[actor] = hmac.new(salt.encode(), name.encode(), "sha256").hexdigest()[:32]
                file.write(verify.canonical({"actor": actor, "name": name, "salt": salt}) + "\n")
        self._stack.close()
        return commitments

    def abandon(self) -> None:
        self._stack.close()
        if self._page is not None:
            self._page.close()

    def digest(self, name: str) -> str:
        with (self.folder / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _turn(self) -> None:
        """A new page when the one before is full."""
        if self.reading.count % verify.PAGE_ROWS == 0:
            self._end_page(last=False)
            name = verify.page_name(len(self.pages) + 1)
            self.pages.append(name)
            self._page = (self.folder / name).open("w", encoding="utf-8", newline="\n")
            self._lines(verify.page_head(len(self.pages)))

    def _end_page(self, *, last: bool) -> None:
        if self._page is not None:
            self._lines(verify.page_foot(len(self.pages), last))
            self._page.close()

    def _lines(self, lines: list[str]) -> None:
        assert self._page is not None
        self._page.writelines(line + "\n" for line in lines)

    def _open(self, name: str) -> IO[str]:
        return self._stack.enter_context((self.folder / name).open("w", encoding="utf-8", errors="replace", newline="\n"))

    def _write(self, name: str, line: str) -> None:
        self._files[name].write(line + "\n")


def batches(lines: Iterator[tuple[verify.Entry, str]], size: int) -> Iterator[list[tuple[verify.Entry, str]]]:
    """Entries in lists of `size`."""
    batch: list[tuple[verify.Entry, str]] = []
    for one in lines:
        batch.append(one)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
