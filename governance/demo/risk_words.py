"""What is said in the risk scoring scene: by the score, by analysts, and by those who answer and decide."""

from __future__ import annotations

from governance.demo.words import Action, Said

CUSTOMERS = (
    "Redgate Pallets",
    "Alder & Finch Joinery",
    "Coastline Seafoods",
    "Bramley Garden Supplies",
    "Hartwell Print",
    "Osprey Cycles",
    "Penfold Kitchens",
    "Northgate Tiles",
    "Larkfield Dairy",
    "Vale Timber",
    "Stanmore Catering",
    "Quill & Co Stationers",
    "Thornbury Plastics",
    "Westbrook Furniture",
    "Ember Stoves",
    "Kingsway Flooring",
    "Mossbank Nurseries",
    "Sable Upholstery",
    "Tarn Water Coolers",
    "Ivy Lane Bakery",
)
FACTS = (
    "Two years of accounts filed on time",
    "No court judgment in six years",
    "Three suppliers paid within terms",
    "Turnover up by a fifth",
    "Accounts filed late",
    "One court judgment, satisfied",
    "New company: sector and postcode weigh most",
    "A large customer of theirs is in administration",
)
PROPOSAL = "{customer}: limit {limit:,} GBP, {days} days. Score {score} of 100."
WHY = "On {pct} % of {n} similar accounts invoices were paid within the terms. {fact}."
INSTEAD = "{customer}: limit {less:,} GBP, {fewer} days."

REASON_WORDS = {
    "data_wrong_or_outdated": (
        "These are the accounts of the year before.",
        "The judgment was set aside in spring.",
        "Wrong company: same name, other number.",
    ),
    "local_knowledge": (
        "I spoke with their owner. The big contract is signed.",
        "They have paid us on the day for six years.",
        "Their yard is empty. I would not.",
    ),
    "policy_or_customer_constraint": ("The handbook caps new customers at 5,000.", "Group limit reached with the sister company."),
    "not_applicable_here": ("Prepays. No limit needed.",),
    "already_handled": ("Agreed with sales this morning.",),
    "benefit_outweighs": ("Small amount, good volume. Worth a try at 14 days.",),
    "will_monitor": ("First three invoices at 7 days, then we see.",),
    "other": ("Not today.",),
}

# Two recommendations that analysts speak of by name.
REDGATE = (
    "cr-411-redgate",
    "Redgate Pallets: limit 12,000 GBP, 30 days. Score 61 of 100.",
    "On 68 % of 240 similar accounts invoices were paid within the terms. One court judgment, satisfied.",
)
MARSH = (
    "cr-414-marsh",
    "D. Marsh Haulage, sole trader: no limit, prepayment. Score 34 of 100.",
    "On 61 % of 90 similar accounts invoices were paid within the terms. New company: sector and postcode weigh most.",
)

SAID = (
    Said(
        "CR-411",
        "wrong_answer",
        (
            "On Tuesday the score of Redgate Pallets was 61, and I set the limit by it. Today the supplier's console shows 74 for the same Tuesday. "
            "Nobody here changed it, and the console shows no change."
        ),
        severity="high",
        about=REDGATE[0],
        voices=("CR-415", "CR-420"),
        answered_by="CR-401",
        status="done",
        moved="Looked into, and passed on to compliance with our own record of that Tuesday.",
        answer=(
            "You are right. Our record, made when it was shown to you, says 61, and it verifies. The supplier recalculated earlier scores with 2.3 and "
            "kept no trace of the old ones. Your limit stands as you set it."
        ),
    ),
    Said(
        "CR-412",
        "concern",
        (
            "When a score is low we are asked to run the customer again with other papers, until it passes. The console keeps the last run only. An "
            "auditor would see clean decisions that were not made that way."
        ),
        identity="confidential",
        answered_by="CR-405",
        status="done",
        moved="Stopped, and part of why the pilot does not go on.",
        answer=(
            "Thank you for writing. It was so: our own record shows up to three runs for one customer on one day, the console shows one. Running again to "
            "get another answer has stopped today, and the lead has told the desk so. Nobody looked up who wrote this."
        ),
    ),
    Said(
        "CR-414",
        "problem",
        (
            "Sole traders without filed accounts never get above 40. The reason says sector and postcode. I know three of them: they have paid on the day "
            "for years."
        ),
        about=MARSH[0],
        voices=("CR-417", "CR-418"),
        answered_by="CR-401",
        status="done",
        moved="Sole traders are decided by the handbook again, with our own payment record first.",
        answer=(
            "I checked forty of them: 36 had paid us within terms all year, and still none got above 40. The supplier cannot say how postcode got its weight. "
            "Sole traders go by the handbook again, from today."
        ),
    ),
    Said(
        "CR-415",
        "praise",
        "It reads a set of accounts in seconds. The hour of typing every morning is the one thing I will miss.",
        voices=("CR-418",),
        answered_by="CR-401",
        status="done",
        moved="Noted, as what the next attempt must keep.",
        answer="So it stands in the lessons: reading accounts was good and needs no score. We look for that part alone.",
    ),
)

