"""The log's keys: handed over by the old one, learnt by readers, cut off and gone on with, and out of the web's reach."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.utils import ProgrammingError
from django.test import Client

from audit.log import rotation, sealing
from audit.log.handover import Handover, learn
from audit.log.notes import FormatError, SignerKey, VerifierKey
from audit.log.signing import KeyMissing, key_path, next_path
from audit.log.tlog import TreeHead, open_checkpoint
from audit.log.verification import verify
from audit.models import Checkpoint, Entry, Leaf
from portal.launcher.folders import DataFolder
from portal.launcher.processes import Launcher
from portal.launcher.services import Services
from tests.services import Database

Sealed = Callable[[int], int]
ROOT = Path(__file__).resolve().parent.parent.parent
HEAD = TreeHead("log.example", 7, bytes(32))
A, B, C = (SignerKey("log.example", bytes([number]) * 32) for number in (1, 2, 3))


def say(*words: str) -> str:
    told = StringIO()
    call_command(*words, stdout=told)
    return told.getvalue()


def served() -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(Client().get("/log/keys").content)["keys"]
    return found


def test_rotation__done__is_in_the_log_and_readers_who_know_the_old_key_learn_the_new(sealed: Sealed, act: Callable[..., int]) -> None:
    sealed(3)
    old = VerifierKey.parse(Client().get("/log/vkey").content.decode())
    before, secret = Client().get("/log/checkpoint").content.decode(), key_path().read_text()
    told = say("rotate_key")
    new = VerifierKey.parse(Client().get("/log/vkey").content.decode())
    assert new != old
    assert f"New key: {new}" in told
    assert key_path().read_text() != secret
    assert key_path().stat().st_mode & 0o777 == 0o600
    assert not next_path().exists()
    # The entry names the new key in its leaf, and a checkpoint of the old key covers it.
    entry = Entry.objects.get(action="audit.key-rotated")
    leaf = Leaf.objects.get(entry_id=entry.pk)
    assert json.loads(bytes(leaf.data))["obj"] == str(new)
    last_of_old = Checkpoint.objects.order_by("-size")[0]
    assert leaf.seq < open_checkpoint(last_of_old.note, [old]).size
    # Who knows the old key alone learns the new one from what is served.
    assert learn(old, [key["handover"] for key in served() if key["handover"]]) == [old, new]
    act()
    sealing.seal()
    note = Client().get("/log/checkpoint").content.decode()
    assert open_checkpoint(note, [new]).size > open_checkpoint(before, [old]).size
    with pytest.raises(FormatError):
        open_checkpoint(note, [old])
    # Old checkpoints stay good, and verification with the old key as the only one that is trusted goes through.
    assert verify(trusted=old, receipt=before).good
    assert verify(trusted=new, receipt=note).findings != []  # the new key names no predecessor


def test_rotation__twice__leaves_a_chain(sealed: Sealed) -> None:
    sealed(1)
    first = VerifierKey.parse(Client().get("/log/vkey").content.decode())
    say("rotate_key")
    say("rotate_key")
    keys = served()
    assert [str(key) for key in learn(first, [key["handover"] for key in keys if key["handover"]])] == [key["vkey"] for key in keys]
    assert len(keys) == 3
    assert verify(trusted=first).good


class CutOff(Exception):
    """Stands for a kill -9."""


@pytest.mark.parametrize("step", ["record", "_sealed", "only_sealer", "add_key", "put_in_place"])
def test_rotation__cut_off_at_any_step__goes_on(
    sealed: Sealed, act: Callable[..., int], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    sealed(2)
    old = VerifierKey.parse(Client().get("/log/vkey").content.decode())
    with monkeypatch.context() as cut:
        cut.setattr(rotation, step, lambda *_args, **_named: (_ for _ in ()).throw(CutOff))
        with pytest.raises(CutOff):
            rotation.rotate()
    # The sealer goes on whatever was reached, and so does the command.
    act()
    assert not sealing.seal().busy
    say("rotate_key")
    act()
    sealing.seal()
    keys = served()
    assert Entry.objects.filter(action="audit.key-rotated").count() == len(keys) - 1
    assert len(learn(old, [key["handover"] for key in keys if key["handover"]])) == len(keys)
    assert verify(trusted=old).good


def test_rotation__key_file_elsewhere__waits_for_the_operator(sealed: Sealed, act: Callable[..., int], tmp_path: Path) -> None:
    sealed(1)
    told = say("rotate_key", "--to", str(tmp_path / "new.key"))
    assert "put" in told
    act()
    with pytest.raises(KeyMissing, match="handed over"):
        sealing.seal()
    (tmp_path / "new.key").replace(key_path())
    assert sealing.seal().size > 1
    assert verify().good


def test_rotation__without_a_key__says_what_to_do(log: Database, sealed: Sealed, tmp_path: Path) -> None:
    sealed(1)
    key_path().rename(tmp_path / "away")
    with pytest.raises(CommandError, match="--new-key"):
        say("rotate_key")
    key_path().mkdir()
    with pytest.raises(CommandError, match="cannot be read"):
        say("rotate_key")


def test_lost_key__replaced__is_an_entry_and_nobody_is_told_it_was_handed_over(sealed: Sealed) -> None:
    sealed(1)
    old = VerifierKey.parse(Client().get("/log/vkey").content.decode())
    key_path().unlink()
    assert "Give it to everyone who verifies" in say("seal", "--new-key")
    assert "new key" not in say("seal", "--new-key")
    keys = served()
    assert len(keys) == 2
    assert not keys[1]["handover"]
    assert learn(old, []) == [old]
    assert Entry.objects.filter(action="audit.key-replaced", object=keys[1]["vkey"]).exists()


def test_handover__read__says_both_keys_and_the_head() -> None:
    said = Handover(A.verifier, B.verifier, HEAD)
    assert Handover.parse(said.sign(A, B)) == said


def test_handover__malformed_or_signed_by_one_alone__is_refused() -> None:
    said = Handover(A.verifier, B.verifier, HEAD)
    good = said.sign(A, B)
    for note in (said.sign(A, A), said.sign(B, B), said.sign(C, B), A.sign(str(HEAD)), "", "\n\n", good.replace("old ", "new "),
                 good.replace("v1", "v2"), good[:-20], good + good, Handover(A.verifier, A.verifier, HEAD).sign(A, A), good.replace("\n7\n", "\n8\n")):  # fmt: skip
        with pytest.raises(FormatError):
            Handover.parse(note)
    # Neither is ever taken for the other.
    with pytest.raises(FormatError):
        TreeHead.parse(str(said))


def test_learn__two_successors_a_circle_or_a_stranger__is_refused_or_left_out() -> None:
    a_b, a_c, b_a, b_c = (Handover(x.verifier, y.verifier, HEAD).sign(x, y) for x, y in ((A, B), (A, C), (B, A), (B, C)))
    assert learn(A.verifier, [b_c, a_b]) == [A.verifier, B.verifier, C.verifier]
    assert learn(B.verifier, [a_b]) == [B.verifier]
    for notes in ([a_b, a_c], [a_b, b_a]):
        with pytest.raises(FormatError):
            learn(A.verifier, notes)


# Out of the web process's reach: as far as `up` and compose do it.


def test_up__web_process__is_told_of_neither_key_nor_sealing_role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LASTMILE_TEST_SERVICES")
    data = DataFolder(tmp_path / "data")
    environments = Services(Launcher(), data, throwaway=True, own_servers=False).environments({})
    data.lock_file.close()
    told = "\n".join(f"{name}={value}" for name, value in environments.web.items())
    assert "log.key" not in told
    assert "lm_sealer" not in told
    assert "lm_owner" not in told
    assert "log.key" in environments.worker["LOG_KEY_FILE"]
    assert (tmp_path / "data" / "secrets").stat().st_mode & 0o077 == 0
    assert (tmp_path / "data" / "secrets" / "log.key").stat().st_mode & 0o077 == 0


def test_compose__web_container__gets_neither_key_nor_sealing_role() -> None:
    services = dict(re.findall(r"^  (\w+):\n((?:    .*\n|\n)+)", (ROOT / "compose.yaml").read_text(encoding="utf-8"), re.MULTILINE))
    assert not re.search(r"log_key|sealer|owner|log\.key", services["web"]), services["web"]
    assert re.search(r"secrets: \[.*database_sealer.*log_key", services["worker"])


def test_web_role__writes_no_checkpoint_cosignature_stamp_or_key(log: Database, sealed: Sealed) -> None:
    sealed(1)
    for table in ("audit_checkpoint", "audit_logkey", "audit_cosignature", "audit_stamp", "audit_contact", "audit_leaf", "audit_tile"):
        for sql in (f"insert into {table} select * from {table}", f"delete from {table}"):
            with connections["default"].cursor() as cursor, pytest.raises(ProgrammingError, match="permission denied"):
                cursor.execute(sql)
    for table in ("audit_cosignature", "audit_stamp", "audit_confirmation"):
        for role in ("lm_app", "lm_sealer", "lm_owner"):
            with log.connect(role) as link, pytest.raises(Exception, match=r"permission denied|refuse|never|append"):
                link.execute(f"truncate {table}")
