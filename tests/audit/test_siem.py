"""The feed for security monitors: OCSF by the schema's own facts, RFC 5424 by a foreign reader, and a cursor that loses nothing."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import given
from hypothesis import strategies as some
from syslogcef.parsers import parse_rfc5424

from audit.context import acting
from audit.feed import formats as siem
from audit.feed import reading as feed
from audit.feed.formats import Sealed
from audit.log import sealing
from audit.models import Entry, Leaf
from audit.selectors import log_size
from audit.services import record
from portal.models import Person
from tests import factories
from tests.cast import Api, Cast
from tests.portal.running import ROOT
from tests.services import Database

SCHEMA = json.loads((Path(__file__).parent / "ocsf_1_3_0.json").read_text())
CLASSES = {3004: "entity_management", 3002: "authentication", 6003: "api_activity"}
ENTRY = Sealed(
    seq=7,
    id=9,
    at=dt.datetime(2026, 11, 22, 9, 41, 2, 123456, tzinfo=dt.UTC),
    actor="5d0c1c1e-0000-4000-8000-000000000001",
    label='Wójcik "Olga" [HB\\217]',
    kind="person",
    on_behalf="",
    action="changed",
    words="changed",
    model="governance.pilot",
    object="3",
    ver=2,
    channel="page",
    request_id="r-12345678",
    fields=("stage_id", "base_version"),
    leaf_hash="qrvM",
)


def seal() -> None:
    connection.close()
    sealing.seal()


def problems(value: dict[str, Any], attributes: dict[str, Any], where: str) -> Iterator[str]:
    """What the schema says against an event or an object of it."""
    for name, rule in attributes.items():
        if rule.get("required") and name not in value:
            yield f"{where}.{name} is missing"
    for name, held in value.items():
        if name == "unmapped":
            continue
        if name not in attributes:
            yield f"{where}.{name} is unknown"
            continue
        rule = attributes[name]
        for one in held if rule.get("array") else [held]:
            yield from _wrong(one, rule, f"{where}.{name}")


def _wrong(value: Any, rule: dict[str, Any], where: str) -> Iterator[str]:
    kind = rule["type"]
    if "enum" in rule and str(value) not in rule["enum"]:
        yield f"{where} is {value}, none of {rule['enum']}"
    if kind in {"integer_t", "long_t", "timestamp_t"} and type(value) is not int:
        yield f"{where} is no whole number"
    elif kind.endswith("string_t") and type(value) is not str:
        yield f"{where} is no text"
    elif kind in SCHEMA["objects"]:
        held = SCHEMA["objects"][kind]
        yield from problems(value, held["attributes"], where)
        least = held.get("constraints", {}).get("at_least_one")
        if least and not set(least) & set(value):
            yield f"{where} has none of {least}"


def told_by(read: Any) -> dict[str, str]:
    """The parameters of our structured data, as the foreign reader has them."""
    return {name.removeprefix(f"{siem.SD_ID}."): value for name, value in read.sd.items()}


def checked(event: dict[str, Any]) -> dict[str, Any]:
    """An event that fits its class of OCSF 1.3.0."""
    attributes = SCHEMA["classes"][CLASSES[event["class_uid"]]]
    assert list(problems(event, attributes, CLASSES[event["class_uid"]])) == []
    assert event["metadata"]["version"] == SCHEMA["version"]
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    assert event["category_uid"] == event["class_uid"] // 1000
    return event


@pytest.fixture
def happened(log: Database, cast: Cast, sealed: Callable[[int], int]) -> int:
    """Changes, a sign-in that worked and one that failed, a look, a refusal and a write without an actor, all sealed."""
    with acting(cast.tom.pk, channel="page", request_id="request-1"):
        record("portal.signed-in", obj=cast.tom)
        record("portal.sign-in-failed")
        record("audit.entry-read", detail={"entry": 1})
        record("audit.refused", detail={"attempt": "POST /x"})
    factories.unit("depot-9", cast.company)
    with log.connect("lm_app") as app:
        app.execute("update portal_unit set name = 'Otherwise' where slug = 'depot-9'")
    return sealed(5)


def test_schema_facts__of_this_test__refuse_what_is_wrong() -> None:
    good = siem.ocsf(ENTRY, origin="log")
    checked(good)
    attributes = SCHEMA["classes"]["entity_management"]
    for broken in (
        {name: value for name, value in good.items() if name != "entity"},
        good | {"activity_id": 77},
        good | {"time": "2026"},
        good | {"entity": {"type": "x"}},
        good | {"surprise": 1},
    ):
        assert list(problems(broken, attributes, "x"))


def test_feed__ocsf__fits_the_schema_and_tells_classes_and_severities_apart(happened: int, cast: Cast, api: Callable[..., Api]) -> None:
    answer = api(cast.tom, "audit:read").get("/api/v1/audit/feed?limit=1000")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/x-ndjson")
    events = [checked(json.loads(line)) for line in answer.content.splitlines()]
    assert [event["metadata"]["sequence"] for event in events] == list(range(happened))
    assert answer["Lastmile-Next"] == str(happened - 1)
    by_code: dict[str, dict[str, Any]] = {event["metadata"]["event_code"]: event for event in events}
    assert {code: (by_code[code]["class_uid"], by_code[code]["activity_id"], by_code[code]["severity_id"]) for code in EXPECTED} == EXPECTED
    assert by_code["portal.sign-in-failed"]["status_id"] == 2
    assert by_code["portal.signed-in"]["user"] == {"uid": str(cast.tom.pk), "type_id": 1, "name": "Tom Brandt"}
    assert by_code["changed"]["entity"]["data"] == {"fields": ["name"]}
    entry = Entry.objects.get(action="portal.signed-in")
    assert by_code["portal.signed-in"]["time"] == round(entry.at.timestamp() * 1000)


EXPECTED = {
    "created": (3004, 1, 1),
    "changed": (3004, 3, 3),  # the write without an actor
    "portal.signed-in": (3002, 1, 1),
    "portal.sign-in-failed": (3002, 1, 2),
    "audit.entry-read": (6003, 2, 1),
    "audit.refused": (6003, 99, 2),
    "audit.backup-made": (6003, 99, 1),
}


def test_feed__syslog__is_read_by_a_foreign_parser(happened: int, cast: Cast, api: Callable[..., Api]) -> None:
    answer = api(cast.tom, "audit:read").get("/api/v1/audit/feed?format=syslog&limit=1000")
    lines = answer.content.decode().splitlines()
    assert len(lines) == happened
    for seq, line in enumerate(lines):
        read = parse_rfc5424(line)
        assert read is not None, line
        told = told_by(read)
        leaf = Leaf.objects.get(seq=seq)
        entry = Entry.objects.get(pk=leaf.entry_id)
        assert (read.facility, read.app, told["seq"], told["action"]) == (13, "lastmile", str(seq), entry.action)
        assert read.ts == entry.at
    warned = [line for line in lines if line.startswith("<108>1 ")]
    assert len(warned) == Entry.objects.filter(actor="0" * 32).count() == 1


def test_syslog__quotes_brackets_and_letters__come_out_as_they_went_in() -> None:
    line = siem.syslog(ENTRY, host="lastmile.example").decode()
    assert line.startswith("<110>1 2026-11-22T09:41:02.123456Z lastmile.example lastmile - changed [lastmile@32473 seq=")
    assert 'label="Wójcik \\"Olga\\" [HB\\\\217\\]"' in line
    read = parse_rfc5424(line)
    assert read is not None
    assert told_by(read)["label"] == ENTRY.label
    assert line.partition("] \ufeff")[2] == 'Wójcik "Olga" [HB\\217] changed governance.pilot 3'


@given(some.text(max_size=60), some.text(max_size=60))
def test_syslog__any_text__is_one_line_that_parses(label: str, obj: str) -> None:
    entry = replace(ENTRY, label=label.encode("utf-8", "ignore").decode(), object=obj.encode("utf-8", "ignore").decode())
    line = siem.syslog_line(entry, host="h").decode()
    assert line.endswith("\n")
    assert not re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]", line[:-1])
    assert len(line.splitlines()) == 1
    read = parse_rfc5424(line[:-1])
    assert read is not None
    assert told_by(read)["seq"] == "7"
    json.loads(siem.ocsf_line(entry, origin="log"))


def test_feed__holds_no_values_reasons_or_addresses(happened: int, cast: Cast, api: Callable[..., Api]) -> None:
    for form in ("ocsf", "syslog"):
        body = api(cast.tom, "audit:read").get(f"/api/v1/audit/feed?format={form}&limit=1000").content.decode()
        for secret in ("Otherwise", "POST /x", "@brightline.example", "Northfield depot"):
            assert secret not in body, (form, secret)


def test_feed__by_cursor_with_writes_between__loses_and_doubles_nothing(
    happened: int, cast: Cast, api: Callable[..., Api], act: Callable[..., int]
) -> None:
    key, seen, after = api(cast.tom, "audit:read"), [], "-1"
    for turn in range(40):
        answer = key.get(f"/api/v1/audit/feed?after={after}&limit=7")
        seen += [json.loads(line)["metadata"]["sequence"] for line in answer.content.splitlines()]
        after = answer["Lastmile-Next"]
        if turn < 5:
            act()
            seal()
    assert seen == list(range(len(seen)))
    assert len(seen) >= happened + 5
    last = key.get(f"/api/v1/audit/feed?after={after}")
    assert (last.content, last["Lastmile-Next"]) == (b"", after)
    assert key.get(f"/api/v1/audit/feed?after={after}", If_None_Match=last["ETag"]).status_code == 304


def test_feed__what_is_not_sealed__is_not_in_it(happened: int, cast: Cast, api: Callable[..., Api], act: Callable[..., int]) -> None:
    act()
    key = api(cast.tom, "audit:read")
    assert key.get(f"/api/v1/audit/feed?after={happened - 1}").content == b""
    seal()
    assert key.get(f"/api/v1/audit/feed?after={happened - 1}").content != b""


def test_feed__its_own_reads__end_by_themselves(happened: int, cast: Cast, api: Callable[..., Api]) -> None:
    """A reader that asks every few seconds leaves an entry for what it fetched, and none for that entry."""
    key = api(cast.tom, "audit:read")
    seal()
    after = key.get("/api/v1/audit/feed?limit=1000")["Lastmile-Next"]
    for _turn in range(4):
        seal()
        after = key.get(f"/api/v1/audit/feed?after={after}")["Lastmile-Next"]
    assert Entry.objects.filter(action="audit.feed-read").count() == 1
    assert int(after) == log_size() - 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("after=x", "cursor_invalid"),
        ("after=-2", "cursor_invalid"),
        ("after=1e3", "cursor_invalid"),
        ("after=٣", "cursor_invalid"),
        ("after=" + "9" * 30, "cursor_invalid"),
        ("limit=0", "limit_invalid"),
        ("limit=1001", "limit_invalid"),
        ("format=cef", "format_unknown"),
    ],
)
def test_feed__of_a_wrong_question__says_which(db: None, cast: Cast, api: Callable[..., Api], query: str, code: str) -> None:
    answer = api(cast.tom, "audit:read").get(f"/api/v1/audit/feed?{query}")
    assert (answer.status_code, json.loads(answer.content)["code"]) == (422, code)


def test_command__killed_in_the_middle__goes_on_with_the_last_place(
    happened: int, log: Database, sealed: Callable[[int], int], tmp_path: Path
) -> None:
    """kill -9 while it writes: whole lines up to somewhere; from the last of them on, everything else, each once."""
    size = sealed(400)
    environment = log.environment | {"DJANGO_SETTINGS_MODULE": "tests.settings", "LASTMILE_DATA": str(tmp_path)}
    argv = [sys.executable, "manage.py", "siem", "--after", "-1"]
    with subprocess.Popen(argv, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as cut:
        assert cut.stdout is not None
        first = [cut.stdout.readline() for _line in range(120)]
        cut.send_signal(signal.SIGKILL)
    seen = [json.loads(line)["metadata"]["sequence"] for line in first]
    rest = subprocess.run([*argv[:-1], str(seen[-1])], env=environment, cwd=ROOT, capture_output=True, timeout=60, check=True)
    seen += [json.loads(line)["metadata"]["sequence"] for line in rest.stdout.splitlines()]
    assert seen == list(range(size))
    assert f"Go on with --after {size - 1}." in rest.stderr.decode()


def test_command__to_a_receiver_over_tcp_and_udp__sends_whole_messages(happened: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        received: list[bytes] = []

        def receive() -> None:
            link, _address = server.accept()
            with link, link.makefile("rb") as stream:
                received.append(stream.read())

        listener = threading.Thread(target=receive)
        listener.start()
        call_command("siem", "--format", "syslog", "--to", f"tcp://127.0.0.1:{server.getsockname()[1]}", stderr=io.StringIO())
        listener.join(timeout=10)
    messages, data = [], received[0]
    while data:
        length, _blank, data = data.partition(b" ")
        messages.append(data[: int(length)])
        data = data[int(length) :]
    assert len(messages) == happened
    assert all(parse_rfc5424(message.decode()) for message in messages)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        after = str(happened - 3)
        call_command(
            "siem", "--format", "syslog", "--after", after, "--to", f"udp://127.0.0.1:{server.getsockname()[1]}", stderr=io.StringIO()
        )
        assert [parse_rfc5424(server.recv(9000).decode()) is not None for _turn in range(2)] == [True, True]


def test_command__receiver_that_is_not_there__says_where_to_go_on(happened: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(CommandError, match=r"Go on with --after 3\."):
        call_command("siem", "--format", "syslog", "--after", "3", "--to", f"tcp://127.0.0.1:{port}")
    with pytest.raises(CommandError, match="write tcp://host:port"):
        call_command("siem", "--format", "syslog", "--to", "http://example.org")


def test_page_of_feed__person_whose_name_was_unlinked__is_a_pseudonym(happened: int, log: Database, cast: Cast) -> None:
    with log.connect("postgres") as root:
        root.execute("set session_replication_role = replica")
        root.execute("delete from audit_actor where id = %s", [cast.tom.pk])
    mine = [entry for entry in feed.page(-1, 1000) if entry.actor == str(cast.tom.pk)]
    assert mine
    assert all(entry.label == "" for entry in mine)
    assert all("name" not in siem.ocsf(entry, origin="log").get("user", {}) for entry in mine)
    assert Person.objects.filter(pk=cast.tom.pk).exists()
