"""Reads a log with the package aics-tlog, by an interpreter that has it (3.12 or later): `aics_reader.py ADDRESS VKEY OLDER...`.

Prints what was verified as JSON; ends with code 1 and a sentence where something does not verify. Imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import aics_tlog as aics  # type: ignore[import-not-found, unused-ignore]


def main(address: str, vkey: str, *older: str) -> dict[str, Any]:
    reader = aics.HttpTileReader([address], proxies={})
    key = aics.parse_vkey(vkey)
    head = head_of(reader.read_checkpoint(), key)
    audited = aics.audit_tiles(reader, head.size, head.root)
    verified = aics.VerifiedTileReader(reader, head.size, head.root)
    for index in (0, head.size // 2, head.size - 1):
        proof = aics.inclusion_proof_from_tiles(verified, index, head.size)
        if not aics.verify_leaf_inclusion(verified.entry(index), index, head.size, proof, head.root):
            raise ValueError(f"entry {index} is not in the log")
    for file in older:
        old = head_of(Path(file).read_bytes(), key)
        proof = aics.consistency_proof_from_tiles(verified, old.size, head.size)
        if not aics.verify_consistency(old.size, head.size, old.root, head.root, proof):
            raise ValueError("the log does not continue the older checkpoint")
    return {"size": head.size, "tiles": audited.tiles, "bundles": audited.bundles}


def head_of(note: bytes, key: Any) -> Any:
    checked = aics.verify_checkpoint(aics.parse_note(note), key)
    if not checked.ok:
        raise ValueError(checked.error or "the checkpoint does not verify")
    return checked


if __name__ == "__main__":
    try:
        print(json.dumps(main(*sys.argv[1:])))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
