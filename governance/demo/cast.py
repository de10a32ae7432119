"""Who plays in the logistics scene: the company, its people, and the AI system. Names and facts only; logistics.py acts."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

SCENE = "logistics"


@dataclass(frozen=True)
class Place:
    slug: str
    name: str


@dataclass(frozen=True)
class Member:
    """Someone of the company. `role` holds over their own unit and all below it; people who sign in get a password."""

    staff_number: str
    name: str
    unit: str
    email: str = ""
    role: str = ""
    _: KW_ONLY
    signs_in: bool = True

    @property
    def login(self) -> str:
        return self.email or self.staff_number


COMPANY = Place("brightline", "Brightline Logistics")
NORTHFIELD = Place("northfield", "Northfield depot")
HARBOUR = Place("harbour", "Harbour depot")
WESTGATE = Place("westgate", "Westgate depot")
DEPOTS = (NORTHFIELD, HARBOUR, WESTGATE)
CALENDAR: dict[str, Any] = {"time_zone": "Europe/London", "country": "GB", "subdivision": "ENG"}

SAM = Member("BL-003", "Sam Whitlock", "brightline", "sam.whitlock@brightline.example", "administrator")
JO = Member("NF-117", "Jo Okafor", "northfield")
MARA = Member("NF-102", "Mara Lindqvist", "northfield", "mara.lindqvist@brightline.example", "lead")
TOM = Member("BL-014", "Tom Brandt", "brightline", "tom.brandt@brightline.example", "compliance")
PRIYA = Member("BL-009", "Priya Raman", "brightline", "priya.raman@brightline.example", "sponsor")
HELEN = Member("BL-001", "Helen Castellan", "brightline", "helen.castellan@brightline.example", "executive")

OWEN = Member("HB-201", "Owen Pritchard", "harbour", "owen.pritchard@brightline.example", "lead", signs_in=False)
RUTH = Member("NF-104", "Ruth Adeyemi", "northfield", "ruth.adeyemi@brightline.example", signs_in=False)
LENA = Member("HB-203", "Lena Fischer", "harbour", "lena.fischer@brightline.example", signs_in=False)


def _drivers(prefix: str, unit: str, names: dict[int, str]) -> tuple[Member, ...]:
    return tuple(Member(f"{prefix}-{number}", name, unit, signs_in=False) for number, name in names.items())


NORTHFIELD_DRIVERS = _drivers(
    "NF",
    "northfield",
    {
        108: "Ada Novak",
        109: "Ben Osei",
        111: "Carla Ruiz",
        112: "Dan Weir",
        114: "Eve Popov",
        115: "Femi Balogun",
        118: "Gwen Hartley",
        119: "Hamid Noori",
        121: "Iris Kaplan",
        123: "Jack Mulvey",
    },
)
HARBOUR_DRIVERS = _drivers(
    "HB",
    "harbour",
    {
        210: "Ivy Chen",
        211: "Kofi Mensah",
        212: "Lars Nyberg",
        214: "Maria Santos",
        215: "Nikhil Rao",
        217: "Olga Wójcik",
        218: "Paul Denham",
        219: "Quentin Marsh",
        221: "Rosa Bianchi",
        222: "Stefan Ilić",
        224: "Tess Gallagher",
        225: "Umar Sheikh",
        227: "Vera Lindgren",
        228: "Will Tranter",
    },
)
WESTGATE_DRIVERS = _drivers(
    "WG", "westgate", {301: "Anton Reyes", 302: "Bridie Moran", 304: "Chidi Eze", 305: "Dana Koval", 307: "Emre Aydin", 308: "Fay Collins"}
)
COMPANY_STAFF = (SAM, TOM, HELEN)
IVY, PAUL = "HB-210", "HB-218"  # the drivers who went first at Harbour
EVERYONE = (SAM, JO, MARA, TOM, PRIYA, HELEN, OWEN, RUTH, LENA, *NORTHFIELD_DRIVERS, *HARBOUR_DRIVERS, *WESTGATE_DRIVERS)

SYSTEM: dict[str, Any] = {
    "slug": "route-optimiser",
    "name": "Route optimiser",
    "supplier": "Kestrel Routing Ltd",
    "risk_tier": "minimal",
    "version_rule": "exact",
    "purpose": (
        "Proposes the order of a lorry's stops and changes to it during the day, to save fuel and time. It knows the lorry, the load and the "
        "delivery windows, not the driver: it rates nobody, and every driver may leave a proposal without asking. That is why its risk is minimal."
    ),
    "switch_off": (
        "Dispatch desk: Kestrel console, Depots, choose the depot, Proposals off. Lorry tablets show the printed round of the day within a minute. "
        "Out of hours call the duty dispatcher, extension 400."
    ),
}


@dataclass(frozen=True)
class Release:
    """A version of the system: the week of the scene on whose Monday it came, and what was said about it."""

    label: str
    week: int
    notes: str


RELEASES = (
    Release("v12", 1, "First version in the depots: order of stops from distance and delivery windows."),
    Release("v13", 5, "New map supplier and live traffic. Sent lorries over streets closed to them; see the items of that week."),
    Release("v14", 7, "Height and weight limits of our own lorries, dock hours of customers, the reason beside every proposal."),
)
