"""Who plays in the risk scoring scene: the department that gives customers credit, and the score it tried."""

from __future__ import annotations

from typing import Any

from governance.demo.cast import Member, Place, Release

SCENE = "risk-scoring"

CREDIT = Place("credit", "Customer credit")
ACCOUNTS = Place("trade-accounts", "Trade accounts desk")
FUEL_CARDS = Place("fuel-cards", "Fuel card desk")
DESKS = (ACCOUNTS, FUEL_CARDS)

NOOR = Member("CR-411", "Noor Rahman", "trade-accounts", "noor.rahman@brightline.example")
ANNEKE = Member("CR-401", "Anneke Vries", "credit", "anneke.vries@brightline.example", "lead")
MARCUS = Member("BL-006", "Marcus Hale", "credit", "marcus.hale@brightline.example", "sponsor")
INGRID = Member("BL-002", "Ingrid Solberg", "credit", "ingrid.solberg@brightline.example", "executive")
FARAH = Member("CR-405", "Farah Siddiqui", "credit", "farah.siddiqui@brightline.example", "compliance")
PIOTR = Member("CR-403", "Piotr Nowak", "credit", "piotr.nowak@brightline.example", signs_in=False)


def _analysts(unit: str, names: dict[int, str]) -> tuple[Member, ...]:
    return tuple(Member(f"CR-{number}", name, unit, signs_in=False) for number, name in names.items())


ANALYSTS = (
    NOOR,
    *_analysts(
        "trade-accounts",
        {412: "Elif Kaya", 414: "Gareth Pugh", 415: "Hanna Lind", 417: "Luca Ferri", 418: "Maeve Doyle", 420: "Rohan Iyer"},
    ),
)
FUEL_ANALYSTS = _analysts(
    "fuel-cards", {431: "Abena Owusu", 432: "Bruno Matos", 434: "Celia Hart", 435: "Dmitri Volkov", 437: "Esme Clarke"}
)
EVERYONE = (NOOR, ANNEKE, MARCUS, INGRID, FARAH, PIOTR, *ANALYSTS[1:], *FUEL_ANALYSTS)

SYSTEM: dict[str, Any] = {
    "slug": "credit-score",
    "name": "Credit risk score",
    "supplier": "Meridian Scorecards Ltd",
    "risk_tier": "high",
    "version_rule": "exact",
    "purpose": (
        "Proposes a credit limit and payment terms for a freight customer, from filed accounts, payments and sector. An analyst decides, each time. "
        "Many customers are sole traders: it scores people, who live by the answer. That is why its risk is high."
    ),
    "switch_off": (
        "Meridian console, Administration, Clients, Brightline: Suspend. The desk goes on with the credit handbook and the agency's report, as before. "
        "Out of hours nothing is scored."
    ),
}

RELEASES = (
    Release("2.1", 1, "First version on the desk: accounts, court judgments, payments to three suppliers."),
    Release("2.2", 9, "Weights by sector; the reason names the two facts that weighed most."),
    Release("2.3", 20, "New weights, by the supplier's own account. Scores of earlier days read differently in the console since."),
)
