"""What a page of the audit explorer costs with ten million entries, beside the same page with a hundred thousand.

    .venv/bin/python -m bench.explorer [--small 100000] [--large 10000000] [--rounds 25]

On a PostgreSQL cluster of its own (some 15 GB of disk for ten million entries, and ten minutes to fill them in). The rows
are made in SQL: like the trail of a portal with 2,000 people over three years, a few words of which are rare. A sample of
the search index is compared with what audit/explore/indexing.py would have written. Each round asks for every page once in either
database, in turn; a page is asked for over HTTP (Django's test client), as compliance, and what it records is rolled back.
Times are medians; a ratio is the median of each round's ratio, so that a busy machine slows both sides alike.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import time
from typing import Any
from urllib.parse import urlencode

import django
import psycopg

ACTOR = "('00000000-0000-4000-8000-' || lpad(to_hex((pow(abs(hashint4(i)) % 1000 / 1000.0, 3) * 2000)::int + 1), 12, '0'))::uuid"
AT = "timestamptz '2024-01-01' + (i / {count}.0) * interval '1095 days'"
ROWS = f"""
    select i, {AT} as at, {ACTOR} as actor,
           case when i % 20 < 11 then 'changed' when i % 20 < 14 then 'created' when i % 20 = 14 then 'deleted'
                when i % ({{count}} / 5) = 19 then 'governance.pilot-stopped'
                when i % 20 < 18 then 'portal.signed-in' else 'audit.searched' end as action,
           (array['feedback.item', 'feedback.voice', 'portal.person', 'governance.pilot', 'portal.unit', 'governance.signature'])[1 + i % 6] as model,
           (abs(hashint4(i / 7)) % ({{count}} / 40))::text as object,
           case when i % 20 < 11 then array[(array['status', 'name', 'owner', 'text'])[1 + i % 4]] else '{{{{}}}}' end as fields,
           'Route ' || i % 977 || ' north' || i % 31 || case when i % ({{count}} / 4) = 3 then ' zebra crossing' else '' end as words
      from generate_series({{first}}, {{last}}) i
"""
ENTRIES = """
    insert into audit_entry (id, xid, at, db_role, actor, request_id, channel, reason_code, action, model, object, ver, fields, data_class)
    select i, pg_current_xact_id(), at, 'lm_app', actor, '', 'page', '', action, model, object, case when i % 20 < 15 then i end, fields::text[],
           case when i % 20 < 15 then 'record' else 'act' end from made
"""
PAYLOADS = """
    insert into audit_payload (entry_id, salt, body)
    select i, decode(md5(i::text), 'hex'), format('{"values" : {"text": "%s"}}', words) from made
"""
LEAVES = """
    insert into audit_leaf (seq, entry_id, batch_id, data, hash)
    select i - 1, i, 1, '\\x7b7d', decode(md5(i::text) || md5(i::text), 'hex') from made
