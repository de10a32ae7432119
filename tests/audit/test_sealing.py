"""Sealing: every committed entry gets exactly one place, whatever is concurrent, killed or restored."""

from __future__ import annotations

import threading
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from pytest_django import Settings

from audit import selectors, tasks
from audit.log import sealing
from audit.log.merkle import consistency_proof, leaf_hash, root_of, verify_consistency
from audit.log.signing import KeyMissing
from audit.log.tlog import VerifierKey, open_checkpoint, tile_node
from audit.log.verification import verify
from audit.models import Checkpoint, Entry, Leaf, LogKey, Tile
from tests.services import Database


def leaves() -> list[tuple[int, int]]:
    return list(Leaf.objects.order_by("seq").values_list("seq", "entry_id"))


def check_log() -> None:
    """A3, A5: places 0..n-1, each entry once, in every checkpoint, each continuing the one before."""
    places = leaves()
    assert [seq for seq, _ in places] == list(range(len(places)))
    assert sorted(entry for _, entry in places) == sorted(Entry.objects.values_list("id", flat=True))
    hashes = [bytes(hash_) for hash_ in Leaf.objects.order_by("seq").values_list("hash", flat=True)]
    keys = [VerifierKey.parse(vkey) for vkey in LogKey.objects.values_list("vkey", flat=True)]
    node = tile_node(lambda level, index: sealing.read_tile(level, index, "default"))
    before = None
    for checkpoint in Checkpoint.objects.order_by("size"):
        head = open_checkpoint(checkpoint.note, keys, "testserver/log")
        assert (head.size, head.root) == (checkpoint.size, bytes(checkpoint.root))
        assert head.root == root_of(hashes[: head.size])
        if before:
            proof = consistency_proof(before.size, head.size, node)
            verify_consistency(old=before.size, old_root=before.root, new=head.size, new_root=head.root, proof=proof)
        before = head
    assert before is not None
    assert before.size == len(places)


def test_seal__empty_log__signs_a_tree_without_entries(log: Database) -> None:
    for _ in range(2):
        assert sealing.seal() == sealing.Sealed(new=0, size=0)
    assert Checkpoint.objects.count() == 1
    assert selectors.seal_lag() == 0


def test_seal__entries_in_several_passes__one_place_each(log: Database, sealed: Callable[[int], int]) -> None:
    for count in (1, 3, 0, 300, 7):
        size = sealed(count)
    assert size == Entry.objects.count() >= 311
    check_log()
    assert Checkpoint.objects.count() == 4


def test_seal__key__is_made_once_and_private(log: Database, sealed: Callable[[int], int], tmp_path: Path) -> None:
    sealed(1)
    assert (tmp_path / "log.key").stat().st_mode & 0o777 == 0o600
    sealed(1)
    assert LogKey.objects.count() == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.head", "log.key"]


@pytest.mark.parametrize("change", ["lost", "another", "damaged"])
def test_seal__wrong_key__signs_nothing_and_says_what_to_do(
    log: Database, sealed: Callable[[int], int], act: Callable[..., int], tmp_path: Path, change: str
) -> None:
    sealed(1)
    path = tmp_path / "log.key"
    path.unlink()
    if change != "lost":
        path.write_text("AAAA" * 10 + "AAA=\n" if change == "another" else "nothing\n")
    act()
    with pytest.raises(KeyMissing, match=r"log\.key"):
        sealing.seal()
    assert Checkpoint.objects.count() == 1
    if change != "damaged":
        sealing.seal(new_key=True)
        assert LogKey.objects.count() == 2
        check_log()


def test_seal__open_transaction_with_a_smaller_id__is_sealed_when_it_commits(log: Database, act: Callable[..., int]) -> None:
    """What `id > last` loses for ever: an entry whose id came first and whose commit came last."""
    statement = "select audit_record('audit.backup-made', '', '', '{}', 'act', '{}')"
    with log.connect() as slow:
        slow.execute("begin")
        slow.execute(statement)
        act()
        first = sealing.seal()
        slow.execute("commit")
    second = sealing.seal()
    assert first.new >= 1
    assert second.new == 1
    entries = [entry for _, entry in leaves()]
    assert entries != sorted(entries), "the late one stands behind the ones that committed before it"
    check_log()


def test_seal__many_writers_meanwhile__loses_doubles_and_misorders_none(log: Database) -> None:
    """A3 and A4 under eight writers that commit and roll back while two sealers run."""
    done = threading.Event()

    def write(number: int) -> None:
        with log.connect() as link:
            for turn in range(40):
                link.execute("begin")
                for _ in range(turn % 3 + 1):
                    link.execute("select audit_record('audit.backup-made', 'tests.writer', %s, '{}', 'act', '{}')", [str(number)])
                link.execute("rollback" if turn % 5 == 4 else "commit")

    def keep_sealing() -> None:
        try:
            while not done.is_set():
                sealing.seal()
        finally:
            for each in ("default", "sealer"):
                connections[each].close()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    sealers = [threading.Thread(target=keep_sealing) for _ in range(2)]
    for thread in writers + sealers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in sealers:
        thread.join()
    sealing.seal(wait_seconds=10)
    check_log()
    for number in range(8):
        own = [entry for _, entry in leaves() if Entry.objects.filter(pk=entry, object=str(number)).exists()]
        assert own == sorted(own)


