"""A new key for the log: named by the old one, in an entry of the log and in a note that both sign.

Each step can be cut off and done again by calling `rotate` once more; the sealer itself finishes the last one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit.context import acting
from audit.log.handover import Handover
from audit.log.sealing import add_key, only_sealer, seal, sealer_alias
from audit.log.signing import KeyMissing, key_path, load_secret, make_secret, next_path, put_in_place
from audit.log.tlog import SignerKey, TreeHead
from audit.models.entries import Entry
from audit.models.log import Checkpoint, LogKey
from audit.services import record, system_actor


class NotSealed(Exception):
    """Another sealer is at work, so nothing was changed. Try again."""


@dataclass(frozen=True)
class Rotated:
    """The two keys, and whether the file is in its place (else an operator has to put it there)."""

    old: str
    new: str
    in_place: bool


def rotate(*, to: Path | None = None) -> Rotated:
    """Hand the log over to a new key, made in the file `to` (`<key>.next`), which then takes the old one's place.

    With `to`, putting the file in its place is the caller's: nothing is sealed until that is done. Raises KeyMissing,
    LogBroken, NotSealed.
    """
    _sealed()
    using = sealer_alias()
    current = LogKey.objects.using(using).order_by("-id").first()
    secret = load_secret()
    if current is None:
        raise KeyMissing("This log has not been signed yet, so there is no key that could name another. Run `manage.py seal` first.")
    if secret is None:
        raise KeyMissing(f"The key {key_path()} is not there, so it cannot name another. If it is lost, run `manage.py seal --new-key`.")
    old = SignerKey(current.origin, secret)
    new = SignerKey(current.origin, _secret_in(to or next_path()))
    if str(old.verifier) != current.vkey:
        raise KeyMissing(f"{key_path()} is not the key that signs this log now: {current.vkey}.")
    vkey = str(new.verifier)
    if not Entry.objects.using(using).filter(model="audit.logkey", object=vkey, action="audit.key-rotated").exists():
        with acting(system_actor("sealer"), channel="command"):
            record("audit.key-rotated", model="audit.logkey", object_id=vkey, detail={"old": current.vkey, "new": vkey})
    _sealed()
    with only_sealer() as using:
        last = Checkpoint.objects.using(using).order_by("-size").first()
        assert last is not None
        note = Handover(old.verifier, new.verifier, TreeHead(current.origin, last.size, bytes(last.root))).sign(old, new)
        add_key(using, vkey, current.origin, note)
    if to is None:
        put_in_place()
    return Rotated(current.vkey, vkey, in_place=to is None)


def replace_lost() -> str:
    """Before a log goes on with a new key because the old one is lost: make it, and say so in the log. Answers the new key.

    The key file holds the new one already, or is gone. Answers "" when nothing was lost. Raises KeyMissing.
    """
    current = LogKey.objects.using(sealer_alias()).order_by("-id").first()
    if current is None:
        return ""
    new = str(SignerKey(current.origin, load_secret() or make_secret()).verifier)
    if LogKey.objects.using(sealer_alias()).filter(vkey=new).exists():
        return ""
    if not Entry.objects.using(sealer_alias()).filter(model="audit.logkey", object=new, action="audit.key-replaced").exists():
        with acting(system_actor("sealer"), channel="command"):
            record("audit.key-replaced", model="audit.logkey", object_id=new, detail={"old": current.vkey, "new": new})
    return new


def _sealed() -> None:
    if seal(wait_seconds=30).busy:
        raise NotSealed("Another sealer has been at work for 30 seconds. Try again when it is done.")


def _secret_in(path: Path) -> bytes:
    try:
        return load_secret(path) or make_secret(path)
    except OSError as error:
        raise KeyMissing(
            f"The new key cannot be written to {path} ({error.strerror}). Give another place with --to, and put it in the old one's place."
        ) from error
