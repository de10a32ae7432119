"""Time stamps (RFC 3161): asked for once a day from an authority on loopback, believed only under the trusted root."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings
from rfc3161_client import TimestampRequestBuilder

from audit.models import Checkpoint, Contact, Entry, Stamp
from audit.outside import stamps
from audit.selectors import seal_state
from portal.checks import log_witnesses
from tests.audit import readers
from tests.cast import Cast
from tests.services import Database

Sealed = Callable[[int], int]
CONFIG = """
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[tsa]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa_config]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
"""


class Authority:
    """OpenSSL as a time stamp authority, with a root of its own in `folder`; `answer` can be replaced by a test."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.asked = folder, 0
        folder.mkdir()
        (folder / "openssl.cnf").write_text(CONFIG.format(folder=folder), encoding="ascii")
        (folder / "serial").write_text("01\n", encoding="ascii")
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "openssl.cnf"]
        self._run(
            "req", "-x509", *new, "-keyout", "root.key", "-out", "root.pem", "-days", "30", "-subj", f"/CN={name} root", "-extensions", "ca"
        )
        self._run("req", *new, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", f"/CN={name}")
        sign = ["-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-set_serial", "2", "-days", "30"]
        self._run("x509", "-req", *sign, "-extfile", "openssl.cnf", "-extensions", "tsa", "-out", "tsa.pem")
        self.answer: Callable[[bytes], tuple[int, bytes]] = lambda query: (200, self.stamp(query))

    def stamp(self, query: bytes) -> bytes:
        (self.folder / "query").write_bytes(query)
        self._run("ts", "-reply", "-config", "openssl.cnf", "-section", "tsa_config", "-queryfile", "query", "-out", "reply")
        return (self.folder / "reply").read_bytes()

    def _run(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True, timeout=30)


@pytest.fixture
def authority(log: Database, settings: Settings, tmp_path: Path) -> Iterator[Authority]:
    if shutil.which("openssl") is None:
        readers.missing("openssl")
    made = Authority(tmp_path / "authority", "stamps.example")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.asked += 1
            assert self.headers["Content-Type"] == "application/timestamp-query"
            status, data = made.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        settings.LOG_STAMP_URL = f"http://127.0.0.1:{server.server_address[1]}/"
        settings.LOG_STAMP_ROOTS = str(made.folder / "root.pem")
        yield made
        server.shutdown()
        thread.join()


def due_again() -> None:
    Contact.objects.using("sealer").update(next_at=dt.datetime.now(dt.UTC))


def test_stamp__once_a_day__is_kept_an_entry_and_an_anchor(
    sealed: Sealed, authority: Authority, cast: Cast, sign_in: Callable[..., Client], tmp_path: Path
) -> None:
    size = sealed(3)
    assert stamps.stamp()
    assert not stamps.stamp()
    kept = Stamp.objects.get()
    assert (kept.checkpoint_id, authority.asked) == (size, 1)
    assert abs(kept.at - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
    assert Entry.objects.filter(action="audit.stamped").count() == 1
    state = seal_state()
    assert state.anchor is not None
    assert (state.anchor.kind, state.anchor.size) == ("stamp", size)
    # Anybody checks it without us, by what the log serves and the authority's root.
    (tmp_path / "token.tsr").write_bytes(bytes(kept.token))
    (tmp_path / "checkpoint.txt").write_text(Checkpoint.objects.get(size=size).note, encoding="utf-8")
    verify = ["openssl", "ts", "-verify", "-data", "checkpoint.txt", "-in", "token.tsr", "-CAfile", str(authority.folder / "root.pem")]
    assert b"Verification: OK" in subprocess.run(verify, cwd=tmp_path, check=True, capture_output=True).stdout
    # The next day, but nothing happened since except the stamp itself.
    sealed(0)
    due_again()
    assert not stamps.stamp()
    sealed(1)
    due_again()
    assert stamps.stamp()
    assert "Anchored outside at" in sign_in(cast.tom).get("/audit/trust").content.decode()


def test_stamp__answer_not_to_be_believed__is_said_and_not_kept(
    sealed: Sealed, authority: Authority, settings: Settings, tmp_path: Path, cast: Cast, sign_in: Callable[..., Client]
) -> None:
    sealed(2)
    earlier = authority.stamp(TimestampRequestBuilder().data(b"something else").build().as_bytes())
    other = Authority(tmp_path / "other", "other.example")
    genuine = authority.answer

    def cut(query: bytes) -> tuple[int, bytes]:
        return 200, authority.stamp(query)[:-40]

    def turned(query: bytes) -> tuple[int, bytes]:
        data = bytearray(authority.stamp(query))
        data[-10] ^= 1
        return 200, bytes(data)

    bad: dict[str, Callable[[bytes], tuple[int, bytes]]] = {
        "of another query": lambda _query: (200, earlier),
        "under another root": lambda query: (200, other.stamp(query)),
        "cut": cut,
        "altered": turned,
        "empty": lambda _query: (200, b""),
        "no DER": lambda _query: (200, b"<html>"),
        "refused by it": lambda _query: (200, bytes.fromhex("30053003020102")),
        "down": lambda _query: (503, b""),
        "too much": lambda _query: (200, bytes(300_000)),
    }
    for name, answer in bad.items():
        authority.answer = answer
        assert not stamps.stamp(), name
        assert Contact.objects.get().problem, name
        assert not Stamp.objects.exists(), name
        due_again()
    settings.LOG_STAMP_ROOTS = str(tmp_path / "nowhere.pem")
    authority.answer = genuine
    assert not stamps.stamp()
    problem = Contact.objects.get().problem
    assert "LOG_STAMP_ROOTS" in problem
    assert "LOG_STAMP_ROOTS" in sign_in(cast.tom).get("/audit/trust").content.decode()
    settings.LOG_STAMP_ROOTS = ""
    assert [each.id for each in log_witnesses()] == ["lastmile.E006"]


def test_stamp__nobody_named__nobody_asked(sealed: Sealed) -> None:
    sealed(1)
    assert not stamps.stamp()
    assert not Contact.objects.exists()
