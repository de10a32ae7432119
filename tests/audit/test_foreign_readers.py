"""Programs by others read and verify a real sealed log over HTTP, and notice when what they are served was altered.

Readers: Go's golang.org/x/mod/sumdb (Debian), tlog-scales
and aics-tlog (PyPI), and our own that was written from the specifications (independent_reader.py).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker
from tlog_scales import backend, signing
from tlog_scales.reader import TilesReader
from tlog_scales.tiles import leaf_hash
from tlog_scales.tlog import Checkpoint

from audit.log.notes import SignerKey
from audit.log.signing import load_secret
from audit.log.tlog import TreeHead
from tests.audit import readers
from tests.audit.independent_reader import Reader
from tests.services import clone, drop

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Log:
    """A log behind a real web server: its address, its key, and a checkpoint that was kept when it was small."""

    address: str
    vkey: str
    older: Path

    def fetch(self, path: str) -> bytes:
        return fetch(f"{self.address}/{path}")


def fetch(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as answer:
        return bytes(answer.read())


@contextlib.contextmanager
def served(name: str, folder: Path, grow: int) -> Iterator[Log]:
    """A log of 300 entries and some, whose checkpoint is kept, then of `grow` more."""
    database = clone(name)
    environment = {
        **database.environment,
        "LOG_KEY_FILE": str(folder / "log.key"),
        "LOG_READERS": "entries",
        "LOG_ORIGIN": "log.example/audit",
    }
    environment |= {"DJANGO_SETTINGS_MODULE": "portal.settings", "SECRET_KEY": "only for this, and long enough"}

    def seal(count: int) -> None:
        with database.connect("lm_app") as link:
            link.execute("select count(audit_record('audit.backup-made', '', '', '{}', 'act', '{}')) from generate_series(1, %s)", [count])
        subprocess.run([sys.executable, "-m", "django", "seal"], env=environment, check=True, capture_output=True)

    try:
        seal(300)
        with readers.web_server(environment) as address:
            older = folder / "older.txt"
            older.write_bytes(fetch(f"{address}/log/checkpoint"))
            seal(grow)
            yield Log(f"{address}/log", fetch(f"{address}/log/vkey").decode().strip(), older)
    finally:
        drop(database)


@pytest.fixture(scope="module")
def log(django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """Small enough to be read many times: partial tiles at two levels, full ones at one."""
    with served("lastmile_foreign", tmp_path_factory.mktemp("foreign"), 900) as log:
        yield log


@pytest.fixture(scope="module")
def large(django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """Full and partial tiles at two levels, and a third level above."""
    with served("lastmile_foreign_large", tmp_path_factory.mktemp("large"), 65_536 + 400) as log:
        yield log


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what has to be built first."""
    return tmp_path_factory.mktemp("programs")


def by_go(log: Log, folder: Path) -> str:
    return run([str(readers.go_reader(folder)), log.address, log.vkey, str(log.older)])


def by_aics(log: Log, folder: Path) -> str:
    return run([readers.python_with("aics_tlog"), "-I", str(HERE / "aics_reader.py"), log.address, log.vkey, str(log.older)])


def run(argv: list[str]) -> str:
    """What a reader prints; AssertionError with its own words when it does not verify."""
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(argv, env=clean, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-600:]
    return done.stdout


def by_tlog_scales(log: Log, folder: Path) -> str:
    """Tiles, root, every entry, and both kinds of proof, each checked by that package."""
    reader = TilesReader(backend.HttpBackend(log.address))
    vkey = signing.Vkey.from_string(log.vkey)
    head = reader.get_checkpoint()
    head.verify(vkey)
    assert reader.calculate_root_hash() == head.root_hash, "the tiles do not lead to the signed root"
    for index in range(head.size):
        assert leaf_hash(reader.get_entry(index)) == reader.mth(index, index + 1), f"entry {index} is not the one that was sealed"
    for index in (0, head.size // 2, head.size - 1):
        reader.get_inclusion_proof(index, head.size).check(leaf_hash(reader.get_entry(index)), head.root_hash)
    old = Checkpoint.from_text(log.older.read_text(encoding="utf-8"))
    old.verify(vkey)
    reader.get_consistency_proof(old.size, head.size).check(old.root_hash, head.root_hash)
    return json.dumps({"size": head.size})


def by_our_own(log: Log, folder: Path) -> str:
    reader = Reader(log.fetch, log.vkey)
    entries = reader.read_everything()
    reader.check_old_checkpoint(log.older.read_bytes())
    return json.dumps({"size": len(entries)})


READERS = [by_go, by_tlog_scales, by_aics, by_our_own]
Way = Callable[[Log, Path], str]


@pytest.mark.parametrize("read", READERS)
def test_log__read_by_a_foreign_program__verifies(large: Log, programs: Path, read: Way) -> None:
    assert json.loads(read(large, programs))["size"] > 65_536 + 600


def other(data: bytes) -> bytes:
    """`data` with one bit of its last byte turned."""
    return data[:-1] + bytes([data[-1] ^ 1])


# What the server lies about, and how: a tile of hashes full and partial, an entry, the checkpoint's root, its signature.
LIES: dict[str, Callable[[str, bytes], bytes]] = {
    "full tile": lambda path, body: other(body) if path.endswith("/tile/0/001") else body,
    "partial tile": lambda path, body: other(body) if path.endswith(".p/4") and "/tile/1/" in path else body,
    "entry": lambda path, body: other(body) if path.endswith("/tile/entries/000") else body,
    "root": lambda path, body: (
        in_line(body, 2, lambda line: base64.b64encode(other(base64.b64decode(line)))) if "checkpoint" in path else body
    ),
    "size": lambda path, body: in_line(body, 1, lambda line: b"%d" % (int(line) - 1)) if "checkpoint" in path else body,
}


def in_line(body: bytes, number: int, change: Callable[[bytes], bytes]) -> bytes:
    lines = body.split(b"\n")
    lines[number] = change(lines[number])
    return b"\n".join(lines)


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("read", READERS)
def test_log__altered_on_its_way__is_noticed(log: Log, programs: Path, read: Way, lie: str) -> None:
    told = []

    def change(path: str, body: bytes) -> bytes:
        changed = LIES[lie](path, body)
        told.append(changed != body)
        return changed

    with readers.liar(log.address.removesuffix("/log"), change) as address, pytest.raises(Exception) as noticed:  # noqa: PT011 - each program has its own
        read(Log(f"{address}/log", log.vkey, log.older), programs)
    assert any(told), "nothing was altered"
    assert not isinstance(noticed.value, pytest.skip.Exception)


@pytest.mark.parametrize("read", READERS)
def test_log__with_a_history_of_its_own__is_not_the_one_that_was_kept(log: Log, programs: Path, tmp_path: Path, read: Way) -> None:
    """An older checkpoint signed by the real key, but of another tree: the consistency proof cannot lead there."""
    secret = load_secret(log.older.with_name("log.key"))
    assert secret is not None
    name = log.vkey.partition("+")[0]
    forged = tmp_path / "forged.txt"
    forged.write_text(SignerKey(name, secret).sign(str(TreeHead(name, 299, bytes(32)))), encoding="utf-8")
    with pytest.raises(Exception):  # noqa: B017, PT011 - each program has its own
        read(Log(log.address, log.vkey, forged), programs)
