"""Merkle tree hashing and proofs of RFC 6962 (section 2.1) and RFC 9162 (section 2.1.3, 2.1.4), over SHA-256.

A tree is read through a `Node`: `node(level, index)` gives the hash of the complete subtree over leaves
`index * 2**level` up to `(index + 1) * 2**level`. Everything here asks only for subtrees that are complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Node = Callable[[int, int], bytes]


class ProofError(Exception):
    """A proof that does not prove what it is said to prove. The message says why, in a sentence."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of one entry's bytes."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: what it takes to append and to know the root, in log2(n) hashes."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []  # (level, hash) of complete subtrees, largest first

    def append(self, hash_: bytes, level: int = 0) -> None:
        """Add one leaf hash, or the hash over 2**level leaves where the size is a multiple of that."""
        self.size += 1 << level
        while self._peaks and self._peaks[-1][0] == level:
            hash_ = node_hash(self._peaks.pop()[1], hash_)
            level += 1
        self._peaks.append((level, hash_))

    def root(self) -> bytes:
        """The root over everything appended so far."""
        if not self._peaks:
            return EMPTY_ROOT
        hash_ = self._peaks[-1][1]
        for _, left in reversed(self._peaks[:-1]):
            hash_ = node_hash(left, hash_)
        return hash_


def root_of(hashes: Iterable[bytes]) -> bytes:
    """The root over a sequence of leaf hashes."""
    frontier = Frontier()
    for hash_ in hashes:
        frontier.append(hash_)
    return frontier.root()


def subtree(start: int, end: int, node: Node) -> bytes:
    """The hash MTH(D[start:end]) for a range that begins where a subtree of its size begins."""
    width = end - start
    if width <= 0:
        return EMPTY_ROOT
    level = width.bit_length() - 1
    if width == 1 << level and start % width == 0:
        return node(level, start >> level)
    split = start + _split(width)
    return node_hash(subtree(start, split, node), subtree(split, end, node))


def root(size: int, node: Node) -> bytes:
    """The root of the tree of `size` leaves."""
    return subtree(0, size, node)


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root of the tree of `size`, sibling of the leaf first."""
    if not 0 <= index < size:
        raise ProofError(f"Entry {index} is not in a tree of {size} entries.")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            path.append(subtree(split, end, node))
            end = split
        else:
            path.append(subtree(start, split, node))
            start = split
    return path[::-1]


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """The hashes that show the tree of `old` entries to be the beginning of the tree of `new` entries."""
    if not 0 <= old <= new:
        raise ProofError(f"A tree of {old} entries cannot be the beginning of one of {new}.")
    if old in {0, new}:
        return []
    path: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        split = start + _split(end - start)
        if old <= split:
            path.append(subtree(split, end, node))
            end = split
        else:
            path.append(subtree(start, split, node))
            start, whole = split, False
    if not whole:
        path.append(subtree(start, end, node))
    return path[::-1]


def verify_inclusion(*, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise ProofError unless `proof` leads from the leaf hash at `index` to `root` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise ProofError(f"Entry {index} is not in a tree of {size} entries.")
    hash_ = leaf
    for sibling, on_the_left in _climb(index, size - 1, proof):
        hash_ = node_hash(sibling, hash_) if on_the_left else node_hash(hash_, sibling)
    if hash_ != root:
        raise ProofError(f"The proof does not lead from entry {index} to this root.")


def verify_consistency(*, old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise ProofError unless `proof` shows the old tree to be the beginning of the new one (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new:
        raise ProofError(f"A tree of {old} entries cannot be the beginning of one of {new}.")
    if old in {0, new}:
        if proof:
            raise ProofError("No hashes are needed here, and some were given.")
        if old_root != (EMPTY_ROOT if old == 0 else new_root):
            raise ProofError(f"Two different roots for {old} entries.")
        return
    # A complete old tree is itself the first node of the path.
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        raise ProofError("The proof is empty.")
    height = ((old - 1) ^ old).bit_length() - 1
    first = second = path[0]
    for hash_, on_the_left in _climb((old - 1) >> height, (new - 1) >> height, path[1:]):
        if on_the_left:
            first = node_hash(hash_, first)
        second = node_hash(hash_, second) if on_the_left else node_hash(second, hash_)
    if first != old_root:
        raise ProofError(f"The proof does not lead to the root of {old} entries.")
    if second != new_root:
        raise ProofError(f"The proof does not lead to the root of {new} entries.")


def _climb(fn: int, sn: int, hashes: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each hash of a path with whether it stands on the left; `fn` and `sn` are the RFC's node and last node."""
    for hash_ in hashes:
        if sn == 0:
            raise ProofError("The proof is longer than the tree is deep.")
        on_the_left = bool(fn & 1) or fn == sn
        yield hash_, on_the_left
        while on_the_left and fn and not fn & 1:
            fn, sn = fn >> 1, sn >> 1
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise ProofError("The proof is shorter than the tree is deep.")


def _split(width: int) -> int:
    """The largest power of two smaller than `width`."""
    return 1 << ((width - 1).bit_length() - 1)
