"""What a recommendation says, in plain parts: shared by pages, API and what an item freezes. Pure."""

from __future__ import annotations

import json
from typing import Any


def as_text(content: Any) -> str:
    """A proposal or an alternative as a person reads it: text as it is, a mapping as `name: value` lines, a list line by line.

    What is nested deeper is shown as the JSON it is.
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        for name in ("text", "title", "summary"):
            if isinstance(content.get(name), str) and len(content) == 1:
                return str(content[name])
        return "\n".join(f"{name}: {_plain(value)}" for name, value in content.items())
    if isinstance(content, list):
        return "\n".join(_plain(part) for part in content)
    return _plain(content)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def why(explanation: Any) -> str:
    """The plain reason of an explanation, or nothing."""
    if isinstance(explanation, dict):
        return str(explanation.get("text") or "").strip()
    return str(explanation or "").strip()


def explanation_class(explanation: Any) -> str:
    """How much reason was given: none, text, or text with figures. Says nothing about one case."""
    if not why(explanation):
        return "none"
    figures = isinstance(explanation, dict) and any(
        explanation.get(name) is not None for name in ("n_similar", "pct_similar", "probability")
    )
    return "figures" if figures else "text"


def percent(confidence: Any) -> str:
    """0.68 as `68%`; nothing for None."""
    return "" if confidence is None else f"{round(float(confidence) * 100)}%"
