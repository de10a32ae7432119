"""Witnesses: what is asked of them, what is believed, what becomes an entry, and that the sealer never waits.

The witness here is a few lines of the protocol that do as a test tells them; the real aics-witness follows at the end.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client
from pytest_django import Settings

from audit.log import sealing
from audit.log.merkle import ProofError, verify_consistency
from audit.log.notes import COSIGNATURE, FormatError, SignerKey, VerifierKey, cosigned, cosigned_message, split_note
from audit.log.signing import load_secret
from audit.log.tlog import TreeHead, open_checkpoint
from audit.models import Checkpoint, Contact, Cosignature, Entry
from audit.outside import anchors, witnesses
from audit.outside import asking as outside
from audit.outside.asking import Unreachable
from audit.outside.cosigning import line_in, size_in, submission
from audit.selectors import proof, seal_state
from portal.checks import log_witnesses
from tests.audit import readers
from tests.cast import Cast
from tests.portal.running import free_port
from tests.services import Database

Sealed = Callable[[int], int]
SECRET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NAME = "witness.example/w1"
KEY = VerifierKey(NAME, SECRET.public_key().public_bytes_raw(), COSIGNATURE)


def cosign(note: str, seconds: int | None = None, secret: Ed25519PrivateKey = SECRET) -> str:
    """The line that a witness answers."""
    seconds = int(time.time()) if seconds is None else seconds
    text = split_note(note)[0]
    blob = KEY.id + seconds.to_bytes(8, "big") + secret.sign(cosigned_message(text, seconds))
    return f"— {NAME} {base64.b64encode(blob).decode()}\n"


class Honest:
    """A witness of this one log, as the specification says; `answer` can be replaced by a test."""

    def __init__(self) -> None:
        self.size, self.root = 0, b""
        self.asked: list[bytes] = []
        self.answer: Callable[[bytes], tuple[int, str, bytes]] = self.check

    def check(self, body: bytes) -> tuple[int, str, bytes]:
        head, _, note = body.decode().partition("\n\n")
        old, *hashes = head.split("\n")
        seen = TreeHead.parse(split_note(note)[0])
        if int(old.removeprefix("old ")) != self.size:
            return 409, "text/x.tlog.size", b"%d\n" % self.size
        if self.size:
            try:
                verify_consistency(
                    old=self.size,
                    old_root=self.root,
                    new=seen.size,
                    new_root=seen.root,
                    proof=[base64.b64decode(hash_) for hash_ in hashes],
                )
            except ProofError:
                return 422, "text/plain", b""
        self.size, self.root = seen.size, seen.root
        return 200, "text/plain", cosign(note).encode()


@pytest.fixture
def witness(log: Database, settings: Settings) -> Iterator[Honest]:
    """A witness on loopback that the log is configured with."""
    honest = Honest()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            honest.asked.append(body)
            status, kind, data = honest.answer(body) if self.path == "/w/add-checkpoint" else (404, "text/plain", b"")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        settings.LOG_WITNESSES = [f"{KEY} http://127.0.0.1:{server.server_address[1]}/w"]
        settings.LOG_WITNESS_SECONDS = 0
        yield honest
        server.shutdown()
        thread.join()


def test_witness__answers__is_kept_served_and_an_entry(sealed: Sealed, witness: Honest) -> None:
    assert Client().get("/log/cosigned").status_code == 404
    first = sealed(3)
    assert witnesses.witness() == 1
    note = Client().get("/log/checkpoint").content.decode()
    assert list(cosigned(note, [KEY])) == [KEY]
    assert open_checkpoint(note, [VerifierKey.parse(Client().get("/log/vkey").content.decode())]).size == first
    entry = Entry.objects.get(action="audit.cosigned")
    assert json.loads(entry.payload.body)["detail"]["size"] == first
    second = sealed(300)
    assert witnesses.witness() == 1
    assert witness.size == second > first
    # The witness was told where it stood, with the proof from there.
    assert witness.asked[-1].startswith(b"old %d\n" % first)
    assert Client().get("/log/cosigned").content == Client().get("/log/checkpoint").content
    state = seal_state()
    assert state.anchor is not None
    assert (state.anchor.kind, state.anchor.by, state.anchor.size) == ("witness", NAME, second)


def test_witness__newer_checkpoint_without_cosignature__leaves_the_cosigned_one_in_receipts(sealed: Sealed, witness: Honest) -> None:
    first = sealed(3)
    witnesses.witness()
    second = sealed(3)
    assert cosigned(proof(1).checkpoint, [KEY])
    assert not cosigned(proof(second - 1).checkpoint, [KEY])
    assert (
        open_checkpoint(
            Client().get("/log/cosigned").content.decode(), [VerifierKey.parse(Client().get("/log/vkey").content.decode())]
        ).size
        == first
    )


def test_witness__of_an_idle_log__rests(sealed: Sealed, witness: Honest) -> None:
    sealed(3)
    assert witnesses.witness() == 1
    sealed(0)  # seals the entry that the cosignature is
    assert [witnesses.witness() for _ in range(3)] == [0, 0, 0]
    assert len(witness.asked) == 1


def test_witness__asked_a_moment_ago__is_left_alone(sealed: Sealed, act: Callable[..., int], witness: Honest, settings: Settings) -> None:
    settings.LOG_WITNESS_SECONDS = 300
    sealed(3)
    assert witnesses.witness() == 1
    act("audit.searched")
    sealing.seal()
    assert witnesses.witness() == 0
    Contact.objects.using("sealer").update(next_at=dt.datetime.now(dt.UTC))
    assert witnesses.witness() == 1


def test_witness__stands_elsewhere_than_we_think__gets_the_proof_from_there(
    sealed: Sealed, act: Callable[..., int], witness: Honest
) -> None:
    sealed(5)
    head = Checkpoint.objects.get()
    witness.size, witness.root = head.size, bytes(head.root)  # it cosigned, and we never heard
    act("audit.searched")
    size = sealing.seal().size
    assert witnesses.witness() == 1
    assert [body.split(b"\n")[0] for body in witness.asked] == [b"old 0", b"old %d" % head.size]
    assert Cosignature.objects.get().checkpoint_id == size


def ahead(_body: bytes) -> tuple[int, str, bytes]:
    return 409, "text/x.tlog.size", b"99999\n"


@pytest.mark.parametrize(("answer", "words"), [(ahead, "cut off or put back"), (lambda _body: (422, "text/plain", b""), "rewritten")])
def test_witness__has_seen_another_past__is_believed(
    sealed: Sealed,
    witness: Honest,
    answer: Callable[[bytes], tuple[int, str, bytes]],
    words: str,
    cast: Cast,
    sign_in: Callable[..., Client],
) -> None:
    sealed(3)
    witness.answer = answer
    assert witnesses.witness() == 0
    contact = Contact.objects.get()
    assert contact.refused
    assert words in contact.problem
    assert Entry.objects.filter(action="audit.witness-refused").count() == 1
    page = sign_in(cast.tom).get("/audit/trust").content.decode()
    assert "A witness refuses this log" in page
    assert contact.problem[:40] in page
    # Asked again, it is no second entry; and when it is content again, the warning goes.
    Contact.objects.using("sealer").update(next_at=dt.datetime.now(dt.UTC))
    witnesses.witness()
    assert Entry.objects.filter(action="audit.witness-refused").count() == 1
    witness.answer = witness.check
    Contact.objects.using("sealer").update(next_at=dt.datetime.now(dt.UTC))
    assert witnesses.witness() == 1
    assert not seal_state().refused


OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))


def noted(change: Callable[[str], str]) -> Callable[[bytes], tuple[int, str, bytes]]:
    return lambda body: (200, "text/plain", change(body.decode().partition("\n\n")[2]).encode())


BAD_ANSWERS: dict[str, Callable[[bytes], tuple[int, str, bytes]]] = {
    "unknown log": lambda _body: (404, "text/plain", b""),
    "wrong key": lambda _body: (403, "text/plain", b""),
    "down": lambda _body: (503, "text/plain", b""),
    "redirect": lambda _body: (302, "text/plain", b""),
    "empty": lambda _body: (200, "text/plain", b""),
    "no UTF-8": lambda _body: (200, "text/plain", b"\xff\xfe\n"),
    "no line": lambda _body: (200, "text/plain", b"<html>hello</html>\n"),
    "too much": lambda _body: (200, "text/plain", b"x" * 300_000),
    "another's signature": noted(lambda note: cosign(note, secret=OTHER)),
    "over another checkpoint": noted(lambda _note: cosign("log.example\n1\n" + "A" * 43 + "=\n\n— a AAAAAAA=\n")),
    "another's name": noted(lambda note: cosign(note).replace("/w1", "/w2")),
    "from the future": noted(lambda note: cosign(note, int(time.time()) + 3600)),
    "twice": noted(lambda note: cosign(note) * 2),
    "too many lines": noted(lambda note: "— x AAAAAAA=\n" * 101 + cosign(note)),
    "no size": lambda _body: (409, "text/x.tlog.size", b"07\n"),
    "size in letters": lambda _body: (409, "text/x.tlog.size", "٣\n".encode()),
    "the size we named": lambda _body: (409, "text/x.tlog.size", b"0\n"),
}


def test_witness__answers_badly__is_said_tried_again_and_not_believed(sealed: Sealed, witness: Honest) -> None:
    size = sealed(2)
    for name, answer in BAD_ANSWERS.items():
        witness.answer = answer
        assert witnesses.witness() == 0, name
        contact = Contact.objects.get()
        assert contact.problem, name
        assert not contact.refused, name
        assert contact.next_at > contact.tried_at, name
        assert not Cosignature.objects.exists(), name
        Contact.objects.using("sealer").update(next_at=dt.datetime.now(dt.UTC))
    assert not cosigned(Client().get("/log/checkpoint").content.decode(), [KEY])
    assert sealing.seal().size >= size
    witness.answer = witness.check
    assert witnesses.witness() == 1
    assert Contact.objects.get().problem == ""


def test_witness__further_lines_in_its_answer__only_its_own_is_kept(sealed: Sealed, witness: Honest) -> None:
    sealed(2)
    witness.answer = noted(lambda note: "— other.example AAAAAAA=\n" + cosign(note))
    assert witnesses.witness() == 1
    assert Client().get("/log/checkpoint").content.decode().count("— ") == 2


def test_witness__cannot_be_reached__waits_ever_longer_up_to_an_hour(sealed: Sealed, settings: Settings) -> None:
    sealed(2)
    settings.LOG_WITNESSES = [f"{KEY} http://127.0.0.1:{free_port()}/w"]
    waits = []
    for _ in range(10):
        assert witnesses.witness() == 0
        contact = Contact.objects.get()
        waits.append((contact.next_at - contact.tried_at).total_seconds())
        Contact.objects.using("sealer").update(next_at=dt.datetime.now(dt.UTC))
    assert waits[:3] == [30, 60, 120]
    assert waits[-1] == 3600
    assert "cannot be reached" in Contact.objects.get().problem
    assert sealing.seal().size > 0


def test_anchor__of_a_witness_no_longer_configured_or_a_forged_row__does_not_count(
    sealed: Sealed, witness: Honest, settings: Settings, log: Database
) -> None:
    size = sealed(2)
    witnesses.witness()
    assert anchors.anchored() is not None
    configured, settings.LOG_WITNESSES = settings.LOG_WITNESSES, []
    assert anchors.anchored() is None
    settings.LOG_WITNESSES = configured
    sealed(2)
    with log.connect("lm_sealer") as link:
        link.execute(
            "insert into audit_cosignature (checkpoint_id, witness, line, at) select max(size), %s, %s, now() + interval '1 hour' from audit_checkpoint",
            [str(KEY), cosign("x\n1\n" + "A" * 43 + "=\n\n— a AAAAAAA=\n").strip()],
        )
    found = anchors.anchored()
    assert found is not None
    assert found.size == size


def test_anchor__older_than_eight_days__is_not_green(sealed: Sealed, witness: Honest, cast: Cast, sign_in: Callable[..., Client]) -> None:
    sealed(2)
    witness.answer = noted(lambda note: cosign(note, int(time.time()) - 9 * 24 * 3600))
    assert witnesses.witness() == 1
    page = sign_in(cast.tom).get("/audit/trust").content.decode()
    assert "Sealed here only" in page
    assert "too old to say much" in page
    assert "Anchored outside at" not in page


UNREADABLE = [
    "", "one", f"{KEY} http://witness.example/", f"{KEY} https://user:secret@witness.example/", f"{KEY} ftp://witness.example/",
    f"{KEY} https://witness.example/?a=b", f"{KEY} https://[/", f"{KEY} https:///x", f"{KEY}x https://witness.example/",
    f"{SignerKey(NAME, bytes(range(32))).verifier} https://witness.example/", f"{KEY} https://witness.example/ more",
]  # fmt: skip


def test_setting__that_cannot_be_read__is_said_at_the_start_and_on_the_page(
    settings: Settings, cast: Cast, sign_in: Callable[..., Client]
) -> None:
    tom = sign_in(cast.tom)
    for text in UNREADABLE:
        settings.LOG_WITNESSES = [text]
        with pytest.raises(FormatError):
            anchors.witnesses()
        assert [problem.id for problem in log_witnesses()] == ["lastmile.E005"], text
    assert "LOG_WITNESSES" in tom.get("/audit/trust").content.decode()


def test_setting__in_order__is_read() -> None:
    assert log_witnesses() == []


def test_submission__too_long_a_proof__is_refused() -> None:
    with pytest.raises(FormatError):
        submission(1, [bytes(32)] * 64, "x\n")
    for body in (b"", b"1", b"-1\n", b"1\n\n", b"\xff\n", b"9" * 20 + b"\n", b"01\n"):
        with pytest.raises(FormatError):
            size_in(body)
    with pytest.raises(FormatError):
        line_in(b"", "text\n", KEY)


@pytest.mark.parametrize("drip", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"])
def test_post__server_that_stalls__is_cut_off_by_the_clock(drip: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def serve() -> None:
            link, _ = server.accept()
            with link:
                link.sendall(drip)
                while not done.wait(0.1):
                    try:
                        link.sendall(drip[-1:])  # a byte now and then, so that no timeout of the socket ever strikes
                    except OSError:
                        return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        began = time.monotonic()
        with pytest.raises(Unreachable, match=r"did not answer within|broke off"):
            outside.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"x", "text/plain", seconds=0.6)
        assert time.monotonic() - began < 3
        done.set()
        thread.join()


def test_post__to_plain_http_elsewhere__is_not_sent() -> None:
    with pytest.raises(Unreachable, match="not encrypted"):
        outside.post("http://witness.example/", b"x", "text/plain")


# The real one, where an interpreter for it exists.


@pytest.fixture
def real(log: Database, sealed: Sealed, tmp_path: Path, settings: Settings) -> Iterator[Callable[..., str]]:
    """`real("status")`: aics-witness's own command line. A server of it runs, trusts this log, and the log knows it."""
    python = readers.python_with("aics_witness")
    folder = tmp_path / "witness"
    folder.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment["AICS_WITNESS_CONFIG"] = str(folder / "witness.json")
    port = free_port()

    def run(*words: str) -> str:
        done = subprocess.run(
            [python, "-I", "-m", "aics_witness", *words], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    sealed(3)
    vkey = re.findall(r"^\S+\+[0-9a-f]{8}\+\S+$", run("init", "--name", NAME), re.MULTILINE)[0]
    run("add-log", "--origin", "testserver/log", "--vkey", Client().get("/log/vkey").content.decode().strip())
    argv = [python, "-I", "-m", "aics_witness", "serve", "--listen", f"127.0.0.1:{port}"]
    with subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            readers.answers(f"http://127.0.0.1:{port}/healthz", server)
            settings.LOG_WITNESSES = [f"{vkey} http://127.0.0.1:{port}"]
            settings.LOG_WITNESS_SECONDS = 0
            yield run
        finally:
            server.terminate()


@pytest.mark.slow
def test_aics_witness__log_that_grows__is_cosigned_and_a_fork_a_rollback_and_a_wrong_key_are_not(
    real: Callable[..., str], sealed: Sealed, act: Callable[..., int]
) -> None:
    first = Checkpoint.objects.get()
    assert witnesses.witness() == 1
    act("audit.searched")
    size = sealing.seal().size
    assert witnesses.witness() == 1
    last = Checkpoint.objects.order_by("-size")[0]
    assert json.loads(real("status", "--json"))["logs"][0]["size"] == size
    (ours,) = anchors.witnesses()
    assert list(cosigned(Client().get("/log/checkpoint").content.decode(), [ours.key])) == [ours.key]

    secret = load_secret()
    assert secret is not None
    log_key = SignerKey("testserver/log", secret)

    def signed(size: int, root: bytes, key: SignerKey = log_key) -> Checkpoint:
        return Checkpoint(size=size, root=root, note=key.sign(str(TreeHead(key.name, size, root))))

    # A fork: of the same size, and of a larger one that no proof can lead to.
    with pytest.raises(witnesses.Refused, match="rewritten"):
        witnesses.submit(ours, signed(size, bytes(32)), size, "sealer")
    forked = signed(size + 1, bytes(32))
    assert outside.post(f"{ours.url}/add-checkpoint", submission(size, [bytes(32)], forked.note), "text/plain").status == 422
    # A rollback: the log as it was at first, signed by the real key.
    with pytest.raises(witnesses.Refused, match="cut off or put back"):
        witnesses.submit(ours, signed(first.size, bytes(first.root)), 0, "sealer")
    # Another key under the log's name.
    with pytest.raises(witnesses.Failed, match="under its key"):
        witnesses.submit(ours, signed(size, bytes(last.root), SignerKey("testserver/log", bytes(32))), size, "sealer")
    assert json.loads(real("status", "--json"))["logs"][0]["size"] == size
    assert real("evidence").strip()
