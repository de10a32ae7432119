"""What people do with packs: ask for one, cancel it, take the file. The worker does the rest (audit/packs/making.py)."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from typing import BinaryIO
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.errors import Conflict
from audit.log.notes import FormatError
from audit.log.tlog import TreeHead
from audit.models import Pack
from audit.nudge import nudge
from audit.packs.making import folder, outdated
from audit.packs.selection import Choice, checked
from audit.services import record

MOST_WAITING = 5
MADE = "lastmile-pack-%d-[0-9a-f]{12}[.]zip"  # audit/packs/making.py names them
_DIFFERS = gettext_lazy("The file of this pack is not the one that was made. It is not given away; ask for a new one.")
UNFINISHED = (Pack.State.WAITING, Pack.State.RUNNING)


@transaction.atomic
def ask(choice: Choice, *, actor: UUID, checkpoint: str = "") -> Pack:
    """Ask for a pack; the worker begins within seconds. `checkpoint` is the text of one that the reader keeps.

    Raises ValidationError for what cannot be meant, Conflict while too many wait.
    """
    choice = checked(choice)
    size = _kept_size(checkpoint)
    if Pack.objects.filter(state__in=UNFINISHED).count() >= MOST_WAITING:
        raise Conflict("packs_waiting", _("%(most)s packs are being made. Wait for one, or cancel one.") % {"most": MOST_WAITING})
    pack = Pack.objects.create(
        kind=choice.kind,
        query=choice.query,
        subject_kind=choice.subject_kind,
        subject_key=choice.subject_key,
        title=choice.title[:500],
        kept_size=size,
        asked_by=actor,
        asked_at=timezone.now(),
    )
    record("audit.export-asked", obj=pack, detail={"title": pack.title})
    nudge("audit.packs")
    return pack


@transaction.atomic
def cancel(pack: Pack) -> None:
    """Stop a pack that is not finished; raises Conflict when it is."""
    if not Pack.objects.filter(pk=pack.pk, state__in=UNFINISHED).update(state=Pack.State.CANCELLED, finished_at=timezone.now()):
        raise Conflict("pack_finished", _("This pack is finished; there is nothing to cancel."))
    record("audit.export-cancelled", obj=pack)


def take(pack: Pack) -> BinaryIO:
    """The open file, for one download; raises Conflict when there is none, or none that may be given away."""
    if pack.state != Pack.State.DONE:
        raise Conflict("pack_not_ready", _("This pack is not ready."))
    if outdated(pack):
        raise Conflict("pack_outdated", _("Values were erased from the log since this pack was made. Ask for a new one."))
    file = _opened(pack)
    record("audit.export-taken", obj=pack, detail={"sha256": pack.sha256})
    return file


def _opened(pack: Pack) -> BinaryIO:
    """The file that was made for this pack and no other: by its name, its place, its size and its hash. The row may say anything."""
    place = folder().resolve()
    if not re.fullmatch(MADE % pack.pk, pack.file, re.ASCII):
        raise Conflict("pack_differs", str(_DIFFERS))
    try:
        file = os.fdopen(os.open(place / pack.file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    except OSError as error:
        raise Conflict("pack_gone", _("The file of this pack is not there any more. Ask for a new one.")) from error
    told = os.fstat(file.fileno())
    if not stat.S_ISREG(told.st_mode) or told.st_size != pack.size or hashlib.file_digest(file, "sha256").hexdigest() != pack.sha256:
        file.close()
        raise Conflict("pack_differs", str(_DIFFERS))
    file.seek(0)
    return file


def _kept_size(checkpoint: str) -> int | None:
    if not checkpoint.strip():
        return None
    try:
        return TreeHead.parse(checkpoint.replace("\r\n", "\n").lstrip().partition("\n\n")[0].rstrip("\n") + "\n").size
    except FormatError as error:
        raise ValidationError({"checkpoint": [_("This is no checkpoint. Paste the whole text that you keep.")]}) from error
