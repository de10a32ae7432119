"""What a log and a witness say to each other (C2SP tlog-witness, `add-checkpoint`). Bytes only: audit/outside/witnesses.py talks."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from audit.log.notes import FormatError, VerifierKey, as_text, cosigned, signature_line, split_note
from audit.log.tlog import size_of

MOST_PROOF_LINES = 63
SIZE_KIND = "text/x.tlog.size"


def submission(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """The body of `add-checkpoint`: the size that the witness saw last, the proof from there, the checkpoint."""
    if len(proof) > MOST_PROOF_LINES:
        raise FormatError(f"A consistency proof has at most {MOST_PROOF_LINES} hashes.")
    lines = [f"old {old}", *(base64.b64encode(hash_).decode() for hash_ in proof)]
    return ("\n".join(lines) + "\n\n" + note).encode()


def size_in(body: bytes) -> int:
    """The size that a witness says it saw last (409)."""
    text = as_text(body)
    if not text.endswith("\n"):
        raise FormatError("A size is a line of its own.")
    return size_of(text[:-1])


def line_in(body: bytes, note: str, witness: VerifierKey) -> tuple[str, int]:
    """The witness's own line in its answer (200), once it was checked against the checkpoint, and its time."""
    text = as_text(body)
    bare = split_note(note)[0]
    # The answer is signature lines: with the text in front it is a note like any other.
    times = cosigned(f"{bare}\n{text}", [witness])
    if witness not in times:
        raise FormatError("The answer holds no cosignature of this witness.")
    for line in text[:-1].split("\n"):
        name, raw = signature_line(line)
        if (name, raw[:4]) == (witness.name, witness.id):
            break
    return line, times[witness]
