"""Verification passes on an honest log, and names record, field and place of every dishonest change."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command

from audit import sealing, selectors
from audit.canonical import commit
from audit.context import acting
from audit.merkle import leaf_hash
from audit.models import Checkpoint, Entry, Leaf, Payload
from audit.services import name_actor, system_actor
from audit.tlog import SignerKey, TreeHead, VerifierKey
from audit.verification import Finding, Report, verify
from portal.models import Unit
from tests import factories
from tests.services import Database

Sealed = Callable[[int], int]


@pytest.fixture
def depot(log: Database) -> Unit:
    """A governed record with three versions, and two others."""
    company = factories.unit("brightline", name="Brightline")
    depot = factories.unit("northfield", company, name="Northfield")
    factories.unit("harbour", company, name="Harbour")
    for name in ("Northfield depot", "Northfield hub"):
        with acting(system_actor("tests"), channel="command", reason="Renamed", reason_code="renamed"):
            depot.name = name
            depot.save()
    sealing.seal()
    assert verify().good
    return depot


def tamper(log: Database, *statements: str) -> None:
    """As someone with every right, and with guards and capture switched off."""
    with log.connect("postgres") as link:
        link.execute("set session_replication_role = replica")
        tables = [
            row[0]
            for row in link.execute(
                "select distinct tgrelid::regclass::text from pg_trigger where not tgisinternal and tgname like 'audit%'"
            )
        ]
        for table in tables:
            link.execute(f"alter table {table} disable trigger user")
        for statement in statements:
            assert link.execute(statement).rowcount != 0, statement


def found(report: Report, **about: object) -> list[Finding]:
    return [finding for finding in report.findings if all(getattr(finding, name) == value for name, value in about.items())]


def last_entry(unit: Unit) -> int:
    return Entry.objects.filter(model="portal.unit", object=str(unit.pk)).order_by("-ver").values_list("id", flat=True)[0]


def test_verify__honest_log__passes_and_counts(depot: Unit, sealed: Sealed) -> None:
    size = sealed(300)
    report = verify()
    assert report.findings == []
    assert report.entries == size
    assert report.checkpoints == 2
    assert report.records >= 5
    assert report.waiting == 0


def test_verify__entries_wait_for_the_sealer__is_no_finding(depot: Unit, act: Callable[..., int]) -> None:
    act()
    report = verify()
    assert report.good
    assert report.waiting == 1


COLUMNS = {
    "at": ("at + interval '1 second'", "time"),
    "actor": ("gen_random_uuid()", "actor"),
    "on_behalf": ("gen_random_uuid()", "on behalf of"),
    "channel": ("'api'", "channel"),
    "request_id": ("'another'", "request"),
    "reason_code": ("'better'", "reason code"),
    "action": ("'deleted'", "action"),
    "model": ("'portal.other'", "model"),
    "object": ("'999'", "object"),
    "ver": ("77", "version number"),
    "prev": ("1", "change before"),
    "fields": ("array['unit']", "changed fields"),
    "data_class": ("'act'", "data class"),
    "db_role": ("'postgres'", "database role"),
    "xid": ("'3'::xid8", "transaction"),
}


def versions_of(unit: Unit, count: int) -> list[int]:
    """Seal `count` more versions of a record; answers their entries."""
    before = last_entry(unit)
    with acting(system_actor("tests"), channel="command", reason="Renamed", reason_code="renamed"):
        for number in range(count):
            unit.name = f"Depot {number}"
            unit.save()
    sealing.seal()
    return list(Entry.objects.filter(model="portal.unit", object=str(unit.pk), pk__gt=before).order_by("id").values_list("id", flat=True))


def test_verify__one_field_of_an_entry_edited__names_it(log: Database, depot: Unit) -> None:
    """Every column of an entry, each edited in an entry of its own."""
    entries = dict(zip(COLUMNS, versions_of(depot, len(COLUMNS)), strict=True))
    tamper(log, *(f"update audit_entry set {column} = {COLUMNS[column][0]} where id = {entry}" for column, entry in entries.items()))
    report = verify()
    for column, entry in entries.items():
        word = COLUMNS[column][1]
        named = found(report, entry=entry, model="portal.unit", object=str(depot.pk), field=word)
        assert len(named) == 1, (column, [str(finding) for finding in report.findings])
        assert word in str(named[0])
        assert f"portal.unit {depot.pk}, entry " in str(named[0])


def test_verify__every_column_of_an_entry__is_covered(db: None) -> None:
    assert {field.column for field in Entry._meta.concrete_fields} == {*COLUMNS, "id"}


def test_verify__payload_edited__names_record_and_field(log: Database, depot: Unit) -> None:
    entry = last_entry(depot)
    tamper(log, f"update audit_payload set body = replace(body, 'Northfield hub', 'Northfield pub') where entry_id = {entry}")
    report = verify()
    assert found(report, entry=entry, field="payload", model="portal.unit", object=str(depot.pk))
    assert found(report, entry=entry, field="name")


@pytest.mark.parametrize(
    "change",
    [
        "update audit_payload set salt = '\\x00' where entry_id = {}",
        "update audit_payload set salt = salt || '\\x00'::bytea where entry_id = {}",
        "delete from audit_payload where entry_id = {}",
    ],
)
def test_verify__payload_or_salt_gone__names_the_entry(log: Database, depot: Unit, change: str) -> None:
    entry = last_entry(depot)
    with log.connect("postgres") as link, pytest.raises(psycopg.errors.CheckViolation):
        link.execute("insert into audit_payload (entry_id, salt, body) values (4000000, '\\x00', '{}')")
    tamper(log, "alter table audit_payload drop constraint audit_payload_salt_check", change.format(entry))
    assert found(verify(), entry=entry, field="payload", model="portal.unit")


VERSION_COLUMNS = {
    "name": "'Other'",
    "history_user_id": "gen_random_uuid()",
    "history_date": "now()",
    "history_type": "'-'",
    "history_change_reason": "'Better'",
}


def test_verify__version_row_edited__names_row_and_field(log: Database, depot: Unit) -> None:
    entries = dict(zip(VERSION_COLUMNS, versions_of(depot, len(VERSION_COLUMNS)), strict=True))
    tamper(
        log,
        *(
            f"update portal_historicalunit set {column} = {VERSION_COLUMNS[column]} where history_id = {entry}"
            for column, entry in entries.items()
        ),
    )
    report = verify()
    for column, entry in entries.items():
        named = found(report, entry=entry, field=column, model="portal.unit", object=str(depot.pk))
        assert named, (column, [str(finding) for finding in report.findings])
        assert "version row was edited" in named[0].words
        assert f"row {entry} of portal_historicalunit" in named[0].where


def test_verify__live_row_edited_with_triggers_disabled__names_record_and_field(log: Database, depot: Unit) -> None:
    tamper(log, f"update portal_unit set country = 'FR' where id = {depot.pk}")
    report = verify()
    assert [(finding.model, finding.object, finding.field) for finding in report.findings] == [("portal.unit", str(depot.pk), "country")]
    assert "triggers disabled" in str(report.findings[0])


def test_verify__live_row_inserted_or_deleted_with_triggers_disabled__names_it(log: Database, depot: Unit) -> None:
    harbour = Unit.objects.get(slug="harbour")
    tamper(
        log,
        f"delete from portal_unit where id = {harbour.pk}",
        "insert into portal_unit (slug, parent_id, path, name, time_zone, country, subdivision) "
        "select 'ghost', parent_id, '/ghost/', 'Ghost', time_zone, country, subdivision from portal_unit limit 1",
    )
    report = verify()
    words = {finding.words for finding in found(report, model="portal.unit")}
    assert any("inserted with triggers disabled" in word for word in words)
    assert any("deleted with triggers disabled" in word for word in words)


def test_verify__entry_deleted__names_it(log: Database, depot: Unit) -> None:
    entry = last_entry(depot)
    tamper(log, f"delete from audit_entry where id = {entry}")
    report = verify()
    assert any("was deleted" in finding.words for finding in found(report, entry=entry, model="portal.unit", object=str(depot.pk)))


def test_verify__entry_deleted_before_sealing__shows_the_gap(log: Database, depot: Unit) -> None:
    with acting(system_actor("tests")):
        for name in ("One", "Two"):
            depot.name = name
            depot.save()
    gone = Entry.objects.filter(model="portal.unit", object=str(depot.pk)).order_by("-ver")[1]
    tamper(log, f"delete from audit_entry where id = {gone.pk}", f"delete from portal_historicalunit where history_id = {gone.pk}")
    sealing.seal()
    report = verify()
    assert any(f"version {gone.ver} is missing" in finding.words for finding in found(report, model="portal.unit", object=str(depot.pk)))


def test_verify__entry_inserted__names_it(log: Database, depot: Unit) -> None:
    tamper(
        log,
        "insert into audit_entry (xid, at, db_role, actor, request_id, channel, reason_code, action, model, object, ver, prev, fields, data_class) "
        "select xid, at, db_role, actor, request_id, channel, reason_code, action, model, object, ver + 1, id, fields, data_class "
        f"from audit_entry where id = {last_entry(depot)}",
    )
    report = verify()
    assert any("behind the sealer's back" in finding.words for finding in found(report, model="portal.unit", object=str(depot.pk)))
    assert any("version row" in finding.words for finding in found(report, model="portal.unit", object=str(depot.pk)))


def test_verify__version_row_deleted__names_it(log: Database, depot: Unit) -> None:
    entry = last_entry(depot)
    tamper(log, f"delete from portal_historicalunit where history_id = {entry}")
    assert any(
        "version row" in finding.words and "missing" in finding.words for finding in found(verify(), entry=entry, model="portal.unit")
    )


def test_verify__entry_and_leaf_edited_alike__breaks_the_tile(log: Database, depot: Unit, sealed: Sealed) -> None:
    """The forger renders the leaf again as well: then the hash tile says otherwise, and where."""
    entry = last_entry(depot)
    leaf = Leaf.objects.get(entry_id=entry)
    forged = bytes(leaf.data).replace(b'"via":"command"', b'"via":"api"')
    assert forged != bytes(leaf.data)
    tamper(
        log,
        f"update audit_entry set channel = 'api' where id = {entry}",
        f"update audit_leaf set data = '\\x{forged.hex()}', hash = '\\x{leaf_hash(forged).hex()}' where entry_id = {entry}",
    )
    report = verify()
    assert any(finding.where == "tile 0/0" and f"entry {leaf.seq} of the log" in finding.words for finding in report.findings)
    assert any("was changed" in finding.words for finding in report.findings if finding.where.startswith("checkpoint"))


def test_verify__entry_leaf_and_tiles_edited_alike__breaks_the_checkpoint(log: Database, depot: Unit, tmp_path: Path) -> None:
    entry = last_entry(depot)
    leaf = Leaf.objects.get(entry_id=entry)
    forged = bytes(leaf.data).replace(b'"via":"command"', b'"via":"api"')
    digest = leaf_hash(forged).hex()
    tamper(
        log,
        f"update audit_entry set channel = 'api' where id = {entry}",
        f"update audit_leaf set data = '\\x{forged.hex()}', hash = '\\x{digest}' where entry_id = {entry}",
        f"update audit_tile set data = overlay(data placing '\\x{digest}'::bytea from {leaf.seq * 32 + 1} for 32) where level = 0 and index = 0",
    )
    signed = f"checkpoint of {Checkpoint.objects.latest('size').size} entries"
    assert [finding.where for finding in verify().findings] == [signed, str(tmp_path / "log.head")]


def test_verify__payload_and_commitment_edited_alike__is_named(log: Database, depot: Unit) -> None:
    entry = last_entry(depot)
    payload = Payload.objects.get(entry_id=entry)
    body = payload.body.replace("Northfield hub", "Northfield pub")
    assert commit(bytes(payload.salt), body.encode()) != commit(bytes(payload.salt), payload.body.encode())
    tamper(
        log,
        f"update audit_payload set body = replace(body, 'Northfield hub', 'Northfield pub') where entry_id = {entry}",
        f"update portal_historicalunit set name = 'Northfield pub' where history_id = {entry}",
        f"update portal_unit set name = 'Northfield pub' where id = {depot.pk}",
    )
    assert [(finding.entry, finding.field) for finding in verify().findings] == [(entry, "payload")]


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["delete from audit_leaf where seq = (select max(seq) from audit_leaf)"], "cut off"),
        (["delete from audit_leaf where seq = 2"], "is empty"),
        (
            [
                "update audit_leaf set seq = -1 where seq = 1",
                "update audit_leaf set seq = 1 where seq = 2",
                "update audit_leaf set seq = 2 where seq = -1",
            ],
            "does not fit the sealed bytes",
        ),
        (["update audit_leaf set data = data || ' '::bytea where seq = 1"], "edited"),
        (["delete from audit_tile"], "were signed"),
        (["insert into audit_tile (level, index, data) values (5, 0, '')"], "above level"),
        (["insert into audit_tile (level, index, data) values (0, 9, '')"], "there should be"),
        (["update audit_checkpoint set note = replace(note, 'testserver', 'elsewhere')"], "forged"),
        (["update audit_checkpoint set root = '\\x00'"], "another size or root"),
        (["update audit_checkpoint set size = size + 5"], "cut off"),
    ],
)
def test_verify__log_cut_reordered_or_swapped__is_named(log: Database, depot: Unit, statements: list[str], words: str) -> None:
    tamper(log, *statements)
    report = verify()
    assert any(words in finding.words for finding in report.findings), [str(finding) for finding in report.findings]


def test_verify__label_of_a_person_changed__is_named(log: Database, depot: Unit) -> None:
    """The serving role may name actors, so it could put one person's name on what another did."""
    mara, helen = factories.person(unit=depot, name="Mara Lindqvist"), factories.person(unit=depot, name="Helen Castellan")
    assert verify().good
    name_actor(mara.pk, "person", helen.name)
    report = verify()
    assert [(finding.model, finding.object, finding.field) for finding in report.findings] == [("portal.person", str(mara.pk), "label")]
    assert "label differs" in str(report.findings[0])


