"""How long packs take, so that one that takes far longer can be told."""

from __future__ import annotations

import statistics
from collections import deque

from grokjax.sweeps.execute.plan import Pack

ENOUGH, MOST = 3, 30  # packs of a group, the latest, from which its pace is taken
LATE = 1.5  # times what a pack of its group takes
LATE_SECONDS = 30.0  # and at least so long: starting another worker takes a while too


class Pace:
    """Seconds for each unit of work, by group."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._seconds: dict[str, deque[float]] = {}

    def took(self, pack: Pack, seconds: float) -> None:
        """Notes that a pack has ended."""
        self._seconds.setdefault(pack.group_id, deque(maxlen=MOST)).append(seconds / max(pack.cost, 1.0))

    def is_late(self, pack: Pack, seconds: float) -> bool:
        """Whether a pack that has been in training for so long should have ended; False while packs of its group are unknown."""
        known = self._seconds.get(pack.group_id, ())
        if seconds < LATE_SECONDS or len(known) < ENOUGH:
            return False
        return seconds > LATE * statistics.median(known) * pack.cost
