"""Scene 8, walked over HTTP alone: a score that worked, a trail nobody could check, an ending that the next pilot finds again."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from audit.tasks import make_packs
from portal.models import Role
from tests import factories
from tests.cast import Api
from tests.portal.running import ROOT
from tests.scenarios.test_logistics import in_days
from tests.scenarios.walk import FIRST_PASSWORD, Browser, Gate, said_by
from tests.services import Database

SYSTEM, PILOT = "credit-score", "credit-score-trade-accounts"
PEOPLE = {
    "noor": ("CR-411", "Noor Rahman", "Trade accounts desk", ""),
    "elif": ("CR-412", "Elif Kaya", "Trade accounts desk", ""),
    "gareth": ("CR-414", "Gareth Pugh", "Trade accounts desk", ""),
    "abena": ("CR-431", "Abena Owusu", "Fuel card desk", ""),
    "anneke": ("CR-401", "Anneke Vries", "Customer credit", "lead"),
    "piotr": ("CR-403", "Piotr Nowak", "Customer credit", ""),
    "marcus": ("BL-006", "Marcus Hale", "Customer credit", "sponsor"),
    "ingrid": ("BL-002", "Ingrid Solberg", "Customer credit", "executive"),
    "farah": ("CR-405", "Farah Siddiqui", "Customer credit", "compliance"),
    "mara": ("NF-102", "Mara Lindqvist", "Northfield depot", "lead"),
}
UNITS = (
    ("credit", "Customer credit", "Brightline Logistics"),
    ("trade-accounts", "Trade accounts desk", "Customer credit"),
    ("fuel-cards", "Fuel card desk", "Customer credit"),
    ("northfield", "Northfield depot", "Brightline Logistics"),
)
REFUSED = "Two exports of the supplier's log differ in 14 of 212 rows: the trail of the scoring vendor cannot be verified."
CAUSE = "The supplier's audit trail cannot be verified. It was not the model."
LESSONS = "Put a trail that verifies without its owner into the contract, before the first day."
TOLD = "The changed score was real, the reruns have stopped, and nobody was looked up."
BEGINNING = "2020-01-01T00:00"
CONCERN = "We are asked to run a customer again until it passes."


@dataclass
class Company:
    """Everybody's browser by first name, and the system with its key."""

    browsers: dict[str, Browser]
    system: Api
    gate: Gate

    def __getitem__(self, name: str) -> Browser:
        return self.browsers[name]


@pytest.fixture
def company(log: Database) -> Company:
    """A company that has an administrator and nothing else; he makes the rest on his pages."""
    unit = factories.unit("brightline", name="Brightline Logistics")
    factories.role(factories.person("Sam Whitlock", unit, staff_number="BL-003"), Role.ADMINISTRATOR, unit)
    sam = Browser("BL-003")
    assert sam.client.post("/account/sign-in", {"login": "BL-003", "password": factories.PASSWORD}).status_code == 302
    for slug, name, above in UNITS:
        sam.send("/units/new", parent=sam.option("/units/new", above), slug=slug, name=name)
    for number, name, unit_name, role in PEOPLE.values():
        where = sam.option("/people/new", unit_name)
        page = sam.send("/people/new", staff_number=number, name=name, unit=where, password=FIRST_PASSWORD)
        if role:
            sam.send(f"{sam.link(page, name)}/roles", role=role, unit=where)
    key = register(sam, SYSTEM, "Credit risk score", "Customer credit", "high", "Meridian Scorecards Ltd")
    browsers = {name: Browser(number).sign_in() for name, (number, *_rest) in PEOPLE.items()}
    return Company({"sam": sam, **browsers}, Api(key), Gate(Api(key)))


