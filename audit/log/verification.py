"""Verification: everything recomputed from the database, and each difference named by record, field and place.

It reads in one snapshot and keeps no more than a few tiles in memory: the log by itself first (audit/log/log_check.py), then
entries and payloads against their leaves and versions against live rows, which PostgreSQL compares so that only what
differs is read here. On the machine of the sealer it also compares the log with what was signed last there
(audit/log/head.py). What it cannot see: whether the whole log was rebuilt with the real key. For that, give it a checkpoint
or proof that was kept apart (`receipt`).
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import DataError, connections, transaction

from audit.capture.triggers import STYLE
from audit.keeping.erased import Erasure, covers, erasures, merged
from audit.log import canonical
from audit.log.findings import MOST_FINDINGS, Finding, Report, TooMany
from audit.log.handover import learn
from audit.log.head import head_path, kept_head, why_not
from audit.log.index_check import check_index
from audit.log.leaves import LEAF, MEMBERS, SALT_BYTES
from audit.log.log_check import LogCheck, at_place
from audit.log.merkle import Node, ProofError, root, verify_inclusion
from audit.log.records_check import check_labels, check_records
from audit.log.sealing import read_tile, tree_size
from audit.log.tlog import PROOF_HEADER, FormatError, InclusionProof, TreeHead, VerifierKey, open_checkpoint, tile_node
from audit.models.log import LogKey

__all__ = ["MOST_FINDINGS", "Finding", "Report", "verify"]

CHUNK = 1_000
SETTLING = 6  # looks at whether a pass of the sealer has ended, 0.2 s apart

_ALL_SIGNED = """
    select coalesce((select max(seq) + 1 from audit_leaf), 0) <= coalesce((select max(size) from audit_checkpoint), 0)
"""
_DIFFERENT = f"""
    select l.seq, l.entry_id, coalesce(l.data, ''), e.id is null, p.salt is null or p.body is null, octet_length(p.salt), {MEMBERS}
      from audit_leaf l left join audit_entry e on e.id = l.entry_id left join audit_payload p on p.entry_id = l.entry_id
     where l.data is distinct from {LEAF} order by l.seq
"""
_BATCHES = """
    select coalesce(number, batch_id), number is null, batch_id is null, first, count, place, low, high, leaves from (
        select number, first, count, sum(count) over (order by number) - count as place from audit_batch
    ) b full join (
        select batch_id, min(seq) as low, max(seq) as high, count(*) as leaves from audit_leaf group by batch_id
    ) l on l.batch_id = b.number
    where number is null or batch_id is null or (first, count, first) is distinct from (low, leaves, place) or high <> first + count - 1
    order by 1
"""
_UNSEALED = """
    with last as (
        select case when cluster = (select system_identifier::text from pg_control_system()) then snapshot::pg_snapshot end as seen
          from audit_batch order by number desc limit 1
    )
    select e.id, e.model, e.object, e.action, coalesce(pg_visible_in_snapshot(e.xid, (select seen from last)), false)
      from audit_entry e where not exists (select from audit_leaf l where l.entry_id = e.id) order by e.id
"""
# A function or operator of the same name may be taken before PostgreSQL's own, and then it is the tamperer who compares.
_SHADOWS = """
    select distinct 'function ' || p.proname from pg_catalog.pg_proc p join pg_catalog.pg_proc own using (proname)
     where own.pronamespace = 'pg_catalog'::regnamespace and p.pronamespace = 'public'::regnamespace
    union select distinct 'operator ' || o.oprname from pg_catalog.pg_operator o join pg_catalog.pg_operator own using (oprname)
     where own.oprnamespace = 'pg_catalog'::regnamespace and o.oprnamespace = 'public'::regnamespace
       -- Those of pg_trgm compare likeness, never equality, and only a superuser can make one that calls its library.
       and coalesce((select f.probin from pg_catalog.pg_proc f where f.oid = o.oprcode), '') <> '$libdir/pg_trgm'
