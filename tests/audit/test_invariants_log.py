"""The invariants of the sealed log, by name: A3, A5, A7, A8, A9, A10, A11. (A1, A2, A4, A6 and A12 are those of capture.)"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import selectors
from audit.log import sealing
from audit.log.canonical import read
from audit.log.leaves import LEAF
from audit.log.merkle import consistency_proof, leaf_hash, root_of, verify_consistency
from audit.log.tlog import VerifierKey, open_checkpoint, tile_node
from audit.log.verification import verify
from audit.models import Batch, Checkpoint, Entry, Leaf, LogKey, Tile
from portal.models import Person
from tests.audit.test_sealing import check_log
from tests.cast import Cast
from tests.services import Database

ACT = "select audit_record('audit.backup-made', 'tests.writer', %s, '{}', 'act', '{}')"


def stored() -> tuple[list[tuple[int, int, bytes]], list[tuple[int, int, bytes]], bytes]:
    """The log as bytes: leaves, tiles, root."""
    return (
        [(seq, entry, bytes(data)) for seq, entry, data in Leaf.objects.order_by("seq").values_list("seq", "entry_id", "data")],
        [
            (level, index, bytes(data))
            for level, index, data in Tile.objects.order_by("level", "index").values_list("level", "index", "data")
        ],
        bytes(Checkpoint.objects.latest("size").root),
    )


MOVES = st.lists(st.tuples(st.sampled_from(["commit", "rollback", "late", "seal", "step"]), st.integers(1, 4)), min_size=3, max_size=14)


def test_a3_a5__any_history__one_place_each_and_every_checkpoint_continues_every_earlier_one(log: Database) -> None:
    """Random histories: commits, rollbacks, transactions that commit long after their entries were numbered, half passes."""

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(moves=MOVES, most=st.sampled_from([2, 500_000]))
    def history(moves: list[tuple[str, int]], most: int) -> None:
        before, sealing.MOST = sealing.MOST, most
        slow = log.connect()
        try:
            for move, count in moves:
                if move == "seal":
                    sealing.seal()
                elif move == "step":
                    sealing.sequence()
                elif move == "late":
                    slow.execute("begin") if slow.info.transaction_status == 0 else None
                    slow.execute(ACT, ["late"])
                else:
                    with log.connect() as link:
                        link.execute("begin")
                        for _ in range(count):
                            link.execute(ACT, [move])
                        link.execute(move)
            slow.execute("commit")
            sealing.seal()
        finally:
            sealing.MOST = before
            slow.close()
        check_log()

    history()
    heads = [open_checkpoint(row.note, [VerifierKey.parse(LogKey.objects.get().vkey)]) for row in Checkpoint.objects.order_by("size")]
    hashes = [bytes(hash_) for hash_ in Leaf.objects.order_by("seq").values_list("hash", flat=True)]
    node = tile_node(lambda level, index: sealing.read_tile(level, index, "default"))
    assert len(heads) > 10
    for at, old in enumerate(heads):
        assert old.root == root_of(hashes[: old.size])
        for new in heads[at:]:
            proof = consistency_proof(old.size, new.size, node)
            verify_consistency(old=old.size, old_root=old.root, new=new.size, new_root=new.root, proof=proof)
    assert Entry.objects.filter(object="rollback").count() == 0
    assert verify().good


# Killed by signal 9 as soon as this statement was executed for this time, before its transaction ends; in the order of a pass.
MOMENTS = [
    ("pg_try_advisory_xact_lock", 1),  # sequence
    ("insert into audit_leaf", 1),
    ("insert into audit_batch", 1),
    ("pg_try_advisory_xact_lock", 2),  # integrate
    ("insert into audit_tile", 1),
    ("insert into audit_tile", 3),
    ("pg_try_advisory_xact_lock", 3),  # publish
    ("insert into audit_checkpoint", 1),
]
KILLER = """
import os, signal, sys
import django
django.setup()
from django.db import connections
from audit.log import sealing
word, wanted = sys.argv[1], int(sys.argv[2])
seen = 0
def killing(execute, sql, params, many, context):
    global seen
    answer = execute(sql, params, many, context)
    if word in sql:
        seen += 1
        if seen == wanted:
            os.kill(os.getpid(), signal.SIGKILL)
    return answer
