"""The last head that was signed here, in a file beside the key: what the sealer goes on from, whatever the database says.

Without it somebody who can write every table, but has no key, could rewrite the log, delete the checkpoints that tell,
and let the sealer sign the rest.
"""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from django.conf import settings

from audit.log.merkle import Node, root
from audit.log.signing import key_path
from audit.log.tlog import FormatError, TreeHead

logger = logging.getLogger(__name__)


def head_path() -> Path:
    """Where the file lies (LOG_HEAD_FILE): `log.head` beside the key unless set."""
    return Path(settings.LOG_HEAD_FILE or key_path().with_name("log.head"))


def kept_head() -> TreeHead | None:
    """What was signed last on this machine; None without a file. Raises OSError and FormatError when it cannot be read."""
    try:
        note = head_path().read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeError as error:
        raise FormatError("It is not a text.") from error
    # No signature is checked: whoever can write here can read the key as well.
    return TreeHead.parse(note.partition("\n\n")[0] + "\n")


def keep_head(note: str, *, rolled_back: bool = False) -> None:
    """Keep a checkpoint that was committed. The larger one stays, unless the log was `rolled_back` on purpose."""
    size = TreeHead.parse(note.partition("\n\n")[0] + "\n").size
    path = head_path()
    try:
        kept = kept_head() if not rolled_back else None
        if kept is not None and kept.size >= size:
            return
        draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
        with draft.open("w", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except (OSError, FormatError):
        # The checkpoint stands all the same. What is lost is the second place that knows of it.
        logger.exception("%s cannot be written: a log that is put back or rewritten would not be noticed here.", path)


def why_not(head: TreeHead, size: int, node: Node) -> str:
    """In what a tree of `size` does not continue `head`; empty when it does."""
    try:
        if head.size > size:
            return f"{head.size} entries were signed here, and the log has only {size}: it was cut off or put back to an old state."
        if head.size and root(head.size, node) != head.root:
            return f"The first {head.size} entries are not those that were signed here: the log was rewritten."
    except FormatError as error:
        return f"The tiles do not hold what was signed here. {error}"
    return ""
