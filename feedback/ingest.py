"""Read events as they arrive: CloudEvents 1.0 in, checked facts out. No database here.

What is wrong with one event is said about that event (`Wrong`), with a JSON pointer; what is wrong with the whole call
raises `Unreadable`.
"""

from __future__ import annotations

import datetime as dt
import re
import zlib
from dataclasses import dataclass
from typing import Any

import msgspec

from portal import strict_json

MAX_EVENTS = 1000
MAX_BYTES = 5 * 1024 * 1024
MAX_EVENT_BYTES = 64 * 1024
FUTURE = dt.timedelta(minutes=5)

SHOWN = "ai.lastmile.recommendation.shown.v1"
OUTCOME = "ai.lastmile.recommendation.outcome.v1"
FLAGGED = "ai.lastmile.recommendation.flagged.v1"

BATCH_TYPES = frozenset({"application/cloudevents-batch+json"})
SINGLE_TYPES = frozenset({"application/cloudevents+json"})
LINE_TYPES = frozenset({"application/x-ndjson"})
PLAIN_JSON = "application/json"

OUTCOMES = ("accepted", "adjusted", "overridden", "dismissed")
FLAGS = ("wrong", "unsafe", "unfair", "late", "interface", "other")


class Unreadable(Exception):
    """The call as a whole cannot be read: an HTTP status, a code, and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Wrong(Exception):
    """One event cannot be taken: a code and the JSON pointer of the place."""

    def __init__(self, code: str, pointer: str, message: str) -> None:
        super().__init__(message)
        self.code, self.pointer, self.message = code, pointer, message


class Envelope(msgspec.Struct):
    specversion: str
    id: str
    source: str
    type: str
    data: msgspec.Raw
    subject: str = ""
    time: str = ""


class Shown(msgspec.Struct):
    person: str
    kind: str
    recommendation: str = ""
    version: str = ""
    unit: str = ""
    subject_ref: str = ""
    severity: str = ""
    interruptive: bool | None = None
    proposal: Any = None
    confidence: float | None = None
    explanation: dict[str, Any] | str | None = None
    alternatives: list[Any] = []
    expires_at: str = ""
    latency_ms: int | None = None
    trace_id: str = ""
    grant: str = ""


class Decided(msgspec.Struct):
    person: str
    recommendation: str = ""
    outcome: str = ""
    reason: str = ""
    reason_skipped: bool = False
    text: str = ""
    before: Any = None
    after: Any = None
    explanation_opened: bool | None = None
    supersedes: str = ""
    undo: bool = False


class Flagged(msgspec.Struct):
    person: str
    kind: str
    recommendation: str = ""
    text: str = ""


Data = Shown | Decided | Flagged
DATA: dict[str, type[Shown | Decided | Flagged]] = {SHOWN: Shown, OUTCOME: Decided, FLAGGED: Flagged}
LONGEST = {
    "person": 120,
    "kind": 60,
    "version": 60,
    "subject_ref": 200,
    "severity": 20,
    "trace_id": 64,
    "grant": 120,
    "text": 2000,
    "supersedes": 200,
}


@dataclass(frozen=True)
class Fact:
    """One event, checked. `canonical` is its whole body with keys sorted; `kept` what is stored of it (no dwell time)."""

    index: int
    id: str
    source: str
    type: str
    recommendation: str
    at: dt.datetime
    data: Data
    canonical: bytes
    kept: dict[str, Any]


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def inflate(body: bytes, encoding: str) -> bytes:
    """The body, unpacked if it was sent with gzip; never more than MAX_BYTES. Raises Unreadable."""
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        if len(body) > MAX_BYTES:
            raise Unreadable(413, "too_large", f"A call carries at most {MAX_BYTES} bytes.")
        return body
    if encoding != "gzip":
        raise Unreadable(415, "encoding_unknown", "Send it as it is, or with Content-Encoding: gzip.")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(body, MAX_BYTES + 1)
    except zlib.error as error:
        raise Unreadable(400, "gzip_broken", "The body is not valid gzip.") from error
    if len(unpacked) > MAX_BYTES:
        raise Unreadable(413, "too_large", f"A call carries at most {MAX_BYTES} bytes when unpacked.")
    if not unpacker.eof:
        raise Unreadable(400, "gzip_broken", "The gzip body ends too early.")
    return unpacked


def split(body: bytes, content_type: str) -> list[bytes]:
    """The single events of a call, still undecoded. Raises Unreadable."""
    kind = media_type(content_type)
    if kind in LINE_TYPES:
        events = [line for line in body.split(b"\n") if line.strip()]
    elif kind in BATCH_TYPES or (kind == PLAIN_JSON and body.lstrip()[:1] == b"["):
        try:
            events = [bytes(raw) for raw in msgspec.json.decode(body, type=list[msgspec.Raw])]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Unreadable(400, "not_json", f"The body is not a JSON array: {error}") from error
    elif kind in SINGLE_TYPES or kind == PLAIN_JSON:
        try:
            events = [bytes(msgspec.json.decode(body, type=msgspec.Raw))]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Unreadable(400, "not_json", f"The body is not JSON: {error}") from error
    else:
        taken = ", ".join(sorted(BATCH_TYPES | SINGLE_TYPES | LINE_TYPES))
        raise Unreadable(415, "content_type_unknown", f"Send one of: {taken}.")
    if not events:
        raise Unreadable(422, "empty", "There is no event in this call.")
    if len(events) > MAX_EVENTS:
        raise Unreadable(413, "too_many", f"A call carries at most {MAX_EVENTS} events.")
    return events


def read(index: int, raw: bytes, *, now: dt.datetime, kept_for: dt.timedelta) -> Fact:
    """One event, checked as far as that goes without the database. Raises Wrong."""
    if len(raw) > MAX_EVENT_BYTES:
        raise Wrong("too_large", "", f"An event has at most {MAX_EVENT_BYTES} bytes.")
    try:
        envelope = msgspec.json.decode(raw, type=Envelope)
        whole: dict[str, Any] = msgspec.json.decode(raw)
    except msgspec.ValidationError as error:
        raise _wrong(error, "") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Wrong("not_json", "", f"This is not JSON: {error}") from error
    if b"\\u0000" in raw:
        raise Wrong("invalid", "", "Text may not hold the character U+0000.")
    if strict_json.deeper_than(strict_json.MAX_DEPTH, raw, whole):
        raise Wrong("too_deep", "", f"An event nests arrays and objects at most {strict_json.MAX_DEPTH} deep.")
    _check_envelope(envelope)
    try:
        data: Data = msgspec.json.decode(envelope.data, type=DATA[envelope.type])
    except msgspec.ValidationError as error:
        raise _wrong(error, "/data") from error
    recommendation = data.recommendation or envelope.subject
    if not recommendation or len(recommendation) > 200:
        raise Wrong("required", "/data/recommendation", "Name the recommendation, in 1 to 200 characters.")
    if envelope.subject and envelope.subject != recommendation:
        raise Wrong("subject_differs", "/subject", "`subject` and `data.recommendation` name different recommendations.")
    _check_data(data)
    return Fact(
        index=index,
        id=envelope.id,
        source=envelope.source,
        type=envelope.type,
        recommendation=recommendation,
        at=_when(envelope.time, now=now, kept_for=kept_for),
        data=data,
        canonical=msgspec.json.encode(whole, order="deterministic"),
        kept={**whole, "data": {name: value for name, value in whole["data"].items() if name != "decide_ms"}},
    )


def name_in(raw: bytes) -> str:
    """The event's id for an answer about an event that could not be read; empty when there is none to find."""
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    name = found.get("id") if isinstance(found, dict) else None
    return name[:200] if isinstance(name, str) else ""


