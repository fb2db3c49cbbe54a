"""Decides which pack a worker takes next: long groups first, preferring a group whose program the worker has compiled."""

from collections import Counter, deque
from collections.abc import Callable, Iterable

from grokjax.config import RunConfig
from grokjax.sweeps.execute.plan import Pack


class Schedule:
    """The packs that no worker has yet. Workers are known by name.

    A worker stays with its group as long as that has packs, then moves to the group with the most remaining work per worker, itself
    included. So long groups start first, few workers compile the same program, and all groups finish at about the same time.
    """

    def __init__(self, packs: Iterable[Pack]) -> None:
        """Takes the packs in the order of the plan, in which the packs of a group become smaller."""
        self._waiting: dict[str, deque[Pack]] = {}
        self._work: Counter[str] = Counter()
        self._at: dict[str, str] = {}  # worker -> group
        for pack in packs:
            self._waiting.setdefault(pack.group_id, deque()).append(pack)
            self._work[pack.group_id] += int(pack.cost)

    def __len__(self) -> int:
        return sum(len(packs) for packs in self._waiting.values())

    def take(self, worker: str) -> Pack | None:
        """Removes and returns the next pack for this worker; None if all are given out."""
        group = self._group_for(worker)
        if group is None:
            return None
        self._at[worker] = group
        pack = self._waiting[group].popleft()
        self._work[group] -= int(pack.cost)
        if not self._waiting[group]:
            del self._waiting[group]
        return pack

    def following(self, worker: str) -> RunConfig | None:
        """A run of the group that this worker will move to next; None if it stays with its group."""
        group = self._group_for(worker)
        return None if group in (None, self._at.get(worker)) else self._waiting[group][0].runs[0]

    def put_back(self, pack: Pack) -> None:
        """Puts the pack of a failed worker back, as the last of its group."""
        self._waiting.setdefault(pack.group_id, deque()).append(pack)
        self._work[pack.group_id] += int(pack.cost)

    def narrow(self, group_id: str, cut: Callable[[Pack], Iterable[Pack]]) -> None:
        """Replaces each waiting pack of a group by the smaller packs that `cut` returns."""
        if group_id in self._waiting:
            self._waiting[group_id] = deque(piece for pack in self._waiting[group_id] for piece in cut(pack))

    def forget(self, worker: str) -> None:
        """Forgets a worker that is gone."""
        self._at.pop(worker, None)

    def _group_for(self, worker: str) -> str | None:
        if (group := self._at.get(worker)) in self._waiting:
            return group
        others = Counter(at for name, at in self._at.items() if name != worker)
        return max(self._waiting, key=lambda group: self._work[group] / (1 + others[group]), default=None)
