"""Export packs: asked for by people, made by the worker, downloaded; and receipts of decisions."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.context import acting
from audit.log import sealing
from audit.log.notes import VerifierKey
from audit.log.tlog import InclusionProof, open_checkpoint
from audit.models import Entry, Pack
from audit.packs import closing, making
from audit.services import record
from audit.verifier import verify
from governance.models import Signature, Transition
from governance.services import ending
from tests.audit.forger import Forger, said
from tests.audit.independent_reader import climb
from tests.audit.packs import Kit, kit
from tests.cast import Api, Cast

SignIn = Callable[[Any], Client]

__all__ = ["kit"]


# What the erasing routine does, reduced to what a pack sees of it.
ERASING = """
    with entry as (
        insert into audit_entry (id, db_role, actor, request_id, channel, reason_code, action, model, object, fields, data_class)
        values (nextval('audit_entry_id_seq'), 'lm_eraser', %s, '', 'command', '', 'audit.payload-erased', '', '', '{}', 'erasure')
        returning id)
    insert into audit_payload (entry_id, salt, body) select id, uuid_send(gen_random_uuid()), %s from entry
"""


def acts(prefix: str = "audit.export-") -> list[tuple[str, Any]]:
    rows = Entry.objects.filter(action__startswith=prefix).order_by("id")
    return [(row.action.removeprefix(prefix), row.on_behalf or row.actor) for row in rows]


def streamed(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_pack__asked_for_by_page__made_once_downloaded_and_every_step_an_entry(kit: Kit, sign_in: SignIn) -> None:
    tom = sign_in(kit.cast.tom)
    assert "No pack is here" in tom.get("/audit/packs").content.decode()
    asked = tom.post("/audit/packs", {"q": "object:governance.signature"})
    assert asked.status_code == 302
    page = tom.get(asked["Location"]).content.decode()
    assert "It waits for the worker" in page
    assert '<noscript><meta http-equiv="refresh"' in page
    assert "HX-Refresh" not in tom.get(asked["Location"], headers={"HX-Request": "true"}).headers
    making.sweep()
    making.sweep()
    assert tom.get(asked["Location"], headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    pack = Pack.objects.get()
    page = tom.get(asked["Location"]).content.decode()
    assert pack.sha256 in page
    assert "http-equiv" not in page
    for _ in range(2):
        answer = tom.get(f"/audit/packs/{pack.pk}/file")
        data = streamed(answer)
        assert hashlib.sha256(data).hexdigest() == pack.sha256
        assert answer["Content-Length"] == str(len(data))
        assert answer["Cache-Control"] == "no-store"
    tom_pk = kit.cast.tom.pk
    assert acts() == [("asked", tom_pk), ("contents", tom_pk), ("made", tom_pk), ("taken", tom_pk), ("taken", tom_pk)]
    made = Entry.objects.select_related("payload").get(action="audit.export-made")
    assert json.loads(made.payload.body)["detail"]["sha256"] == pack.sha256
    assert str(pack) in tom.get("/audit/packs").content.decode()


def test_pack__row_that_names_another_file__is_not_given_away(kit: Kit, sign_in: SignIn, settings: Any) -> None:
    """The serving role may write the row: to the signing key, to another pack, or to a link that lies in the folder."""
    tom = sign_in(kit.cast.tom)
    tom.post("/audit/packs", {"q": "object:governance.signature"})
    making.sweep()
    pack = Pack.objects.get()
    secret = making.folder().parent / "log.key"
    secret.write_text("secret", encoding="utf-8")
    link = f"lastmile-pack-{pack.pk}-{'a' * 12}.zip"
    (making.folder() / link).symlink_to(secret)
    told = {"size": 6, "sha256": hashlib.sha256(b"secret").hexdigest()}
    for row in (
        {"file": "../log.key", **told},
        {"file": str(secret), **told},
        {"file": link, **told},
        {"file": f"lastmile-pack-{pack.pk + 1}-{'a' * 12}.zip", **told},
        {"sha256": "0" * 64},
        {"size": 6},
    ):
        Pack.objects.filter(pk=pack.pk).update(**row)
        for path in (f"/audit/packs/{pack.pk}/file", f"/api/v1/audit/packs/{pack.pk}/file"):
            assert tom.get(path).status_code == 409, (row, path)
        pack.save()
    assert hashlib.sha256(streamed(tom.get(f"/audit/packs/{pack.pk}/file"))).hexdigest() == pack.sha256
    with acting(kit.cast.tom.pk):
        making.delete(Pack(pk=pack.pk, file="../log.key"), "x")
    assert secret.exists()


def test_pack__of_a_query__holds_exactly_what_fits(kit: Kit, tmp_path: Path) -> None:
    path = kit.make("query", query="object:governance.signature")
    lines = Forger(path).lines
    assert len(lines) == Signature.objects.count() == 3
    assert {line["entry"]["model"] for line in lines} == {"governance.signature"}
    code, words = said(path)
    assert code == 0, words
    forger = Forger(path)
    taken = forger.lines.pop(1)
    forger.render(prints=True)
    code, words = said(forger.write(tmp_path / "forged.zip"))
    assert code == 1
    assert f"entry {taken['seq']}: it is missing" in words


def test_pack__dossier_of_a_pilot__has_its_records_and_no_others(kit: Kit) -> None:
    pilot = kit.request.pilot
    path = kit.make("subject", subject_kind="pilot", subject_key=pilot.slug)
    lines = Forger(path).lines
    models = {line["entry"]["model"] for line in lines}
    assert {"governance.pilot", "governance.signature", "governance.transition", "governance.submission"} <= models
    assert "portal.person" not in models
    code, words = said(path)
    assert code == 0, words


def test_pack__readable__first_page_says_who_signed_what_when_on_what(kit: Kit) -> None:
    files = Forger(kit.make()).files
    page = files["index.html"].decode()
    signature = Signature.objects.get(printed_name="Helen Castellan", request=kit.request)
    found = re.search(r'<tr id="s\d+">(.*Drivers use it, and fuel is down.*)</tr>', page)
    assert found
    row = verify.Twin.cells(found[0])
    told = dict(zip(verify.SIGNED_COLUMNS, row, strict=True))
    assert told["who"].startswith("Helen Castellan (signed in as")
    assert (told["decision"], told["meaning"], told["role"]) == ("approve", "responsibility", "executive")
    assert told["when"].startswith(signature.signed_at.strftime("%Y-%m-%d %H:%M:%S"))
    assert told["identity confirmed by"].startswith(f"password, {signature.step_up_at:%Y-%m-%d %H:%M:%S}")
    assert told["channel"]
    assert signature.digest in told["on what"]
    for words in (
        f"request {kit.request.ref}",
        "widen route-optimiser-northfield",
        "Northfield depot",
        "at most 20 people",
        "frozen in entry",
    ):
        assert words in found[1]
    frozen = re.search(r'<a href="(pages/\d+\.html)#(e\d+)">frozen in entry', found[1])
    assert frozen
    evidence = re.search(rf'<tr id="{frozen[2]}">.*', files[frozen[1]].decode())
    assert evidence
    for words in ("<b>question</b>", "<b>fall back</b>", "<b>target</b>", "<b>now</b>"):
        assert words in evidence[0]
    asked = re.search(r'<tr id="q\d+">.*', page)
    assert asked
    assert f"R-{kit.request.pk}" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page


def test_pack__readable__what_waits_what_was_refused_and_who_asked_are_on_the_first_page(kit: Kit) -> None:
    pilot = kit.request.pilot
    with acting(kit.cast.mara.pk, channel="demo"):
        ending.end(
            actor=kit.cast.helen,
            pilot=pilot,
            outcome="ended_early",
            cause="The supplier left.",
            lessons="Ask for a way out first.",
            told_objectors="By mail.",
        )
    path = kit.make()
    code, words = said(path)
    assert code == 0, words
    assert "DEMONSTRATION DATA" in words
    page = Forger(path).files["index.html"].decode()
    assert "This pack contains demonstration data" in page
    assert "<dt>Requests still open</dt><dd>none</dd>" in page
    ended = re.search(r'<tr id="x\d+" class="no">.*', page)
    assert ended
    for words in ("pilot ENDED", "The supplier left.", "Ask for a way out first.", pilot.name):
        assert words in ended[0]
    assert f"<dt>Asked for by</dt><dd>{kit.cast.tom.name} p:{kit.cast.tom.pk}</dd>" in page


def test_pack__holds_what_the_issue_names(kit: Kit) -> None:
    with kit.make().open("rb") as file, zipfile.ZipFile(file) as pack:
        names = set(pack.namelist())
        policy = json.loads(pack.read("policy.json"))
        table = pack.read("entries.csv").decode()
    assert {
        "entries.ndjson",
        "entries.csv",
        "values.csv",
        "index.html",
        "pages/0001.html",
        "checkpoint.txt",
        "keys.txt",
        "verify.py",
    } <= names
    assert {name.split("/")[0] for name in names} >= {"tile", "receipts", "pages"}
    assert {row["data_class"] for row in policy["retention"]} >= {"record", "person", "act"}
    assert policy["not_in"]
    assert policy["legal_holds_in_force"] == policy["erasures"] == []
    assert all(line.startswith('"') and line.endswith('"') for line in table.splitlines())


def test_pack__formula_in_a_value__is_defused_in_csv_and_whole_in_ndjson(kit: Kit) -> None:
    with acting(kit.cast.mara.pk, reason="\uff1d1+1"):
        kit.cast.northfield.name = '=HYPERLINK("http://evil","x")'
        kit.cast.northfield.save()
    files = Forger(kit.make("query", query="object:portal.unit action:changed")).files
    values = files["values.csv"].decode()
    assert '''"'=HYPERLINK(""http://evil"",""x"")"''' in values
    assert '"\'\uff1d1+1"' in files["entries.csv"].decode()
    assert "'=HYPER" not in files["entries.ndjson"].decode()


def test_pack__values_erased__says_so_and_is_green_and_an_older_pack_goes(kit: Kit, sign_in: SignIn) -> None:
    before = kit.make("query", query="object:governance.signature")
    old = Pack.objects.get()
    victim = Entry.objects.filter(model="governance.signature").latest("id")
    body = json.dumps({"detail": {"entries": [[victim.pk, victim.pk]], "why": "asked", "certificate": "E-1"}})
    with kit.database.connect("postgres") as link:
        link.execute(ERASING, [kit.cast.tom.pk, body])
        link.execute("alter table audit_payload disable trigger all")
        link.execute("delete from audit_payload where entry_id = %s", [victim.pk])
    assert sign_in(kit.cast.tom).get(f"/audit/packs/{old.pk}/file").status_code == 409
    after = kit.make()
    assert not before.exists()
    assert not Pack.objects.filter(pk=old.pk).exists()
    code, words = said(after)
    assert code == 0, words
    assert "1 of them erased" in words
    assert "content erased" in Forger(after).files["pages/0001.html"].decode()


def test_pack__key_and_checkpoint_kept_elsewhere__are_compared(kit: Kit, tmp_path: Path) -> None:
    sealing.seal()
    kept = Client().get("/log/checkpoint").content.decode()
    vkey = Client().get("/log/vkey").content.decode().strip()
    (tmp_path / "kept.txt").write_text(kept, encoding="utf-8")
    with acting(kit.cast.tom.pk):
        record("audit.searched")
    plain = kit.make("query", query="object:governance.signature", checkpoint=kept)
    code, words = said(plain, "--checkpoint", str(tmp_path / "kept.txt"), "--key", vkey)
    assert code == 0, words
    assert "the log continues the checkpoint of" in words
    assert "Compare it" not in words
    assert "this is the key that you gave" in words
    own = Forger(plain).files["checkpoint.txt"]
    (tmp_path / "own.txt").write_bytes(own.replace(b"\n", b"\r\n"))
    code, words = said(plain, "--checkpoint", str(tmp_path / "own.txt"))
    assert (code, "checkpoint.txt of this pack. If you took it from there, it proves nothing" in words) == (0, True)
    # A checkpoint or key copied with a mistake says nothing about the pack.
    root = kept.split("\n")[2]
    for wrong in (kept.replace(root, root[:-3]), kept.replace(root, ("b" if root[0] == "a" else "a") + root[1:]), "hello"):
        (tmp_path / "wrong.txt").write_text(wrong, encoding="utf-8")
        code, words = said(plain, "--checkpoint", str(tmp_path / "wrong.txt"))
        assert (code, "probably mistyped" in words) == (2, True), words
    code, words = said(plain, "--key", vkey[:-5] + vkey[-4:])
    assert (code, "probably mistyped" in words) == (2, True), words
    forger = Forger(plain)
    forger.sign_as("testserver/log")
    forged = forger.write(tmp_path / "forged.zip")
    code, words = said(forged, "--key", vkey)
    assert code == 1
    assert "it is not signed by the key that you gave" in words
    code, words = said(forged, "--checkpoint", str(tmp_path / "kept.txt"))
    assert code == 1
    assert re.search(r"your checkpoint of \d+ entries: it was signed by another key", words)
    # The log's own key brought along beside the forger's: the log goes on under another key.
    forger.files["keys.txt"] += f"{vkey}\n".encode()
    code, words = said(forger.write(tmp_path / "forged.zip"), "--checkpoint", str(tmp_path / "kept.txt"))
    assert (code, "the key that signed it is not the one that signed this pack" in words) == (1, True)


def test_worker__died__another_takes_over_and_one_pack_comes_out(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = kit.ask()
    dead = making.claim()
    assert dead is not None
    (making.folder() / f"{pack.pk}-{dead.attempt}").mkdir()
    making.sweep()  # the other one may still live
    pack.refresh_from_db()
    assert pack.state == "running"
    Pack.objects.update(beat_at=timezone.now() - making.SILENT)
    making.sweep()
    pack.refresh_from_db()
    assert (pack.state, pack.attempt) == ("done", 2)
    making.make(dead)  # and the dead one comes back
    assert [path.name for path in kit.folder.iterdir() if path.suffix == ".zip"] == [pack.file]
    assert [name for name, _ in acts()].count("made") == 1


def test_workers__two_at_once__make_one(kit: Kit) -> None:
    kit.ask()
    started = threading.Barrier(2)

    def work() -> None:
        started.wait()
        making.sweep()
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Pack.objects.get().state == "done"
    assert [name for name, _ in acts()] == ["asked", "contents", "made"]


def test_pack__cancelled_while_it_is_made__stops_and_leaves_no_file(kit: Kit, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = kit.ask()
    tom = sign_in(kit.cast.tom)

    def cancelled(*args: Any) -> Any:
        assert tom.post(f"/audit/packs/{pack.pk}/cancel").status_code == 302
        return real(*args)

    real = closing.sealed
    monkeypatch.setattr(closing, "sealed", cancelled)
    making.sweep()
    pack.refresh_from_db()
    assert pack.state == "cancelled"
    assert list(kit.folder.iterdir()) == []
    assert tom.get(f"/audit/packs/{pack.pk}/file").status_code == 409
    assert tom.post(f"/audit/packs/{pack.pk}/cancel").status_code == 409
    assert "made" not in [name for name, _ in acts()]


def test_pack__after_its_days__is_deleted_with_its_file(kit: Kit, sign_in: SignIn) -> None:
    path = kit.make("query", query="object:governance.signature")
    Pack.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    stray = kit.folder / "9-9"
    stray.mkdir()
    import os

    os.utime(stray, (0, 0))
    making.sweep()
    assert not path.exists()
    assert not stray.exists()
    assert not Pack.objects.exists()
    assert acts()[-1][0] == "deleted"
    tom = sign_in(kit.cast.tom)
    assert "was deleted" in tom.get("/audit/packs/1").content.decode()
    assert tom.get("/audit/packs/1/file").status_code == 410
    assert tom.get("/audit/packs/987654/file").status_code == 404


def test_new_pack__plain_click__makes_everything(cast: Cast, sign_in: SignIn) -> None:
    tom = sign_in(cast.tom)
    page = tom.get("/audit/packs/new").content.decode()
    assert '<option value="all" selected' in page
    assert "Optional:" not in page
    assert tom.post("/audit/packs", {"kind": "all", "q": "", "subject_kind": "", "subject_key": "", "checkpoint": ""}).status_code == 302
    assert Pack.objects.get().kind == Pack.Kind.ALL


def test_pack__disk_full__says_so(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "LEAST_ROOM", 1 << 60)
    pack = kit.ask()
    making.sweep()
    pack.refresh_from_db()
    assert pack.state == "failed"
    assert "are free in" in pack.problem
    assert acts()[-1][0] == "failed"


WRONG: list[dict[str, str]] = [
    {"kind": "query", "q": ""},
    {"q": "after:yesterday"},
    {"q": "x" * 401},
    {"kind": "subject", "subject_kind": "pilot", "subject_key": "none"},
    {"kind": "subject"},
    {"kind": "everything"},
    {"q": "actor:tom", "checkpoint": "hello"},
]


@pytest.mark.parametrize("wrong", WRONG)
def test_pack__asked_for_wrongly__is_told_what_to_write(
    cast: Cast, sign_in: SignIn, api: Callable[..., Api], wrong: dict[str, str]
) -> None:
    assert sign_in(cast.tom).post("/audit/packs", wrong).status_code == 422
    answer = api(cast.tom).post("/api/v1/audit/packs", wrong)
    assert answer.status_code == 422, answer.content
    assert answer.json()["detail"]
    assert not Pack.objects.exists()


def test_pack__too_many_waiting__is_a_conflict(cast: Cast, sign_in: SignIn) -> None:
    tom = sign_in(cast.tom)
    answers = [tom.post("/audit/packs", {"q": "actor:tom"}).status_code for _ in range(6)]
    assert answers == [302] * 5 + [409]


def test_pages__many_packs__same_number_of_queries(cast: Cast, sign_in: SignIn) -> None:
    tom, counts = sign_in(cast.tom), []
    for _round in range(2):
        Pack.objects.create(kind="all", title="Everything", asked_by=cast.tom.pk, asked_at=timezone.now())
        with CaptureQueriesContext(connection) as counted:
            tom.get("/audit/packs")
        counts.append(len(counted))
        for _ in range(10):
            Pack.objects.create(kind="all", title="Everything", asked_by=cast.tom.pk, asked_at=timezone.now())
    assert counts[0] == counts[1]


def test_api__asks_follows_downloads_and_cancels(kit: Kit, api: Callable[..., Api]) -> None:
    client = api(kit.cast.tom)
    asked = client.post("/api/v1/audit/packs", {"q": "object:governance.signature"})
    assert asked.status_code == 201
    address = f"/api/v1/audit/packs/{asked.json()['id']}"
    assert client.get(address).json()["state"] == "waiting"
    assert client.get(f"{address}/file").status_code == 409
    making.sweep()
    body = client.get(address).json()
    assert (body["state"], body["total"]) == ("done", 3)
    assert hashlib.sha256(streamed(client.get(f"{address}/file"))).hexdigest() == body["sha256"]
    second = client.post("/api/v1/audit/packs", {}).json()
    assert second["title"] == "Everything"
    assert [one["id"] for one in client.get("/api/v1/audit/packs").json()["results"]] == [second["id"], body["id"]]
    assert client.delete(f"/api/v1/audit/packs/{second['id']}").status_code == 204
    assert client.get("/api/v1/audit/packs?cursor=x").status_code == 422
    for person in (kit.cast.mara, kit.cast.helen, kit.cast.sam, kit.cast.jo):
        assert api(person).get(f"{address}/file").status_code == 403
        assert api(person).post("/api/v1/audit/packs", {}).status_code == 403
    assert api(kit.cast.tom, "audit:read").post("/api/v1/audit/packs", {}).status_code == 403


def test_command__writes_a_pack_that_verifies(kit: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out.zip"
    call_command("export_pack", target, "--subject", f"request/{kit.request.pk}")
    assert hashlib.sha256(target.read_bytes()).hexdigest() in capsys.readouterr().out
    assert said(target)[0] == 0
    assert "no person is named: it was made on the server" in Forger(target).files["index.html"].decode()
    call_command("export_pack", tmp_path / "named.zip", "--asked-by", "R. Okafor, auditor, case 7")
    assert said(tmp_path / "named.zip")[0] == 0
    assert "<dd>“R. Okafor, auditor, case 7”, as was typed on the server" in Forger(tmp_path / "named.zip").files["index.html"].decode()
    for wrong in (["out.zip"], ["new.zip", "--query", "after:never"], ["new.zip", "--subject", "pilot/none"]):
        with pytest.raises(CommandError):
            call_command("export_pack", tmp_path / wrong[0], *wrong[1:])


def receipts_of(kit: Kit) -> dict[str, str]:
    signature = Signature.objects.get(signer=kit.cast.helen, request=kit.request)
    step = Transition.objects.filter(pilot=kit.request.pilot).latest("id")
    return {
        "decision": f"/requests/{kit.request.pk}/receipt",
        "signature": f"/requests/{kit.request.pk}/signatures/{signature.pk}/receipt",
        "step": f"/pilots/{kit.request.pilot.slug}/steps/{step.pk}/receipt",
    }


def test_receipt__of_signature_decision_and_step__verifies_alone(kit: Kit, sign_in: SignIn, tmp_path: Path) -> None:
    helen = sign_in(kit.cast.helen)
    addresses = receipts_of(kit)
    assert helen.get(addresses["signature"]).status_code == 409
    sealing.seal()
    page = helen.get(f"/requests/{kit.request.pk}").content.decode()
    vkey = Client().get("/log/vkey").content.decode().strip()
    words = {"signature": "decision: approve", "decision": "state: approved", "step": "changed"}
    for name, address in addresses.items():
        answer = helen.get(address)
        path = tmp_path / f"{name}.tlog-proof"
        path.write_bytes(answer.content)
        code, told = said(path)
        assert code == 0, told
        assert words[name] in told or name == "step"
        assert said(path, "--key", vkey)[0] == 0
        if name != "step":
            assert address in page
    # Readers who know the public format alone skip what is beside the proof.
    proof = InclusionProof.parse(path.read_text(encoding="utf-8"))
    open_checkpoint(proof.checkpoint, [VerifierKey.parse(vkey)])
    assert [name for name, _ in acts("audit.receipt-")] == ["taken"] * 3


def test_receipt__altered__is_red(kit: Kit, sign_in: SignIn, tmp_path: Path) -> None:
    sealing.seal()
    text = sign_in(kit.cast.helen).get(receipts_of(kit)["signature"]).content.decode()
    header, extra, rest = text.split("\n", 2)
    import base64

    beside = json.loads(base64.b64decode(extra[6:]))
    line = json.loads(beside["line"])

    def written(told: str) -> Path:
        path = tmp_path / "altered.tlog-proof"
        path.write_text(told, encoding="utf-8")
        return path

    bare = f"{header}\n{rest}"
    (tmp_path / "entry.json").write_text(
        json.dumps(line["entry"], sort_keys=True, separators=(",", ":"), ensure_ascii=False), encoding="utf-8"
    )
    assert said(written(bare), "--key", beside["key"], "--entry", str(tmp_path / "entry.json"))[0] == 0
    assert said(written(bare), "--key", beside["key"])[0] == 2
    beside["line"] = beside["line"].replace('\\"approve\\"', '\\"reject\\"')
    forged = base64.b64encode(json.dumps(beside).encode()).decode()
    code, told = said(written(f"{header}\nextra {forged}\n{rest}"))
    assert (code, "the values do not fit the commitment" in told) == (1, True)
    for wrong in (text.replace("index ", "index 1"), text[:-20], text.replace("testserver", "testsever")):
        assert said(written(wrong))[0] in {1, 2}
    assert climb is not None


def test_receipt__others__may_not_take_it(kit: Kit, sign_in: SignIn) -> None:
    sealing.seal()
    for address in receipts_of(kit).values():
        for person in (kit.cast.jo, kit.cast.sam, kit.cast.outsider):
            assert sign_in(person).get(address).status_code == 404, address
        assert Client().get(address).status_code == 302
        assert sign_in(kit.cast.tom).get(address).status_code == 200