def test_verify__reason_of_null_in_the_setting__is_no_reason(log: Database, depot: Unit) -> None:
    with log.connect("lm_app") as raw, raw.transaction():
        raw.execute("""set local audit.ctx = '{"reason": null}'""")
        raw.execute("update portal_unit set name = 'Other' where id = %s", [depot.pk])
    assert "reason" not in Payload.objects.get(entry_id=last_entry(depot)).body
    assert verify().good


def test_verify__checkpoint_signed_with_another_key__is_forged(log: Database, depot: Unit) -> None:
    newest = Checkpoint.objects.latest("size")
    forger = SignerKey("testserver/log", bytes(32))
    note = forger.sign(str(TreeHead("testserver/log", newest.size, bytes(newest.root))))
    tamper(log, f"update audit_checkpoint set note = '{note}'")
    assert any("forged" in finding.words for finding in verify().findings)


def test_verify__key_replaced_beside_the_log__shows_against_the_key_kept_elsewhere(log: Database, depot: Unit) -> None:
    kept = VerifierKey.parse(selectors.log_key())
    assert verify(trusted=kept).good
    newest = Checkpoint.objects.latest("size")
    forger = SignerKey("testserver/log", bytes(32))
    note = forger.sign(str(TreeHead("testserver/log", newest.size, bytes(newest.root))))
    tamper(log, f"update audit_checkpoint set note = '{note}'", f"update audit_logkey set vkey = '{forger.verifier}'")
    assert verify().good, "nothing inside can tell"
    assert not verify(trusted=kept).good


