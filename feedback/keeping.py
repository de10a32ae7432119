"""What the suggestion box and the AI logs lose when a person is erased, and when AI logs expire (audit/keeping/rules.py)."""

from __future__ import annotations

from audit.keeping.rules import delete, expire, keep, scrub, texts

_OWN_EVENTS = """(id in (select event_id from feedback_outcome where person_id = $1 union select event_id from feedback_recommendation where person_id = $1
    union select event_id from feedback_flag where person_id = $1)) and body is not null"""
_OWN_ITEMS = "(author_id = $1 or id in (select item_id from feedback_itemauthor where person_id = $1))"
_ITEMS_OF = f"item_id in (select id from feedback_item where {_OWN_ITEMS})"
_GONE = "[erased]"

RULES = [
    texts("feedback.item", f"select text from feedback_item where {_OWN_ITEMS} and text <> '{_GONE}'"),
    texts(
        "feedback.reply", f"select text from feedback_reply where side = 'author' and (writer_id = $1 or {_ITEMS_OF}) and text <> '{_GONE}'"
    ),
    texts("feedback.outcome", "select text from feedback_outcome where person_id = $1"),
    # Replies before items, items before their confidential authors: each is found by the next.
    scrub(
        "feedback.reply",
        f"side = 'author' and (writer_id = $1 or (writer_id is null and {_ITEMS_OF}))",
        f"text = '{_GONE}'",
        "Replies they wrote about their own items",
    ),
    scrub("feedback.item", _OWN_ITEMS, f"text = '{_GONE}', about = null", "Items they filed, with their name or in confidence"),
    delete("feedback.itemauthor", "person_id = $1", "Who filed confidential items"),
    scrub("feedback.event", _OWN_EVENTS, "body = null, salt = null", "Events as their AI tools sent them"),
    scrub(
        "feedback.outcome",
        "person_id = $1 and (text <> '' or before is not null or after is not null)",
        "text = '', before = null, after = null",
        "Their own words about recommendations",
    ),
    keep(
        "feedback.recommendation",
        "person_id = $1",
        "AI logs: what an AI showed them, under the pseudonym, until the retention of AI logs ends",
    ),
    keep("feedback.reply", "side = 'answer' and writer_id = $1", "Answers they gave for an AI system: words of the office"),
    keep("feedback.statuschange", "by_id = $1", "Decisions about items they gave for an AI system: words of the office"),
    texts("feedback.verdict", "select words from feedback_verdict where person_id = $1"),
    scrub("feedback.verdict", "person_id = $1 and words <> ''", f"words = '{_GONE}'", "What they said about whether something was fixed"),
    keep("feedback.verdict", "person_id = $1", "Whether something was fixed for them, under the pseudonym"),
    keep("feedback.follow", "person_id = $1", "What they follow or muted, under the pseudonym"),
    keep("feedback.mention", "person_id = $1", "That they were called by name in a reply, under the pseudonym"),
    keep("feedback.merge", "by_id = $1 or undone_by_id = $1", "Items they made one: words of the office"),
    keep("feedback.kiosk", "made_by_id = $1", "Kiosks they set up, under the pseudonym"),
    keep("feedback.item", "proxy_id = $1", "Items they filed for a colleague, under the pseudonym"),
    keep("feedback.voice", "person_id = $1", "Voices, under the pseudonym: only that somebody agreed"),
    expire("feedback.event", "ai-log", "received_at", "body is not null", "body = null, salt = null"),
    expire(
        "feedback.recommendation",
        "ai-log",
        "received_at",
        "proposal <> '{}' or explanation is not null or alternatives <> '[]' or subject_ref <> '' or trace_id <> ''",
        "proposal = '{}', explanation = null, alternatives = '[]', subject_ref = '', trace_id = ''",
        owner="person_id",
    ),
    expire(
        "feedback.outcome",
        "ai-log",
        "received_at",
        "text <> '' or before is not null or after is not null",
        "text = '', before = null, after = null",
        owner="person_id",
    ),
]
