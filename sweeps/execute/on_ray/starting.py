"""Starts workers on the nodes of a Ray cluster: one per core or GPU, or as [resources] says."""

import importlib.util
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import ray
from ray.autoscaler.sdk import request_resources

from grokjax.errors import ClusterError, warn
from grokjax.sweeps.execute.worker import Worker, WorkerSetup
from grokjax.sweeps.spec.resources import Resources, workers_that_fit

logger = logging.getLogger(__name__)

STARTING_TRIES = 3  # workers in a row that end before any was ready end the sweep
TURN_SECONDS = 0.5
# How often the autoscaler gets a request, and the most workers that it asks for.
ASKING_SECONDS = 30.0
MOST_WORKERS = 10_000
STUCK_SECONDS = 600.0  # after which a worker that is not ready is ended
LONGEST_PAUSE_SECONDS = 60.0  # in starting workers, while new ones keep ending before they are ready
STOP = "stop"  # the concurrency group in which a worker is asked to stop while it trains


@dataclass(frozen=True)
class Cluster:
    """The cluster that a sweep runs on, and the resources that each worker reserves.

    A `private` cluster belongs to this sweep and has a fixed size; a shared one may grow, and is asked for more nodes. The start-up
    time of the first workers counts from `began`, in seconds since the epoch.
    """

    resources: Resources
    began: float
    private: bool


class Started(NamedTuple):
    """A worker that is ready for its first pack."""

    actor: Any
    name: str
    device: str  # its kind


class _Starting(NamedTuple):
    actor: Any
    since: float  # time.monotonic()


class Starter:
    """Starts as many workers as there is work and room for. Workers that Ray cannot place yet get no pack."""

    def __init__(self, worker: type[Worker], setup: WorkerSetup, cluster: Cluster) -> None:
        has_gpus = _jax_uses_gpus() and ray.cluster_resources().get("GPU", 0) >= 1
        settled = cluster.resources.settled(has_gpus)
        self._cluster, self._amounts = cluster, settled.amounts
        self._actor: Any = ray.remote(**_options(settled))(worker)
        self._setup = replace(setup, gpus=settled.gpus, keeps_log=True)
        self._starting: dict[Any, _Starting] = {}  # by the reference that becomes ready with the worker
        self._nodes_asked_for, self._ask_at = 0, 0.0
        self._start_at, self._ever_ready, self._lost, self._warned = 0.0, False, 0, False

    @property
    def references(self) -> list[Any]:
        """The Ray references that become ready when a worker does."""
        return list(self._starting)

    def start(self, busy: int, work: int) -> None:
        """Starts workers where there is room. `busy` workers have a pack now; `work` packs could be given out."""
        if time.monotonic() < self._start_at:
            return
        self._start_at = time.monotonic() + TURN_SECONDS
        self._end_stuck()
        self._ask_for_nodes(busy + work)
        nodes = _nodes()
        room = workers_that_fit(self._amounts, nodes) or self._without_room(nodes)
        asked_at = time.time() if self._ever_ready else self._cluster.began
        for _ in range(min(room - busy, work) - len(self._starting)):
            actor = self._actor.remote(self._setup, asked_at)
            self._starting[actor.ready.remote()] = _Starting(actor, time.monotonic())

    def on_ready(self, reference: Any) -> Started | None:
        """The worker that has become ready; None if it ended before. Raises ClusterError if none ever becomes ready."""
        actor = self._starting.pop(reference).actor
        try:
            name, device = ray.get(reference)
        except ray.exceptions.RayError as error:
            self._lost += 1
            logger.warning("a worker ended before it was ready: %s", last_line(error))
            if self._lost >= STARTING_TRIES and not self._ever_ready:
                raise ClusterError(f"{self._lost} workers in a row ended before they were ready: {last_line(error)}") from None
            self._start_at = time.monotonic() + min(2.0**self._lost, LONGEST_PAUSE_SECONDS)
            return None
        self._ever_ready, self._lost = True, 0
        return Started(actor, name, device)

    def pause(self) -> None:
        """Pauses the starting of workers for a while."""
        self._start_at = time.monotonic() + LONGEST_PAUSE_SECONDS

    def close(self) -> None:
        """Asks the cluster for no more nodes."""
        if self._nodes_asked_for:
            request_resources(bundles=[])

    def _end_stuck(self) -> None:
        """Ends workers that should have been ready long ago: they hang, or their room was taken meanwhile."""
        for reference, starting in list(self._starting.items()):
            if time.monotonic() - starting.since >= STUCK_SECONDS:
                logger.warning("a worker was not ready after %.0f s and is ended", STUCK_SECONDS)
                del self._starting[reference]
                ray.kill(starting.actor)

    def _without_room(self, nodes: list[Mapping[str, float]]) -> int:
        """How many workers to request while there is no room for any. Raises ClusterError if there never will be."""
        takes = ", ".join(f"{name} {amount:g}" for name, amount in self._amounts.items())
        missing = " and ".join(name for name in self._amounts if not any(node.get(name) for node in nodes))
        if self._cluster.private:
            lacks = f"this machine has no {missing}, and so " if missing else "this machine has "
            raise ClusterError(f"{lacks}no room for a worker that takes {takes}; ask for less in [resources]")
        if not self._warned:
            lacks = f"no node of the cluster has {missing}, and so none " if missing else "no node of the cluster "
            warn(f"{lacks}has room for a worker that takes {takes}; waiting for one that has")
        self._warned = True
        return 1

    def _ask_for_nodes(self, workers: int) -> None:
        """Requests nodes for this many workers from the autoscaler, if there is one. A request holds until the next one."""
        wanted = min(workers, MOST_WORKERS)
        if self._cluster.private or wanted == self._nodes_asked_for or time.monotonic() < self._ask_at:
            return
        self._nodes_asked_for, self._ask_at = wanted, time.monotonic() + ASKING_SECONDS
        request_resources(bundles=[self._amounts] * wanted)


def last_line(error: Exception) -> str:
    """The last line of an error's message, without what Ray puts before it."""
    return str(error).strip().splitlines()[-1]


def _jax_uses_gpus() -> bool:
    return any(importlib.util.find_spec(f"jax_cuda{version}_plugin") for version in (12, 13))


def _options(resources: Resources) -> dict[str, Any]:
    """The options of a Ray actor that takes these resources."""
    return {
        "max_restarts": 0,
        "concurrency_groups": {STOP: 1},
        "num_cpus": resources.cpus,
        "num_gpus": resources.gpus,
        "memory": resources.memory,
        "resources": resources.custom,
    }


def _nodes() -> list[Mapping[str, float]]:
    """The total resources of each live node of the cluster."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]
