"""Words as they fit on a page."""

from __future__ import annotations


def shortened(text: str, most: int) -> str:
    """One line of at most `most` characters, cut between words where there is a gap in its second half."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    gap = line.rfind(" ", 0, most)
    return line[: gap if gap > most // 2 else most - 1].rstrip(" .,;:") + "…"
