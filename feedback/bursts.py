"""How often in the last minute, counted in this process alone: for what no row may date. Pure."""

from __future__ import annotations

from collections import defaultdict, deque
from threading import Lock

MINUTE = 60.0


class Burst:
    """At most `most` a minute for each name."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)
        self._lock = Lock()

    def take(self, name: str, now: float) -> int:
        """0 when `name` may go on at `now` (seconds); else in how many whole seconds it may."""
        with self._lock:
            times = self._times[name]
            while times and times[0] <= now - MINUTE:
                times.popleft()
            if len(times) >= self.most:
                return int(times[0] + MINUTE - now) + 1
            times.append(now)
            return 0
