"""What the audit trail's own tables lose when a person is erased (audit/keeping/rules.py)."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils.translation import ngettext

from audit.keeping.rules import delete, keep, scrub

_NAMES = "exists (select from unnest($2{}) x where position(x in lower({})) > 0)"
_SAID = _NAMES.format("", "to_json(purpose || ' ' || query || ' ' || conclusion)::text")

RULES = [
    scrub(
        "audit.savedview",
        _NAMES.format(" || $3", "query || ' ' || name"),
        "query = 'erased', name = 'erased-' || id",
        "Saved searches for them",
    ),
    delete("audit.pack", "true", "Export packs that lay here: all of them, ask for new ones"),
    keep("audit.review", "signed_by = $1", "Reviews they signed: printed name, time and conclusion"),
    keep("audit.judgement", "by = $1", "What they noted in reviews, under the pseudonym: part of what was signed"),
    keep("audit.review", _SAID, "Reviews whose purpose, query or conclusion names them: part of what was signed"),
    keep("audit.judgement", _NAMES.format("", "to_json(note)::text"), "Notes in reviews that name them: part of what was signed"),
]


def before(person: uuid.UUID) -> Iterator[str]:
    """Delete every export pack: whoever needs one asks for it again, without the person."""
    folder = Path(str(settings.PACKS_DIR))
    gone = 0
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        gone += 1
    if gone:
        yield ngettext("%(count)d export pack deleted", "%(count)d export packs deleted", gone) % {"count": gone}
