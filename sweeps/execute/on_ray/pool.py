"""A pool of Ray actors: a worker a core or GPU, or what the spec asks for, each with at most one pack."""

from __future__ import annotations

import contextlib
import importlib.util
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import ray
from ray.autoscaler.sdk import request_resources

from grokjax.errors import ClusterError, StoreError, warn
from grokjax.sweeps.execute.events import Event, Failure, Limit, traceback_of
from grokjax.sweeps.execute.plan import Pack, cut
from grokjax.sweeps.execute.schedule import Schedule
from grokjax.sweeps.execute.stragglers import Pace
from grokjax.sweeps.execute.worker import Worker, WorkerSetup
from grokjax.sweeps.spec.resources import Resources, workers_that_fit

TRIES = 3  # of the first worker, and of the store
Cause = Literal["error", "crash", "memory", "lost", "store"]
# How often a pack may fail for each cause. A process that ends without a word may have been killed, by someone or for its memory;
# losing a node, being preempted, and a store that is out of reach are never a pack's own fault.
BUDGETS: dict[Cause, float] = {"error": 3, "crash": 10, "memory": 3}
TURN_SECONDS = 0.5
# An autoscaler is told this often how many workers there is work for, and of no more than so many.
ASKING_SECONDS = 30.0
MOST_WORKERS = 10_000
STUCK_SECONDS = 600.0  # a worker that is not ready by then is ended
LONGEST_PAUSE_SECONDS = 60.0  # in hiring, while new workers keep ending before they are ready


class _Starting(NamedTuple):
    actor: Any
    since: float  # as time.monotonic() has it


class _Busy(NamedTuple):
    actor: Any
    name: str
    device: str  # its kind
    pack: Pack
    since: float  # as time.monotonic() has it


