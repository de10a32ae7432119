"""What is said in the logistics scene: by the AI, by drivers, and by those who answer. Plain words, as people of the trade write."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One kind of recommendation: when in the shift it comes (0 start, 1 end), what it says and why."""

    kind: str
    moment: tuple[float, float]
    says: str
    why: str
    instead: str


STOPS = {
    "harbour": (
        "Quayside Foods",
        "Harbour Cash and Carry",
        "St Anne's Hospital stores",
        "Bellweather Builders",
        "Penrose Hardware",
        "Ferry Road Pharmacy",
        "Millbrook School kitchen",
        "Lighthouse Garden Centre",
        "Dunmore Fresh",
        "Customs House Café",
        "Tidewater Chandlers",
        "Marsh Lane Bakery",
    ),
    "northfield": (
        "Castle Retail Park",
        "Northfield General stores",
        "Tollgate Garden Centre",
        "Ashby Pharmacy",
        "Hilltop School kitchen",
        "Weaver Street Co-op",
        "Brook End Builders",
        "Stonebridge Furniture",
        "Orchard Care Home",
        "Fairground Cash and Carry",
    ),
}
STREETS = {
    "harbour": ("the quay road", "Ferry Road", "the ring road", "Station Approach", "Marsh Lane"),
    "northfield": ("Mill Lane", "the bypass", "Weaver Street", "Castle Hill", "the ring road"),
}

OPENING = Line(
    "route",
    (-0.06, -0.02),
    "Start with {a}, then {b}, then {c}. The other stops as printed.",
    "On {pct} % of {n} similar mornings this order was faster: {a} unloads before seven without a queue. About {minutes} minutes and {litres} litres.",
    "Start with {b}, then {a}, then {c}.",
)
DURING = (
    Line(
        "order",
        (0.15, 0.7),
        "Go to {b} before {a}.",
        "{street} is slower than usual now. On {pct} % of {n} similar days the other order saved time: about {minutes} minutes and {litres} litres.",
        "{c} first, then {b} and {a}.",
    ),
    Line(
        "road",
        (0.2, 0.8),
        "Leave {street}: take {other} to {a}.",
        "A queue is building on {street}. {pct} % of {n} similar queues lasted over 20 minutes. About {minutes} minutes and {litres} litres.",
        "Stay on {street} up to the roundabout, then {other}.",
    ),
    Line(
        "pause",
        (0.35, 0.55),
        "Take the break at {a} now, not after {b}.",
        "The dock at {b} is full until later. On {pct} % of {n} similar days the wait was longer than a break. About {minutes} minutes.",
        "Break after {b}, 30 minutes later.",
    ),
    Line(
        "fuel",
        (0.6, 0.9),
        "Fill up at the depot tonight, not on {street}.",
        "There is enough in the tank for the rest of the round with a margin of 60 km. The detour costs about {litres} litres and {minutes} minutes.",
        "Fill 80 litres on {street}, the rest at the depot.",
    ),
    Line(
        "return",
        (0.8, 0.95),
        "Come back by {other}.",
        "On {pct} % of {n} similar afternoons {other} was faster after three o'clock. About {minutes} minutes and {litres} litres.",
        "{street} as far as the bridge, then {other}.",
    ),
)

OVERRIDE_WORDS = {
    "local_knowledge": (
        "School run. Nobody gets through {street} at that hour.",
        "The gate at {a} opens at eight, whatever the map says.",
        "Market day on {street}.",
        "I have driven {street} for nine years. Not with a lorry, not on a weekday.",
    ),
    "policy_or_customer_constraint": (
        "{a} takes goods before nine only.",
        "Dock slot at {b} is 07:40, booked.",
        "{a} wants the cooled goods first. In writing.",
    ),
    "data_wrong_or_outdated": (
        "{street} is closed since last week.",
        "That entrance of {a} is bricked up.",
        "It thinks {street} takes 18 tonnes. It takes 7.5.",
    ),
    "not_applicable_here": ("Other lorry today, no tail lift.", "No cooled goods on board today."),
    "already_handled": ("Dispatch rang me before.", "Swapped with a colleague on the yard."),
    "benefit_outweighs": ("Break first. Two litres are not worth it.", "{a} has waited long enough this week."),
    "unsafe": ("Low bridge on {street}.", "Reversing out onto {street} with that queue: no."),
    "will_monitor": ("I will look at the queue first.",),
    "other": ("Not today.",),
}


@dataclass(frozen=True)
class Pending:
    """A recommendation that waits for Jo now."""

    uid: str
    kind: str
    says: str
    why: str
    n_similar: int
    pct_similar: int
    confidence: float
    alternatives: tuple[str, ...]
    days: int


