"""A person compares a kept checkpoint with the log as it is now. The result is an entry, and one that does not fit warns everybody."""

from __future__ import annotations

import re

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from audit.context import current
from audit.errors import Conflict
from audit.log.merkle import root
from audit.log.notes import MAX_NOTE_CHARACTERS, FormatError, VerifierKey
from audit.log.tlog import TreeHead, open_checkpoint
from audit.models.log import Checkpoint, LogKey
from audit.models.witnesses import Confirmation
from audit.outside import anchors
from audit.selectors import read_node
from audit.services import NobodyActs, record

# A checkpoint on one line, as it stands in the weekly mail; what a mail program puts in front of a quoted line is skipped.
_LINE = re.compile(r"^[>\s]*([^\s+]{1,255}) (0|[1-9][0-9]{0,18}) ([A-Za-z0-9+/]{43}=)\s*$", re.MULTILINE)


def line_of(head: TreeHead) -> str:
    """A checkpoint on one line: log, entries, root."""
    return str(head).strip().replace("\n", " ")


def confirm(text: str) -> Confirmation:
    """Compare a pasted checkpoint, or its line from a mail, with the log. Raises ValidationError unless they match.

    One that does not match is an entry as well: it is what somebody has to look into.
    """
    actor = current().actor
    if actor is None:
        raise NobodyActs("A checkpoint was confirmed outside audit.context.acting.")
    head = head_in(text)
    detail = {"line": line_of(head)}
    if why := _why_not(head):
        record("audit.checkpoint-differs", model="audit.checkpoint", object_id=str(head.size), detail=detail)
        raise ValidationError({"text": ValidationError(why, code="checkpoint_differs")})
    with transaction.atomic():
        found = Confirmation.objects.create(size=head.size, root=head.root, actor=actor, at=timezone.now(), mailed=_left(head))
        told = detail | {"mailed": found.mailed}
        record("audit.checkpoint-confirmed", model="audit.checkpoint", object_id=str(head.size), detail=told)
    return found


def clear_up(words: str) -> None:
    """Say why a checkpoint did not fit, which takes the warning off every page; the words stay as an entry.

    A later one that fits does not: who rebuilt the log can serve any number of those. Raises Conflict when none is open.
    """
    differing = anchors.differing()
    if differing is None:
        raise Conflict("nothing_differs", _("Nothing waits to be cleared up: somebody has done it already."))
    if not words.strip():
        raise ValidationError({"words": ValidationError(_("Say what it was."), code="words_missing")})
    detail = {"words": words.strip(), "entry": differing.entry}
    record("audit.checkpoint-cleared", model="audit.checkpoint", object_id=str(differing.size), detail=detail)


def _left(head: TreeHead) -> bool:
    """Whether this checkpoint had left the server before: it was mailed, and the log has grown since.

    What anybody can fetch from here this moment, or compute, says nothing about outside.
    """
    newest = Checkpoint.objects.order_by("-size").values_list("size", flat=True).first() or 0
    return head.size < newest and bool(import_string(settings.AUDIT_MAILED)(line_of(head)))


def head_in(text: str) -> TreeHead:
    """The head that a pasted text holds: one line of a mail, or a whole checkpoint signed by this log."""
    text = text.replace("\r\n", "\n").strip() + "\n"
    try:
        if len(text) > MAX_NOTE_CHARACTERS:
            raise FormatError("It is too long for a checkpoint.")
        lines = _LINE.findall(text)
        if len(set(lines)) > 1:
            raise FormatError("It holds more than one checkpoint.")
        if lines:
            return TreeHead.parse("\n".join(lines[0]) + "\n")
        return open_checkpoint(text, [VerifierKey.parse(vkey) for vkey in LogKey.objects.values_list("vkey", flat=True)])
    except FormatError as error:
        words = _("This cannot be read as a checkpoint. Paste the line from your mail (log, entries, root) or the whole file. %(why)s")
        raise ValidationError({"text": ValidationError(words, code="checkpoint_unreadable", params={"why": str(error)})}) from error


def _why_not(head: TreeHead) -> str:
    newest = Checkpoint.objects.select_related("key").order_by("-size").first()
    if newest is None or head.origin != newest.key.origin:
        return _("This checkpoint is of another log. Compare the name at its start with the one on this page.")
    if head.size == 0:
        return _("A checkpoint of no entries proves nothing.")
    if head.size > newest.size:
        return _(
            "Your checkpoint has more entries than this log: the log was cut off or put back to an old state. Keep the mail, and have it verified."
        )
    if root(head.size, read_node()) != head.root:
        return _(
            "Your checkpoint does not fit this log: what was mailed to you is not what is stored now. Keep the mail, and have it verified."
        )
    return ""
