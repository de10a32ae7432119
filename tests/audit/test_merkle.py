"""RFC 6962 hashing and RFC 9162 proofs: the public test vectors, and properties over trees of every shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.log.merkle import (
    EMPTY_ROOT,
    Frontier,
    Node,
    ProofError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves and the roots that the reference implementations of Certificate Transparency publish.
VECTOR_LEAVES = [
    bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
VECTOR_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
VECTOR_INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
VECTOR_CONSISTENCY = {
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def node_over(hashes: Sequence[bytes]) -> Node:
    def node(level: int, index: int) -> bytes:
        part = hashes[index << level : (index + 1) << level]
        assert len(part) == 1 << level, "only complete subtrees are asked for"
        return root_of(part)

    return node


def numbered(size: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(size)]


def test_root__no_entries__is_the_hash_of_nothing() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of([]) == EMPTY_ROOT == Frontier().root() == root(0, node_over([]))


@pytest.mark.parametrize("size", range(1, 9))
def test_root__public_vectors__agree(size: int) -> None:
    assert root_of(leaf_hash(leaf) for leaf in VECTOR_LEAVES[:size]).hex() == VECTOR_ROOTS[size - 1]


@pytest.mark.parametrize(("index", "size"), VECTOR_INCLUSION)
def test_inclusion__public_vectors__agree(index: int, size: int) -> None:
    hashes = [leaf_hash(leaf) for leaf in VECTOR_LEAVES]
    proof = inclusion_proof(index, size, node_over(hashes))
    assert [hash_.hex() for hash_ in proof] == VECTOR_INCLUSION[index, size]
    verify_inclusion(leaf=hashes[index], index=index, size=size, proof=proof, root=bytes.fromhex(VECTOR_ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "new"), VECTOR_CONSISTENCY)
def test_consistency__public_vectors__agree(old: int, new: int) -> None:
    hashes = [leaf_hash(leaf) for leaf in VECTOR_LEAVES]
    proof = consistency_proof(old, new, node_over(hashes))
    assert [hash_.hex() for hash_ in proof] == VECTOR_CONSISTENCY[old, new]
    roots = [bytes.fromhex(text) for text in VECTOR_ROOTS]
    verify_consistency(old=old, old_root=roots[old - 1], new=new, new_root=roots[new - 1], proof=proof)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_inclusion__any_entry_of_any_tree__verifies_there_and_nowhere_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 300))
    index = data.draw(st.integers(0, size - 1))
    hashes = numbered(size)
    top = root_of(hashes)
    proof = inclusion_proof(index, size, node_over(hashes))
    good: dict[str, Any] = {"leaf": hashes[index], "index": index, "size": size, "proof": proof, "root": top}
    verify_inclusion(**good)

    other = data.draw(st.integers(0, size - 1).filter(lambda number: number != index)) if size > 1 else index + 1
    wrong: list[dict[str, Any]] = [
        {"index": other},
        {"leaf": leaf_hash(b"another")},
        {"root": leaf_hash(b"another root")},
        {"proof": [*proof, hashes[0]]},
        {"index": size},
    ]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        wrong += [{"proof": proof[:-1]}, {"proof": [*proof[:at], bytes(32), *proof[at + 1 :]]}]
    for change in wrong:
        with pytest.raises(ProofError):
            verify_inclusion(**(good | change))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_consistency__any_two_sizes__verifies_and_a_changed_past_does_not(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 300))
    old = data.draw(st.integers(0, new))
    hashes = numbered(new)
    proof = consistency_proof(old, new, node_over(hashes))
    good: dict[str, Any] = {"old": old, "old_root": root_of(hashes[:old]), "new": new, "new_root": root_of(hashes), "proof": proof}
    verify_consistency(**good)
    if old:
        forged = numbered(new)
        forged[data.draw(st.integers(0, old - 1))] = leaf_hash(b"forged")
        forged_proof = consistency_proof(old, new, node_over(forged))
        with pytest.raises(ProofError):
            verify_consistency(**(good | {"new_root": root_of(forged), "proof": forged_proof}))
    other: dict[str, Any] = {"new_root": bytes(32)} if old else {"old_root": bytes(32)}
    for change in ({"proof": [*proof, bytes(32)]}, other):
        with pytest.raises(ProofError):
            verify_consistency(**(good | change))


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 300))
def test_frontier__any_size__has_the_root_of_the_tree(size: int) -> None:
    hashes = numbered(size)
    assert root(size, node_over(hashes)) == root_of(hashes)


def test_root__two_leaves__is_the_node_over_them() -> None:
    assert root_of([b"a" * 32, b"b" * 32]) == node_hash(b"a" * 32, b"b" * 32)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_inclusion__entry_outside_the_tree__is_refused(index: int, size: int) -> None:
    with pytest.raises(ProofError):
        inclusion_proof(index, size, node_over(numbered(size)))


def test_consistency__old_larger_than_new__is_refused() -> None:
    with pytest.raises(ProofError):
        consistency_proof(4, 3, node_over(numbered(4)))
