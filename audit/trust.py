"""How far the log can be trusted, in figures: how long entries stay unsealed, who could still cheat, what stands outside."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from audit import selectors
from audit.log import verifying
from audit.log.bodies import count_of, detail_of
from audit.log.notes import FormatError
from audit.log.signing import key_path
from audit.models.actors import Actor
from audit.models.entries import Entry
from audit.models.log import LogKey
from audit.models.witnesses import Confirmation, Contact, Cosignature, Stamp
from audit.outside import anchors

DAYS = 30
_WINDOW = """
    select count(*), coalesce(max(extract(epoch from sealed_at - oldest)), 0), count(*) filter (where sealed_at - oldest > interval '1 minute')
      from audit_batch where sealed_at > %s and oldest is not null
"""
_POWERS = """
    select r.rolsuper, pg_has_role(current_user, c.relowner, 'MEMBER'), has_table_privilege('audit_leaf', 'INSERT')
      from pg_class c, pg_roles r where c.oid = 'audit_entry'::regclass and r.rolname = current_user
"""


@dataclass(frozen=True)
class Window:
    """For how many seconds an entry could be changed unseen: what is planned, what is so now, what was at worst in 30 days."""

    every: float
    now: float
    longest: float
    batches: int
    late: int


@dataclass(frozen=True)
class Outside:
    """A witness or an authority: its last signature, and how the last try went."""

    name: str
    key: str
    url: str
    at: dt.datetime | None
    size: int | None
    contact: Contact | None


@dataclass(frozen=True)
class Check:
    """The last run of a check, as its entry says it. `good` is None where the entry's content is not there."""

    at: dt.datetime
    good: bool | None
    findings: int


@dataclass(frozen=True)
class Confirmed:
    by: str
    at: dt.datetime
    size: int
    mailed: bool


@dataclass(frozen=True)
class Trust:
    """Everything that the trust page says."""

    seal: selectors.SealState
    window: Window
    one_role: bool
    key_readable: bool
    keys: list[LogKey]
    witnesses: list[Outside]
    witnesses_problem: str
    authority: Outside | None
    stamps: list[Stamp]
    confirmations: list[Confirmed]
    verified: Check | None
    verifying: dt.datetime | None
    checked: Check | None


def trust() -> Trust:
    """Read it all, in a number of queries that does not depend on the size of the log."""
    seal = selectors.seal_state()
    contacts = {contact.name: contact for contact in Contact.objects.all()}
    stamped = anchors.stamps(6)
    found, problem = _witnesses(contacts)
    return Trust(
        seal=seal,
        window=_window(seal.lag),
        one_role=_one_role(),
        key_readable=os.access(key_path(), os.R_OK),
        keys=anchors.handovers(),
        witnesses=found,
        witnesses_problem=problem,
        authority=_authority(contacts, stamped),
        stamps=stamped,
        confirmations=_confirmations(),
        verified=_last(verifying.VERIFIED),
        verifying=verifying.pending(),
        checked=_last("audit.checked"),
    )


def _window(lag: float) -> Window:
    with connection.cursor() as cursor:
        cursor.execute(_WINDOW, [timezone.now() - dt.timedelta(days=DAYS)])
        batches, longest, late = cursor.fetchone()
    return Window(every=settings.LOG_SEAL_SECONDS, now=lag, longest=max(float(longest), lag), batches=batches, late=late)


def _one_role() -> bool:
    """Whether the role that serves could rewrite the trail: a superuser, the owner of the tables, or one that seals."""
    with connection.cursor() as cursor:
        cursor.execute(_POWERS)
        return any(cursor.fetchone())