def test_verify__log_rebuilt_with_the_real_key__shows_against_a_kept_checkpoint(
    log: Database, depot: Unit, act: Callable[..., int], tmp_path: Path
) -> None:
    act()
    sealing.seal()
    kept_checkpoint = Checkpoint.objects.latest("size").note
    kept_proof = str(selectors.proof(2))
    for kept in (kept_checkpoint, kept_proof):
        assert verify(receipt=kept).good
    tamper(
        log,
        "delete from audit_checkpoint",
        "delete from audit_tile",
        "delete from audit_leaf",
        "delete from audit_batch",
        "delete from audit_payload where entry_id = (select max(id) from audit_entry)",
        "delete from audit_entry where id = (select max(id) from audit_entry)",
    )
    assert not verify().good
    with pytest.raises(sealing.LogBroken, match="cut off or put back"):
        sealing.seal()
    sealing.seal(accept_rollback=True)
    assert verify().good, "nothing inside can tell"
    for kept in (kept_checkpoint, kept_proof):
        report = verify(receipt=kept)
        assert [finding.where for finding in report.findings] == ["your file"]


def test_verify__proof_of_another_index__does_not_fit(depot: Unit) -> None:
    proof = str(selectors.proof(2))
    assert verify(receipt=proof).good
    assert not verify(receipt=proof.replace("index 2", "index 3")).good
    assert not verify(receipt=proof[:-20]).good
    assert not verify(receipt="nothing").good


