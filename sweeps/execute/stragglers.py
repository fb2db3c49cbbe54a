"""Finds stragglers: packs that take far longer than others of their group, to be given to a second worker too."""

import statistics
from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from grokjax.sweeps.execute.plan import Pack

ENOUGH, MOST = 3, 30  # the least and the greatest number of a group's latest packs used to estimate the time of the next
LATE = 1.5  # times the estimated time
LATE_SECONDS = 30.0  # and at least this late, because starting another worker takes time too


class InTraining(NamedTuple):
    """A pack that a worker is training."""

    actor: Any
    worker: str  # its name
    device: str  # the kind of its device
    pack: Pack
    since: float  # as time.monotonic() has it


class _Doubled(NamedTuple):
    times: int  # that the pack was given to another worker too
    last: float  # when it last was, by time.monotonic()


class Stragglers:
    """Records how long packs take, and which of them were given to a second worker."""

    def __init__(self) -> None:
        self._seconds_per_cost: dict[str, deque[float]] = {}  # by group
        self._doubled: dict[str, _Doubled] = {}  # by pack_id

    @property
    def doubled(self) -> list[str]:
        """The pack_ids that were given to a second worker."""
        return list(self._doubled)

    def finished(self, pack: Pack, seconds: float) -> None:
        """Records how long a pack took."""
        self._seconds_per_cost.setdefault(pack.group_id, deque(maxlen=MOST)).append(seconds / max(pack.cost, 1.0))

    def double(self, pack: Pack, now: float) -> None:
        """Records that a pack is given to a second worker."""
        before = self._doubled.get(pack.pack_id, _Doubled(0, 0.0))
        self._doubled[pack.pack_id] = _Doubled(before.times + 1, now)

    def late(self, now: float, in_training: Iterable[InTraining], device: str | None = None) -> list[Pack]:
        """The packs to give to a second worker, longest in training first.

        With `device`, only packs that are in training on that kind of device, since another would not give bit-identical results.
        A pack that was doubled before is late again only after twice as long as the last time.
        """
        first: dict[str, InTraining] = {}
        for each in in_training:
            if device in (None, each.device):
                first.setdefault(each.pack.pack_id, each)
        late = []
        for pack_id, each in first.items():
            times, since = self._doubled.get(pack_id, _Doubled(0, each.since))
            if self.is_late(each.pack, (now - since) / 2**times):
                late.append(each)
        return [each.pack for each in sorted(late, key=lambda each: each.since)]

    def is_late(self, pack: Pack, seconds: float) -> bool:
        """Whether a pack has been in training for too long; False until enough packs of its group have finished."""
        known = self._seconds_per_cost.get(pack.group_id, ())
        if seconds < LATE_SECONDS or len(known) < ENOUGH:
            return False
        return seconds > LATE * statistics.median(known) * pack.cost
