"""What a verification says: findings, each with the record, the field and the place, and what was counted on the way."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_FINDINGS = 200


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was sealed: the record, the field where known, the place, and what is wrong in words."""

    where: str
    words: str
    model: str = ""
    object: str = ""
    field: str = ""
    entry: int | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.words}"


class TooMany(Exception):
    """So much is wrong that going on would add nothing."""


@dataclass
class Report:
    """What was checked, and what was found. `good` only when nothing was.

    `erased` counts the entries whose content was taken by an erasure that the log knows; `erasures` says when, in words.
    """

    entries: int = 0
    records: int = 0
    checkpoints: int = 0
    waiting: int = 0
    erased: int = 0
    erasures: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    complete: bool = True
    bad_payloads: set[int] = field(default_factory=set)

    @property
    def good(self) -> bool:
        return not self.findings

    def add(self, finding: Finding) -> None:
        """Note a finding; raises TooMany at the most that a person can use."""
        self.findings.append(finding)
        if len(self.findings) >= MOST_FINDINGS:
            self.complete = False
            raise TooMany