def moment(text: str) -> dt.datetime | None:
    """An RFC 3339 time with an offset, in UTC; None for anything else."""
    try:
        at = msgspec.convert(text, dt.datetime)
        return None if at.tzinfo is None else at.astimezone(dt.UTC)
    except (msgspec.ValidationError, OverflowError, ValueError):
        return None


def _check_envelope(envelope: Envelope) -> None:
    if envelope.specversion != "1.0":
        raise Wrong("specversion_unknown", "/specversion", "CloudEvents 1.0 is understood.")
    for name, longest in (("id", 200), ("source", 300)):
        if not 1 <= len(getattr(envelope, name)) <= longest:
            raise Wrong("length", f"/{name}", f"1 to {longest} characters.")
    if envelope.type not in DATA:
        raise Wrong("type_unknown", "/type", f"Known types: {', '.join(DATA)}.")


def _check_data(data: Data) -> None:
    for name, longest in LONGEST.items():
        if len(getattr(data, name, "")) > longest:
            raise Wrong("too_long", f"/data/{name}", f"At most {longest} characters.")
    for name in ("person", "kind"):
        if not getattr(data, name, "x").strip():
            raise Wrong("required", f"/data/{name}", "This is required.")
    if isinstance(data, Shown):
        _check_shown(data)
    elif isinstance(data, Decided):
        _check_decided(data)
    elif data.kind not in FLAGS:
        raise Wrong("kind_unknown", "/data/kind", f"Known: {', '.join(FLAGS)}.")


