"""Erasing a person (A11): proofs hold, and the value is gone from rows, versions, payloads, search and the outbox."""

from __future__ import annotations

import hashlib
import json
import subprocess
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django.apps import apps
from django.db import connections
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from audit.context import acting
from audit.errors import Conflict
from audit.keeping import eraser, erasure, holds, ledger, overview, rules
from audit.keeping.erased import covers, erased_on, erased_ranges, merged
from audit.log import sealing
from audit.log.verification import verify
from audit.models import Actor, Entry, ErasureRequest, Judgement, KeepingRule, Payload, Review
from audit.services import record
from feedback.models import Item, ItemAuthor
from feedback.services import items
from governance.models import Signature
from portal.launcher.postgres import programs
from portal.models import Notice, Person, Role
from portal.services.notices import deliver, tell
from tests import factories
from tests.audit.test_keeping import PASSWORD, given_password
from tests.audit.test_roles import trail
from tests.cast import Cast
from tests.governance import scene
from tests.services import Database

__all__ = ["trail"]

# Points at people and holds nothing but the pseudonym, or words of an office that the certificate lists elsewhere.
ONLY_A_PSEUDONYM = {
    "feedback.flag",
    "governance.contributor",
    "governance.grant",
    "governance.heldmember",
    "governance.measurement",
    "governance.oversight",
    "governance.pilot",
    "governance.readinessaction",
}
FROZEN = "da7e4b541dcb7c326fd0d0c1e5a7045681d0da98c30ddfd399ff1b5bf883c7f6"
NAME, MAIL, STAFF = "Canarina Featherstone", "canarina@example.org", "CN-4711-X"
TEXTS = ("My own canary sentence about dock nine", "A confidential canary worry")


@pytest.fixture
def canary(erasing: Database, cast: Cast) -> Person:
    """Somebody who filed, worried, replied, had a key and was told things; sealed."""
    person = factories.person(NAME, cast.northfield, email=MAIL, staff_number=STAFF)
    with acting(person.pk, channel="page"):
        items.file(actor=person, system=cast.system, kind="problem", text=TEXTS[0], identity="named")
        items.file(actor=person, system=cast.system, kind="concern", text=TEXTS[1], identity="confidential")
    with acting(cast.sam.pk, channel="page", reason=f"{NAME} asked for it"):
        person.email = "canarina.featherstone@example.org"
        person.save()
    with acting(cast.mara.pk):
        record("audit.searched", detail={"query": f"actor:{NAME}"})
    factories.key(person=person, scopes=["read"])
    tell(kind="feedback.moved", recipient=cast.mara, dedupe_key="canary", subject=f"{NAME} wrote", context={"words": TEXTS[0]})
    assert Notice.objects.filter(recipient=cast.mara).count() == 2
    sealing.seal()
    return person


def asked(cast: Cast, person: Person, **more: str) -> ErasureRequest:
    second = factories.person("Uma Second", cast.company)
    factories.role(second, Role.COMPLIANCE, cast.company)
    with acting(cast.tom.pk):
        request = erasure.ask(actor=cast.tom.pk, person=person.staff_number, why="asked", **more)
    with acting(second.pk):
        return erasure.confirm(request, actor=second.pk)


def dumped(database: Database) -> str:
    program = programs(None) / "pg_dump"
    return subprocess.run([program, "--inserts", database.url("postgres")], check=True, capture_output=True, text=True).stdout