def register(sam: Browser, slug: str, name: str, unit: str, risk: str, supplier: str) -> str:
    """A system with one version, and its key."""
    page = sam.send(
        "/systems/new",
        slug=slug,
        name=name,
        unit=sam.option("/systems/new", unit),
        purpose="Proposes a credit limit and payment terms for a customer; an analyst decides.",
        supplier=supplier,
        risk_tier=risk,
        version_rule="exact",
    )
    sam.send(f"{page}/versions", label="2.3")
    fields = {"label": "Console", "scopes": ["events:write", "gate:read"], "days": 90}
    shown = re.search(r"lm_[\w-]+", sam.client.post(f"{page}/keys", fields).content.decode())
    assert shown
    return shown[0]


def test_risk_scoring__the_whole_scene__ends_well_and_is_found_again(company: Company, settings: Settings, tmp_path: Path) -> None:
    settings.PACKS_DIR = tmp_path / "packs"
    propose(company)
    start_with_one_analyst(company)
    refs = object_to_it(company)
    refuse_to_widen(company)
    answer(company, refs)
    end(company)
    hear_back(company, refs)
    propose_the_next(company)
    prove(company, tmp_path)


def propose(company: Company) -> None:
    """High risk: the full lane from the first person on, with the promise on record."""
    anneke = company["anneke"]
    anneke.send(
        "/pilots/new",
        name="Credit risk score, trade accounts",
        slug=PILOT,
        system=anneke.option("/pilots/new", "Credit risk score"),
        unit=anneke.option("/pilots/new", "Trade accounts desk"),
        sponsor=anneke.option("/pilots/new", "Marcus Hale"),
        overseers="CR-403",
        purpose="A limit for a new customer. The analyst decides; it refuses nobody by itself.",
        fall_back="The credit handbook, as before.",
        ends_on=in_days(90),
        ends_hour="17:00",
        stages="person, One analyst, 1\nteam, Trade accounts desk, 8\nsite, Customer credit, 16",
        rule_name="An incident",
        figure="incidents",
        comparator="ge",
        threshold="1",
    )
    anneke.send(
        f"/pilots/{PILOT}/complete",
        baseline="2.9 working days to a decision",
        fall_back_tested_on=in_days(-8),
        people_informed_on=in_days(-12),
        statement="60 % less time to a decision",
        target="60",
        measure="% less time",
        cost="0.18 M GBP",
        rule_name="Customers wait less",
        figure="promise",
        comparator="ge",
        threshold="25",
    )
    anneke.send(f"/pilots/{PILOT}/ready")


def ask(company: Company, why: str, **who: Any) -> str:
    anneke = company["anneke"]
    fields = {"recommendation": why, "ends_on": in_days(90), "ends_hour": "17:00", **who}
    request = anneke.send(f"/pilots/{PILOT}/expand", **fields)
    anneke.send(f"{request}/submit")
    return request


def start_with_one_analyst(company: Company) -> None:
    """Compliance and the executive sign; Noor has it, nobody else. It shows her a score, which is kept as it was."""
    request = ask(company, "Start with Noor, who volunteered.", people="CR-411", ceiling="1")
    company["farah"].sign(request, reason="One analyst, and she decides.")
    assert company.gate.ask(PILOT, "CR-411") == (False, "STATIC"), "one signature is not two"
    company["ingrid"].sign(request)
    assert company.gate.ask(PILOT, "CR-411") == (True, "TARGETING_MATCH")
    assert company.gate.ask(PILOT, "CR-412") == (False, "STATIC")
    event = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "meridian",
        "type": "ai.lastmile.recommendation.shown.v1",
        "subject": "redgate",
        "data": {
            "person": "CR-411",
            "kind": "limit",
            "version": "2.3",
            "proposal": "Redgate Pallets: limit 12,000 GBP. Score 61 of 100.",
            "explanation": {"text": "On 68 % of 240 similar accounts invoices were paid within the terms."},
        },
    }
    assert company.system.post("/api/v1/events", event).status_code == 200


