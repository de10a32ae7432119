"""The bytes of a leaf: one form only, no values, and a commitment that fits exactly one payload."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.log import canonical

LEAF = {
    "id": 7,
    "tx": 815,
    "role": "lm_app",
    "on": None,
    "via": "page",
    "at": canonical.render_time(dt.datetime(2026, 11, 22, 10, 41, 7, 5, tzinfo=dt.timezone(dt.timedelta(hours=1)))),
    "actor": "p:0b3c7a5e-1111-4222-8333-444455556666",
    "action": "item.changed",
    "model": "feedback.item",
    "obj": "FB-12",
    "ver": 3,
    "prev": 41,
    "req": "r-1",
    "reason": "",
    "fields": ["status", "text"],
    "c": "ab" * 32,
    "k": "work",
    "v": 1,
}
DATA = canonical.render(LEAF)


def test_leaf__rendered__is_exactly_these_bytes() -> None:
    assert DATA == (
        b'{"action":"item.changed","actor":"p:0b3c7a5e-1111-4222-8333-444455556666","at":"2026-11-22T09:41:07.000005Z",'
        b'"c":"abababababababababababababababababababababababababababababababab","fields":["status","text"],"id":7,"k":"work",'
        b'"model":"feedback.item","obj":"FB-12","on":null,"prev":41,"reason":"","req":"r-1","role":"lm_app","tx":815,"v":1,"ver":3,"via":"page"}'
    )
    assert canonical.plain(DATA), "what nearly every leaf looks like is told at a glance"


@given(obj=st.text(max_size=60), req=st.text(max_size=60), fields=st.lists(st.text(max_size=20), max_size=8))
def test_leaf__any_text__reads_back(obj: str, req: str, fields: list[str]) -> None:
    data = canonical.render(LEAF | {"obj": obj, "req": req, "fields": fields})
    body = canonical.read(data)
    assert (body["obj"], body["req"], body["fields"]) == (obj, req, fields)


@given(at=st.integers(0, len(DATA) - 1), put=st.binary(max_size=3), cut=st.integers(0, 3))
def test_plain__any_bytes_changed__never_takes_what_is_not_canonical(at: int, put: bytes, cut: int) -> None:
    """The quick look is no laxer than reading letter by letter."""
    data = DATA[:at] + put + DATA[at + cut :]
    if canonical.plain(data):
        canonical.read(data)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"v":1', b'"v":1.0'),
        (b'"v":1', b'"v":NaN'),
        (b'"v":1', b'"v":1,"v":1'),
        (b'"v":1', b'"v": 1'),
        (b'"v":1,', b'"v":1,"w":2,'),
        (b'"id":7', b'"id":07'),
        (b"feedback", b"\\u0066eedback"),
        (b"feedback", b"\xff"),
        (b"{", b"[{"),
        (b"}", b"}\n"),
    ],
)
def test_read__another_form_of_the_same__is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(canonical.NotCanonical):
        canonical.read(DATA.replace(old, new, 1))
    assert not canonical.plain(DATA.replace(old, new, 1))


def test_read__other_keys_or_oversize__is_refused() -> None:
    for data in (b"{}", b"[]", b"1", b"x" * 65_536, b'{"a":' * 30_000):
        with pytest.raises(canonical.NotCanonical):
            canonical.read(data)


def test_commitment__payload__fits_these_bytes_and_this_salt_only() -> None:
    salt, payload = bytes(range(32)), '{"text":"übrig"}'.encode()
    assert canonical.commit(salt, payload) == hmac.new(salt, payload, hashlib.sha256).hexdigest()
    assert canonical.commit(salt, payload) != canonical.commit(salt, payload + b" ")
    assert canonical.commit(salt, payload) != canonical.commit(bytes(32), payload)