class Pool:
    """Workers that take packs from a schedule until none is left.

    As many workers are asked for as the cluster's nodes have room for; what Ray cannot place yet waits without a pack. A worker
    whose pack fails is let go, whatever it was: the pack goes to the end of its group, and to another process. Once none waits, a
    pack that takes far longer than others of its group is given to a second worker too; whoever commits it first ends the other.
    """

    def __init__(
        self, worker: type[Worker], setup: WorkerSetup, schedule: Schedule, began: float, resources: Resources, *, private: bool
    ) -> None:
        """Needs a connected Ray.

        Args:
          worker: what to run.
          setup: what each is told; their share of a GPU is entered here.
          schedule: the packs.
          began: when the sweep did, since the epoch [s]; the first workers' start-up counts from it.
          resources: what each takes.
          private: whether the cluster is this sweep's own and stays as it is; another may get more nodes, and is asked to.
        """
        settled = resources.settled(_jax_uses_gpus() and ray.cluster_resources().get("GPU", 0) >= 1)
        self._amounts = settled.amounts
        self._actor: Any = ray.remote(max_restarts=0, **_options(settled))(worker)
        self._setup, self._schedule, self._began = replace(setup, gpus=settled.gpus), schedule, began
        self._private, self._asked_for, self._ask_at, self._waits_for_room = private, 0, 0.0, False
        self._starting: dict[Any, _Starting] = {}  # by the reference to their being ready
        self._busy: dict[Any, _Busy] = {}  # reference -> who trains what
        self._pace = Pace()
        self._doubled: dict[str, tuple[int, float]] = {}  # how often a pack was given to another worker too, and when it last was
        self._tries: Counter[tuple[str, Cause]] = Counter()
        self._store_errors = 0
        self._ever_ready, self._lost_starting, self._hire_at = False, 0, 0.0

    @property
    def in_training(self) -> list[Pack]:
        """The packs that workers have now."""
        return [busy.pack for busy in self._busy.values()]

    @property
    def doubled(self) -> list[str]:
        """The pack_ids of those that were given to a second worker."""
        return list(self._doubled)

    @property
    def unfinished(self) -> bool:
        """Whether any pack is in training or still to be given out."""
        return bool(self._busy) or len(self._schedule) > 0

    def turn(self) -> Iterator[Event]:
        """Hires where there is room, waits a moment, and tells what became of packs.

        Raises:
          ClusterError: no worker ever came to be ready, or none would ever fit.
        """
        self._hire()
        awaited = [*self._starting, *self._busy]
        if not awaited:  # a pause in hiring
            time.sleep(TURN_SECONDS)
        ended, _ = ray.wait(awaited, num_returns=1, timeout=TURN_SECONDS) if awaited else ([], [])
        if not ended:
            yield None
        for reference in ended:
            if reference in self._starting:
                self._welcome(reference)
            else:
                yield from self._receive(reference)

    def close(self) -> None:
        """Asks the cluster for no more nodes."""
        if self._asked_for:
            with contextlib.suppress(Exception):  # the cluster may be gone
                request_resources(bundles=[])

    def _hire(self) -> None:
        if time.monotonic() < self._hire_at:
            return
        self._hire_at = time.monotonic() + TURN_SECONDS
        self._give_up_on_stuck()
        self._ask_for_nodes()
        room = workers_that_fit(self._amounts, _nodes()) or self._wait_for_room()
        asked_at = time.time() if self._ever_ready else self._began
        for _ in range(min(room - len(self._busy), len(self._schedule) + len(self._late())) - len(self._starting)):
            actor = self._actor.remote(self._setup, asked_at)
            self._starting[actor.ready.remote()] = _Starting(actor, time.monotonic())

    def _give_up_on_stuck(self) -> None:
        """Ends what should long be ready, for others to be hired: it hangs, or waits for room that was taken meanwhile."""
        for reference, starting in list(self._starting.items()):
            if time.monotonic() - starting.since >= STUCK_SECONDS:
                del self._starting[reference]
                ray.kill(starting.actor)

    def _wait_for_room(self) -> int:
        """How many workers to ask for while there is no room for any."""
        asked = ", ".join(f"{name} {amount:g}" for name, amount in self._amounts.items())
        if self._private:
            raise ClusterError(f"this machine has no room for a worker that takes {asked}; ask for less in [resources]")
        if not self._waits_for_room:
            warn(f"no node of the cluster has room for a worker that takes {asked}; waiting for one that has")
        self._waits_for_room = True
        return 1

    def _ask_for_nodes(self) -> None:
        """Tells an autoscaler, if there is one, how many workers there is work for; that stands until it is told anew."""
        wanted = min(len(self._busy) + len(self._schedule), MOST_WORKERS)
        if self._private or wanted == self._asked_for or time.monotonic() < self._ask_at:
            return
        self._asked_for, self._ask_at = wanted, time.monotonic() + ASKING_SECONDS
        request_resources(bundles=[self._amounts] * wanted)

    def _welcome(self, reference: Any) -> None:
        actor = self._starting.pop(reference).actor
        try:
            name, device = ray.get(reference)
        except ray.exceptions.RayError as error:
            self._lost_starting += 1
            if self._lost_starting >= TRIES and not self._ever_ready:
                told = f"{self._lost_starting} workers in a row ended before they were ready"
                raise ClusterError(f"{told}: {_last_line(error)}") from None
            self._hire_at = time.monotonic() + min(2.0**self._lost_starting, LONGEST_PAUSE_SECONDS)
            return
        self._ever_ready, self._lost_starting = True, 0
        if not self._give(actor, name, device) and self._late():  # which are not for its kind of device
            self._hire_at = time.monotonic() + LONGEST_PAUSE_SECONDS

    def _receive(self, reference: Any) -> Iterator[Event]:
        busy = self._busy.pop(reference)
        try:
            event: Event = ray.get(reference)
        except ray.exceptions.RayError as error:
            self._let_go(busy)
            yield from self._failed(busy.pack, error)
            return
        for other in self._others(busy.pack):
            self._let_go(self._busy.pop(other))
        self._store_errors = 0
        self._pace.took(busy.pack, time.monotonic() - busy.since)
        self._give(busy.actor, busy.name, busy.device)  # before anyone looks at the event: the worker should not wait
        yield event

    def _let_go(self, busy: _Busy) -> None:
        self._schedule.forget(busy.name)
        with contextlib.suppress(Exception):
            ray.kill(busy.actor)

    def _others(self, pack: Pack) -> list[Any]:
        """The references of those that train this pack now."""
        if pack.pack_id not in self._doubled:
            return []
        return [reference for reference, busy in self._busy.items() if busy.pack.pack_id == pack.pack_id]

    def _late(self, device: str | None = None) -> list[Pack]:
        """The packs to give to another worker too, longest in training first, when none waits for its first.

        Only to one of the same kind of device, or they would not write the same bits; and each time only once the pack has been
        late twice as long as the time before.
        """
        if len(self._schedule):
            return []
        now, first = time.monotonic(), dict[str, _Busy]()
        for busy in self._busy.values():
            if device in (None, busy.device):
                first.setdefault(busy.pack.pack_id, busy)
        late = []
        for pack_id, busy in first.items():
            times, since = self._doubled.get(pack_id, (0, busy.since))
            if self._pace.is_late(busy.pack, (now - since) / 2**times):
                late.append(busy)
        return [busy.pack for busy in sorted(late, key=lambda busy: busy.since)]

    def _failed(self, pack: Pack, error: Exception) -> Iterator[Event]:
        """What a pack's failure means for it: another try, for which each cause has a budget, or two halves, or the end."""
        cause, others = cause_of(error), self._others(pack)
        if cause == "store":
            self._store_errors += 1
            if self._store_errors >= TRIES:
                told = _last_line(getattr(error, "cause", error))  # of the worker's error, without Ray's words around it
                raise StoreError(f"{self._store_errors} packs in a row could not be stored: {told}") from None
        if cause == "memory" and len(pack.runs) > 1:
            for other in others:
                self._let_go(self._busy.pop(other))
            most = (len(pack.runs) + 1) // 2
            for part in cut(pack, most, self._setup.rule):
                self._schedule.put_back(part)
            self._schedule.narrow(pack.group_id, lambda waiting: cut(waiting, most, self._setup.rule))
            yield Limit(pack.group_id, most, pack.pack_id)
        elif not others:  # or else one of them is its next try
            self._tries[pack.pack_id, cause] += 1
            if self._tries[pack.pack_id, cause] < BUDGETS.get(cause, math.inf):
                self._schedule.put_back(pack)
            else:
                yield Failure(pack, traceback_of(error))

    def _give(self, actor: Any, name: str, device: str) -> bool:
        """The worker's next pack; with none left it is let go, and its core with it. Returns whether there was one."""
        pack = self._schedule.take(name)
        if pack is None and (late := self._late(device)):
            pack = late[0]
            times, _ = self._doubled.get(pack.pack_id, (0, 0.0))
            self._doubled[pack.pack_id] = (times + 1, time.monotonic())
        if pack is None:
            self._schedule.forget(name)
            return False
        reference = actor.train.remote(pack, self._schedule.following(name))
        self._busy[reference] = _Busy(actor, name, device, pack, time.monotonic())
        return True


def _jax_uses_gpus() -> bool:
    return any(importlib.util.find_spec(f"jax_cuda{version}_plugin") for version in (12, 13))


def _options(resources: Resources) -> dict[str, Any]:
    """Of a Ray actor that takes these resources."""
    return {
        "num_cpus": resources.cpus,
        "num_gpus": resources.gpus,
        "memory": resources.memory,
        "resources": resources.custom,
    }


def _nodes() -> list[Mapping[str, float]]:
    """What each living node of the cluster has in all."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def cause_of(error: Exception) -> Cause:
    """Why a pack failed: an exception of its own, a process that ended, a node that is gone, memory, or the store."""
    if isinstance(error, StoreError):
        return "store"
    if isinstance(error, (MemoryError, ray.exceptions.OutOfMemoryError)) or "RESOURCE_EXHAUSTED" in str(error):
        return "memory"
    if isinstance(error, ray.exceptions.NodeDiedError):
        return "lost"
    if isinstance(error, ray.exceptions.RayActorError):
        return "lost" if error.preempted or "node has died" in str(error) else "crash"
    return "error"


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]
