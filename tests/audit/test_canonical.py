"""The bytes of a leaf: one form only, no values, and a commitment that fits exactly one payload."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import canonical

LEAF = canonical.Leaf(
    id=7,
    tx=815,
    role="lm_app",
    on_behalf=None,
    via="page",
    at=dt.datetime(2026, 11, 22, 10, 41, 7, 5, tzinfo=dt.timezone(dt.timedelta(hours=1))),
    actor="0b3c7a5e-1111-4222-8333-444455556666",
    action="item.changed",
    model="feedback.item",
    obj="FB-12",
    ver=3,
    prev=41,
    req="r-1",
    reason="",
    fields=("status", "text"),
    commitment="ab" * 32,
    data_class="work",
)


def changed(**fields: object) -> canonical.Leaf:
    return canonical.Leaf(**({name: getattr(LEAF, name) for name in LEAF.__dataclass_fields__} | fields))


def test_leaf__rendered__is_exactly_these_bytes() -> None:
    assert LEAF.render() == (
        b'{"action":"item.changed","actor":"p:0b3c7a5e-1111-4222-8333-444455556666","at":"2026-11-22T09:41:07.000005Z",'
        b'"c":"abababababababababababababababababababababababababababababababab","fields":["status","text"],"id":7,"k":"work",'
        b'"model":"feedback.item","obj":"FB-12","on":null,"prev":41,"reason":"","req":"r-1","role":"lm_app","tx":815,"v":1,"ver":3,"via":"page"}'
    )


@given(obj=st.text(max_size=60), req=st.text(max_size=60), fields=st.lists(st.text(max_size=20), max_size=8))
def test_leaf__any_text__reads_back(obj: str, req: str, fields: list[str]) -> None:
    leaf = changed(obj=obj, req=req, fields=tuple(fields))
    body = canonical.read(leaf.render())
    assert (body["obj"], body["req"], body["fields"]) == (obj, req, fields)


def test_leaf__too_many_fields__names_none_and_still_fits() -> None:
    data = changed(fields=tuple(f"field_{number:06}" for number in range(10_000))).render()
    assert len(data) < canonical.MAX_LEAF_BYTES
    assert canonical.read(data)["fields"] is None
    with pytest.raises(canonical.NotCanonical):
        changed(obj="x" * 70_000).render()


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
        canonical.read(LEAF.render().replace(old, new, 1))


def test_read__other_keys_or_oversize__is_refused() -> None:
    for data in (b"{}", b"[]", b"1", b"x" * 65_536, b'{"a":' * 30_000):
        with pytest.raises(canonical.NotCanonical):
            canonical.read(data)


def test_commitment__payload__fits_these_bytes_and_this_salt_only() -> None:
    salt, payload = bytes(range(32)), '{"text":"übrig"}'.encode()
    assert canonical.commit(salt, payload) == hmac.new(salt, payload, hashlib.sha256).hexdigest()
    assert canonical.commit(salt, payload) != canonical.commit(salt, payload + b" ")
    assert canonical.commit(salt, payload) != canonical.commit(bytes(32), payload)
