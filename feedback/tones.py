"""Which colour goes with a status. Colour never stands alone: the word is beside it."""

from __future__ import annotations

from feedback import workflow

TONES: dict[str, str] = {
    workflow.NEW: "warn",
    workflow.ACKNOWLEDGED: "brand",
    workflow.PLANNED: "brand",
    workflow.IN_TEST: "brand",
    workflow.DONE: "ok",
    workflow.DECLINED: "",
    workflow.DUPLICATE: "",
    workflow.REOPENED: "warn",
}


def tone(status: str) -> str:
    return TONES.get(status, "")
