"""Why a table has no versions of its own, and why a field of a governed record is never recorded.

A table or field in no list is a finding of the coverage report (audit/review/coverage.py), and fails a test.
"""

from __future__ import annotations

VERSIONS = "Versions of a governed record: written by triggers alone, guarded against change, compared with their entries."
_TRAIL = "The audit trail itself: written by its own functions and the sealer alone, guarded, recomputed by verification."
_OUTSIDE = "What outsiders say about the log: can be added, never changed, and speaks for itself by its signature."
_EVENTS = "Arrives as events that can be added and never changed; each names its sender, and the receipt of each batch is kept."
_ANONYMOUS = "A version or an entry would tell who, or when: what is filed without a name stays without one."
_FRAMEWORK = "Of the framework, and unused: roles and permissions here are roles of people, which are governed."
_DERIVED = "Worked out from governed records and entries; it can be thrown away and made again."

REASONS: dict[str, str] = {
    "account_emailaddress": _FRAMEWORK,
    "account_emailconfirmation": _FRAMEWORK,
    "audit_actor": "Names behind pseudonyms, apart so that a name can be unlinked; versions of it would keep the name.",
    "audit_batch": _TRAIL,
    "audit_checkpoint": _TRAIL,
    "audit_confirmation": _OUTSIDE,
    "audit_contact": "When a witness or an authority was last asked, and with what success: state of a machine, no decision.",
    "audit_cosignature": _OUTSIDE,
    "audit_entry": _TRAIL,
    "audit_erasing_now": "Holds a row only inside the transaction of an erasure, which leaves an entry and a certificate.",
    "audit_keepingrule": "Compiled from the program at each migration; what an erasure did stands in its entry.",
    "audit_leaf": _TRAIL,
    "audit_logkey": _TRAIL,
    "audit_pack": "Progress of an export. That it was asked for and fetched are entries.",
    "audit_payload": _TRAIL,
    "audit_restored": "When a backup was put back, and when it was verified: written by the restore, which leaves an entry.",
    "audit_stamp": _OUTSIDE,
    "audit_text": _DERIVED,
    "audit_text_span": _DERIVED,
    "audit_tile": _TRAIL,
    "auth_group": _FRAMEWORK,
    "auth_group_permissions": _FRAMEWORK,
    "auth_permission": _FRAMEWORK,
    "django_content_type": _FRAMEWORK,
    "django_migrations": "Which migrations ran. Triggers and functions are compared with them by audit_check.",
    "django_session": "Who is signed in now. Signing in and out are entries.",
    "feedback_admissionnight": _ANONYMOUS,
    "feedback_event": _EVENTS,
    "feedback_eventbatch": _EVENTS,
    "feedback_flag": _EVENTS,
    "feedback_intake": _ANONYMOUS,
    "feedback_intakereply": _ANONYMOUS,
    "feedback_itemauthor": "Who filed something confidentially: a version or an entry would say it aloud. Each look at it is an entry.",
    "feedback_outcome": _EVENTS,
    "feedback_receipt": _ANONYMOUS,
    "feedback_recommendation": _EVENTS,
    "governance_gateclient": "When a program last asked the gate, and which version it saw: written at every question.",
    "governance_heldmember": "Who had the AI at the moment of a hold: follows from the grant and the hold, which are governed.",
    "portal_cache": "Counters of tries, for some minutes. A refused sign-in is an entry.",
    "portal_idempotencykey": "Answers kept for a day, so that a repeated request has one effect; the effect is governed.",
    "portal_notice": "The outbox of notices. What they tell of is governed; a row says when it was delivered.",
}

EXCLUDED: dict[str, str] = {
    "audit.subscription.next_at": "When the next mail is due: changes by itself.",
    "audit.subscription.told_to": "How far somebody was told: changes by itself.",
    "feedback.item.moved_at": "Repeats the time of the last reply or status, which are governed.",
    "feedback.item.carried_count": "Counts the nameless authors of merged items; each merge is governed and holds the number.",
    "feedback.item.voice_count": "Counts voices, which are governed.",
    "feedback.kiosk.digest": "The hash of a secret that the device keeps.",
    "feedback.kiosk.enrolment": "The hash of a secret that is used once.",
    "feedback.kiosk.seen_on": "When a device was used last: state of a machine, no decision.",
    "portal.apikey.digest": "A secret's digest: recorded, it could be tried against.",
    "portal.apikey.last_used_at": "Changes with every call.",
    "portal.person.last_login": "Signing in is an entry.",
    "portal.person.password": "A secret's hash: recorded, it could be tried against. That it changed is an entry.",
    "portal.person.password_chosen_by_holder": "Goes with the password. That it changed is an entry.",
}