def test_erasure__everything_of_a_person__is_gone_and_every_proof_holds(
    canary: Person, cast: Cast, erasing: Database, settings: Settings, tmp_path: Path
) -> None:
    before = dumped(erasing)
    assert all(value in before for value in (NAME, STAFF, "canarina.featherstone@example.org", *TEXTS))
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "portal.mail.FolderBackend", tmp_path / "mail"
    settings.PACKS_DIR = tmp_path / "packs"
    deliver()
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "1.zip").write_bytes(NAME.encode())
    assert any("anarina" in file.read_text(encoding="utf-8") for file in (tmp_path / "mail").glob("*.eml"))
    done = erasure.erase(asked(cast, canary))
    assert done.state == "done"
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()).lower()
    assert [value for value in (NAME, "featherstone", STAFF) if value.lower().encode() in kept] == []
    assert not Actor.objects.filter(pk=canary.pk).exists()
    left = dumped(erasing).lower()
    found = [value for value in (NAME, "featherstone", MAIL, STAFF, *TEXTS) if value.lower() in left]
    assert found == []
    sealing.seal()
    report = verify()
    assert [str(finding) for finding in report.findings] == []
    assert ItemAuthor.objects.count() == 0
    assert set(Item.objects.values_list("text", flat=True)) == {"[erased]"}


def test_erasure__named_in_a_review__stays_with_what_was_signed_and_the_certificate_counts_it(canary: Person, cast: Cast) -> None:
    with acting(cast.tom.pk, channel="page"):
        review = Review.objects.create(reviewer=cast.tom.pk, purpose=f"What {NAME} did", first=0, stop=1, sample=1, begun_at=timezone.now())
        for note in (f"Ask {NAME.upper()} about this.", "Nothing."):
            Judgement.objects.create(review=review, seq=0, verdict="question", note=note, by=cast.tom.pk, at=timezone.now())
    result = erasure.erase(asked(cast, canary)).result
    assert result is not None
    kept = {(line["model"], line["rows"]) for line in result["kept"] if "names them" in line["words"] or "name them" in line["words"]}
    assert kept == {("audit.review", 1), ("audit.judgement", 1)}
    review.refresh_from_db()
    assert NAME in review.purpose


def test_erasure__what_verification_says__is_that_content_was_erased(canary: Person, cast: Cast, erasing: Database) -> None:
    done = erasure.erase(asked(cast, canary))
    ranges = erased_ranges()
    missing = set(Entry.objects.filter(payload=None).values_list("id", flat=True))
    assert missing
    assert missing == {entry for first, last in ranges for entry in range(first, last + 1)}
    first = min(missing)
    assert erased_on([first])[first].certificate == str(done.pk)
    entry = Entry.objects.get(action="audit.payload-erased")
    assert entry.pk == done.entry
    assert (entry.action, entry.data_class, entry.db_role) == ("audit.payload-erased", "erasure", "lm_eraser")
    sealing.seal()
    assert verify().erased == len(missing)


def test_erasure__payload_taken_without_it__is_found(canary: Person, cast: Cast, erasing: Database) -> None:
    erasure.erase(asked(cast, canary))
    victim = Payload.objects.filter(entry__data_class="record").order_by("entry").first()
    assert victim is not None
    sealing.seal()
    with erasing.connect("postgres") as superuser:
        superuser.execute("alter table audit_payload disable trigger all")
        superuser.execute("alter table audit_payload_000000 disable trigger all")
        superuser.execute("delete from audit_payload where entry_id = %s", [victim.entry_id])
    assert any(str(victim.entry_id) in str(finding) and "missing" in str(finding) for finding in verify().findings)


