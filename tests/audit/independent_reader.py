"""A reader of the log written from the public specifications alone: it imports nothing of the portal.

Specifications: RFC 6962 section 2.1 (hashing, audit paths, consistency), C2SP signed-note, tlog-checkpoint, tlog-tiles and
tlog-proof. It is given a function that fetches a path below the log's address, and the log's public key as text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Fetch = Callable[[str], bytes]


def mth(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, as its definition reads, over leaf hashes."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = power_below(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH(m, D[n]) of RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    k = power_below(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def climb(leaf: bytes, index: int, size: int, hashes: list[bytes]) -> bytes:
    """The root that an audit path leads to, walking the same recursion as `path`."""
    if size == 1:
        assert not hashes, "the path is too long"
        return leaf
    k = power_below(size)
    assert hashes, "the path is too short"
    if index < k:
        return hashlib.sha256(b"\x01" + climb(leaf, index, k, hashes[:-1]) + hashes[-1]).digest()
    return hashlib.sha256(b"\x01" + hashes[-1] + climb(leaf, index - k, size - k, hashes[:-1])).digest()


def power_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


class Reader:
    """Follows one log, and remembers the last head it has seen."""

    def __init__(self, fetch: Fetch, vkey: str) -> None:
        self.fetch = fetch
        self.name, key_id, key = vkey.strip().split("+", 2)
        raw = base64.b64decode(key, validate=True)
        assert raw[0] == 1, "not an Ed25519 key"
        self.public = Ed25519PublicKey.from_public_bytes(raw[1:])
        self.key_id = bytes.fromhex(key_id)
        assert hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4] == self.key_id, "key id does not fit the key"
        self.leaves: list[bytes] = []

    def checkpoint(self, note: bytes | None = None) -> tuple[int, bytes]:
        """Size and root of a checkpoint whose signature verifies (the log's newest where none is given)."""
        raw = self.fetch("checkpoint") if note is None else note
        end = raw.rindex(b"\n\n") + 1
        text, lines = raw[:end], raw[end + 1 :]
        assert lines.endswith(b"\n")
        signed = False
        for line in lines[:-1].split(b"\n"):
            dash, name, coded = line.decode().split(" ")
            assert dash == "\u2014"
            blob = base64.b64decode(coded, validate=True)
            if name == self.name and blob[:4] == self.key_id:
                self.public.verify(blob[4:], text)
                signed = True
        assert signed, "not signed by the log"
        origin, size, root, *extensions = text.decode()[:-1].split("\n")
        assert origin == self.name
        assert not extensions
        assert str(int(size)) == size
        return int(size), base64.b64decode(root, validate=True)

    def read_everything(self) -> list[dict[str, Any]]:
        """All entries up to the newest checkpoint, after checking bundles, tiles of every level, root and the past."""
        size, root = self.checkpoint()
        entries = self.entries(size)
        leaves = [hashlib.sha256(b"\x00" + entry).digest() for entry in entries]
        assert mth(leaves) == root, "the entries do not lead to the signed root"
        assert leaves[: len(self.leaves)] == self.leaves, "the log has changed its past"
        row, level = leaves, 0
        while row:
            for index in range(0, len(row), 256):
                part = row[index : index + 256]
                assert self.fetch(f"tile/{level}/{numbered(index // 256, len(part))}") == b"".join(part), (
                    f"level {level}, tile {index // 256}"
                )
            row = [mth(row[at : at + 256]) for at in range(0, len(row) - 255, 256)]
            level += 1
        self.leaves = leaves
        return [json.loads(entry) for entry in entries]

    def entries(self, size: int) -> list[bytes]:
        """The bytes of the first `size` entries, from the bundles."""
        found: list[bytes] = []
        for start in range(0, size, 256):
            width = min(256, size - start)
            data = self.fetch(f"tile/entries/{numbered(start // 256, width)}")
            while data:
                length = int.from_bytes(data[:2], "big")
                assert len(data) >= 2 + length
                found.append(data[2 : 2 + length])
                data = data[2 + length :]
        assert len(found) == size, "a bundle has another number of entries than its width"
        return found

    def check_old_checkpoint(self, note: bytes) -> None:
        """That an earlier checkpoint, kept by someone, is the beginning of what was read."""
        size, root = self.checkpoint(note)
        assert size <= len(self.leaves)
        assert mth(self.leaves[:size]) == root, "this checkpoint was of another log"

    def check_proof(self, proof: bytes, entry: bytes) -> int:
        """That a tlog-proof file proves `entry` to be in the log; answers its index."""
        head, _, note = proof.partition(b"\n\n")
        first, *lines = head.decode().split("\n")
        assert first == "c2sp.org/tlog-proof@v1"
        if lines[0].startswith("extra "):
            lines.pop(0)
        index = int(lines.pop(0).removeprefix("index "))
        hashes = [base64.b64decode(line, validate=True) for line in lines]
        size, root = self.checkpoint(note)
        leaf = hashlib.sha256(b"\x00" + entry).digest()
        assert climb(leaf, index, size, hashes) == root, "the proof does not lead to the signed root"
        if size <= len(self.leaves):
            assert hashes == path(index, self.leaves[:size])
        return index


def numbered(index: int, width: int) -> str:
    """A tile's number in a path: groups of three digits, all but the last with an x, and its width when partial."""
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03}")
    return "/".join(groups) + (f".p/{width}" if width < 256 else "")