def _check_shown(data: Shown) -> None:
    if data.confidence is not None and not 0 <= data.confidence <= 1:
        raise Wrong("confidence_range", "/data/confidence", "Confidence is a number from 0 to 1.")
    if data.latency_ms is not None and not 0 <= data.latency_ms <= 2_147_483_647:
        raise Wrong("latency_range", "/data/latency_ms", "Milliseconds, 0 or more.")
    if data.expires_at and moment(data.expires_at) is None:
        raise Wrong("time_invalid", "/data/expires_at", "An RFC 3339 time with an offset, such as 2026-11-22T09:41:07Z.")


def _check_decided(data: Decided) -> None:
    if data.undo:
        return
    if data.outcome not in OUTCOMES:
        raise Wrong("outcome_unknown", "/data/outcome", f"Known: {', '.join(OUTCOMES)}.")
    if data.outcome == "adjusted" and data.after is None:
        raise Wrong("required", "/data/after", "An adjustment says what it was changed to (`before` and `after`).")


def reason_code(text: str) -> str:
    """A reason as its code: `Local knowledge` and `local-knowledge` are `local_knowledge`."""
    return re.sub(r"[\s-]+", "_", text.strip().lower())


def _when(text: str, *, now: dt.datetime, kept_for: dt.timedelta) -> dt.datetime:
    if not text:
        return now
    at = moment(text)
    if at is None:
        raise Wrong("time_invalid", "/time", "An RFC 3339 time with an offset, such as 2026-11-22T09:41:07Z.")
    if at > now + FUTURE:
        raise Wrong("time_in_future", "/time", "This lies more than 5 minutes in the future.")
    if at < now - kept_for:
        raise Wrong("time_too_old", "/time", "This is older than events are kept.")
    return at


def _wrong(error: msgspec.ValidationError, base: str) -> Wrong:
    """msgspec says ``... - at `$.confidence` `` and ``missing required field `person` ``: as a JSON pointer."""
    text = str(error)
    path = re.search(r" - at `\$([^`]*)`", text)
    pointer = base + re.sub(r"\[(\d+|\.\.\.)\]", r"/\1", path[1]).replace(".", "/") if path else base
    missing = re.search(r"missing required field `([^`]+)`", text)
    if missing:
        return Wrong("required", f"{pointer}/{missing[1]}", f"`{missing[1]}` is required.")
    return Wrong("invalid", pointer, text)
