"""The log as files: formats, caching, refusals, and a reader that knows the specifications alone."""

from __future__ import annotations

import gzip
from collections.abc import Callable

from django.test import Client
from pytest_django import Settings

from tests.audit.independent_reader import Reader
from tests.cast import Api, Cast
from tests.services import Database

Sealed = Callable[[int], int]


def fetch(path: str) -> bytes:
    answer = Client().get(f"/log/{path}")
    assert answer.status_code == 200, (path, answer.status_code, answer.content)
    return bytes(answer.content)


def reader() -> Reader:
    return Reader(fetch, fetch("vkey").decode())


def test_log__never_sealed__says_so(log: Database) -> None:
    for path in ("checkpoint", "vkey", "tile/0/000"):
        assert Client().get(f"/log/{path}").status_code == 404


def test_log__independent_reader__recomputes_root_tiles_and_past(sealed: Sealed) -> None:
    sealed(3)
    other = reader()
    first = fetch("checkpoint")
    entries = other.read_everything()
    assert entries[-1]["action"] == "audit.backup-made"
    assert all(entry["actor"].startswith("p:") for entry in entries)
    sealed(300)
    assert len(other.read_everything()) == len(entries) + 300
    other.check_old_checkpoint(first)


def test_log__more_than_65536_entries__has_three_levels(log: Database, sealed: Sealed) -> None:
    with log.connect("lm_app") as link:
        link.execute("select count(audit_record('audit.backup-made', '', '', '{}', 'act', '{}')) from generate_series(1, 65800)")
    assert sealed(1) > 65_536 + 256
    other = reader()
    other.read_everything()
    assert len(fetch("tile/2/000.p/1")) == 32


def test_log__headers__are_those_of_the_specification(sealed: Sealed) -> None:
    sealed(2)
    checkpoint = Client().get("/log/checkpoint")
    assert checkpoint["Content-Type"] == "text/plain; charset=utf-8"
    assert "max-age=2" in checkpoint["Cache-Control"]
    assert Client().get("/log/vkey")["Content-Type"] == "text/plain; charset=utf-8"
    for path in ("/log/tile/0/000.p/2", "/log/tile/entries/000.p/2"):
        answer = Client().get(path)
        assert answer["Content-Type"] == "application/octet-stream"
        assert "immutable" in answer["Cache-Control"]
        assert "Set-Cookie" not in answer.headers
    assert Client().head("/log/checkpoint").status_code == 200
    assert Client().post("/log/checkpoint").status_code in {403, 405}


def test_log__bundle__is_compressed_for_who_can_read_that(sealed: Sealed) -> None:
    sealed(100)
    plain = Client().get("/log/tile/entries/000.p/100")
    packed = Client().get("/log/tile/entries/000.p/100", headers={"Accept-Encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content


MALFORMED = ["0/0", "x/000", "0/000.p/0", "0/000.p/256", "64/000", "entries/1", "entries/000.p/x", "0/..", "0/%00", "entries/"]
BEYOND = ["0/000", "0/000.p/255", "1/000.p/1", "0/001.p/1", "63/000", "entries/000", "entries/x999/x999/x999/999", "entries/x001/000.p/1"]


def test_log__malformed_path__is_refused_in_words(sealed: Sealed) -> None:
    sealed(1)
    for path in MALFORMED:
        answer = Client().get(f"/log/tile/{path}")
        assert answer.status_code in {400, 404}, path
        assert b"Traceback" not in answer.content


def test_log__beyond_the_checkpoint__is_not_there(sealed: Sealed) -> None:
    sealed(2)
    for path in BEYOND:
        assert Client().get(f"/log/tile/{path}").status_code == 404, path


def test_log__not_under_a_checkpoint_yet__is_not_served(sealed: Sealed, act: Callable[..., int]) -> None:
    size = sealed(2)
    act()
    assert Client().get(f"/log/tile/0/000.p/{size + 1}").status_code == 404


def test_log__readers_hashes__entries_need_compliance(
    sealed: Sealed, settings: Settings, cast: Cast, sign_in: Callable[..., Client], api: Callable[..., Api], system_key: Callable[..., Api]
) -> None:
    sealed(2)
    settings.LOG_READERS = "hashes"
    entries, hashes = "/log/tile/entries/000.p/2", "/log/tile/0/000.p/2"
    assert Client().get(hashes).status_code == 200
    assert Client().get("/log/checkpoint").status_code == 200
    assert Client().get(entries).status_code == 401
    assert sign_in(cast.mara).get(entries).status_code == 403
    assert sign_in(cast.tom).get(entries).status_code == 200
    assert api(cast.tom, "audit:read").get(entries).status_code == 200
    assert api(cast.tom, "write").get(entries).status_code == 403
    assert api(cast.mara, "audit:read").get(entries).status_code == 403
    assert system_key(cast.system, "events:write").get(entries).status_code == 403
    assert system_key(cast.system, "audit:read").get(entries).status_code == 200
