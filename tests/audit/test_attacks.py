"""THE table of attacks on the trail: who tampers how, and which place, record and field verification then names.

The tamperer has every right on the database, and mostly no key. Each row is tried on a log that verifies, and the finding
must name the place: nothing is enough that only says "something is wrong".
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from audit import selectors
from audit.capture import check as capture_check
from audit.log import canonical, sealing
from audit.log.merkle import leaf_hash
from audit.log.tlog import SignerKey, TreeHead, VerifierKey
from audit.log.verification import verify
from audit.models import Checkpoint, Entry, Payload
from portal.models import Unit
from tests import factories
from tests.audit.tampering import Scene, copy
from tests.services import Database, drop

PREPARED = "lastmile_attacked"
_prepared: dict[str, Any] = {}


@pytest.fixture(scope="module", autouse=True)
def _prepared_once() -> Iterator[None]:
    _prepared.clear()
    yield
    drop(Database(PREPARED))


@pytest.fixture
def scene(log: Database, tmp_path: Path) -> Scene:
    """Every attack has the same sealed log, in a database of its own: made once, then copied."""
    files = [tmp_path / "log.key", tmp_path / "log.head"]
    if _prepared:
        copy(PREPARED, log.name)
        for file in files:
            file.write_bytes(_prepared[file.name])
        return Scene(log, Unit.objects.get(pk=_prepared["depot"]), tmp_path)
    company = factories.unit("brightline", name="Brightline")
    scene = Scene(log, factories.unit("northfield", company, name="Northfield"), tmp_path)
    factories.unit("harbour", company, name="Harbour")
    scene.rename("Northfield depot", "Northfield hub")
    scene.seal()
    assert verify().good
    copy(log.name, PREPARED)
    _prepared.update({file.name: file.read_bytes() for file in files}, depot=scene.depot.pk)
    return scene


@dataclass(frozen=True)
class Attack:
    """`does` tampers and may answer a receipt kept from before. `where` and `words` hold {entry}, {seq}, {pk} and {folder}."""

    does: Callable[[Scene], str | None]
    where: str
    words: str
    field: str = ""


def run(*statements: str) -> Callable[[Scene], None]:
    """Statements as superuser, guards off; {entry}, {seq} and {pk} are filled in."""
    return lambda scene: scene.tamper(*(statement.format(entry=scene.entry, seq=scene.seq, pk=scene.depot.pk) for statement in statements))


def in_bytes(data: bytes) -> str:
    return f"'\\x{data.hex()}'::bytea"


def forged_alike(scene: Scene, *, tiles: bool) -> None:
    """Entry and leaf, and the hash in the tile: everything but the signature."""
    forged = scene.leaf(scene.seq).replace(b'"via":"command"', b'"via":"api"')
    digest = in_bytes(leaf_hash(forged))
    scene.tamper(
        f"update audit_entry set channel = 'api' where id = {scene.entry}",
        f"update audit_leaf set data = {in_bytes(forged)}, hash = {digest} where seq = {scene.seq}",
        *(
            [f"update audit_tile set data = overlay(data placing {digest} from {scene.seq * 32 + 1} for 32) where level = 0"]
            if tiles
            else []
        ),
    )


def leaf_becomes(change: Callable[[bytes], bytes]) -> Callable[[Scene], None]:
    def does(scene: Scene) -> None:
        data = change(scene.leaf(scene.seq))
        scene.tamper(
            "alter table audit_leaf drop constraint leaf_fits",
            f"update audit_leaf set data = {in_bytes(data)}, hash = {in_bytes(leaf_hash(data))} where seq = {scene.seq}",
        )

    return does


def deleted_before_sealing(scene: Scene) -> None:
    scene.rename("One", "Two")
    gone = Entry.objects.filter(model="portal.unit", object=str(scene.depot.pk)).order_by("-ver")[1]
    scene.tamper(
        f"delete from audit_entry where id = {gone.pk}",
        f"delete from audit_payload where entry_id = {gone.pk}",
        f"delete from portal_historicalunit where history_id = {gone.pk}",
    )
    scene.seal()


def payload_and_rows_alike(scene: Scene) -> None:
    body = Payload.objects.get(entry_id=scene.entry).body
    assert "Northfield hub" in body
    scene.tamper(
        f"update audit_payload set body = replace(body, 'Northfield hub', 'Northfield pub') where entry_id = {scene.entry}",
        f"update portal_historicalunit set name = 'Northfield pub' where history_id = {scene.entry}",
        f"update portal_unit set name = 'Northfield pub' where id = {scene.depot.pk}",
    )


def whole_tiles_swapped(scene: Scene) -> None:
    """Two full tiles of hashes, each where the other was."""
    with scene.log.connect() as app:
        app.execute("select audit_record('audit.backup-made', '', '', '{}', 'act', '{}') from generate_series(1, 600)")
    scene.seal()
    scene.tamper(
        "update audit_tile set index = -1 where level = 0 and index = 0",
        "update audit_tile set index = 0 where level = 0 and index = 1",
        "update audit_tile set index = 1 where level = 0 and index = -1",
    )


def forged_checkpoint(scene: Scene) -> None:
    head = Checkpoint.objects.latest("size")
    note = SignerKey("testserver/log", bytes(32)).sign(str(TreeHead("testserver/log", head.size, bytes(head.root))))
    scene.tamper(f"update audit_checkpoint set note = '{note}'")


def wipe(scene: Scene) -> None:
    """Take the newest entry away, and all that was sealed."""
    scene.tamper(
        "delete from audit_checkpoint", "delete from audit_tile", "delete from audit_leaf", "delete from audit_batch",
        "delete from audit_payload where entry_id = (select max(id) from audit_entry)",
        "delete from audit_entry where id = (select max(id) from audit_entry)",
    )  # fmt: skip


def rebuilt(kept: Callable[[], str], *, with_file: bool) -> Callable[[Scene], str]:
    """The log sealed anew from forged entries, with the real key; `with_file`: the last signed head beside the key stayed."""

    def does(scene: Scene) -> str:
        with scene.log.connect() as app:
            app.execute("select audit_record('audit.backup-made', '', '', '{}', 'act', '{}')")
        scene.seal()
        receipt = kept()
        wipe(scene)
        if not with_file:
            sealing.seal(accept_rollback=True)
            assert verify().good, "nothing inside can tell"
        return receipt

    return does


def put_back(scene: Scene) -> str:
    """An older backup of the whole database, and the operator is asked for nothing: the sealer's file is older as well."""
    older = (scene.folder / "log.head").read_text()
    scene.rename("Three")
    scene.seal()
    kept = Checkpoint.objects.latest("size").note
    last = scene.entry
    scene.tamper(
        "delete from audit_checkpoint where size = (select max(size) from audit_checkpoint)",
        "update audit_tile set data = substring(data for length(data) - 32)",
        "delete from audit_leaf where seq = (select max(seq) from audit_leaf)",
        "delete from audit_batch where number = (select max(number) from audit_batch)",
        f"delete from audit_payload where entry_id = {last}",
        f"delete from audit_entry where id = {last}",
        f"delete from portal_historicalunit where history_id = {last}",
        f"update portal_unit set name = 'Northfield hub' where id = {scene.depot.pk}",
    )
    assert [finding.where for finding in verify().findings] == [str(scene.folder / "log.head")]
    (scene.folder / "log.head").write_text(older)
    assert verify().good, "nothing inside can tell"
    return kept


