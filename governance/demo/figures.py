"""Every figure of the demonstration, with its range and the reason for the range: the one place to change or doubt them.

docs/reference/demonstration.md shows this table (`as_markdown`); a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


@dataclass(frozen=True)
class Figure:
    """A range that a value is drawn from (both ends included), its unit, and why somebody of the trade would believe it."""

    name: str
    low: float
    high: float
    unit: str
    why: str

    def draw(self, chance: Random) -> float:
        return chance.uniform(self.low, self.high)

    def draw_whole(self, chance: Random) -> int:
        return chance.randint(round(self.low), round(self.high))

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2


LOGISTICS = (
    Figure(
        "drivers_northfield",
        11,
        11,
        "people",
        "A depot with eleven rigid lorries: one driver a lorry and a shift, as in regional food and retail delivery.",
    ),
    Figure(
        "drivers_harbour",
        14,
        14,
        "people",
        "A slightly larger depot beside the port; enough people for figures about people (five), too few for neat curves.",
    ),
    Figure("drivers_westgate", 6, 6, "people", "A small depot that shares the port's customers: the natural next one."),
    Figure(
        "weeks_harbour",
        8,
        8,
        "weeks",
        "Two months: long enough for a habit to form and for one release to go wrong, short enough to remember.",
    ),
    Figure("weeks_northfield", 3, 3, "weeks", "The one-driver stage has a light lane of at most 30 days; three weeks of it are behind Jo."),
    Figure(
        "shift_start",
        5.25,
        7.25,
        "o'clock",
        "Shops want their goods before opening: lorries leave between a quarter past five and a quarter past seven.",
    ),
    Figure("shift_hours", 8, 9.5, "hours", "A driver may be at the wheel for nine hours a day, with a break of 45 minutes."),
    Figure("weekday_presence", 88, 94, "% of drivers", "Holiday, sickness and rest days: about one driver in ten is away on a weekday."),
    Figure("saturday_presence", 28, 42, "% of drivers", "Saturday is a reduced rota. On Sundays the depots are closed: no events at all."),
    Figure(
        "recommendations_a_day",
        3,
        5,
        "a driver",
        "The day's route at the start, then a change when traffic, a dock or the tank gives a reason; more would be noise.",
    ),
    Figure(
        "litres_saved",
        0.6,
        3.4,
        "litres each",
        "A day's round of 110-190 km burns 28-45 litres; one better order of stops saves a few percent of it, not a tank.",
    ),
    Figure(
        "minutes_saved",
        4,
        22,
        "minutes each",
        "One avoided queue or one street not driven twice; more than twenty minutes would be a different route.",
    ),
    Figure("confidence", 0.55, 0.95, "0-1", "The supplier shows nothing below 0.55, and traffic never lets it be certain."),
    Figure(
        "similar_cases",
        40,
        460,
        "cases",
        "Rounds with the same customers at the same hour in the last year; a seldom visited customer has few.",
    ),
    Figure("similar_share", 58, 91, "% of cases", "Below 55 the supplier shows nothing; above 91 the driver would do it anyway."),
    Figure("latency", 280, 1600, "ms", "The plan is computed on the supplier's servers and comes over a mobile network."),
    Figure("acceptance_week_1", 43, 47, "% of decided", "People who know the town follow a stranger's route less than half of the time."),
    Figure("acceptance_week_2", 47, 51, "% of decided", "Some of the first rounds went well."),
    Figure("acceptance_week_3", 52, 56, "% of decided", "The first answers arrived: dock hours of nine customers were corrected."),
    Figure("acceptance_week_4", 57, 61, "% of decided", "The reason is now shown with every route."),
    Figure(
        "acceptance_week_5",
        44,
        49,
        "% of decided",
        "v13 came on the Monday with a new map: it sent lorries over streets closed to them. Trust fell by a quarter.",
    ),
    Figure("acceptance_week_6", 53, 58, "% of decided", "The worst streets were taken out by hand."),
    Figure("acceptance_week_7", 63, 67, "% of decided", "v14: height and weight limits of our own lorries in the map."),
    Figure(
        "acceptance_week_8",
        68,
        72,
        "% of decided",
        "Level of v14. Depots that have used such a tool for a year report 70-80 %; more would mean that nobody looks.",
    ),
    Figure(
        "acceptance_northfield",
        60,
        70,
        "% of decided",
        "One driver who volunteered, mostly on v14. One person: no rate is shown about him anywhere.",
    ),
    Figure("driver_leaning", -12, 12, "points", "Drivers differ: some try everything, some nothing before a colleague has."),
    Figure(
        "adjusted_share",
        25,
        34,
        "% of the rest",
        "Of what is not accepted, about a third is used in part: two stops swapped, a later start.",
    ),
    Figure("dismissed_share", 7, 12, "% of the rest", "Waved away at a junction without a reason."),
    Figure("undecided_first", 13, 17, "% of shown", "Left unanswered at first: no hand free, no habit yet."),
    Figure("undecided_last", 6, 9, "% of shown", "Left unanswered in the last week; it never reaches zero in a moving lorry."),
    Figure("minutes_to_decide", 0.2, 9, "minutes", "At the depot within seconds; on the road at the next stop."),
    Figure("explanation_opened", 30, 45, "% of decided", "Drivers read the reason when the route surprises them."),
    Figure("reason_local_knowledge", 34, 34, "% of overrides", "The commonest: a street, a gate, a school run that no map has."),
    Figure("reason_policy_or_customer_constraint", 20, 20, "% of overrides", "Delivery windows and dock hours of customers."),
    Figure("reason_data_wrong_or_outdated", 16, 16, "% of overrides", "Closed roads, a moved entrance; most of it in the week of v13."),
    Figure("reason_not_applicable_here", 10, 10, "% of overrides", "Another lorry today: no tail lift, no cooling."),
    Figure("reason_already_handled", 7, 7, "% of overrides", "The dispatcher had called before."),
    Figure("reason_benefit_outweighs", 5, 5, "% of overrides", "A break, or a good customer first, is worth the litres."),
    Figure("reason_unsafe", 3, 3, "% of overrides", "Low bridges, narrow yards. Few, and each one read."),
    Figure("reason_will_monitor", 2, 2, "% of overrides", "Watching a queue before leaving the planned road."),
    Figure("reason_other", 3, 3, "% of overrides", "Above one in five the list of reasons itself would need a look."),
    Figure("reason_skipped", 9, 14, "% of changes", "A reason for an override or an adjustment is asked for, and may be skipped."),
    Figure("override_words", 35, 45, "% of overrides", "A reason is one tap; words need a stop. Four in ten add some."),
    Figure("data_wrong_week_5", 42, 42, "% of overrides", "In the week of v13 the closed streets outweigh everything else."),
    Figure(
        "promised_fuel",
        12,
        12,
        "% of fuel",
        "As in the supplier's offer. Published trials of such tools report 5-15 %, measured by the sellers.",
    ),
    Figure(
        "promised_cost",
        1.2,
        1.2,
        "M GBP",
        "Three years of licences, integration and devices for a fleet of some 300 lorries, as in the offer.",
    ),
    Figure(
        "fuel_baseline_harbour",
        24.6,
        24.6,
        "litres / 100 km",
        "Rigid lorries of 12-18 t with many stops in town use 22-27; the mean of the depot's fuel cards in the 13 weeks before.",
    ),
    Figure("fuel_baseline_northfield", 25.2, 25.2, "litres / 100 km", "As at Harbour, with a hill in the middle of the town."),
    Figure(
        "late_deliveries", 3.1, 3.1, "% of deliveries", "Shops accept a window of an hour; three in a hundred miss it, more in December."
    ),
    Figure("fuel_worth_having", 4, 4, "% less fuel", "From about 4 % on, what is saved is more than the yearly licence of a depot."),
    Figure(
        "decided_wanted",
        75,
        75,
        "% of shown",
        "A driver who ignores one proposal in four still uses it; below that it is dust on the dashboard.",
    ),
    Figure("acceptance_wanted", 50, 50, "% of decided", "More often right than wrong for the people who know the town."),
    Figure("bridge_height", 3.3, 3.3, "m", "An old railway bridge; 12-18 t lorries are 3.5-3.9 m high (Jo's: 3.6 m)."),
    Figure("dock_minutes", 4, 8, "minutes", "What v14 plans for a dock, and what drivers say it takes with a queue."),
    Figure("briefing_minutes", 40, 40, "minutes", "What fits before a shift without paying overtime."),
    Figure(
        "fuel_measured_v12",
        2.4,
        2.4,
        "% less fuel",
        "Half of the routes followed, so about half of a moderate saving: weeks 1 to 4 against the 13 weeks before.",
    ),
    Figure(
        "fuel_measured_v14", 5.1, 5.1, "% less fuel", "Weeks 7 and 8 against the 13 weeks before: real, and less than half of the promise."
    ),
    Figure(
        "fuel_measured_jo",
        4.3,
        4.3,
        "% less fuel",
        "One lorry and one driver over three weeks: within what weather and load do by themselves. Shown as a hint.",
    ),
    Figure("ceiling_northfield", 12, 12, "people", "Eleven drivers and one place for a new colleague."),
    Figure("ceiling_harbour", 16, 16, "people", "Fourteen drivers and two places."),
    Figure("ceiling_westgate", 22, 22, "people", "The fourteen of Harbour, the six of Westgate, and two places."),
    Figure("ceiling_region", 60, 60, "people", "Five depots of the region with about a dozen drivers each."),
    Figure("ceiling_fleet", 320, 320, "people", "Everybody who drives for Brightline, with leave for agency drivers in December."),
    Figure("light_lane_days", 28, 28, "days", "Four weeks of one driver; the light lane allows 30 days."),
    Figure("pilot_days", 90, 90, "days", "A quarter: the season changes once, and nobody forgets the end date."),
)

RISK_SCORING = (
    Figure(
        "analysts_trade", 7, 7, "people", "A freight company with some 900 credit customers keeps seven people on its trade accounts desk."
    ),
    Figure("analysts_fuel", 5, 5, "people", "Fuel cards are smaller amounts and more of them: five people, with their own rules."),
    Figure(
        "weeks_credit",
        26,
        26,
        "weeks",
        "Six months, after which it was given up: the time in which a first review of new limits comes round.",
    ),
    Figure("weeks_alone", 6, 6, "weeks", "One analyst first: long enough to see forty decisions and hear what the desk thinks of them."),
    Figure(
        "applications_a_week",
        5,
        8,
        "an analyst",
        "New customers and yearly reviews; a desk of seven decides some forty-five a week and renews the rest.",
    ),
    Figure("credit_score", 24, 91, "of 100", "Nobody applies with nothing, and no small firm is without a doubt."),
    Figure("credit_limit", 2, 45, "1,000 GBP", "One to two months of freight of a small or middle-sized customer."),
    Figure("credit_similar", 90, 900, "accounts", "Accounts of the same sector and size that the supplier has seen for two years."),
    Figure("credit_similar_share", 58, 94, "% of accounts", "Freight invoices are paid late often; below 58 the proposal is prepayment."),
    Figure("credit_confidence", 0.55, 0.93, "0-1", "Filed accounts are a year old when they are read."),
    Figure("credit_latency", 900, 4200, "ms", "It asks the company register and an agency before it answers."),
    Figure("credit_minutes", 4, 45, "minutes", "An analyst reads the accounts and rings somebody; a limit is no tap on a screen."),
    Figure("credit_opened", 70, 86, "% of decided", "Whoever signs a limit reads the reason."),
    Figure("credit_silent", 3, 6, "% of shown", "Applications withdrawn, or decided by telephone."),
    Figure("credit_acceptance_21", 56, 61, "% of decided", "First weeks, one volunteer, then a desk that tries it out."),
    Figure("credit_acceptance_22", 62, 67, "% of decided", "With the reason in two facts: analysts see quickly where it is right."),
    Figure(
        "credit_acceptance_23",
        51,
        56,
        "% of decided",
        "After scores of past days had changed, trust fell by a sixth and did not come back.",
    ),
    Figure("credit_adjusted", 48, 56, "% of the rest", "Mostly another limit or shorter terms, seldom no at all."),
    Figure("credit_dismissed", 4, 7, "% of the rest", "Duplicates and wrong companies."),
    Figure("credit_skipped", 4, 7, "% of changes", "A reason belongs to a credit file; few leave it out."),
    Figure("credit_words", 45, 55, "% of changes", "At a desk there is time for a sentence."),
    Figure(
        "credit_reason_data_wrong_or_outdated",
        31,
        31,
        "% of changes",
        "The commonest: last year's accounts, a judgment set aside, a namesake.",
    ),
    Figure("credit_reason_local_knowledge", 25, 25, "% of changes", "Payment with us, a call, a visit to the yard."),
    Figure("credit_reason_policy_or_customer_constraint", 20, 20, "% of changes", "The handbook caps new customers, and groups together."),
    Figure("credit_reason_not_applicable_here", 9, 9, "% of changes", "Prepays, or trades under another account."),
    Figure("credit_reason_benefit_outweighs", 6, 6, "% of changes", "A small risk for a good volume."),
    Figure("credit_reason_will_monitor", 4, 4, "% of changes", "Short terms first, then more."),
    Figure("credit_reason_already_handled", 3, 3, "% of changes", "Agreed with sales before."),
    Figure("credit_reason_other", 2, 2, "% of changes", "Above one in five the list of reasons itself would need a look."),
    Figure("promised_time", 60, 60, "% less time", "As in the supplier's offer; such offers say 50-80 %."),
    Figure("promised_credit_cost", 0.18, 0.18, "M GBP", "A year of licence for twelve seats and some 4,000 scores, as in the offer."),
    Figure("days_before", 2.9, 2.9, "working days", "Typing accounts, an agency's report, a second pair of eyes above 10,000 GBP."),
    Figure("cases_before", 540, 540, "applications", "Thirteen weeks of the desk before the score."),
    Figure(
        "write_off",
        0.38,
        0.38,
        "% of credit sales",
        "Road freight customers: 0.2-0.6 % is usual. Too slow a figure to judge a trial of six months by.",
    ),
    Figure("measured_time", 34, 34, "% less time", "1.9 days instead of 2.9 in the weeks of 2.2: it helped, at half of the promise."),
    Figure("export_rows", 212, 212, "rows", "A month of scores of the desk, reruns included, in the supplier's export."),
    Figure("export_differing", 14, 14, "rows", "Rows that differ between two exports of the same month, taken five weeks apart."),
    Figure("days_without_log", 61, 61, "days", "Two months of letters between compliance and the supplier, who sent spreadsheets."),
    Figure(
        "decided_wanted_credit",
        90,
        90,
        "% of shown",
        "An application has to be decided; what is not decided here was decided past the system.",
    ),
    Figure("time_worth_having", 25, 25, "% less time", "From a quarter on the licence costs less than the hours."),
    Figure(
        "redgate_score",
        61,
        74,
        "of 100",
        "Shown on the Tuesday, and shown for that Tuesday a week later: across the line between two limits.",
    ),
    Figure("reruns", 1, 3, "runs a customer", "Other papers, another score; nobody runs one more often than an afternoon allows."),
    Figure(
        "sole_traders_checked",
        40,
        40,
        "customers",
        "A fifth of the desk's applications in six months that came from people without filed accounts.",
    ),
    Figure("sole_traders_paid", 36, 36, "customers", "Nine of ten: sole traders who drive for us as well pay us on the day."),
    Figure("ceiling_first", 1, 1, "people", "One volunteer: what goes wrong, goes wrong once."),
    Figure("ceiling_trade", 8, 8, "people", "Seven analysts and one place for a new colleague."),
    Figure("ceiling_credit", 16, 16, "people", "Both desks, and four places."),
    Figure("ceiling_limits", 40, 40, "people", "Everybody at Brightline who may grant a customer credit."),
)

_BY_NAME = {figure.name: figure for figure in (*LOGISTICS, *RISK_SCORING)}


def figure(name: str) -> Figure:
    """The row called `name`; KeyError for one that is not in the table."""
    return _BY_NAME[name]


def acceptance(week: int) -> Figure:
    """Acceptance at Harbour in `week` (1 is the first, later weeks than the last stay at its level)."""
    return _BY_NAME[f"acceptance_week_{min(week, 8)}"]


def override_reasons(week: int) -> dict[str, float]:
    """Weights of the reasons for an override at Harbour in `week`."""
    weights = {
        name.removeprefix("reason_"): row.middle
        for name, row in _BY_NAME.items()
        if name.startswith("reason_") and name != "reason_skipped"
    }
    if week == 5:
        weights["data_wrong_or_outdated"] = _BY_NAME["data_wrong_week_5"].middle
    return weights


def credit_reasons() -> dict[str, float]:
    """Weights of the reasons why an analyst decides otherwise than the score proposes."""
    start = "credit_reason_"
    return {name.removeprefix(start): row.middle for name, row in _BY_NAME.items() if name.startswith(start)}


def as_markdown(table: tuple[Figure, ...] = LOGISTICS) -> str:
    """A scene's figures as docs/reference/demonstration.md shows them."""
    lines = ["| figure | range | unit | why this is believable |", "|---|---|---|---|"]
    for row in table:
        reach = f"{row.low:g}" if row.low == row.high else f"{row.low:g} to {row.high:g}"
        lines.append(f"| `{row.name}` | {reach} | {row.unit} | {row.why} |")
    return "\n".join(lines) + "\n"