WAITING_FOR_JO = (
    Pending(
        "nf-117-next-round",
        "route",
        "Next round: start with Castle Retail Park, then Ashby Pharmacy, then Hilltop School kitchen. The other stops as printed.",
        "On 81 % of 214 similar mornings this order was faster: Castle Retail Park unloads before seven without a queue. About 11 minutes and 1.8 litres.",
        214,
        81,
        0.84,
        ("Ashby Pharmacy first, then Castle Retail Park.", "As printed."),
        3,
    ),
    Pending(
        "nf-117-weaver-street",
        "road",
        "Weaver Street is being resurfaced: take the bypass to Weaver Street Co-op until it is done.",
        "On 74 % of 58 similar days the detour was shorter than the wait at the temporary lights. About 9 minutes and 0.9 litres.",
        58,
        74,
        0.71,
        ("Weaver Street before 06:30 only.",),
        14,
    ),
    Pending(
        "nf-117-care-home",
        "order",
        "Deliver Orchard Care Home after Stonebridge Furniture from now on.",
        "Both are on one side of Castle Hill. On 66 % of 92 similar rounds this saved driving the hill twice. About 7 minutes and 1.3 litres.",
        92,
        66,
        0.63,
        ("Orchard Care Home first, as it is today.",),
        14,
    ),
)


@dataclass(frozen=True)
class Said:
    """An item and what becomes of it: `answered_by` replies with `answer`, then moves it to `status` with `moved`, in short."""

    by: str
    kind: str
    text: str
    identity: str = "named"
    severity: str = ""
    about: str = ""
    voices: tuple[str, ...] = ()
    answered_by: str = ""
    status: str = ""
    answer: str = ""
    moved: str = ""


# `by`, `voices` and `answered_by` are staff numbers; `about` is the id of a recommendation the author was shown.
BOX = (
    Said(
        "NF-117",
        "wrong_answer",
        "It sends me through Mill Lane. The bridge there is 3.3 m and my lorry is 3.6 m. I turned round at the garden centre and lost 25 minutes.",
        severity="high",
        about="nf-117-mill-lane",
        voices=("NF-108", "NF-112", "NF-119", "HB-212"),
        answered_by="NF-102",
        status="done",
        moved="Done with v14: the heights and weights of our lorries are in the map.",
        answer=(
            "You were right, and thank you for turning round. The map had no heights. Since v14 it knows the height and weight of each of our lorries, and "
            "Mill Lane is closed to everything above 3.2 m. Ruth drove it past on Tuesday: it now takes Castle Hill."
        ),
    ),
    Said(
        "NF-117",
        "idea",
        "Show me the reason before I leave the yard, not at the first stop. Once I drive I cannot read it.",
        voices=("NF-111", "HB-214"),
        answered_by="NF-102",
        status="planned",
        moved="In the plan for v15.",
        answer="Planned for v15, which the supplier promises for next month: the first proposal of the day with its reason, ten minutes before you leave.",
    ),
    Said(
        "HB-215",
        "friction",
        "The buttons are too small with gloves on. In the cold I take a glove off at every stop.",
        voices=("HB-210", "HB-211", "HB-218", "HB-221", "HB-227", "NF-117"),
        answered_by="HB-201",
        status="in_test",
        moved="Two lorries test the larger buttons.",
        answer="Two lorries drive with buttons of double the size since this week. Tell Tess or Will whether they can be hit with gloves. If yes, all get them.",
    ),
    Said(
        "HB-224",
        "concern",
        "Two of us were asked in the yearly talk why we 'fight the computer'. Does somebody count who overrides it?",
        identity="confidential",
        answered_by="BL-014",
        status="done",
        moved="Answered, and settled with those who lead the talks.",
        answer=(
            "No. Nobody at Brightline can see one person's decisions: not your manager, not me. Figures are shown for five people or more. I have spoken with "
            "those who lead the talks: an override is part of the work, and asking for it there is not allowed. If it happens again, write to me."
        ),
    ),
    Said(
        "",
        "problem",
        "The plan leaves no time for the toilet or the queue at the dock. Who follows it to the minute skips the break.",
        identity="anonymous",
        voices=("NF-111", "NF-118", "HB-222", "HB-228"),
        answered_by="NF-102",
        status="planned",
        moved="In the plan for v15. Until then: the break comes first.",
        answer=(
            "Nobody has to skip a break for it: the break comes first, and an override for that needs no reason. We asked the supplier to plan 8 minutes at "
            "every dock instead of 4; it comes with v15."
        ),
    ),
    Said(
        "HB-217",
        "praise",
        "When the quay road was shut on Thursday it took all of us over Marsh Lane within minutes. I was home on time.",
        voices=("HB-222",),
        answered_by="HB-201",
        status="done",
        moved="Passed on; the detour stays in the plan.",
        answer="Good to hear. We passed it on to the supplier, and the Marsh Lane detour stays in the plan for closures of the quay road.",
    ),
    Said(
        "HB-219",
        "idea",
        "Give everyone the same stops every day, then nobody needs an optimiser.",
        answered_by="HB-201",
        status="declined",
        moved="Not as a whole: orders differ too much over the week. Your first three customers can stay yours.",
        answer=(
            "We looked at it: fixed rounds would need three more lorries on Mondays and Fridays, because orders differ by half over the week. What we can do: "
            "your first three customers stay yours. Ask Lena to set them."
        ),
    ),
    Said(
        "NF-117",
        "problem",
        "Dock 4 at Castle Retail Park closes at 11 since this month. It still plans me there for twenty past.",
        about="nf-117-castle-dock",
        voices=("NF-115",),
    ),
    Said(
        "NF-114",
        "idea",
        "When Northfield gets it: could the dispatcher's phone calls show in the same list? Two voices in one cab are one too many.",
    ),
)
FLAGGED = (
    ("HB-210", "wrong", "Marsh Lane is a dead end behind the bakery. Since the new map it wants me to drive through."),
    ("HB-225", "late", "The hint to leave the ring road came when I stood in the queue already."),
)
FLAG_ANSWERED = Said(
    "HB-210",
    "wrong_answer",
    FLAGGED[0][2],
    voices=("HB-214", "HB-219", "HB-227"),
    answered_by="HB-201",
    status="done",
    moved="Corrected in v14.",
    answer="Confirmed: v13's map shows a road where a footpath is. We took it out by hand the same day; v14 has the supplier's correction.",
)


