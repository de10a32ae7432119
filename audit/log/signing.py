"""The key that signs checkpoints: a file that the sealer reads and the web process does not.

The file holds 32 random bytes in Base 64: an Ed25519 private key. What the log is called stands beside its public half.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
from pathlib import Path

from django.conf import settings

from audit.log.tlog import FormatError, unbase64


class KeyMissing(Exception):
    """There is no signing key where there must be one. The message says what to do."""


def key_path() -> Path:
    """Where the key file lies (LOG_KEY_FILE)."""
    return Path(settings.LOG_KEY_FILE)


def next_path() -> Path:
    """Where the key lies that is about to follow (audit/log/rotation.py)."""
    return key_path().with_name(key_path().name + ".next")


def load_secret(path: Path | None = None) -> bytes | None:
    """The secret key, or None when its file does not exist; raises KeyMissing when it cannot be read."""
    path = path or key_path()
    try:
        secret = unbase64(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyMissing(
            f"The signing key {path} cannot be read ({error.strerror}). Let the worker's user read it, and nobody else."
        ) from error
    except (FormatError, UnicodeError) as error:
        raise KeyMissing(f"The signing key {path} is damaged. Put the file back from your backup of the secrets.") from error
    if len(secret) != 32:
        raise KeyMissing(f"The signing key {path} is damaged. Put the file back from your backup of the secrets.")
    return secret


def make_secret(path: Path | None = None) -> bytes:
    """Make the key file (mode 0600), unless another process made it first."""
    path = path or key_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written whole beside its place and linked there: a reader never sees half a key, and the first maker wins.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    secret = load_secret(path)
    if secret is None:
        raise KeyMissing(f"The signing key {path} vanished while it was being made.")
    return secret


def put_in_place() -> None:
    """Let the next key take the place of the one before, whose secret is gone with that. Done already does no harm."""
    with contextlib.suppress(FileNotFoundError):
        next_path().replace(key_path())
