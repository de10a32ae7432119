"""How a log changes its key: a note in which the old key names the new one, signed by both.

Whoever knows a key of the log follows the notes from there, and learns every later key without asking anybody else.
The first line keeps such a note from ever being read as a checkpoint, and a checkpoint as such a note.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from audit.log.notes import FormatError, SignerKey, VerifierKey, open_note, split_note
from audit.log.tlog import TreeHead

HEADER = "lastmile key handover v1"


@dataclass(frozen=True)
class Handover:
    """What the note says: `new` signs from the tree `head` on, where `old` signed before."""

    old: VerifierKey
    new: VerifierKey
    head: TreeHead

    def __str__(self) -> str:
        return f"{HEADER}\nold {self.old}\nnew {self.new}\n{self.head}"

    def sign(self, old: SignerKey, new: SignerKey) -> str:
        """The note, signed by the key that leaves and the one that comes."""
        return f"{self}\n{old.line(str(self))}{new.line(str(self))}"

    @classmethod
    def parse(cls, note: str) -> Handover:
        """Read a note that both keys have signed; FormatError for anything else."""
        text, _ = split_note(note)
        header, *lines = text.split("\n", 3)
        if header != HEADER or len(lines) != 3 or not lines[0].startswith("old ") or not lines[1].startswith("new "):
            raise FormatError(f"A handover begins with {HEADER!r}, the old key and the new one, a line each.")
        found = cls(VerifierKey.parse(lines[0][4:]), VerifierKey.parse(lines[1][4:]), TreeHead.parse(lines[2]))
        if found.old == found.new or str(found) != text:
            raise FormatError("A handover names two keys and the head of the log, in this form and no other.")
        for key in (found.old, found.new):
            open_note(note, [key])
        return found


def learn(trusted: VerifierKey, notes: Iterable[str]) -> list[VerifierKey]:
    """The keys that follow from `trusted`, itself first: each named by the one before. Notes of other chains are left out.

    Raises FormatError for a note that is none, and where a key hands over to two others.
    """
    following: dict[VerifierKey, VerifierKey] = {}
    for note in notes:
        handover = Handover.parse(note)
        if following.setdefault(handover.old, handover.new) != handover.new:
            raise FormatError(f"The key {handover.old} named two others to follow it.")
    keys = [trusted]
    while (after := following.get(keys[-1])) is not None:
        if after in keys:
            raise FormatError("The handovers lead in a circle.")
        keys.append(after)
    return keys