@dataclass(frozen=True)
class Action:
    """What people needed before the AI came, who saw to it, and how that shows."""

    kind: str
    what: str
    owner: str
    evidence: str


PURPOSE = (
    "Proposes the order of stops and changes on the way. The driver decides, each time. It is not used to compare drivers, to plan shifts or to set "
    "targets; nobody sees one driver's decisions."
)
FALL_BACK = (
    "The printed round of the day lies in every cab. Dispatch switches proposals off in the Kestrel console within a minute; drivers go on with the "
    "printed round. Tried on a working day: no delivery was late because of it."
)
BASELINE = (
    "{litres} litres / 100 km over the 13 weeks before (fuel cards of all lorries of the depot); {late} % of deliveries late; no figures on how often "
    "drivers leave a printed round."
)
PROMISE_SOURCE = "Offer of Kestrel Routing Ltd, page 4, presented to the board by the operations director"
ACTIONS = (
    Action(
        "training",
        "Driver briefing: 40 minutes, both shifts",
        "overseer",
        "Attendance list: everyone of the first stage; the others in the week before they start.",
    ),
    Action(
        "incentive",
        "Bonus counts late deliveries and fuel, no longer stops an hour",
        "lead",
        "Agreement with the drivers' representatives signed; first payslip checked with two drivers.",
    ),
    Action(
        "form",
        "Incident form on the lorry tablets, with the proposal of that minute attached",
        "overseer",
        "Filled in once as a trial from lorry 7; it arrived with the right proposal.",
    ),
)

MEASURED_DEPOT = "Fuel cards of all lorries of the depot, against the 13 weeks before."
MEASURED_LORRY = "Fuel card of one lorry with one driver, against the 13 weeks before: a hint, no proof."

ASK_FIRST_TRY = "Start with Paul, whose lorry is free."
FIRST_TRY_CAUSE = (
    "Paul's bonus still counted stops an hour, and following the plan cost him pay. He said so in the first week, we looked into it in the third. By then "
    "the tablet lay in the glove box. It was not the model: nobody had asked what the plan does to the pay."
)
FIRST_TRY_LESSONS = (
    "1. Settle pay and targets before the first day. 2. Dock hours of customers belong in the plan, or the first round is already wrong. 3. Answer the "
    "first problem within two days; a driver who hears nothing files no second one. 4. Ask for volunteers, do not pick who is free."
)
FIRST_TRY_TOLD = (
    "Paul, and the two who had warned of the bonus, were told by Owen in the yard meeting that they had been right. The bonus has changed; they were "
    "asked whether they would try again, and did."
)
ASK_HARBOUR_START = "Start with Ivy, who volunteered: one lorry, four weeks, everything else stays."
ASK_HARBOUR_DEPOT = "Give it to all fourteen drivers of Harbour: Ivy keeps it by her own wish, the streets closed to lorries are corrected, and the bonus no longer punishes it."
ASK_NORTHFIELD_START = "Start with Jo, who volunteered: one lorry, four weeks, everything else stays."
ASK_NORTHFIELD_DEPOT = (
    "Widen from Jo to the eleven drivers of Northfield depot: at Harbour seven of ten proposals are now accepted and fuel is down by 5 %, less than half of "
    "what was promised, and worth having."
)
ASK_WESTGATE = (
    "Widen from Harbour to the six drivers of Westgate depot, who serve the same customers: seven of ten proposals are accepted, and the streets that "
    "v13 got wrong are right."
)
CONDITIONS_WESTGATE = (
    "Dock hours of Westgate's own customers are in the plan before the first round.",
    "Any driver may stay with the printed round.",
)
CONDITIONS_NORTHFIELD = (
    "Every driver has had the briefing before the first proposal.",
    "Fuel is measured again after six weeks, whatever it says.",
)
SIGNED_LIGHT = "One volunteer, a plan to go back, a stop rule. I checked that no figure about one person is shown to anybody."
SIGNED_SPONSOR_HARBOUR = "The pay question is settled, which sank the first try."
SIGNED_EXECUTIVE_HARBOUR = "I want the fuel figure after six weeks, also if it is small."
SIGNED_SPONSOR_NORTHFIELD = "Half of the promised saving still pays for the licences of this depot. The drivers' points were answered before they were asked to join."
