"""What stands outside for the log, read: witnesses that are configured, cosignatures, stamps, confirmations, the anchor."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from audit.log.notes import COSIGNATURE, FormatError, VerifierKey, cosigned
from audit.models.actors import Actor
from audit.models.entries import Entry
from audit.models.log import Checkpoint, LogKey
from audit.models.witnesses import Confirmation, Contact, Cosignature, Stamp
from audit.outside.asking import why_not_allowed

DIFFERS, CLEARED = "audit.checkpoint-differs", "audit.checkpoint-cleared"
FRESH = dt.timedelta(days=8)  # a weekly mail, and a day to read it


@dataclass(frozen=True)
class Witness:
    """A witness as LOG_WITNESSES names it."""

    key: VerifierKey
    url: str

    @property
    def vkey(self) -> str:
        return str(self.key)


@dataclass(frozen=True)
class Anchor:
    """The newest thing outside that fixes the log: up to how many entries, since when, by whom."""

    kind: str  # "witness", "stamp" or "person"
    by: str
    at: dt.datetime
    size: int

    @property
    def fresh(self) -> bool:
        """False when it is so old that most of the log is sealed here only."""
        return timezone.now() - self.at < FRESH


@dataclass(frozen=True)
class Differing:
    """A checkpoint that somebody kept and that did not fit this log; nobody has said yet what it was."""

    entry: int
    by: str
    at: dt.datetime
    size: str


def witnesses() -> list[Witness]:
    """The configured witnesses; FormatError when LOG_WITNESSES cannot be read."""
    found: list[Witness] = []
    for text in settings.LOG_WITNESSES:
        parts = text.split()
        if len(parts) != 2:
            raise FormatError(f"LOG_WITNESSES holds {text!r}: write a witness as its verifier key, a space and its address.")
        if why := why_not_allowed(parts[1]):
            raise FormatError(f"LOG_WITNESSES: {why}")
        found.append(Witness(VerifierKey.parse(parts[0], COSIGNATURE), parts[1].rstrip("/")))
    if len({witness.vkey for witness in found}) != len(found):
        raise FormatError("LOG_WITNESSES names a witness twice.")
    return found


def cosigned_note(checkpoint: Checkpoint) -> str:
    """The checkpoint as it is served: signed by the log, then by every witness that has cosigned it."""
    return checkpoint.note + "".join(f"{row.line}\n" for row in checkpoint.cosignatures.order_by("id"))


def newest_cosigned() -> Checkpoint | None:
    """The newest checkpoint with a cosignature; None without one."""
    row = Cosignature.objects.select_related("checkpoint").order_by("-checkpoint").first()
    return row.checkpoint if row else None


def stamps(limit: int = 12) -> list[Stamp]:
    """The newest time stamps, newest first."""
    return list(Stamp.objects.select_related("checkpoint").order_by("-id")[:limit])


def handovers() -> list[LogKey]:
    """Every key that has signed this log, oldest first; `handover` is the note by which the one before named it."""
    return list(LogKey.objects.order_by("id"))


def refusals() -> list[Contact]:
    """Witnesses that say that this log does not continue what they saw."""
    return list(Contact.objects.filter(refused=True))


def anchored() -> Anchor | None:
    """The newest anchor outside this server; None when there is none. Rows that do not verify do not count."""
    found = [anchor for anchor in (_by_witness(), _by_stamp(), _by_person()) if anchor is not None]
    return max(found, key=lambda anchor: (anchor.at, anchor.size), default=None)


def _by_witness() -> Anchor | None:
    """Only a witness that is configured now counts, and its signature is checked again."""
    for row in Cosignature.objects.select_related("checkpoint").order_by("-at", "-id")[:5]:
        try:
            known = [witness.key for witness in witnesses() if witness.vkey == row.witness]
            if cosigned(f"{row.checkpoint.note}{row.line}\n", known):
                return Anchor("witness", known[0].name, row.at, row.checkpoint_id)
        except FormatError:
            continue
    return None


def _by_stamp() -> Anchor | None:
    row = Stamp.objects.order_by("-at", "-id").first()
    return Anchor("stamp", row.authority, row.at, row.checkpoint_id) if row else None


def _by_person() -> Anchor | None:
    """Only one of a checkpoint that had been mailed: another may have been fetched from this server a second before."""
    return _compared("person", mailed=True)


def compared() -> Anchor | None:
    """The newest comparison with a copy of which nobody knows where it was kept."""
    return _compared("copy", mailed=False)


def _compared(kind: str, *, mailed: bool) -> Anchor | None:
    row = Confirmation.objects.filter(mailed=mailed).order_by("-id").first()
    return Anchor(kind, _name(row.actor), row.at, row.size) if row else None


def differing() -> Differing | None:
    """The newest checkpoint that did not fit, unless somebody has said since what it was."""
    newest = Entry.objects.filter(action=DIFFERS).order_by("-id").first()
    if newest is None or Entry.objects.filter(action=CLEARED, id__gt=newest.pk).exists():
        return None
    return Differing(newest.pk, _name(newest.actor), newest.at, newest.object)


def _name(actor: uuid.UUID) -> str:
    return Actor.objects.filter(pk=actor).values_list("label", flat=True).first() or f"p:{actor}"
