"""Is capture in place as the migrations put it there: triggers, functions, grants; and has anything been written without an actor.

Reads PostgreSQL's catalogues, so it works as the serving role. What a superuser changed and changed back in between
leaves no trace here: that is what sealing and verification are for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import QuerySet

from audit.capture import triggers
from audit.capture.migrated import Made, made_by_migrations
from audit.capture.triggers import Capture
from audit.context import acting
from audit.history import governed_models
from audit.log.bodies import count_of, detail_of
from audit.log.records_check import capture_of
from audit.log.sealing import sealer_alias
from audit.log.verifying import results
from audit.models import UNATTRIBUTED, Entry
from audit.services import record_result, system_actor

CHECKED = "audit.checked"
# What a check sees: the cluster, whose transactions are numbered by themselves, and a snapshot of it.
_SEEN = "select system_identifier || '/' || pg_current_snapshot() from pg_control_system()"
_SNAPSHOT = re.compile(r"[0-9]{1,20}/[0-9]{1,19}:[0-9]{1,19}:([0-9]{1,19}(,[0-9]{1,19})*)?", re.ASCII)
ROW, BEFORE, INSERT, DELETE, UPDATE, TRUNCATE = 1, 2, 4, 8, 16, 32
_NO_CHANGE = {
    "audit_no_update": (ROW | BEFORE | UPDATE, "audit_refuse"),
    "audit_no_delete": (ROW | BEFORE | DELETE, "audit_refuse"),
    "audit_no_truncate": (BEFORE | TRUNCATE, "audit_refuse"),
}
_LOG_TABLES = ("audit_batch", "audit_leaf", "audit_tile", "audit_logkey", "audit_checkpoint", "audit_cosignature", "audit_stamp")
# Whoever serves or seals: with any of these on the trail they could change what was recorded.
_ROLES = ("lm_app", "lm_sealer", "lm_auditor")
_FORBIDDEN = ("UPDATE", "DELETE", "TRUNCATE", "INSERT", "TRIGGER")


@dataclass
class Report:
    """`findings` make the check fail; `notes` are for the reader."""

    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    governed: int = 0
    unattributed: int = 0
    seen: str = ""


def check(using: str = DEFAULT_DB_ALIAS) -> Report:
    """Is capture in place, and was anything written without an actor since the last check."""
    report = in_place(using)
    _unattributed(using, report)
    return report


def in_place(using: str = DEFAULT_DB_ALIAS) -> Report:
    """Compare the database with what the migrations of this release expect."""
    captures = [capture_of(model) for model in governed_models()]
    report = Report(governed=len(captures))
    made = made_by_migrations()
    for capture in captures:
        made.add(triggers.install(capture, triggers.VERSION))
    report.findings.extend(_functions(using, made))
    report.findings.extend(_triggers(using, captures, made))
    report.findings.extend(_grants(using, captures))
    _ownership(using, report)
    _room(using, report)
    return report


def keep(report: Report, *, channel: str) -> int | None:
    """Record the result as an entry, as the sealer's role; answers its id, None where this process may not.

    With capture out of order that may fail: say the findings first.
    """
    with acting(system_actor("audit-check"), channel=channel):
        return record_result(CHECKED, asdict(report), using=sealer_alias())


@dataclass(frozen=True)
class Failure:
    """The last check, when it found something."""

    entry: int
    findings: int


def last_failure() -> Failure | None:
    """None when the last check found everything in order, or none was made, or its result was erased."""
    body = results(CHECKED).values_list("id", "payload__body").first()
    if body is None or body[1] is None:
        return None
    findings = count_of(detail_of(body[1]).get("findings", []))
    return Failure(body[0], findings) if findings else None


def _rows(using: str, sql: str, params: list[list[str]] | list[str] | None = None) -> list[tuple[object, ...]]:
    with connections[using].cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def _functions(using: str, made: Made) -> Iterator[str]:
    found = {
        str(name): (str(source), definer, str(settings))
        for name, source, definer, settings in _rows(
            using,
            "select proname, prosrc, prosecdef, proconfig from pg_proc where pronamespace = 'public'::regnamespace",
        )
    }
    for name, source in made.functions.items():
        if name not in found:
            yield f"The function {name} is missing."
        elif found[name][0] != source:
            yield f"The function {name} was changed."
        elif name.startswith(("audit_capture", "audit_record", "audit_name_actor", "audit_may_keep")) and (
            not found[name][1] or "search_path=public, pg_temp" not in found[name][2]
        ):
            yield f"The function {name} lost its SECURITY DEFINER or its search_path."


def _triggers(using: str, captures: list[Capture], made: Made) -> Iterator[str]:
    """Every trigger of the schema fires always; those that migrations made are there, and on the tables they guard no others."""
    wanted: dict[str, dict[str, tuple[int, str]]] = {"audit_entry": _NO_CHANGE, "audit_payload": _NO_CHANGE}
    for capture in captures:
        wanted[capture.version_table] = _NO_CHANGE
        wanted[capture.table] = {
            "audit_created": (INSERT, capture.function),
            "audit_changed": (ROW | UPDATE, capture.function),
            "audit_deleted": (ROW | DELETE, capture.function),
            "audit_key": (ROW | BEFORE | UPDATE, "audit_refuse_key"),
            "audit_no_truncate": (BEFORE | TRUNCATE, "audit_refuse_truncate"),
        }
    found: dict[str, dict[str, tuple[object, object, object]]] = {}
    rows = _rows(
        using,
        """
        select c.relname, t.tgname, t.tgenabled, t.tgtype, p.proname, t.tgparentid <> 0
          from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
         where not t.tgisinternal and c.relnamespace = 'public'::regnamespace
        """,
    )
    inherited = set()
    for table, name, enabled, kind, function, from_parent in rows:
        found.setdefault(str(table), {})[str(name)] = (enabled, kind, function)
        if from_parent:
            inherited.add((str(table), str(name)))
    partitions = {table: {"audit_no_truncate"} for table in _partitions(using)}
    tables = wanted.keys() | made.triggers.keys() | partitions.keys()
    for table in sorted(tables | found.keys()):
        present, kinds = found.get(table, {}), wanted.get(table, {})
        expected = kinds.keys() | made.triggers.get(table, set()) | partitions.get(table, set())
        yield from (f"The trigger {name} on {table} is missing." for name in sorted(expected - present.keys()))
        for name, (enabled, *kind) in sorted(present.items()):
            if enabled not in ("A", b"A"):
                yield f"The trigger {name} on {table} is disabled or not ALWAYS."
            elif name in kinds and tuple(kind) != kinds[name]:
                yield f"The trigger {name} on {table} was changed."
            if table in tables and name not in expected and (table, name) not in inherited:
                yield f"There is a trigger {name} on {table} that no migration made."
    rules = _rows(using, "select tablename, rulename from pg_rules where schemaname = 'public' and tablename = any(%s)", [list(tables)])
    yield from (f"There is a rewrite rule {rule} on {table}." for table, rule in rules)


def _partitions(using: str) -> list[str]:
    rows = _rows(using, "select inhrelid::regclass::text from pg_inherits where inhparent = 'audit_payload'::regclass")
    return [str(name) for (name,) in rows]


def _grants(using: str, captures: list[Capture]) -> Iterator[str]:
    trail = ["audit_actor", "audit_entry", "audit_payload", *(capture.version_table for capture in captures)]
    trail += _partitions(using)
    rows = _rows(
        using,
        """
        select r.rolname, t.name, p.privilege
          from unnest(%s::text[]) t(name), unnest(%s::text[]) p(privilege), pg_roles r
         where r.rolname = any(%s) and has_table_privilege(r.oid, t.name, p.privilege)
           and not (r.rolname <> 'lm_app' and t.name = any(%s))
        """,
        [trail + list(_LOG_TABLES), list(_FORBIDDEN), list(_ROLES), list(_LOG_TABLES)],
    )
    yield from (f"The role {role} may {str(privilege).lower()} {table}." for role, table, privilege in rows)


def _ownership(using: str, report: Report) -> None:
    """One role that serves and owns can disable what guards the trail: said, not failed, because an operator may choose it."""
    rows = _rows(
        using,
        """
        select current_user, pg_get_userbyid(c.relowner), r.rolsuper
          from pg_class c, pg_roles r where c.oid = 'audit_entry'::regclass and r.rolname = current_user
        """,
    )
    for role, owner, superuser in rows:
        if superuser:
            report.notes.append(f"This check ran as {role}, a superuser.")
        elif role == owner:
            report.notes.append(
                f"One role, {role}, serves and owns the tables: it could switch capture off. Set DATABASE_OWNER_URL apart from DATABASE_URL."
            )


def _unattributed(using: str, report: Report) -> None:
    """Each write without an actor is a finding once: in the check that first sees it."""
    last = results(CHECKED).using(using).values_list("payload__body", flat=True).first()
    before = detail_of(last).get("seen", "")
    ((report.seen,),) = _rows(using, _SEEN)  # type: ignore[assignment]
    fresh: QuerySet[Entry] = Entry.objects.using(using).filter(actor=UNATTRIBUTED).order_by("id")
    if isinstance(before, str) and _SNAPSHOT.fullmatch(before) and before.partition("/")[0] == report.seen.partition("/")[0]:
        # By what the last check could see, not by number: a transaction that was open then may have taken lower numbers.
        unseen = ["xid >= pg_snapshot_xmin(%s::pg_snapshot) and not pg_visible_in_snapshot(xid, %s::pg_snapshot)"]
        fresh = fresh.extra(where=unseen, params=[before.partition("/")[2]] * 2)  # noqa: S610 - the value is matched above
    report.unattributed = fresh.count()
    for entry in fresh[:20]:
        report.findings.append(
            f"Entry {entry.id} has no actor: {entry.model} {entry.object} {entry.action} at {entry.at:%Y-%m-%d %H:%M:%S} by {entry.db_role}."
        )
    if report.unattributed > 20:
        report.findings.append(f"{report.unattributed - 20} more entries have no actor.")


def _room(using: str, report: Report) -> None:
    (row,) = _rows(using, "select exists (select from audit_payload_rest)")
    if row[0]:
        report.findings.append("Payloads lie in the partition of last resort: run `manage.py migrate` to make new ones.")