def object_to_it(company: Company) -> dict[str, str]:
    """One by name with the score frozen on it, one confidentially, one as a problem; and one who is pleased."""
    said = {
        "noor": {
            "kind": "wrong_answer",
            "text": "It was 61. The supplier's console now shows 74 for that day.",
            "recommendation": "redgate",
        },
        "elif": {"kind": "concern", "text": CONCERN, "identity": "confidential"},
        "gareth": {"kind": "problem", "text": "Sole traders never get above 40."},
    }
    refs = {}
    for name, fields in said.items():
        filed = company[name].send("/feedback/new", **({"system": SYSTEM, "identity": "named"} | fields))
        refs[name] = filed.split("/")[2]
    praised = company["abena"].send("/feedback/new", system=SYSTEM, kind="praise", text="It reads accounts in seconds.", identity="named")
    refs["abena"] = praised.split("/")[2]
    page = company["noor"].read(f"/items/{refs['noor']}")
    assert "Score 61 of 100" in page, "what was shown stands on the item, whatever the supplier shows now"
    return refs


def refuse_to_widen(company: Company) -> None:
    """Compliance refuses with a reason; without one it cannot. Nobody gets the AI by it, and whoever asked is told."""
    desk = company["anneke"].option("/pilots/new", "Trade accounts desk")
    request = ask(company, "Widen to the desk.", units=[desk], ceiling="8")
    farah = company["farah"]
    farah.refused(f"{request}/sign", 422, **(farah.signature(request) | {"decision": "reject"}))
    farah.sign(request, decision="reject", reason=REFUSED)
    page = company["anneke"].read(request)
    assert "Rejected" in page
    assert REFUSED in page
    assert "Rejected" in company["anneke"].read("/notices")
    company["ingrid"].refused(f"{request}/sign", 409, **company["ingrid"].signature(request))
    assert company.gate.ask(PILOT, "CR-412") == (False, "STATIC")


def answer(company: Company, refs: dict[str, str]) -> None:
    """The lead answers what is hers; the concern is compliance's alone."""
    for name, by, text in (
        ("noor", "anneke", "Our own record says 61, and it verifies."),
        ("gareth", "anneke", "Sole traders go by the handbook again."),
        ("elif", "farah", "Running again has stopped today."),
    ):
        company[by].send(f"/items/{refs[name]}/reply", text=text)
        company[by].send(f"/items/{refs[name]}/status", status="done", words=text)
    company["anneke"].client.get(f"/items/{refs['elif']}")
    assert company["anneke"].client.post(f"/items/{refs['elif']}/reply", {"text": "Mine"}).status_code in {403, 404}


def end(company: Company) -> None:
    """Not without saying what those who objected were told; then it is final."""
    ending = {"outcome": "ended_early", "cause": CAUSE, "lessons": LESSONS}
    company["farah"].refused(f"/pilots/{PILOT}/end", 403, **ending, told_objectors=TOLD)
    company["ingrid"].refused(f"/pilots/{PILOT}/end", 422, **ending, told_objectors="")
    company["ingrid"].send(f"/pilots/{PILOT}/end", **ending, told_objectors=TOLD)
    assert company.gate.ask(PILOT, "CR-411") == (False, "DISABLED")


def hear_back(company: Company, refs: dict[str, str]) -> None:
    """Each who objected has a reply on the item and a notice; whoever wrote confidentially, one that names no item."""
    for name in ("noor", "gareth"):
        assert TOLD in company[name].read(f"/items/{refs[name]}"), name
        assert f"{refs[name]}: what became of the pilot" in company[name].read("/notices"), name
    assert TOLD in company["elif"].read(f"/items/{refs['elif']}")
    assert refs["elif"] not in company["elif"].read("/notices")
    assert TOLD not in company["abena"].read(f"/items/{refs['abena']}"), "praise is no objection"
    for name in ("anneke", "marcus", "piotr", "farah"):
        assert "Ended: Credit risk score" in company[name].read("/notices"), name