def test_seal__two_at_once__never_fork(log: Database, act: Callable[..., int]) -> None:
    """A8: both answer, one tree."""
    for _ in range(20):
        act()
    start = threading.Barrier(2)
    answers: list[sealing.Sealed] = []

    def run() -> None:
        start.wait()
        try:
            answers.append(sealing.seal(wait_seconds=20))
        finally:
            connections["sealer"].close()
            connections["default"].close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 2
    assert not any(answer.busy for answer in answers)
    check_log()


def test_seal__while_another_holds_the_lock__gives_up_at_once(log: Database) -> None:
    with log.connect() as other:
        other.execute("begin")
        other.execute("select pg_advisory_xact_lock(%s)", [sealing.LOCK])
        assert sealing.seal().busy
        other.execute("rollback")
    assert not sealing.seal().busy


def test_guards__sealed_rows__cannot_be_changed_by_anyone_who_serves(log: Database, sealed: Callable[[int], int]) -> None:
    sealed(3)
    for role in ("lm_app", "lm_sealer", "lm_owner"):
        with log.connect(role) as link:
            for statement in (
                "update audit_leaf set data = ''",
                "delete from audit_leaf",
                "truncate audit_leaf",
                "update audit_checkpoint set note = ''",
                "delete from audit_checkpoint",
                "update audit_batch set count = 0",
                "delete from audit_logkey",
                "delete from audit_tile",
                "update audit_tile set data = ''",
                r"update audit_tile set data = '\x00'::bytea || data",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    link.execute(statement)
    with log.connect("lm_app") as link, pytest.raises(psycopg.errors.InsufficientPrivilege):
        link.execute("insert into audit_leaf (seq, entry_id, batch_id, data, hash) values (99, 99, 1, '', '')")


def test_publish__tree_that_does_not_continue_the_last_checkpoint__is_not_signed(
    log: Database, sealed: Callable[[int], int], act: Callable[..., int]
) -> None:
    sealed(3)
    with log.connect("postgres") as link:
        link.execute("alter table audit_tile disable trigger all")
        link.execute("update audit_tile set data = set_byte(data, 0, get_byte(data, 0) # 255)")
    act()
    with pytest.raises(sealing.LogBroken):
        sealing.seal()
    assert Checkpoint.objects.count() == 1


def without_checkpoints(log: Database, more_than: int = -1) -> None:
    with log.connect("postgres") as link:
        link.execute("alter table audit_checkpoint disable trigger all")
        link.execute("delete from audit_checkpoint where size > %s", [more_than])


def rewritten_without_the_key(log: Database) -> None:
    """What somebody with every right on the database, and no key, can make fit: leaf and tile."""
    leaf = Leaf.objects.get(seq=1)
    forged = bytes(leaf.data).replace(b'"via":"command"', b'"via":"api"')
    assert forged != bytes(leaf.data)
    with log.connect("postgres") as link:
        for table in ("audit_entry", "audit_leaf", "audit_tile"):
            link.execute(f"alter table {table} disable trigger all")
        link.execute("update audit_entry set channel = 'api' where id = %s", [leaf.entry_id])
        link.execute("update audit_leaf set data = %s, hash = %s where seq = 1", [forged, leaf_hash(forged)])
        link.execute(
            "update audit_tile set data = overlay(data placing %s from 33 for 32) where level = 0 and index = 0", [leaf_hash(forged)]
        )


@pytest.mark.parametrize("kept", [0, 1])
def test_seal__log_rewritten_and_checkpoints_deleted__signs_nothing(
    log: Database, sealed: Callable[[int], int], act: Callable[..., int], tmp_path: Path, kept: int
) -> None:
    sealed(1)
    sealed(3)
    rewritten_without_the_key(log)
    without_checkpoints(log, more_than=kept or -1)
    assert [finding.where for finding in verify().findings] == ["checkpoints", str(tmp_path / "log.head")]
    act()
    with pytest.raises(sealing.LogBroken, match="rewritten"):
        sealing.seal()
    assert Checkpoint.objects.count() == kept
    (tmp_path / "log.head").unlink()
    assert "checkpoints" in [finding.where for finding in verify().findings]
    if not kept:
        with pytest.raises(sealing.LogBroken, match="checkpoints are gone"):
            sealing.seal()


def test_verify__key_without_any_checkpoint__is_a_finding(log: Database) -> None:
    sealing.seal()
    assert verify().good
    without_checkpoints(log)
    assert [finding.words for finding in verify().findings] == ["this log has a key and no checkpoint: they were deleted"]


def test_head__older_log_without_the_file__is_accepted_and_kept_again(log: Database, sealed: Callable[[int], int], tmp_path: Path) -> None:
    sealed(2)
    head = tmp_path / "log.head"
    head.unlink()
    sealed(2)
    assert head.read_text(encoding="utf-8") == Checkpoint.objects.latest("size").note
    assert verify().good
    head.write_text("nothing", encoding="utf-8")
    assert "damaged" in verify().findings[0].words
    with pytest.raises(sealing.LogBroken, match="cannot be read"):
        sealed(1)


def test_head__folder_that_cannot_be_written__seals_and_complains(
    log: Database, sealed: Callable[[int], int], settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings.LOG_HEAD_FILE = str(tmp_path / "nowhere" / "log.head")
    assert sealed(2) == 2
    assert "cannot be written" in caplog.text


def test_head__older_backup_restored__waits_for_the_operator_and_records_it(
    log: Database, sealed: Callable[[int], int], tmp_path: Path
) -> None:
    """As a restore does it: everything after the second entry was never there."""
    sealed(2)
    sealed(3)
    with log.connect("postgres") as link:
        link.execute("set session_replication_role = replica")
        for table in ("audit_checkpoint", "audit_leaf", "audit_batch", "audit_tile", "audit_entry", "audit_payload"):
            link.execute(f"alter table {table} disable trigger user")
        link.execute("delete from audit_checkpoint where size > 2")
        link.execute("delete from audit_payload where entry_id not in (select entry_id from audit_leaf where seq < 2)")
        link.execute("delete from audit_entry where id not in (select entry_id from audit_leaf where seq < 2)")
        link.execute("delete from audit_leaf where seq >= 2")
        link.execute("delete from audit_batch where first >= 2")
        link.execute("update audit_tile set data = substring(data for 64)")
    assert [finding.where for finding in verify().findings] == [str(tmp_path / "log.head")]
    with pytest.raises(CommandError, match="--accept-rollback"):
        call_command("seal", stdout=StringIO())
    call_command("seal", "--accept-rollback", stdout=StringIO())
    assert Entry.objects.filter(action="audit.rollback-accepted").count() == 1
    assert verify().good
    sealed(4)
    check_log()


def test_seal__other_cluster__sees_everything_afresh_and_doubles_nothing(
    log: Database, sealed: Callable[[int], int], act: Callable[..., int]
) -> None:
    """After dump and restore: the stored snapshot belongs to another cluster, old rows carry numbers of the past and the future."""
    sealed(3)
    waiting = act()
    with log.connect("postgres") as link:
        link.execute("alter table audit_batch disable trigger all")
        link.execute("alter table audit_entry disable trigger all")
        link.execute("update audit_batch set cluster = '1', snapshot = '999999999:999999999:'")
        link.execute("update audit_entry set xid = '888888888' where id = %s", [waiting])
        link.execute("alter table audit_batch enable trigger all")
        link.execute("alter table audit_entry enable trigger all")
    assert selectors.waiting_for_seal()[0] == 1
    assert sealing.seal().new == 1
    act()
    assert sealing.seal().new == 1
    assert sealing.seal().new == 0
    check_log()


def test_lag__entries_wait__is_bounded_and_shown(log: Database, sealed: Callable[[int], int], act: Callable[..., int]) -> None:
    """A10."""
    sealed(1)
    assert selectors.seal_lag() == 0
    act()
    count, oldest = selectors.waiting_for_seal()
    assert count == 1
    assert oldest is not None
    assert 0 < selectors.seal_lag() < 60
    state = selectors.seal_state()
    assert (state.waiting, state.late) == (1, False)


def test_roles__sealer__reads_entries_and_writes_nothing_else(log: Database) -> None:
    with log.connect("lm_sealer") as link:
        link.execute("select from audit_entry e join audit_payload p on p.entry_id = e.id")
        for statement in ("delete from audit_entry", "update audit_payload set body = ''", "select * from portal_person"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                link.execute(statement)


def test_tiles__after_sealing__are_the_tree(log: Database, sealed: Callable[[int], int]) -> None:
    size = sealed(260)
    assert size == selectors.log_size() > 256
    assert list(Tile.objects.order_by("level", "index").values_list("level", "index")) == [(0, 0), (0, 1), (1, 0)]


def test_task__run_twice__seals_once(log: Database, act: Callable[..., int]) -> None:
    act()
    tasks.seal()
    tasks.seal()
    check_log()
    assert Checkpoint.objects.count() == 1


def test_seal__clock_that_goes_back__reorders_nothing(log: Database, sealed: Callable[[int], int]) -> None:
    """A12: the place comes from the transaction, never from the time."""
    with log.connect("postgres") as link:
        link.execute(
            "insert into audit_entry (at, db_role, actor, request_id, channel, reason_code, action, model, object, fields, data_class) "
            "select clock_timestamp() - number * interval '1 day', 'tests', gen_random_uuid(), '', '', '', 'audit.backup-made', '', '', '{}', 'act' "
            "from generate_series(1, 5) number"
        )
    sealed(1)
    times = [Entry.objects.get(pk=entry).at for _, entry in leaves()]
    assert times != sorted(times)
    assert [entry for _, entry in leaves()] == sorted(entry for _, entry in leaves())
    check_log()