def test_erasure__over_pages__takes_two_and_gives_a_certificate(
    erasing: Database, cast: Cast, sign_in: Callable[[Person], Client], canary: Person
) -> None:
    second = factories.person("Uma Second", cast.company)
    factories.role(second, Role.COMPLIANCE, cast.company)
    tom, uma, gone = sign_in(given_password(cast.tom)), sign_in(given_password(second)), sign_in(canary)
    assert gone.get("/").status_code == 200
    form = {"person": STAFF, "why": "asked", "reference": "DSR-7", "password": PASSWORD}
    assert tom.post("/audit/keeping/erasures/new", form | {"reference": f"about {NAME}"}).status_code == 422
    assert tom.post("/audit/keeping/erasures/new", form | {"person": "nobody"}).status_code == 422
    assert tom.post("/audit/keeping/erasures/new", form | {"password": "wrong"}).status_code == 422
    url = tom.post("/audit/keeping/erasures/new", form)["Location"]
    assert tom.post("/audit/keeping/erasures/new", form).status_code == 409
    assert tom.post(f"{url}/confirm", {"password": PASSWORD}).status_code == 409
    assert uma.post(f"{url}/confirm", {"password": "wrong"}).status_code == 422
    assert erasure.erase_confirmed() == 0
    assert uma.get(f"{url}/certificate.txt").status_code == 404
    before = uma.get(url).content.decode()
    for words in (
        "This goes",
        "Items they filed, with their name or in confidence",
        "Export packs on this server",
        "This stays",
        "Withdraw it",
    ):
        assert words in before, words
    assert "nothing would be erased" not in before
    assert uma.post(f"{url}/confirm", {"password": PASSWORD}).status_code == 302
    assert "Withdraw it" not in uma.get(url).content.decode()
    assert "HX-Refresh" not in uma.get(url, headers={"HX-Request": "true"}).headers
    assert erasure.erase_confirmed() == 1
    assert erasure.erase_confirmed() == 0
    sealing.seal()
    assert gone.get("/").status_code == 302, "signed out"
    page = uma.get(url).content.decode()
    assert "Certificate of erasure" in page
    assert "of the log" in page
    assert uma.get(url, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    text = uma.get(f"{url}/certificate.txt").content.decode()
    place = overview.place_of(ErasureRequest.objects.get().entry)
    assert place is not None
    assert f"/audit/entries/{place}" in page
    assert f"entry {place} of the log" in text
    assert "Signatures stay as they were printed" in text
    assert NAME not in page + text
    told = json.loads(uma.get(f"{url}/certificate.json").content)
    assert told["erased"]["entry"] == place
    assert told["erased"]["payloads"] > 5
    assert {"Items they filed, with their name or in confidence", "The account: name, staff number, e-mail, password"} <= {
        one["what"] for one in told["erased"]["kinds"]
    }
    assert tom.post(f"{url}/withdraw").status_code == 409


def test_erasure__signature__stays_and_the_certificate_says_so(erasing: Database, cast: Cast) -> None:
    pilot = scene.complete(cast, scene.started(cast))
    request = scene.ask_to_widen(cast, pilot)
    with erasing.connect("postgres") as superuser:
        superuser.execute("alter table governance_signature disable trigger governance_guard")
        superuser.execute(
            "insert into governance_signature (request_id, revision, digest, slot, decision, meaning, signer_id, printed_name, signed_at, reason,"
            " step_up_method, step_up_at) values (%s, 1, %s, 'x', 'approve', 'approval', %s, 'Eve Popov', now(), '', 'password', now())",
            [request.pk, "a" * 64, cast.colleagues[4].pk],
        )
        superuser.execute("alter table governance_signature enable always trigger governance_guard")
    done = erasure.erase(asked(cast, cast.colleagues[4]))
    assert Signature.objects.get(signer=cast.colleagues[4]).printed_name == "Eve Popov"
    stays = [one["what"] for one in erasure.certificate(done)["stays"] if one["model"] == "governance.signature"]
    assert "printed name" in stays[0]
    sealing.seal()
    assert [str(finding) for finding in verify().findings] == []


@pytest.mark.parametrize("who", ["sam", "mara", "tom"])
def test_erasure__open_duties__are_refused_in_words(erasing: Database, cast: Cast, who: str) -> None:
    second = factories.person("Uma Second", cast.company)
    person: Person = getattr(cast, who)
    if who == "mara":
        scene.started(cast)
    asker = second if who == "tom" else cast.tom
    with acting(asker.pk), pytest.raises(Conflict) as refused:
        erasure.ask(actor=asker.pk, person=person.staff_number, why="asked")
    words = {"sam": "last administrator", "mara": "lead or sponsor", "tom": "last in compliance"}[who]
    assert (refused.value.code, words in refused.value.message) == ("open_duties", True)


def test_erasure__twice_at_once__is_done_once(erasing: Database, canary: Person, cast: Cast) -> None:
    request = asked(cast, canary)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            erasure.erase(request)
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Entry.objects.filter(action="audit.payload-erased").count() == 1
    assert len(ledger.lines()) == 1


ATTACKS = [
    "select audit_do_erase(gen_random_uuid(), true)",
    "delete from audit_payload",
    "update audit_payload set body = '{}'",
    "truncate audit_payload",
    "select * from audit_payload",
    "select * from portal_person",
    "update portal_person set name = 'x'",
    "delete from audit_actor",
    "delete from portal_historicalperson",
    "insert into audit_erasing_now values (pg_current_xact_id(), 1)",
    "select * from audit_erasing_now",
    "update audit_keepingrule set condition = 'true'",
    "update audit_legalhold set released_at = now()",
    "insert into audit_erasurerequest (id, person) values (gen_random_uuid(), gen_random_uuid())",
    "update audit_retentionpolicy set keep_days = 30",
    "select audit_record('audit.backup-made', '', '', '{}', 'act', '{}')",
    "select audit_drop_partition('audit_payload_000000', '{1}')",
    "create table public.x ()",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_eraser__anything_but_the_routines__is_refused(trail: Database, attack: str) -> None:
    with trail.connect("lm_eraser") as link, pytest.raises(psycopg.errors.InsufficientPrivilege):
        link.execute(attack)


@pytest.mark.parametrize(
    "attack",
    [
        "select audit_erase_person(gen_random_uuid())",
        "select audit_expire('act')",
        "insert into audit_erasing_now values (pg_current_xact_id(), 1)",
        "select audit_record('audit.payload-erased', '', '', '{\"detail\": {\"entries\": [[1, 99]]}}', 'erasure', '{}')",
        "select audit_record('audit.payload-expired', '', '', '{}', 'erasure', '{}')",
        "update audit_keepingrule set condition = 'true'",
        "delete from audit_erasurerequest",
        "insert into audit_erasurerequest (id, person, confirmed_by) values (gen_random_uuid(), gen_random_uuid(), gen_random_uuid())",
    ],
)
def test_serving_role__cannot_erase_or_say_that_it_did(trail: Database, attack: str) -> None:
    with trail.connect("lm_app") as link, pytest.raises(psycopg.errors.InsufficientPrivilege):
        link.execute(attack)


INVENTED = "00000000-0000-4000-8000-000000000991", "00000000-0000-4000-8000-000000000992"


def test_erasure__by_invented_people_or_in_the_name_of_others__is_refused(erasing: Database, cast: Cast) -> None:
    """The serving role writes the rows itself, with a context of its own making; the worker then erases what is confirmed."""
    ask = "insert into audit_erasurerequest (id, person, why, reference, asked_by, asked_at, refused) values (%s, %s, 'asked', '', %s, now(), '')"
    confirm = "update audit_erasurerequest set confirmed_by = %s, confirmed_at = now() where id = %s"
    number = uuid.uuid4()

    def attempt(who: object, sql: str, *params: object) -> None:
        with erasing.connect("lm_app") as app, app.transaction():
            app.execute("select set_config('audit.ctx', %s, true)", [json.dumps({"actor": str(who)})])
            app.execute(sql, params)

    for actor, asker in ((INVENTED[0], INVENTED[0]), (cast.sam.pk, cast.sam.pk), (cast.mara.pk, cast.tom.pk), ("", cast.tom.pk)):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            attempt(actor, ask, number, cast.jo.pk, asker)
    attempt(cast.tom.pk, ask, number, cast.jo.pk, cast.tom.pk)
    for actor, second in ((INVENTED[1], INVENTED[1]), (cast.sam.pk, cast.sam.pk), (cast.mara.pk, cast.tom.pk)):
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)):
            attempt(actor, confirm, second, number)
    # Past the guard, as the owner could: the routine looks again.
    with erasing.connect("postgres") as superuser:
        superuser.execute("alter table audit_erasurerequest disable trigger all")
        superuser.execute(confirm, [INVENTED[1], number])
        superuser.execute("alter table audit_erasurerequest enable trigger all")
    assert erasure.erase_confirmed() == 0
    assert "does not keep the audit trail" in ErasureRequest.objects.get(pk=number).refused
    assert Person.objects.get(pk=cast.jo.pk).name == "Jo Okafor"


