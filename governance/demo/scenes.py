"""The scenes of the demonstration, by name, in the order in which they are played."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from governance.demo import cast, logistics, risk_cast, risk_scoring
from governance.demo.stage import Scene, company

SCENES = (cast.SCENE, risk_cast.SCENE)


def load(names: Iterable[str], say: Callable[[str], None]) -> list[Scene]:
    """Act the scenes called `names`. The caller holds the transaction; `say` is told what happens."""
    base, played = company(say), []
    for name, members, act in (
        (cast.SCENE, cast.EVERYONE, logistics.load),
        (risk_cast.SCENE, (*risk_cast.EVERYONE, *cast.COMPANY_STAFF), risk_scoring.load),
    ):
        if name in names:
            scene = base.follow(name, members)
            act(scene, say)
            played.append(scene)
    return played
