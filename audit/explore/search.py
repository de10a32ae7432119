"""The query box of the explorer: `actor:tom -action:changed after:2026-11-01 "wrong turns"`, read into terms and a condition."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from django.apps import apps
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.context import CHANNELS
from audit.explore.lexemes import (
    ACTION,
    ACTOR,
    CHANNEL,
    FIELD,
    KEY,
    KIND,
    REASON,
    RECORD,
    REQUEST,
    ROLE,
    Clause,
    Condition,
    Phrase,
    facet,
    words_of,
)
from audit.models import UNATTRIBUTED, Actor
from audit.models.views import MOST_LETTERS
from audit.subjects import NoSuchSubject, subject_of
from audit.verbs import ROW_VERBS, declared

MOST_TERMS, MOST_ACTORS = 30, 200
SHORTEST_BEGINNING = 3
# (qualifier, what it finds), in the order of the hints.
HINTS: dict[str, str | Promise] = {
    "actor": gettext_lazy("who did it: part of a name, or a pseudonym"),
    "person": gettext_lazy("the same as actor:"),
    "action": gettext_lazy("what was done: part of an action, such as changed"),
    "object": gettext_lazy("one record (portal.unit/3), a kind, a key, or words of its name"),
    "kind": gettext_lazy("a kind of record, such as signature or pilot"),
    "model": gettext_lazy("the same as kind:"),
    "field": gettext_lazy("a field that changed"),
    "reason": gettext_lazy("words or the code of the reason"),
    "after": gettext_lazy("from this date or time on (UTC)"),
    "before": gettext_lazy("before this date or time (UTC)"),
    "on": gettext_lazy("on this day (UTC)"),
    "channel": gettext_lazy("page, api, task, command or demo"),
    "role": gettext_lazy("the database role that wrote it"),
    "pilot": gettext_lazy("a pilot with all that belongs to it, by the short name in its address"),
    "request": gettext_lazy("a request with all that belongs to it: 9 or R-9"),
    "item": gettext_lazy("an item with its answers and moves: 12 or FB-12"),
    "call": gettext_lazy("everything that one call of a page or of the API did, by its id"),
    "seq": gettext_lazy("places in the log: 120 or 100-200"),
}
QUALIFIERS = tuple(HINTS)
_SYNONYMS = ("model", "person")
# These narrow by where an entry stands, and there is nothing that a minus could turn round.
_PLACES = ("after", "before", "on", "seq")
_TERM = re.compile(r'(?P<minus>-?)(?:(?P<qualifier>[A-Za-z]+):)?(?:"(?P<quoted>[^"]*)"?|(?P<word>[^\s"]+))')
_RANGE = re.compile(r"([0-9]{1,18})(?:(-|\.\.)([0-9]{1,18})?)?", re.ASCII)


@dataclass(frozen=True)
class Term:
    """One part of a query; `qualifier` is empty for a free word or quoted words."""

    qualifier: str
    value: str
    negated: bool = False
    quoted: bool = False

    def __str__(self) -> str:
        value = f'"{self.value}"' if self.quoted or re.search(r"\s", self.value) else self.value
        return ("-" if self.negated else "") + (f"{self.qualifier}:{value}" if self.qualifier else value)


@dataclass(frozen=True)
class Query:
    """A parsed query. Terms narrow each other; several actors, actions, objects, kinds ... are alternatives."""

    terms: tuple[Term, ...]

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def without(self, term: Term) -> Query:
        """The query with one term taken away, for its chip."""
        return Query(tuple(other for other in self.terms if other is not term))

    def checked(self) -> Query:
        """Itself; raises ValidationError(query_invalid) for what cannot be meant."""
        assert self.condition is not None
        return self

    @cached_property
    def condition(self) -> Condition:
        """What it asks for; raises ValidationError(query_invalid) for what cannot be meant. Looks the names of actors up."""
        clauses: list[Clause] = []
        for name, meaning in _MEANINGS.items():
            alternatives = [one for term in self.terms if term.qualifier == name and not term.negated for one in meaning(term)]
            if any(term.qualifier == name and not term.negated for term in self.terms):
                clauses.append(Clause(tuple(alternatives) or _NOTHING))
            clauses += [
                Clause(tuple(meaning(term)) or _NOTHING, negated=True) for term in self.terms if term.qualifier == name and term.negated
            ]
        for term in self.terms:
            if term.qualifier in _NARROWING and (found := tuple(_NARROWING[term.qualifier](term))):
                clauses.append(Clause(found, negated=term.negated))
        after, before = _times(self.terms)
        first, last = _places(self.terms)
        if self.terms and not clauses and (after, before, first, last) == (None,) * 4:
            raise _invalid(_("There is no letter and no digit to look for in “%(text)s”.") % {"text": str(self)[:40]})
        return Condition(tuple(clauses), after, before, first, last)


def parse(text: str) -> Query:
    """Read a query; raises ValidationError(query_invalid), whose message says what to write instead."""
    text = text.replace("\x00", "").strip()
    if len(text) > MOST_LETTERS:
        raise _invalid(_("A query has at most %(most)s letters.") % {"most": MOST_LETTERS})
    terms = []
    for found in _TERM.finditer(text):
        qualifier, quoted = (found["qualifier"] or "").lower(), found["quoted"] is not None
        value = (found["quoted"] if quoted else found["word"]).strip()
        if not quoted and value.endswith(":") and value[:-1].lower() in HINTS:
            qualifier, value = value[:-1].lower(), ""
        if qualifier and qualifier not in HINTS:
            raise _invalid(
                _('“%(name)s:” is not known. Write one of %(known)s, or put the words in quotation marks: "%(text)s".')
                % {
                    "name": qualifier[:40],
                    "known": ", ".join(f"{name}:" for name in QUALIFIERS if name not in _SYNONYMS),
                    "text": found[0].replace('"', "")[:60],
                }
            )
        if value:
            terms.append(Term(qualifier, value, bool(found["minus"]), quoted))
        elif qualifier:
            raise _invalid(_("Write something after “%(name)s:”, without a space between.") % {"name": qualifier})
    return _checked(terms)


def query_of(**values: str) -> Query:
    """A query from separate parameters (the API); `q` holds free words and may hold qualifiers."""
    terms = [
        Term(name, value.replace("\x00", "").replace('"', "")[:MOST_LETTERS]) for name, value in values.items() if name in HINTS and value
    ]
    return _checked([*terms, *parse(values.get("q", "")).terms])


def instant(text: str) -> dt.datetime:
    """A date or time as UTC: `2026-11-22`, `2026-11-22T09:41`, with a zone or without. Raises ValidationError(query_invalid)."""
    try:
        moment = parse_datetime(text.strip().replace(" ", "+") if "T" in text else text.strip())
        if moment is None:
            day = parse_date(text.strip())
            moment = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC) if day else None
        if moment is not None:
            return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        pass
    raise _invalid(_("“%(text)s” is not a date. Write 2026-11-22 or 2026-11-22T09:41 (UTC).") % {"text": text[:40]})


def instant_or_none(text: str) -> dt.datetime | None:
    """The same, None where nothing was given."""
    return instant(text) if text else None


def suggestions(query: str) -> list[str]:
    """What the box offers to complete a query with: qualifiers, and the values of those that have few."""
    ahead = f"{query.strip()} " if query.strip() else ""
    kinds = sorted(
        {model._meta.model_name or "" for model in apps.get_models() if hasattr(model._meta, "simple_history_manager_attribute")}
    )
    values = [f"{name}:" for name in QUALIFIERS if name not in _SYNONYMS]
    values += [f"action:{name}" for name in sorted(declared())] + [f"kind:{name}" for name in kinds]
    values += [f"channel:{name}" for name in sorted(CHANNELS) if name]
    return [ahead + value for value in values]


def _checked(terms: list[Term]) -> Query:
    if len(terms) > MOST_TERMS:
        raise _invalid(_("A query has at most %(most)s parts.") % {"most": MOST_TERMS})
    for term in terms:
        if term.negated and term.qualifier in _PLACES:
            raise _invalid(_("“%(name)s:” takes no minus. Write after: or before: instead.") % {"name": term.qualifier})
    return Query(tuple(terms)).checked()


def _times(terms: Iterable[Term]) -> tuple[dt.datetime | None, dt.datetime | None]:
    starts, ends = [], []
    for term in terms:
        if term.qualifier == "after":
            starts.append(instant(term.value))
        elif term.qualifier == "before":
            ends.append(instant(term.value))
        elif term.qualifier == "on":
            starts.append(_day(term.value))
            ends.append(starts[-1] + dt.timedelta(days=1))
    return max(starts, default=None), min(ends, default=None)


def _day(text: str) -> dt.datetime:
    day = instant(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip(), re.ASCII) else None
    if day is None or day.year == dt.MAXYEAR:
        raise _invalid(_("“%(text)s” is not a day. Write on:2026-11-22 (UTC).") % {"text": text[:40]})
    return day


def _places(terms: Iterable[Term]) -> tuple[int | None, int | None]:
    firsts, lasts = [], []
    for term in terms:
        if term.qualifier == "seq":
            found = _RANGE.fullmatch(term.value)
            if not found or (found[3] and int(found[3]) < int(found[1])):
                raise _invalid(_("“%(text)s” is no range of places. Write seq:120, seq:100-200 or seq:100-.") % {"text": term.value[:40]})
            firsts.append(int(found[1]))
            if found[3] or not found[2]:
                lasts.append(int(found[3] or found[1]))
    return max(firsts, default=None), min(lasts, default=None)


def _invalid(message: str) -> ValidationError:
    return ValidationError(message, code="query_invalid")


Alternatives = list[tuple[Phrase, ...]]
# No entry has this facet: what a name stands for that nobody has.
_NOTHING = ((Phrase((facet(ACTOR, "nobody"),)),),)


def _one(kind: str, value: str) -> tuple[Phrase, ...]:
    return (Phrase((facet(kind, value),)),)


def _actor(term: Term) -> Alternatives:
    try:
        return [_one(ACTOR, str(uuid.UUID(term.value.removeprefix("p:"))))]
    except ValueError:
        found = list(Actor.objects.filter(label__icontains=term.value).order_by("id").values_list("id", flat=True)[: MOST_ACTORS + 1])
    if len(found) > MOST_ACTORS:
        raise _invalid(
            _("More than %(most)s actors are called “%(text)s”. Write more of the name.") % {"most": MOST_ACTORS, "text": term.value[:40]}
        )
    if term.value.casefold() in _("unattributed"):
        found.append(UNATTRIBUTED)
    return [_one(ACTOR, str(actor)) for actor in found]


def _action(term: Term) -> Alternatives:
    wanted = term.value.casefold()
    return [_one(ACTION, name) for name in sorted(declared()) if wanted in name] or [_one(ACTION, term.value)]


def _kind(term: Term) -> Alternatives:
    return [_one(KIND, term.value.lower().replace(" ", ""))]


def _object(term: Term) -> Alternatives:
    kind, slash, key = term.value.partition("/")
    whole = [_one(KEY, term.value)]
    if slash and key:
        return [_one(RECORD, f"{kind.lower()}/{key}"), (*_one(KIND, kind.lower()), *_one(KEY, key)), *whole]
    found = [*whole, _one(KIND, kind.lower())]
    words = words_of(term.value)
    if any(word.isalpha() for word in words) and kind.lower() not in _kinds():
        # Each version of a record holds its name.
        found += [(Phrase(tuple(words)), *_one(ACTION, name)) for name in ROW_VERBS]
    return found


def _kinds() -> set[str]:
    return {name for model in apps.get_models() for name in (model._meta.label_lower, model._meta.model_name or "")}


def _subject(term: Term) -> Alternatives:
    """Everything that belongs to a pilot, a request or an item."""
    try:
        subject = subject_of(term.qualifier, term.value)
    except NoSuchSubject as error:
        told = {"kind": term.qualifier, "text": term.value[:40], "key": "R-9" if term.qualifier == "request" else "…"}
        raise _invalid(
            _('There is no %(kind)s “%(text)s”. Write what stands in its address, or object:"…" with words of its name.') % told
        ) from error
    return [_one(RECORD, f"{model}/{key}") for model, key in subject.records]


def _field(term: Term) -> Alternatives:
    name = term.value.strip().replace(" ", "_")
    return [_one(FIELD, name), _one(FIELD, f"{name}_id")]


def _channel(term: Term) -> Alternatives:
    if term.value not in CHANNELS:
        known = ", ".join(sorted(name for name in CHANNELS if name))
        raise _invalid(_("“%(text)s” is no channel. There are %(known)s.") % {"text": term.value[:40], "known": known})
    return [_one(CHANNEL, term.value)]


def _role(term: Term) -> Alternatives:
    return [_one(ROLE, term.value), _one(ROLE, f"lm_{term.value}")]


def _call(term: Term) -> Alternatives:
    return [_one(REQUEST, term.value)]


def _reason(term: Term) -> Alternatives:
    found = tuple(Phrase((facet(REASON, word),)) for word in words_of(term.value))
    if not found:
        raise _invalid(_("There is no letter and no digit to look for in “%(text)s”.") % {"text": str(term)[:40]})
    return [found]


def _words(term: Term) -> Alternatives:
    """Words next to each other: quoted, or one that is written with signs in it, such as an address. `nort*` is a beginning."""
    found = words_of(term.value)
    if not found:
        return []
    begins = term.value.endswith("*") and not term.quoted
    if begins and len(found[-1]) < SHORTEST_BEGINNING:
        raise _invalid(_("Write at least %(least)s letters before the asterisk.") % {"least": SHORTEST_BEGINNING})
    return [(Phrase(tuple(found), begins),)]


_MEANINGS: dict[str, Callable[[Term], Alternatives]] = {
    "actor": _actor,
    "person": _actor,
    "action": _action,
    "object": _object,
    "kind": _kind,
    "model": _kind,
    "field": _field,
    "channel": _channel,
    "role": _role,
    "pilot": _subject,
    "request": _subject,
    "item": _subject,
    "call": _call,
}
_NARROWING: dict[str, Callable[[Term], Alternatives]] = {"reason": _reason, "": _words}