def test_verify__everything_is_wrong__stops_at_what_a_person_can_use(log: Database, sealed: Sealed) -> None:
    sealed(400)
    tamper(log, "update audit_entry set channel = 'api'")
    report = verify()
    assert len(report.findings) == 200
    assert not report.complete


def test_command__good_and_bad__says_so_in_words_and_exit_code(
    log: Database, depot: Unit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = io.StringIO()
    kept = tmp_path / "kept.tlog-proof"
    kept.write_text(str(selectors.proof(0)), encoding="utf-8")
    call_command("verify_audit", str(kept), "--key", selectors.log_key(), stdout=out)
    assert "The audit trail verifies" in out.getvalue()
    assert "Your file fits" in out.getvalue()
    tamper(log, f"update portal_unit set country = 'FR' where id = {depot.pk}")
    with pytest.raises(SystemExit) as stopped:
        call_command("verify_audit", stdout=out)
    assert stopped.value.code == 1
    assert "does NOT verify: 1 findings" in out.getvalue()
    assert f"portal.unit {depot.pk} (row of portal_unit), field country" in out.getvalue()


def test_command_seal__says_what_it_did(log: Database, act: Callable[..., int]) -> None:
    act()
    out = io.StringIO()
    call_command("seal", stdout=out)
    assert out.getvalue() == "Sealed 1 new entries. The log has 1.\n"