PURPOSE = (
    "Proposes a limit and terms for a new customer or a yearly review. The analyst decides and may leave the proposal without asking. It must not "
    "refuse anybody by itself, and nobody's decisions are compared with the score."
)
FALL_BACK = (
    "The credit handbook and the agency's report, as before: about three working days for a decision instead of two. Tried for a week while "
    "the supplier's console was down."
)
BASELINE = (
    "{days} working days from application to decision (mean of 13 weeks, {cases} applications); {write_off} % of credit sales written off in the last "
    "two years."
)
PROMISE_SOURCE = "Offer of Meridian Scorecards Ltd, summary, presented by the finance director"
ACTIONS = (
    Action("training", "Half a day: what the score reads, and what it does not", "overseer", "Attendance list: all seven of the desk."),
    Action("consultation", "Employees' representatives heard: no comparison of analysts", "lead", "Minutes, signed by both sides."),
)
MEASURED = "Working days from application to decision, all applications of the desk, against the 13 weeks before."

ASK_START = "Start with Noor, who volunteered: one analyst, four weeks, the handbook beside it."
ASK_DESK = "Give it to the seven analysts of the trade accounts desk: with Noor it saves a day a decision, and she overrides it when she knows better."
ASK_FUEL = "Widen to the five analysts of the fuel card desk: decisions take a day less, and six of ten proposals are used as they stand."
CONDITIONS_DESK = (
    "Before any further desk the supplier delivers a log of every score that we can check without the supplier.",
    "No application is refused on the score alone.",
)
SIGNED_COMPLIANCE_START = "One analyst, and she decides. I have asked for the supplier's log, and wait for it before anything wider."
SIGNED_EXECUTIVE_START = "A start this small teaches us something at no risk to a customer."
SIGNED_COMPLIANCE_DESK = (
    "For this desk only. The supplier has promised a log that we can check; it is a condition of the next step, and I will hold to it."
)
SIGNED_EXECUTIVE_DESK = "A day saved for every customer who waits is worth a trial. I want the condition met, not explained."
REFUSED_FUEL = (
    "I cannot sign for what nobody can check. Two exports of the supplier's log for the same month differ in {differing} of {rows} rows, "
    "and nobody can say which is right; earlier scores changed without a trace. The scores may be good. But for a system that decides about people's "
    "livelihood I have to show who saw which score, when, and the supplier's trail cannot be verified."
)
CAUSE = (
    "Compliance refused to widen it: the supplier's audit trail cannot be verified. Scores of past days changed without a trace, reruns were overwritten, "
    "and {waited} days after we asked there was still no log that anybody but the supplier could check. It was not the model: decisions took "
    "{measured} % less time. A score that cannot be accounted for is no use to a bank, an auditor or a customer who asks why."
)
LESSONS = (
    "1. Put a trail that verifies without its owner into the contract, before the first day. 2. Keep what was shown on our own side: it was our record "
    "that showed that theirs had changed. 3. Running a score again until it passes is a decision: count the runs. 4. Sole traders need another way in than "
    "sector and postcode. 5. Reading accounts saved the hour; that part needs no score."
)
TOLD = (
    "All who objected were told by Farah and Anneke before this was published, each as an answer to what they had written: the changed score was real, "
    "the reruns have stopped, sole traders go by the handbook again. Whoever wrote confidentially was answered the same way, and was not looked up."
)
