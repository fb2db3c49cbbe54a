"""A pool of Ray workers that take packs from a schedule, one at a time each, and the handling of failures."""

import contextlib
import logging
import math
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import ray

from grokjax.errors import StoreError
from grokjax.sweeps.execute.events import Event, Failure, Limit, traceback_of
from grokjax.sweeps.execute.on_ray.starting import STOP, TURN_SECONDS, Cluster, Started, Starter, last_line
from grokjax.sweeps.execute.plan import Pack, cut
from grokjax.sweeps.execute.schedule import Schedule
from grokjax.sweeps.execute.stragglers import InTraining, Stragglers
from grokjax.sweeps.execute.worker import Worker, WorkerSetup

logger = logging.getLogger(__name__)

STORE_TRIES = 3  # packs in a row that cannot be stored end the sweep
Cause = Literal["error", "crash", "memory", "lost", "store"]
# How often a pack may fail for each cause. A process that dies silently may have been killed, by someone or for its memory. A lost
# or preempted node and an unreachable store are never the pack's fault.
BUDGETS: dict[Cause, float] = {"error": 3, "crash": 10, "memory": 3}
SAVING_SECONDS = 20.0  # the time that workers get to save their packs when the sweep is interrupted


class Pool:
    """Workers that take packs from a schedule until none is left.

    If a pack fails, for whatever cause, its worker is ended and the pack is retried in another process, last in its group. Once no
    pack is waiting, a pack that takes far longer than others of its group is given to a second worker too; the first to commit it
    ends the other.
    """

    def __init__(self, worker: type[Worker], setup: WorkerSetup, schedule: Schedule, cluster: Cluster) -> None:
        self._starter = Starter(worker, setup, cluster)
        self._schedule, self._rule = schedule, setup.rule
        self._busy: dict[Any, InTraining] = {}  # by the reference to the pack's receipt
        self._stragglers = Stragglers()
        self._failures: Counter[tuple[str, Cause]] = Counter()
        self._store_errors = 0  # in a row

    @property
    def in_training(self) -> list[Pack]:
        """The packs that workers are training now."""
        return [busy.pack for busy in self._busy.values()]

    @property
    def doubled(self) -> list[str]:
        """The pack_ids that were given to a second worker."""
        return self._stragglers.doubled

    @property
    def unfinished(self) -> bool:
        """Whether any pack is in training or still to be given out."""
        return bool(self._busy) or len(self._schedule) > 0

    def turn(self) -> Iterator[Event]:
        """Starts workers where there is room, waits briefly, and yields the events of packs.

        Raises:
          ClusterError: no worker ever became ready, or there would never be room for one.
          StoreError: several packs in a row could not be stored.
        """
        self._starter.start(len(self._busy), len(self._schedule) + len(self._late()))
        awaited = [*self._starter.references, *self._busy]
        if not awaited:  # a pause in starting workers
            time.sleep(TURN_SECONDS)
        ended, _ = ray.wait(awaited, num_returns=1, timeout=TURN_SECONDS) if awaited else ([], [])
        if not ended:
            yield None
        for reference in ended:
            if reference in self._busy:
                yield from self._on_finished(reference)
            else:
                self._on_ready(reference)

    def save(self) -> tuple[int, int]:
        """Saves the packs in training; returns how many were saved, and how many could not be saved in time."""
        for busy in self._busy.values():
            with contextlib.suppress(Exception):  # a worker that has just ended
                busy.actor.stop.options(concurrency_group=STOP).remote()
        ended, _ = ray.wait(list(self._busy), num_returns=len(self._busy), timeout=SAVING_SECONDS) if self._busy else ([], [])
        saved = set()
        for reference in ended:
            with contextlib.suppress(ray.exceptions.RayError):
                ray.get(reference)
                saved.add(self._busy[reference].pack.pack_id)
        packs = {pack.pack_id for pack in self.in_training}
        logger.info("interrupted: %d of %d packs in training were saved", len(saved), len(packs))
        return len(saved), len(packs - saved)

    def close(self) -> None:
        """Withdraws the request for more nodes from the cluster."""
        with contextlib.suppress(Exception):  # the cluster may be gone
            self._starter.close()

    def _on_ready(self, reference: Any) -> None:
        worker = self._starter.on_ready(reference)
        if worker and not self._assign_next(worker) and self._late():  # all of them in training on another kind of device
            self._starter.pause()

    def _on_finished(self, reference: Any) -> Iterator[Event]:
        busy = self._busy.pop(reference)
        try:
            event: Event = ray.get(reference)
        except ray.exceptions.RayError as error:
            self._kill(busy)
            yield from self._on_failed(busy.pack, error)
            return
        for other in self._others(busy.pack):
            self._kill(self._busy.pop(other))
        self._store_errors = 0
        self._stragglers.finished(busy.pack, time.monotonic() - busy.since)
        # before anyone looks at the event: the worker should not wait
        self._assign_next(Started(busy.actor, busy.worker, busy.device))
        yield event

    def _kill(self, busy: InTraining) -> None:
        self._schedule.forget(busy.worker)
        with contextlib.suppress(Exception):
            ray.kill(busy.actor)

    def _others(self, pack: Pack) -> list[Any]:
        return [reference for reference, busy in self._busy.items() if busy.pack.pack_id == pack.pack_id]

    def _late(self, device: str | None = None) -> list[Pack]:
        """The packs to give to a second worker; empty while any pack waits for its first."""
        return [] if len(self._schedule) else self._stragglers.late(time.monotonic(), self._busy.values(), device)

    def _on_failed(self, pack: Pack, error: Exception) -> Iterator[Event]:
        """Handles a pack's failure: retries it while the budget for this cause lasts, halves it, or gives it up."""
        cause, others = cause_of(error), self._others(pack)
        logger.warning("pack %s failed (%s): %s", pack.pack_id, cause, last_line(error))
        if cause == "store":
            self._store_errors += 1
            if self._store_errors >= STORE_TRIES:
                why = last_line(getattr(error, "cause", error))  # the worker's error without Ray's wrapping
                raise StoreError(f"{self._store_errors} packs in a row could not be stored: {why}") from None
        if cause == "memory" and len(pack.runs) > 1:
            for other in others:
                self._kill(self._busy.pop(other))
            yield self._halve(pack)
        elif not others:  # otherwise one of them is its next attempt
            self._failures[pack.pack_id, cause] += 1
            if self._failures[pack.pack_id, cause] < BUDGETS.get(cause, math.inf):
                self._schedule.put_back(pack)
            else:
                yield Failure(pack, traceback_of(error))

    def _halve(self, pack: Pack) -> Limit:
        """Puts back a pack that ran out of memory as two halves, and cuts the waiting packs of its group to that size."""
        most = (len(pack.runs) + 1) // 2
        logger.warning("from now on, packs of group %s hold at most %d runs", pack.group_id, most)
        for half in cut(pack, most, self._rule):
            self._schedule.put_back(half)
        self._schedule.narrow(pack.group_id, lambda waiting: cut(waiting, most, self._rule))
        return Limit(pack.group_id, most, pack.pack_id)

    def _assign_next(self, worker: Started) -> bool:
        """Gives a worker its next pack; without one, drops the worker and frees its core. Returns whether there was one."""
        pack = self._schedule.take(worker.name)
        if pack is None and (late := self._late(worker.device)):
            pack = late[0]
            logger.info("pack %s takes long and is also given to %s", pack.pack_id, worker.name)
            self._stragglers.double(pack, time.monotonic())
        if pack is None:
            self._schedule.forget(worker.name)
            return False
        reference = worker.actor.train.remote(pack, self._schedule.following(worker.name))
        self._busy[reference] = InTraining(worker.actor, worker.name, worker.device, pack, time.monotonic())
        return True


def cause_of(error: Exception) -> Cause:
    """Why a pack failed: its own exception, a dead process, a lost node, out of memory, or the store."""
    if isinstance(error, StoreError):
        return "store"
    if isinstance(error, (MemoryError, ray.exceptions.OutOfMemoryError)) or "RESOURCE_EXHAUSTED" in str(error):
        return "memory"
    if isinstance(error, ray.exceptions.NodeDiedError):
        return "lost"
    if isinstance(error, ray.exceptions.RayActorError):
        return "lost" if error.preempted or "node has died" in str(error) else "crash"
    return "error"