def newest() -> str:
    return Checkpoint.objects.latest("size").note


ENTRY, VERSION = "portal.unit {pk}, entry {seq} of the log", "portal.unit {pk}, version 3 (row {entry} of portal_historicalunit)"
LIVE = "portal.unit {pk} (row of portal_unit)"
ATTACKS = {
    "an entry is edited": Attack(
        run("update audit_entry set reason_code = 'better' where id = {entry}"), ENTRY, "the reason code of entry {entry} was edited", "reason code"
    ),
    "an actor is forged": Attack(
        run("update audit_entry set actor = gen_random_uuid() where id = {entry}"), ENTRY, "the actor of entry {entry} was edited", "actor"
    ),
    "a time before Christ": Attack(
        run("update audit_entry set at = (to_char(at, 'YYYY-MM-DD HH24:MI:SS.US') || '+00 BC')::timestamptz where id = {entry}"),
        ENTRY, "the time of entry {entry} was edited", "time",
    ),
    "an entry is deleted": Attack(
        run("delete from audit_entry where id = {entry}", "delete from audit_payload where entry_id = {entry}"),
        ENTRY, "entry {entry} (changed) was deleted",
    ),
    "an entry is inserted": Attack(
        run(
            "insert into audit_entry (xid, at, db_role, actor, request_id, channel, reason_code, action, model, object, ver, prev, fields, data_class) "
            "select xid, at, db_role, actor, request_id, channel, reason_code, action, model, object, ver + 1, id, fields, data_class "
            "from audit_entry where id = {entry}"
        ),
        "portal.unit {pk}, entry ", "behind the sealer's back",
    ),
    "an entry is deleted before it is sealed": Attack(deleted_before_sealing, "portal.unit {pk}, version 5", "version 4 is missing"),
    "a payload is edited": Attack(
        run("update audit_payload set body = replace(body, 'hub', 'pub') where entry_id = {entry}"),
        ENTRY, "does not fit its commitment", "payload",
    ),
    "payload, version and record are edited alike": Attack(payload_and_rows_alike, ENTRY, "does not fit its commitment", "payload"),
    "a payload is taken away": Attack(
        run("delete from audit_payload where entry_id = {entry}"), ENTRY, "the payload of entry {entry} is missing", "payload"
    ),
    "a salt is lengthened": Attack(
        run("update audit_payload set salt = salt || '\\x00'::bytea where entry_id = {entry}"), ENTRY, "it has 17 bytes", "payload"
    ),
    "a version row is edited": Attack(
        run("update portal_historicalunit set name = 'Other' where history_id = {entry}"),
        VERSION + ", field name", "the version row was edited", "name",
    ),
    "a version row is deleted": Attack(
        run("delete from portal_historicalunit where history_id = {entry}"), "portal.unit {pk}, version 3", "is missing: it was deleted"
    ),
    "a live row is edited with triggers off": Attack(
        run("update portal_unit set country = 'FR' where id = {pk}"), LIVE + ", field country", "edited with triggers disabled", "country"
    ),
    "a live row is deleted with triggers off": Attack(
        run("delete from portal_unit where id = {pk}"), LIVE, "deleted with triggers disabled"
    ),
    "a live row is inserted with triggers off": Attack(
        run(
            "insert into portal_unit (slug, parent_id, path, name, time_zone, country, subdivision) "
            "select 'ghost', parent_id, '/ghost/', 'Ghost', time_zone, country, subdivision from portal_unit limit 1"
        ),
        "(row of portal_unit)", "inserted with triggers disabled",
    ),
    "entry and leaf are edited alike": Attack(
        lambda scene: forged_alike(scene, tiles=False), "tile 0/0", "does not fit the sealed bytes at entry {seq} of the log"
    ),
    "entry, leaf and tile are edited alike": Attack(
        lambda scene: forged_alike(scene, tiles=True), "checkpoint of 5 entries", "something between entries 0 and 4 of the log was changed"
    ),
    "two leaves change places": Attack(
        run(
            "update audit_leaf set seq = -1 where seq = 1", "update audit_leaf set seq = 1 where seq = 2",
            "update audit_leaf set seq = 2 where seq = -1",
        ),
        "tile 0/0", "at entry 1 of the log",
    ),
    "a leaf is cut out": Attack(run("delete from audit_leaf where seq = 2"), "entry 2 of the log", "place 2 of the log is empty"),
    "the last leaf is cut off": Attack(
        run("delete from audit_leaf where seq = {seq}"), "checkpoint of 5 entries", "the log was cut off: only 4 entries are left"
    ),
    "a leaf stands before the beginning": Attack(
        run("update audit_leaf set seq = -1 where seq = {seq}"), "entry -1 of the log", "stands before the beginning"
    ),
    "hashes in a tile change places": Attack(
        run("update audit_tile set data = substring(data from 33 for 32) || substring(data for 32) || substring(data from 65)"),
        "tile 0/0", "does not fit the sealed bytes at entry 0 of the log",
    ),
    "two tiles change places": Attack(whole_tiles_swapped, "tile 0/1", "does not fit the sealed bytes at entry 256 of the log"),
    "the tiles are cut off": Attack(run("update audit_tile set data = substring(data for 64)"), "tiles", "they hold 2 entries, and 5 were signed"),
    "the tiles are deleted": Attack(run("delete from audit_tile"), "tiles", "they hold 0 entries, and 5 were signed"),
    "a tile too high": Attack(run("insert into audit_tile (level, index, data) values (5, 0, '')"), "tiles", "tiles above level 0"),
    "a tile too many": Attack(
        run("insert into audit_tile (level, index, data) values (0, 0, ''), (0, -3, '')".replace("(0, 0, ''), ", "")),
        "tiles of level 0", "there should be 1, and there are 2",
    ),
    "a leaf that is too long": Attack(
        leaf_becomes(lambda data: data.replace(b'"req":"', b'"req":"' + b"x" * 66_000)), "entry {seq} of the log", "An entry has at most 65535 bytes"
    ),
    "a leaf with a key twice": Attack(
        leaf_becomes(lambda data: data.replace(b'"v":1', b'"v":1,"v":1')), "entry {seq} of the log", "The key 'v' stands twice"
    ),
    "a leaf in another form": Attack(
        leaf_becomes(lambda data: data.replace(b'"v":1', b'"v": 1')), "entry {seq} of the log", "not in canonical form"
    ),
    "a leaf with another key": Attack(
        leaf_becomes(lambda data: data.replace(b'"via":', b'"way":')), "entry {seq} of the log", "A leaf has exactly the keys"
    ),
    "a checkpoint by another key": Attack(forged_checkpoint, "checkpoint of 5 entries", "it is forged or damaged"),
    "a checkpoint of another log": Attack(
        run("update audit_checkpoint set note = replace(note, 'testserver', 'elsewhere')"), "checkpoint of 5 entries", "it is forged or damaged"
    ),
    "the root beside a checkpoint": Attack(
        run("update audit_checkpoint set root = '\\x00'"), "checkpoint of 5 entries", "another size or root than its signed text"
    ),
    "the checkpoints are deleted": Attack(run("delete from audit_checkpoint"), "checkpoints", "0 were signed: checkpoints were deleted"),
    "a pass of the sealer is rewritten": Attack(
        run("update audit_batch set count = count - 1"), "batch 1 of the sealer", "does not hold the 4 leaves from 0 on"
    ),
    "a pass of the sealer is deleted": Attack(run("delete from audit_batch"), "batch 1 of the sealer", "its row is missing"),
    "a snapshot of the sealer is damaged": Attack(
        run("update audit_batch set snapshot = 'nothing'"), "batches of the sealer", "a snapshot was edited: invalid input syntax"
    ),
    "the origin of the key is rewritten": Attack(
        run("update audit_logkey set origin = 'elsewhere'"), "key of the log", "its origin was edited"
    ),
    "the key is damaged": Attack(run("update audit_logkey set vkey = 'nothing'"), "key of the log", "'nothing' was edited"),
    "a function that lies for the comparison": Attack(
        run("create function public.to_json(text) returns json language sql as $$ select '\"lm_app\"'::json $$"),
        "function to_json in the schema public", "what the database compares cannot be trusted",
    ),
    "rebuilt with the real key; last signed head kept": Attack(
        rebuilt(newest, with_file=True), "{folder}/log.head", "it was cut off or put back to an old state"
    ),
    "rebuilt with the real key; a checkpoint kept or mailed": Attack(
        rebuilt(newest, with_file=False), "your file", "The first 6 entries of this log are not those that were signed|the log has only 5"
    ),
    "rebuilt with the real key; a receipt kept": Attack(
        rebuilt(lambda: str(selectors.proof(2)), with_file=False), "your file", "are not those that were signed|the log has only 5"
    ),
    "put back to an old backup": Attack(put_back, "your file", "It is of 6 entries, and the log has only 5"),
    "a proof used for another entry": Attack(
        lambda _scene: str(selectors.proof(2)).replace("index 2", "index 3"), "your file", "does not lead from entry 3 to this root"
    ),
    "a proof cut short": Attack(lambda _scene: str(selectors.proof(2))[:-20], "your file", "."),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_attack__is_found_at_its_place(scene: Scene, name: str) -> None:
    attack = ATTACKS[name]
    known = {"entry": scene.entry, "seq": scene.seq, "pk": scene.depot.pk, "folder": scene.folder}
    receipt = attack.does(scene) or ""
    findings = verify(receipt=receipt).findings
    where, words = attack.where.format(**known), [part.format(**known) for part in attack.words.split("|")]
    named = [finding for finding in findings if where in finding.where and any(part in finding.words for part in words)]
    assert named, (where, words, [str(finding) for finding in findings])
    assert attack.field in {finding.field for finding in named}


def test_attack__disabled_trigger__audit_check_names_it(scene: Scene) -> None:
    assert not [line for line in capture_check.check().findings if "trigger" in line.lower()]
    with scene.log.connect("postgres") as link:
        link.execute("alter table portal_unit disable trigger audit_changed")
        link.execute("alter table audit_entry disable trigger audit_no_update")
    findings = capture_check.check().findings
    assert "The trigger audit_changed on portal_unit is disabled or not ALWAYS." in findings
    assert "The trigger audit_no_update on audit_entry is disabled or not ALWAYS." in findings


def test_attack__key_replaced_beside_the_log__shows_against_the_key_kept_elsewhere(scene: Scene) -> None:
    kept = VerifierKey.parse(selectors.log_key())
    assert verify(trusted=kept).good
    head = Checkpoint.objects.latest("size")
    forger = SignerKey("testserver/log", bytes(32))
    note = forger.sign(str(TreeHead("testserver/log", head.size, bytes(head.root))))
    scene.tamper(f"update audit_checkpoint set note = '{note}'", f"update audit_logkey set vkey = '{forger.verifier}'")
    assert verify().good, "nothing inside can tell"
    findings = verify(trusted=kept).findings
    assert [finding.where for finding in findings] == ["key of the log", f"checkpoint of {head.size} entries"]


def test_attack__every_column_of_an_entry__is_sealed() -> None:
    """A column that a leaf does not show could be edited unseen."""
    shown = {"id", "xid", "at", "db_role", "actor", "on_behalf", "channel", "request_id", "reason_code", "action", "model", "object",
             "ver", "prev", "fields", "data_class"}  # fmt: skip
    assert {field.column for field in Entry._meta.concrete_fields} == shown
    assert len(canonical.KEYS) == len(shown) + 2, "and the format, and the commitment"


def test_command__attack_found__exit_code_1_and_the_place(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.tamper(f"update portal_unit set country = 'FR' where id = {scene.depot.pk}")
    out = io.StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("verify_audit", stdout=out)
    assert stopped.value.code == 1
    assert f"portal.unit {scene.depot.pk} (row of portal_unit), field country" in out.getvalue()
