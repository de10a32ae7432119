"""Entries, versions and live rows of governed models compared with one another, inside PostgreSQL.

A version and a live row are rendered by the same SQL that rendered the payload when the change was captured
(audit.capture.triggers.values_as_json), so an equal text means equal values. Only rows that differ leave the database.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections, models

from audit.capture.autodetector import expected
from audit.capture.operations import columns_of
from audit.capture.triggers import Capture, literal, quoted, values_as_json
from audit.history import governed_models, version_model
from audit.keeping.erased import covers, erased_ranges
from audit.services import system_pseudonym

CHUNK = 500
_OTHER_ACTORS = """
    select a.id::text, a.kind, a.label, a.external_id, p.{key} is not null,
           a.kind <> 'person' and exists (select from {table} n where lower(btrim(n.name)) = lower(btrim(a.label)))
      from audit_actor a left join {table} p on p.{key} = a.id
     where a.kind <> 'person' or a.external_id <> '' or p.{key} is null order by 1
"""
Find = Callable[..., None]
_KINDS = {"created": "+", "changed": "~", "deleted": "-"}


def capture_of(model: type[models.Model]) -> Capture:
    """What the capture of a governed model records."""
    wanted = expected(model)
    return Capture(
        model=model._meta.label_lower,
        table=model._meta.db_table,
        version_table=version_model(model)._meta.db_table,
        columns=columns_of(model, wanted.columns),
        data_class=wanted.data_class,
    )


def rendered(capture: Capture, alias: str) -> str:
    """SQL that renders one row of a model or of its versions as the payload does."""
    return values_as_json(capture.columns, lambda column: f"{alias}.{quoted(column)}")


def check_records(using: str, find: Find, bad_payloads: set[int]) -> int:
    """Call `find` with the parts of a Finding for every difference; answers how many versions were compared."""
    _check_sequence(using, find)
    compared = 0
    for capture in map(capture_of, governed_models()):
        compared += _check_versions(using, find, capture, bad_payloads)
        _check_live(using, find, capture)
    return compared


def check_labels(using: str, find: Find) -> None:
    """The label of a person's pseudonym is the name in that person's record: the serving role may write labels."""
    model = get_user_model()
    if not any(field.name == "name" for field in model._meta.concrete_fields):
        return
    table, key = quoted(model._meta.db_table), quoted(str(model._meta.pk.column))
    sql = f"""
        select p.{key}::text, a.kind, a.label, p.name from audit_actor a join {table} p on p.{key} = a.id
         where a.kind <> 'person' or a.label <> left(p.name, 200) order by 1
    """
    about = {"model": model._meta.label_lower, "field": "label"}
    for obj, kind, label, name in _rows(using, sql):
        words = f"the actor's label differs: the trail shows {label!r} ({kind}), and the record says {name!r}"
        find(where=f"actor {obj}", words=words, object=obj, **about)
    for obj, kind, label, external, person, namesake in _rows(using, _OTHER_ACTORS.format(table=table, key=key)):
        if external:
            words = f"the actor {label!r} has a name outside Lastmile ({external[:80]!r}), which nothing here writes"
            find(where=f"actor {obj}", words=words, object=obj, model=about["model"], field="external_id")
        if kind == "person" and not person:
            find(where=f"actor {obj}", words=f"the trail shows {label!r}, and no such person is recorded", object=obj, **about)
        elif kind == "system" and uuid.UUID(obj) != system_pseudonym(label):
            find(where=f"actor {obj}", words=f"a part of Lastmile was renamed: the trail shows {label!r}", object=obj, **about)
        elif kind != "person" and namesake:
            find(where=f"actor {obj}", words=f"the trail shows a {kind} by the name of a person, {label!r}", object=obj, **about)


def _check_sequence(using: str, find: Find) -> None:
    """A4: each object's versions are numbered 1, 2, 3 ... in the order in which they were sealed, each naming the one before."""
    sql = """
        select model, object, ver, id, before, before_id, prev from (
            select e.model, e.object, e.ver, e.id, e.prev, lag(e.ver) over own as before, lag(e.id) over own as before_id
              from audit_entry e left join audit_leaf l on l.entry_id = e.id
             where e.ver is not null window own as (partition by e.model, e.object order by l.seq nulls last, e.id)
        ) numbered
        where ver <> coalesce(before, 0) + 1 or prev is distinct from before_id
    """
    for model, obj, ver, entry, before, before_id, prev in _rows(using, sql):
        if ver == (before or 0) + 1:
            words = f"entry {entry} (version {ver}) names entry {prev} as the one before it, and that is entry {before_id}"
        elif ver > (before or 0) + 1:
            missing = f"version {ver - 1} is" if ver == (before or 0) + 2 else f"versions {(before or 0) + 1} to {ver - 1} are"
            words = f"{missing} missing before version {ver} (entry {entry}): an entry was deleted"
        else:
            words = f"version {ver} (entry {entry}) stands after version {before}: the order was changed"
        find(where=f"{model} {obj}, version {ver}", words=words, model=model, object=obj, entry=entry)


