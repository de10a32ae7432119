"""Receipt codes of anonymous filings: 16 letters and digits (80 bits), of which only a keyed hash is kept. Pure."""

from __future__ import annotations

import hmac
import uuid

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
LENGTH = 16
_READ_AS = str.maketrans({"I": "1", "L": "1", "O": "0"})


def code_for(client_id: uuid.UUID, *, pepper: bytes) -> str:
    """The code of a filing that its sender named `client_id`: the same for a repeated call, a guess for nobody else."""
    number = int.from_bytes(hmac.digest(pepper, b"code:" + client_id.bytes, "sha256")[:10])
    return "".join(ALPHABET[number >> shift & 31] for shift in range(75, -1, -5))


def digest_of(code: str, *, pepper: bytes) -> bytes:
    return hmac.digest(pepper, b"receipt:" + code.encode(), "sha256")


def read(typed: str, *, length: int = LENGTH) -> str | None:
    """The code in what a person typed (any case, spaces, hyphens, O for 0), or None when it cannot be one."""
    code = "".join(typed.upper().split()).replace("-", "").translate(_READ_AS)
    return code if len(code) == length and set(code) <= set(ALPHABET) else None


def spaced(code: str) -> str:
    """`ABCD-EFGH-...` for reading aloud and writing down."""
    return "-".join(code[place : place + 4] for place in range(0, len(code), 4))