def propose_the_next(company: Company) -> None:
    """The next proposal of such an AI finds the lessons, in another unit and of another supplier, too; so does a search."""
    register(company["sam"], "claims-score", "Claims score", "Brightline Logistics", "limited", "Other Models plc")
    company["sam"].send("/units/new", parent=company["sam"].option("/units/new", "Northfield depot"), slug="claims", name="Claims")
    anneke, mara = company["anneke"], company["mara"]
    page = anneke.read("/pilots/new")
    assert LESSONS in page, "the lead of the same unit sees them before choosing anything"
    system = anneke.option("/pilots/new", "Credit risk score")
    assert "the same AI system" in anneke.read(f"/pilots/new?system={system}")
    claims = mara.option("/pilots/new", "Claims score")
    shown = mara.read(f"/pilots/new?system={claims}")
    assert "a similar use" in shown
    assert CAUSE in shown
    assert mara.client.get(f"/pilots/{PILOT}").status_code == 404, "its lessons are for everybody who proposes; its page is not"
    found = mara.read("/lessons?q=verifies+contract")
    assert LESSONS in found
    assert TOLD in found
    assert "No ended pilot says this" in mara.read("/lessons?q=helicopter")
    assert LESSONS not in company["mara"].read("/pilots?ended")


def prove(company: Company, folder: Path) -> None:
    """Compliance does not take our word for it: sees it as it stood, and takes the dossier to where this server is not."""
    assert "Sealed" in said_by("seal")
    assert "The audit trail verifies" in said_by("verify_audit")
    assert "Capture is in order" in said_by("audit_check")
    farah = company["farah"]
    assert company["ingrid"].client.get("/audit").status_code == 403
    trail = farah.read("/audit?q=kind%3Apilot+actor%3Aingrid")
    assert "Ingrid Solberg" in trail
    dossier = farah.read(f"/audit/subjects/pilot/{PILOT}")
    assert "Credit risk score, trade accounts" in dossier
    record = farah.link("/audit?q=kind%3Apilot+actor%3Aingrid", "Pilot Credit risk score")
    assert CAUSE in farah.read(record)
    assert CAUSE not in farah.read(f"{record}?at={BEGINNING}"), "as it stood before it ended"
    pack = take_pack(farah, folder)
    green = verify(pack, folder)
    assert (green.returncode, green.stdout.split(":")[0].split()[0]) == (0, "GREEN"), green.stdout + green.stderr
    assert REFUSED in "".join(text_in(pack)), "the refusal is in it, with its reason"
    red = verify(altered(pack, folder), folder)
    assert red.returncode != 0
    assert "RED" in red.stdout


def take_pack(farah: Browser, folder: Path) -> Path:
    """The dossier of the pilot: asked for, made by the worker, downloaded."""
    page = farah.send("/audit/packs", kind="subject", subject_kind="pilot", subject_key=PILOT)
    make_packs()
    file = folder / "dossier.zip"
    answer = farah.client.get(f"{page}/file")
    assert answer.status_code == 200
    file.write_bytes(b"".join(answer.streaming_content))  # type: ignore[attr-defined]  # a FileResponse
    return file


def verify(pack: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """By the single file, with nothing but Python, in a folder where this portal is not."""
    program = folder / "verify.py"
    program.write_bytes((ROOT / "audit/verifier/verify.py").read_bytes())
    argv = [sys.executable, "-I", str(program), str(pack)]
    return subprocess.run(argv, capture_output=True, text=True, cwd=folder, env={}, timeout=60, check=False)


def text_in(pack: Path) -> list[str]:
    with zipfile.ZipFile(pack) as files:
        return [json.loads(line)["body"] or "" for line in files.read("entries.ndjson").decode().splitlines()]


def altered(pack: Path, folder: Path) -> Path:
    """The same pack with the refusal turned into praise, and its files named with their new digests by nobody."""
    target = folder / "altered.zip"
    with zipfile.ZipFile(pack) as before, zipfile.ZipFile(target, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name).replace(b"cannot be verified", b"can be verified!!!"))
    return target