"""
_WORDS = {
    "id": "number", "tx": "transaction", "at": "time", "role": "database role", "actor": "actor", "on": "on behalf of", "via": "channel",
    "req": "request", "reason": "reason code", "action": "action", "model": "model", "obj": "object", "ver": "version number",
    "prev": "change before", "fields": "changed fields", "k": "data class", "c": "payload", "v": "format",
}  # fmt: skip


def verify(*, using: str = "default", trusted: VerifierKey | None = None, receipt: str = "") -> Report:
    """Check log, entries, payloads, versions and live rows against each other.

    `trusted` is the log's key as someone keeps it elsewhere; without it the keys stored beside the log are believed.
    `receipt` is the text of a kept checkpoint or tlog-proof file of this log, which must fit as well.
    """
    report = Report()
    with contextlib.suppress(TooMany):
        # Before the snapshot: the sealer may sign more meanwhile.
        kept = _kept(report)
        with snapshot(using):
            keys = _keys(using, report, trusted)
            LogCheck(using, report, keys).check()
            if kept is not None and (why := why_not(kept, tree_size(using), _node(using))):
                report.add(Finding(str(head_path()), why))
            _check_shadows(using, report)
            _check_batches(using, report)
            _check_entries(using, report)
            _check_unsealed(using, report)
            report.records = check_records(using, lambda **about: report.add(Finding(**about)), report.bad_payloads)
            check_labels(using, lambda **about: report.add(Finding(**about)))
            check_index(using, lambda **about: report.add(Finding(**about)))
            if receipt:
                _check_receipt(using, report, keys, receipt)
    return report


@contextlib.contextmanager
def snapshot(using: str) -> Iterator[None]:
    """One snapshot for everything, taken between two passes of the sealer rather than within one."""
    for left in reversed(range(SETTLING)):
        with transaction.atomic(using=using, durable=True):
            with connections[using].cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read, read only")
                cursor.execute(
                    "set local datestyle to 'ISO, YMD'; " + "; ".join(f"set local {name} to '{value}'" for name, value in STYLE.items())
                )
                # Sorting and joining a whole trail; and no parallel workers, so that what it costs is one core.
                cursor.execute("set local work_mem to '32MB'; set local max_parallel_workers_per_gather to 0; set local jit to off")
                cursor.execute(_ALL_SIGNED)
                (all_signed,) = cursor.fetchone()
            if all_signed or not left:
                yield
                return
        time.sleep(0.2)


def _kept(report: Report) -> TreeHead | None:
    """What was signed last on this machine, where this process may read it."""
    try:
        return kept_head()
    except OSError:
        return None
    except FormatError as error:
        report.add(Finding(str(head_path()), f"it was damaged. {error}"))
        return None


def _keys(using: str, report: Report, trusted: VerifierKey | None) -> list[VerifierKey]:
    """The keys that are believed: all that are stored, or `trusted` and those that it and its followers named."""
    stored: list[VerifierKey] = []
    notes: list[str] = []
    for vkey, origin, handover in LogKey.objects.using(using).order_by("id").values_list("vkey", "origin", "handover"):
        try:
            key = VerifierKey.parse(vkey or "")
        except FormatError as error:
            report.add(Finding("key of the log", f"{str(vkey)[:80]!r} was edited. {error}"))
            continue
        if key.name != origin:
            report.add(Finding("key of the log", f"its origin was edited: the key is called {key.name!r}, and the row says {origin!r}"))
        stored.append(key)
        notes += [handover] if handover else []
    if trusted is None:
        return stored
    try:
        believed = learn(trusted, notes)
    except FormatError as error:
        report.add(Finding("key of the log", f"a note by which a key named the next was edited. {error}"))
        believed = [trusted]
    for key in stored:
        if key not in believed:
            report.add(Finding("key of the log", f"{key} is stored here, and it is neither the key you trust nor named by it"))
    return believed


def _check_shadows(using: str, report: Report) -> None:
    for (name,) in _read(using, _SHADOWS):
        report.add(
            Finding(f"{name} in the schema public", "it stands in for PostgreSQL's own: what the database compares cannot be trusted")
        )


def _check_batches(using: str, report: Report) -> None:
    """What the sealer says of its passes is what it sealed."""
    for number, no_batch, no_leaves, first, count, *_ in _read(using, _BATCHES):
        where = f"batch {number} of the sealer"
        if no_batch:
            report.add(Finding(where, "its row is missing, and there are leaves that belong to it"))
        elif no_leaves:
            report.add(Finding(where, "no leaf belongs to it"))
        else:
            report.add(Finding(where, f"it does not hold the {count} leaves from {first} on that its row says"))


def _check_entries(using: str, report: Report) -> None:
    """Every leaf rendered again from its entry and payload gives the sealed bytes (A9)."""
    known = _erasures(using, report)
    ranges = merged(pair for erasure in known for pair in erasure.ranges)
    taken: dict[int, int] = {}
    for seq, entry_id, data, deleted, gone, salt, members in _read(using, _DIFFERENT):
        try:
            sealed = canonical.read(bytes(data))
        except canonical.NotCanonical:
            continue  # said already, by the check of the log
        if deleted:
            report.add(at_place(seq, f"entry {entry_id} ({sealed['action']}) was deleted", entry=entry_id, sealed=sealed))
            continue
        now: dict[str, Any] = json.loads(members)
        wrong = [key for key in canonical.KEYS if now[key] != sealed[key]]
        if gone and "c" in wrong and covers(ranges, entry_id):
            report.erased += 1
            by = next(each.entry for each in known if covers(each.ranges, entry_id))
            taken[by] = taken.get(by, 0) + 1
            wrong.remove("c")
        elif not wrong:
            report.add(at_place(seq, f"entry {entry_id} does not render to the sealed bytes", entry=entry_id, sealed=sealed))
        for key in wrong:
            if key != "c":
                words = f"the {_WORDS[key]} of entry {entry_id} was edited: sealed as {sealed[key]!r}, now {now[key]!r}"
            elif gone:
                words = f"the payload of entry {entry_id} is missing, and no erasure says so"
            elif salt != SALT_BYTES:
                words = f"the salt of entry {entry_id} was edited: it has {salt} bytes"
            else:
                words = f"the payload of entry {entry_id} was edited: it does not fit its commitment"
                report.bad_payloads.add(entry_id)
            report.add(at_place(seq, words, entry=entry_id, sealed=sealed, name=_WORDS[key]))
    report.erasures = [
        f"content of {taken[each.entry]} entries erased on {each.at:%Y-%m-%d %H:%M} UTC ({each.action.partition('.')[2]}, entry {each.entry})"
        for each in known
        if each.entry in taken
    ]


def _erasures(using: str, report: Report) -> list[Erasure]:
    """What was erased, as the log says; an entry of it that cannot be read excuses nothing."""
    try:
        with transaction.atomic(using=using):
            return list(erasures(using))
    except (DataError, ValueError, OverflowError) as error:
        report.add(Finding("erasures", f"an entry that says what was erased cannot be read, so none is believed. {error}"))
        return []


def _check_unsealed(using: str, report: Report) -> None:
    try:
        with transaction.atomic(using=using):
            list(_read(using, "select count(snapshot::pg_snapshot) from audit_batch"))
            for entry, model, obj, action, late in _read(using, _UNSEALED):
                if late:
                    words = "it was inserted behind the sealer's back: its transaction was sealed without it"
                    report.add(
                        Finding(f"{model} {obj}, entry {entry} ({action}) without a place".lstrip(" ,"), words, model, obj, "", entry)
                    )
                else:
                    report.waiting += 1
    except DataError as error:
        report.add(Finding("batches of the sealer", f"a snapshot was edited: {str(error).splitlines()[0]}"))


def _check_receipt(using: str, report: Report, keys: Sequence[VerifierKey], text: str) -> None:
    """A kept checkpoint or proof must be of this log and fit the tree as it is now."""
    node = _node(using)
    try:
        proof = InclusionProof.parse(text) if text.startswith(PROOF_HEADER) else None
        head = open_checkpoint(proof.checkpoint if proof else text, keys)
        if head.size > tree_size(using):
            raise ProofError(
                f"It is of {head.size} entries, and the log has only {tree_size(using)}: the log was cut off or put back to an old state."
            )
        if root(head.size, node) != head.root:
            raise ProofError(f"The first {head.size} entries of this log are not those that were signed: the log was rebuilt.")
        if proof:
            leaf = node(0, proof.index) if proof.index < head.size else b""
            verify_inclusion(leaf=leaf, index=proof.index, size=head.size, proof=proof.hashes, root=head.root)
    except (FormatError, ProofError) as error:
        report.add(Finding("your file", str(error)))


def _node(using: str) -> Node:
    return tile_node(lambda level, index: read_tile(level, index, using))


def _read(using: str, sql: str) -> Iterator[Sequence[Any]]:
    with connections[using].chunked_cursor() as cursor:
        cursor.execute(sql)
        while rows := cursor.fetchmany(CHUNK):
            yield from rows