def _check_versions(using: str, find: Find, capture: Capture, bad_payloads: set[int]) -> int:
    """Every version has its entry, every entry of a change its version, and their values are the payload's."""
    version = rendered(capture, "h")
    key = quoted(capture.key)
    sql = f"""
        select coalesce(h.history_id, e.id), h.history_id is null, e.id is null, coalesce(h.{key}::text, e.object), e.ver,
               h.history_type, e.action, h.history_date is distinct from e.at, h.history_user_id is distinct from e.actor,
               h.history_change_reason, case when h.history_id is not null then {version} end, p.body
          from {quoted(capture.version_table)} h
          full join (select * from audit_entry where model = {literal(capture.model)} and ver is not null) e on e.id = h.history_id
          left join audit_payload p on p.entry_id = e.id
         where h.history_id is null or e.id is null or p.body is null or h.{key}::text is distinct from e.object
            or h.history_date is distinct from e.at or h.history_user_id is distinct from e.actor
            or h.history_type is distinct from case e.action when 'created' then '+' when 'changed' then '~' when 'deleted' then '-' end
            or p.body is distinct from '{{"values" : ' || {version} || coalesce(', "reason" : ' || to_json(h.history_change_reason)::text, '') || '}}'
         order by 1
    """
    gone = erased_ranges(using)
    for entry, no_version, no_entry, obj, ver, kind, action, other_time, other_actor, reason, values, body in _rows(using, sql):
        about = {"model": capture.model, "object": obj, "entry": entry}
        where = f"{capture.model} {obj}, version {ver} (row {entry} of {capture.version_table})"
        if no_version and body is None and covers(gone, entry):
            continue  # retention takes an old version whole; an erasure leaves the row, without values
        if no_version:
            find(where=where, words=f"the version row of entry {entry} is missing: it was deleted, or the entry was inserted", **about)
            continue
        if no_entry:
            find(
                where=f"{capture.model} {obj} (row {entry} of {capture.version_table})",
                words="a version without an entry: it was inserted",
                **about,
            )
            continue
        wrong = [
            name
            for name, other in (
                ("history_date", other_time),
                ("history_user_id", other_actor),
                ("history_type", _KINDS.get(action) != kind),
            )
            if other
        ]
        if body is not None:
            wrong += _differences(body, values, reason)
        for name in wrong:
            if entry in bad_payloads and name not in {"history_date", "history_user_id", "history_type"}:
                find(
                    where=f"{where}, field {name}",
                    words=f"the payload of entry {entry} and the version row differ, and the payload was edited",
                    field=name,
                    **about,
                )
            else:
                find(where=f"{where}, field {name}", words="the version row was edited: its entry says otherwise", field=name, **about)
    return _count(using, capture.version_table)


def _check_live(using: str, find: Find, capture: Capture) -> None:
    """The last version of every record is the record as it is now (A6)."""
    key = quoted(capture.key)
    live, last = rendered(capture, "t"), rendered(capture, "v")
    sql = f"""
        select coalesce(t.{key}::text, v.{key}::text), t.{key} is null, v.{key} is null, v.history_type, v.history_id,
               case when t.{key} is not null then {live} end, case when v.{key} is not null then {last} end
          from {quoted(capture.table)} t
          full join (select distinct on ({key}) * from {quoted(capture.version_table)} order by {key}, history_id desc) v on v.{key} = t.{key}
         where v.{key} is null or (t.{key} is null) is distinct from (v.history_type = '-')
            or (t.{key} is not null and {live} is distinct from {last})
    """
    for obj, no_row, no_version, kind, entry, now, then in _rows(using, sql):
        about = {"model": capture.model, "object": obj, "entry": entry}
        where = f"{capture.model} {obj} (row of {capture.table})"
        if no_version:
            find(where=where, words="the record exists and no version says so: it was inserted with triggers disabled", **about)
        elif no_row:
            find(where=where, words="the record is gone and no version says so: it was deleted with triggers disabled", **about)
        elif kind == "-":
            find(where=where, words="the record exists, and its last version says that it was deleted", **about)
        else:
            for name in _unlike(json.loads(now, parse_float=str), json.loads(then, parse_float=str)):
                words = f"the record was edited with triggers disabled: its last version (entry {entry}) says otherwise"
                find(where=f"{where}, field {name}", words=words, field=name, **about)


def _differences(body: str, values: str, reason: str | None) -> list[str]:
    """Names of the fields in which a payload and a version row differ. A field that the model got later is no difference."""
    try:
        payload = json.loads(body, parse_float=str)
        before = payload["values"]
        if not isinstance(before, dict):
            return ["payload"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ["payload"]
    now = {name: value for name, value in json.loads(values, parse_float=str).items() if name in before}
    names = _unlike(before, now)
    return [*names, *(["history_change_reason"] if payload.get("reason") != reason else [])]


def _unlike(left: dict[str, Any], right: dict[str, Any]) -> list[str]:
    absent = object()
    return [name for name in left.keys() | right.keys() if left.get(name, absent) != right.get(name, absent)]


def _count(using: str, table: str) -> int:
    with connections[using].cursor() as cursor:
        cursor.execute(f"select count(*) from {quoted(table)}")
        return int(cursor.fetchone()[0])


def _rows(using: str, sql: str) -> Iterator[Any]:
    with connections[using].chunked_cursor() as cursor:
        cursor.execute(sql)
        while rows := cursor.fetchmany(CHUNK):
            yield from rows