def _witnesses(contacts: dict[str, Contact]) -> tuple[list[Outside], str]:
    try:
        configured = anchors.witnesses()
    except FormatError as error:
        return [], str(error)
    newest = {
        row.witness: row
        for row in Cosignature.objects.filter(witness__in=[each.vkey for each in configured])
        .order_by("witness", "-checkpoint")
        .distinct("witness")
    }
    return [
        Outside(
            name=each.key.name,
            key=each.vkey,
            url=each.url,
            at=newest[each.vkey].at if each.vkey in newest else None,
            size=newest[each.vkey].checkpoint_id if each.vkey in newest else None,
            contact=contacts.get(each.vkey),
        )
        for each in configured
    ], ""


def _authority(contacts: dict[str, Contact], stamped: list[Stamp]) -> Outside | None:
    url = settings.LOG_STAMP_URL
    if not url:
        return None
    last = next((stamp for stamp in stamped if stamp.authority == url), None)
    return Outside(url, "", url, last.at if last else None, last.checkpoint_id if last else None, contacts.get(url))


def _confirmations() -> list[Confirmed]:
    rows = list(Confirmation.objects.order_by("-id")[:6])
    labels = dict(Actor.objects.filter(pk__in={row.actor for row in rows}).values_list("pk", "label"))
    return [Confirmed(labels.get(row.actor, f"p:{row.actor}"), row.at, row.size, row.mailed) for row in rows]


def _last(action: str) -> Check | None:
    entry = verifying.results(action).select_related("payload").first()
    if entry is None:
        return None
    detail = _detail(entry)
    if detail is None:
        return Check(entry.at, None, 0)
    count = count_of(detail.get("findings", 0))
    return Check(entry.at, count == 0, count)


def _detail(entry: Entry) -> dict[str, Any] | None:
    body = getattr(getattr(entry, "payload", None), "body", None)
    if not body:
        return None
    return detail_of(body)


def as_plain(found: Trust, time: Callable[[dt.datetime], str]) -> dict[str, Any]:
    """The same for programs."""

    def outside(each: Outside) -> dict[str, Any]:
        contact = each.contact
        return {
            "name": each.name,
            "key": each.key,
            "url": each.url,
            "signed_at": time(each.at) if each.at else None,
            "size": each.size,
            "problem": contact.problem if contact else "",
            "refused": bool(contact and contact.refused),
        }

    def check(each: Check | None) -> dict[str, Any] | None:
        return {"at": time(each.at), "good": each.good, "findings": each.findings} if each else None

    seal, anchor, differs = found.seal, found.seal.anchor, found.seal.differing
    return {
        "sealed": {"size": seal.checkpoint.size, "at": time(seal.checkpoint.at)} if seal.checkpoint else None,
        "waiting": seal.waiting,
        "window": {
            "every_seconds": found.window.every,
            "now_seconds": round(found.window.now, 3),
            "longest_seconds_30_days": round(found.window.longest, 3),
            "batches_30_days": found.window.batches,
            "late_batches_30_days": found.window.late,
        },
        "anchor": {"kind": anchor.kind, "by": anchor.by, "at": time(anchor.at), "size": anchor.size, "fresh": anchor.fresh}
        if anchor
        else None,
        "differs": {"entry": differs.entry, "by": differs.by, "at": time(differs.at), "size": differs.size} if differs else None,
        "serving_role_could_rewrite": found.one_role,
        "web_process_can_read_key": found.key_readable,
        "keys": [{"vkey": key.vkey, "since": time(key.since), "handed_over": bool(key.handover)} for key in found.keys],
        "witnesses": [outside(each) for each in found.witnesses],
        "witnesses_problem": found.witnesses_problem,
        "authority": outside(found.authority) if found.authority else None,
        "stamps": [{"authority": each.authority, "at": time(each.at), "size": each.checkpoint_id} for each in found.stamps],
        "confirmations": [{"by": each.by, "at": time(each.at), "size": each.size, "mailed": each.mailed} for each in found.confirmations],
        "last_verification": check(found.verified),
        "verification_asked_at": time(found.verifying) if found.verifying else None,
        "last_audit_check": check(found.checked),
    }