"""
# As audit/explore/lexemes.py makes them; the places of the words count from 2, and the text has three words or five.
TEXTS = """
    insert into audit_text (entry_id, at, seq, words)
    select i, at, i - 1, (
        format('''a:%s'' ''x:%s'' ''d:lm_app'' ''k:%s'' ''k:%s'' ''o:%s/%s'' ''i:%s'' ''c:page''',
               actor, action, model, split_part(model, '.', 2), model, object, object)
        || case when fields::text <> '{}' then format(' ''f:%s''', (fields::text[])[1]) else '' end
        || ' ' || (select string_agg(format('''%s''', word), ' ') from regexp_split_to_table(action || '.' || model || '.' || object, '[.-]') word)
        || ' ' || (select string_agg(format('''%s'':%s', lower(word), place + 1), ' ') from regexp_split_to_table(words, ' ') with ordinality w(word, place))
    )::tsvector from made
"""
SPANS = """
    insert into audit_text_span select entry_id / 4096, min(at), max(at), min(seq), max(seq) from audit_text group by 1
"""
HEAD = """
    insert into audit_logkey (vkey, origin, since) values ('bench', 'bench', now());
    insert into audit_batch (number, first, count, snapshot, cluster, sealed_at)
      select 1, 0, {count}, pg_current_snapshot()::text, system_identifier::text, now() from pg_control_system();
    insert into audit_checkpoint (size, root, note, key_id, at) select {count}, sha256(''), '', id, now() from audit_logkey;
    select setval('audit_entry_id_seq', {count});
    analyze;
"""
INDEXES = ("audit_text_words", "entry_actor", "entry_xid")
STEP = 1_000_000


def fill(link: psycopg.Connection[Any], count: int) -> None:
    """Rows 1 to `count`, in steps, with the larger indexes made at the end."""
    link.execute("set synchronous_commit = off; set maintenance_work_mem = '1GB'; set work_mem = '256MB'")
    definitions = []
    for name in INDEXES:
        definitions.append(link.execute("select pg_get_indexdef(%s::regclass)", [name]).fetchone()[0].replace(" ON ONLY ", " ON "))
        link.execute(f"drop index {name}")
    for first in range(1, count + 1, STEP):
        last = min(first + STEP - 1, count)
        link.execute("select setval('audit_entry_id_seq', %s)", [first])
        link.execute("select audit_make_room(), audit_text_room(%s)", [last])
        link.execute(f"create temp table made as {ROWS.format(count=count, first=first, last=last)}")
        for statement in (ENTRIES, PAYLOADS, LEAVES, TEXTS):
            link.execute(statement)
        link.execute("drop table made")
        print(f"  {last:>10,} rows", flush=True)
    for definition in definitions:
        link.execute(definition)
    link.execute(SPANS)
    for statement in HEAD.format(count=count).strip().split(";\n"):
        link.execute(statement)
    link.execute("vacuum audit_text")


def check_sample(connection: Any) -> None:
    """That the index was made as the worker makes it."""
    from audit.explore.lexemes import COLUMNS, Searched, lexemes_of, tsvector

    with connection.cursor() as cursor:
        cursor.execute(
            f"select e.id, l.seq, {COLUMNS} from audit_entry e join audit_leaf l on l.entry_id = e.id join audit_payload p on p.entry_id = e.id "
            "where e.id in (select 1 + (random() * 99000)::int from generate_series(1, 300))"
        )
        for row in [Searched(*row) for row in cursor.fetchall()]:
            cursor.execute(
                "select words = %s::tsvector, words::text from audit_text where entry_id = %s", [tsvector(lexemes_of(row)), row.id]
            )
            same, stored = cursor.fetchone()
            if not same:
                raise SystemExit(f"Row {row.id} is not indexed as the worker would:\n{stored}\n{tsvector(lexemes_of(row))}")


def pages() -> dict[str, str]:
    actor = "00000000-0000-4000-8000-0000000000c8"
    queries = {
        "first page": "",
        "by actor": f"actor:{actor}",
        "by action and dates": "action:deleted after:2025-02-01 before:2025-02-03",
        "by action, one day long ago": "action:portal.signed-in on:2024-01-02",
        "by a rare action": "action:pilot-stopped",
        "by object": "object:governance.pilot/17",
        "by a changed field": "field:owner kind:unit",
        "two that never meet": "field:owner kind:pilot",
        "a rare word": "zebra",
        "rare words, quoted": '"zebra crossing"',
        "actor and action": f"actor:{actor} action:deleted",
        "a word that nobody wrote": "xylophone",
        "all but": "-action:changed -action:created",
        "a range of places": "seq:100-140",
    }
    return {name: "/audit" + (f"?{urlencode({'q': query})}" if query else "") for name, query in queries.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=100_000)
    parser.add_argument("--large", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()

    from portal.launcher.folders import DataFolder
    from portal.launcher.postgres import throwaway_folder
    from portal.launcher.processes import Launcher
    from portal.launcher.services import Services

    folder, launcher = throwaway_folder(), Launcher()
    try:
        services = Services(launcher, DataFolder(folder), throwaway=True, own_servers=False)
        services.start()
        assert services.postgres is not None
        names = {"small": options.small, "large": options.large}
        for name in names:
            services.postgres.roles(name)
        os.environ |= {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": services.url("lm_owner", "small")}
        django.setup()
        tom = {}
        for name, count in names.items():
            tom[name] = prepared(services.url("lm_owner", name), name, count)
            warm(tom[name])
        from django.db import connection

        connection.close()
        connection.settings_dict.update(USER="lm_app", PASSWORD=services.postgres.data.secret("lm_app"))
        report(tom, options.rounds)
    finally:
        launcher.stop()
        shutil.rmtree(folder, ignore_errors=True)


def prepared(owner: str, name: str, count: int) -> Any:
    """A migrated and filled database; answers its compliance person."""
    from django.core.management import call_command
    from django.db import connection

    from tests.cast import assemble

    point_at(name)
    call_command("migrate", verbosity=0, skip_checks=True)
    print(f"{name}: {count:,} entries", flush=True)
    with psycopg.connect(owner, autocommit=True) as link:
        fill(link, count)
    check_sample(connection)
    return assemble().tom


def warm(tom: Any) -> None:
    """Every page once, so that what is wrong shows before the long filling."""
    from django.test import Client

    client = Client()
    client.force_login(tom, backend="portal.backends.RoleBackend")
    for title, page in pages().items():
        assert client.get(page).status_code == 200, title


def point_at(name: str) -> None:
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = name


def report(tom: dict[str, Any], rounds: int) -> None:
    from django.db import connection, transaction
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    clients = {}
    for name, person in tom.items():
        point_at(name)
        clients[name] = Client()
        clients[name].force_login(person, backend="portal.backends.RoleBackend")

    def ask(client: Client, page: str) -> float:
        with transaction.atomic():
            began = time.perf_counter()
            answer = client.get(page)
            took = time.perf_counter() - began
            assert answer.status_code == 200, answer.content[:500]
            transaction.set_rollback(True)
        return took

    found: dict[str, dict[str, list[float]]] = {title: {name: [] for name in tom} for title in pages()}
    queries: dict[str, dict[str, int]] = {title: {} for title in pages()}
    for number in range(rounds + 1):
        for name, client in clients.items():
            point_at(name)
            ask(client, "/audit")
            for title, page in pages().items():
                if number == 0:
                    with CaptureQueriesContext(connection) as counted:
                        ask(client, page)
                    queries[title][name] = len(counted)
                else:
                    found[title][name].append(ask(client, page))
    print(f"\n{'':30} {'small':>9} {'large':>9} {'ratio':>6}  queries")
    for title, times in found.items():
        ratio = statistics.median(large / small for small, large in zip(times["small"], times["large"], strict=True))
        small, large = (statistics.median(times[name]) * 1000 for name in ("small", "large"))
        print(f"{title:30} {small:6.1f} ms {large:6.1f} ms {ratio:6.2f}  {queries[title]['small']} {queries[title]['large']}", flush=True)


if __name__ == "__main__":
    main()