def test_hold_and_policy__by_somebody_invented__are_refused(erasing: Database, cast: Cast) -> None:
    with acting(cast.tom.pk):
        hold = holds.place(actor=cast.tom.pk, kind="person", what=cast.jo.staff_number, reason="Case 7")
    for sql in (
        "update audit_legalhold set release_asked_by = %(who)s, release_asked_at = now(), release_reason = 'x' where id = %(hold)s",
        "insert into audit_retentionpolicy (data_class, keep_days, set_by, set_at) values ('act', 90, %(who)s, now())",
    ):
        for actor, who in ((INVENTED[0], INVENTED[0]), (cast.sam.pk, cast.sam.pk), (cast.mara.pk, cast.tom.pk)):
            with erasing.connect("lm_app") as app:
                app.execute("select set_config('audit.ctx', %s, false)", [json.dumps({"actor": str(actor)})])
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    app.execute(sql, {"who": who, "hold": hold.pk})


def test_eraser__request_of_one_person_or_none__is_refused(erasing: Database, cast: Cast) -> None:
    with erasing.connect("lm_eraser") as link:
        with pytest.raises(psycopg.errors.NoDataFound):
            link.execute("select audit_erase_person(gen_random_uuid())")
        with acting(cast.tom.pk):
            request = erasure.ask(actor=cast.tom.pk, person=cast.jo.staff_number, why="asked")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="two people"):
            link.execute("select audit_erase_person(%s)", [request.pk])
    with erasing.connect("lm_app") as app:
        app.execute("select set_config('audit.ctx', %s, false)", [json.dumps({"actor": str(cast.tom.pk)})])
        with pytest.raises(psycopg.errors.CheckViolation):
            app.execute("update audit_erasurerequest set confirmed_by = asked_by, confirmed_at = now()")