connections[sealing.sealer_alias()].execute_wrappers.append(killing)
sealing.seal()
"""


def environment_of(log: Database, folder: Path) -> dict[str, str]:
    more = {"DJANGO_SETTINGS_MODULE": "tests.settings", "LOG_KEY_FILE": str(folder / "log.key"), "LOG_ORIGIN": "testserver/log"}
    return os.environ | log.environment | more


@pytest.mark.slow
def test_a7__killed_at_each_step__goes_on_to_the_same_tree(log: Database, sealed: Callable[[int], int], tmp_path: Path) -> None:
    """One process after the other is killed by signal 9, each at a later step; the tree is the one of an undisturbed pass."""
    sealed(5)
    with log.connect() as link:
        for _ in range(300):
            link.execute(ACT, ["x"])
    expected = list(Entry.objects.order_by("id").values_list("id", flat=True))
    for word, turn in MOMENTS:
        command = [sys.executable, "-c", KILLER, word, str(turn)]
        killed = subprocess.run(command, env=environment_of(log, tmp_path), check=False, capture_output=True, text=True)
        assert killed.returncode == -signal.SIGKILL, (word, turn, killed.stderr)
    assert not sealing.seal(wait_seconds=20).busy
    check_log()
    leaves, tiles, root = stored()
    assert [entry for _, entry, _ in leaves] == expected
    assert root == root_of(leaf_hash(data) for _, _, data in leaves)
    assert b"".join(data for level, _, data in tiles if level == 0) == b"".join(leaf_hash(data) for _, _, data in leaves)
    assert verify().good


@pytest.mark.slow
def test_a8__two_sealers_in_processes_of_their_own__never_fork(log: Database, sealed: Callable[[int], int], tmp_path: Path) -> None:
    sealed(1)
    sealer = "import django; django.setup()\nfrom audit.log import sealing\nfor _ in range(12): sealing.seal(wait_seconds=20)"
    running = [subprocess.Popen([sys.executable, "-c", sealer], env=environment_of(log, tmp_path)) for _ in range(2)]
    with log.connect() as link:
        while any(process.poll() is None for process in running):
            link.execute(ACT, ["x"])
    assert [process.returncode for process in running] == [0, 0]
    sealing.seal(wait_seconds=20)
    check_log()
    assert Checkpoint.objects.count() > 2
    assert verify().good


def test_a9__leaves_rendered_again__are_the_stored_bytes(cast: Cast, log: Database) -> None:
    """Of everything that the cast's own history holds, row by row, and hashed anew here."""
    sealing.seal()
    with connection.cursor() as cursor:
        cursor.execute(
            f"select l.data, l.hash, {LEAF} from audit_leaf l join audit_entry e on e.id = l.entry_id "
            "left join audit_payload p on p.entry_id = e.id order by l.seq"
        )
        rows = [(bytes(data), bytes(hash_), bytes(again)) for data, hash_, again in cursor.fetchall()]
    assert len(rows) == Entry.objects.count() > 20
    for data, hash_, again in rows:
        assert data == again
        assert leaf_hash(data) == hash_
        read(data)


@pytest.fixture
def writers(log: Database) -> Iterator[threading.Event]:
    """Four writers, each in a connection of its own, until the event is set."""
    done = threading.Event()

    def write() -> None:
        with log.connect() as link:
            while not done.is_set():
                link.execute(ACT, ["x"])
                time.sleep(0.002)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    yield done
    done.set()
    for thread in threads:
        thread.join()


def test_a10__four_writers__seal_lag_stays_bounded_and_is_shown(writers: threading.Event, sealed: Callable[[int], int]) -> None:
    sealed(1)
    lags = []
    for _ in range(8):
        time.sleep(0.25)
        lags.append(selectors.seal_lag())
        sealing.seal(wait_seconds=5)
    writers.set()
    assert max(lags) > 0, "entries that wait are shown to wait"
    assert max(lags) < 5
    slowest = max((batch.sealed_at - batch.oldest).total_seconds() for batch in Batch.objects.all() if batch.oldest)
    assert slowest < 5
    sealing.seal(wait_seconds=5)
    assert selectors.seal_lag() < 1


def test_a11__erased_payload__every_old_proof_holds_and_a_missing_one_does_not(cast: Cast, erasing: Database, jo_erased: Person) -> None:
    report = verify()
    assert [str(finding) for finding in report.findings] == []
    assert report.erased > 0
    assert any("erased on" in line for line in report.erasures)


@pytest.fixture
def jo_erased(cast: Cast, erasing: Database) -> Person:
    """Erased as compliance does it; the proofs taken before are checked against the log afterwards."""
    from audit.keeping import erasure
    from tests.audit.test_erasure import asked

    sealing.seal()
    proofs = [str(selectors.proof(seq)) for seq in range(0, selectors.log_size(), 7)]
    request = asked(cast, cast.jo)
    assert erasure.erase(request).state == "done"
    sealing.seal()
    for proof in proofs:
        assert verify(receipt=proof).good
    return cast.jo
