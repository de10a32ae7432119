"""Sealed entries for a security monitor: as OCSF 1.3 events (JSON lines) and as RFC 5424 syslog messages. Pure.

Nothing here holds values, reasons or addresses: who acts is a pseudonym with the label that stands behind it now.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from typing import Any

OCSF_VERSION = "1.3.0"
PRODUCT = {"name": "Lastmile", "vendor_name": "Lastmile", "feature": {"name": "Audit trail"}}
#: Class -> category.
ENTITY_MANAGEMENT, AUTHENTICATION, API_ACTIVITY = 3004, 3002, 6003
CATEGORIES = {ENTITY_MANAGEMENT: 3, AUTHENTICATION: 3, API_ACTIVITY: 6}
CREATE, READ, UPDATE, DELETE, OTHER = 1, 2, 3, 4, 99
LOGON, LOGOFF = 1, 2
INFORMATIONAL, LOW, MEDIUM = 1, 2, 3
SUCCESS, FAILURE = 1, 2

_ROWS = {"created": CREATE, "changed": UPDATE, "deleted": DELETE}
_SIGN_INS = {
    "portal.signed-in": (LOGON, SUCCESS),
    "portal.sign-in-failed": (LOGON, FAILURE),
    "portal.signed-out": (LOGOFF, SUCCESS),
    "portal.step-up": (OTHER, SUCCESS),
    "portal.step-up-failed": (OTHER, FAILURE),
}
_READS = re.compile(r"\.(?:[a-z-]*-)?(?:read|searched|taken|looked-at|checked)$")
_FAILED = re.compile(r"\.(?:refused|[a-z-]*-refused|[a-z-]*-failed|[a-z-]*-differs)$")
_WORDS = {CREATE: "Create", READ: "Read", UPDATE: "Update", DELETE: "Delete", OTHER: "Other"}
_UNATTRIBUTED = "00000000-0000-0000-0000-000000000000"

# RFC 5424: facility 13 is "log audit".
FACILITY, VERSION = 13, 1
_SEVERITIES = {INFORMATIONAL: 6, LOW: 5, MEDIUM: 4}
#: 32473 is the enterprise number that RFC 5612 keeps for examples: none was assigned to this project.
SD_ID = "lastmile@32473"
BOM = "\ufeff"


@dataclass(frozen=True)
class Sealed:
    """One sealed entry, with the label behind its pseudonyms."""

    seq: int
    id: int
    at: dt.datetime
    actor: str
    label: str
    kind: str
    on_behalf: str
    action: str
    words: str
    model: str
    object: str
    ver: int | None
    channel: str
    request_id: str
    fields: tuple[str, ...]
    leaf_hash: str

    @property
    def severity(self) -> int:
        """What was refused or failed is low, a write without an actor medium; everything else informs."""
        if self.actor == _UNATTRIBUTED:
            return MEDIUM
        return LOW if _FAILED.search(self.action) else INFORMATIONAL


def ocsf(entry: Sealed, *, origin: str) -> dict[str, Any]:
    """The entry as an OCSF event. `origin` names the log; with `metadata.sequence` it finds the entry again."""
    if entry.ver is not None:
        class_uid, activity, body = ENTITY_MANAGEMENT, _ROWS.get(entry.action, OTHER), _entity(entry)
        name = _WORDS[activity]
    elif entry.action in _SIGN_INS:
        class_uid, (activity, status) = AUTHENTICATION, _SIGN_INS[entry.action]
        body = {"user": _user(entry), "service": {"name": PRODUCT["name"]}, "status_id": status}
        name = {LOGON: "Logon", LOGOFF: "Logoff"}.get(activity, "Other")
    else:
        class_uid, activity, body = API_ACTIVITY, READ if _READS.search(entry.action) else OTHER, _api(entry)
        name = _WORDS[activity]
    return {
        "activity_id": activity,
        "activity_name": name,
        "category_uid": CATEGORIES[class_uid],
        "class_uid": class_uid,
        "type_uid": class_uid * 100 + activity,
        "severity_id": entry.severity,
        "time": round(entry.at.timestamp() * 1000),
        "message": entry.words,
        "metadata": {
            "version": OCSF_VERSION,
            "product": PRODUCT,
            "log_name": origin,
            "sequence": entry.seq,
            "uid": str(entry.id),
            "event_code": entry.action,
            **({"correlation_uid": entry.request_id} if entry.request_id else {}),
        },
        **({"actor": {"user": _user(entry)}} if class_uid != AUTHENTICATION else {}),
        **body,
        "unmapped": {"leaf_hash": entry.leaf_hash, **({"on_behalf_of": entry.on_behalf} if entry.on_behalf else {})},
    }


def _user(entry: Sealed) -> dict[str, Any]:
    # User.type_id: 1 user, 3 system, 99 other. A label is missing once the person was erased.
    kinds = {"person": 1, "system": 3}
    return {"uid": entry.actor, "type_id": kinds.get(entry.kind, 99), **({"name": entry.label} if entry.label else {})}


def _entity(entry: Sealed) -> dict[str, Any]:
    # type_id 99: of a kind that the schema does not list; `type` says which.
    entity: dict[str, Any] = {"uid": entry.object, "type_id": OTHER, "type": entry.model, "version": str(entry.ver)}
    if entry.fields:
        entity["data"] = {"fields": list(entry.fields)}
    return {"entity": entity, "status_id": SUCCESS}


def _api(entry: Sealed) -> dict[str, Any]:
    about = [{"uid": entry.object, "type": entry.model}] if entry.model else []
    return {
        "api": {
            "operation": entry.action,
            "service": {"name": PRODUCT["name"]},
            **({"request": {"uid": entry.request_id}} if entry.request_id else {}),
        },
        # Addresses of callers are not recorded; what is known is through what they came.
        "src_endpoint": {"name": entry.channel or "unknown"},
        **({"resources": about} if about else {}),
        "status_id": FAILURE if _FAILED.search(entry.action) else SUCCESS,
    }


def ocsf_line(entry: Sealed, *, origin: str) -> bytes:
    """One line of NDJSON."""
    return json.dumps(ocsf(entry, origin=origin), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def syslog(entry: Sealed, *, host: str) -> bytes:
    """The entry as one RFC 5424 message, without a line end: header in ASCII, text in UTF-8 after a byte order mark."""
    pri = FACILITY * 8 + _SEVERITIES[entry.severity]
    at = entry.at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    header = f"<{pri}>{VERSION} {at} {_printable(host, 255)} lastmile - {_printable(entry.action, 32)}"
    values = {
        "seq": str(entry.seq),
        "id": str(entry.id),
        "actor": entry.actor,
        "label": entry.label,
        "onBehalf": entry.on_behalf,
        "action": entry.action,
        "model": entry.model,
        "object": entry.object,
        "ver": "" if entry.ver is None else str(entry.ver),
        "fields": " ".join(entry.fields),
        "channel": entry.channel,
        "req": entry.request_id,
        "leaf": entry.leaf_hash,
    }
    data = "".join(f' {name}="{_escaped(value)}"' for name, value in values.items() if value)
    text = " ".join(filter(None, (entry.label or entry.actor, entry.words, entry.model, entry.object)))
    return f"{header} [{SD_ID}{data}] {BOM}{_one_line(text)}".encode()


def syslog_line(entry: Sealed, *, host: str) -> bytes:
    """One message a line (RFC 6587, non-transparent framing): no line end can stand inside it."""
    return syslog(entry, host=host) + b"\n"


def framed(message: bytes) -> bytes:
    """For TCP: the length in front (RFC 6587, octet counting), as every receiver understands."""
    return f"{len(message)} ".encode() + message


def _printable(text: str, most: int) -> str:
    """A header field: printable ASCII without blanks, `-` for nothing."""
    return re.sub(r"[^\x21-\x7e]", "_", text)[:most] or "-"


def _escaped(value: str) -> str:
    r"""A parameter's value: `"`, `\` and `]` with a backslash in front (RFC 5424, 6.3.3)."""
    return re.sub(r'(["\\\]])', r"\\\1", _one_line(value))


def _one_line(text: str) -> str:
    """Without what would end the line or the message."""
    return re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", text)