def test_erasure__database_rules__are_those_that_apps_declare(db: None) -> None:
    stored = {row.position: row for row in KeepingRule.objects.all()}
    for row in rules.rows():
        assert vars(row) | {"_state": None} == vars(stored.pop(row.position)) | {"_state": None}
    assert stored == {}


def test_every_table_with_a_person__has_a_rule_or_holds_no_value() -> None:
    """A new table that points at a person needs a decision: erase, keep, or only the pseudonym."""
    ruled = {rule.model for rule in rules.declared() if rule.kind != "versions"}
    pointing = {
        model._meta.label_lower
        for model in apps.get_models()
        if not model._meta.label_lower.rpartition(".")[2].startswith("historical")
        and any(field.related_model is Person for field in model._meta.concrete_fields)
    }
    assert pointing - ruled - ONLY_A_PSEUDONYM == set()


def test_ranges__touching_and_overlapping__are_one() -> None:
    ranges = merged([(5, 9), (1, 2), (3, 3), (8, 12), (20, 20)])
    assert ranges == ((1, 3), (5, 12), (20, 20))
    assert [covers(ranges, entry) for entry in (0, 1, 3, 4, 5, 12, 13, 20, 21)] == [
        False, True, True, False, True, True, False, True, False,
    ]  # fmt: skip


def test_eraser__sql_that_migrations_name__is_frozen() -> None:
    assert hashlib.sha256("".join((*eraser.INSTALL, eraser.REMOVE)).encode()).hexdigest() == FROZEN
