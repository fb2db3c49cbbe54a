"""A Ray cluster in simulated time, on which the real pool runs the real packs: it replaces what `on_ray.pool` calls of ray and
time.

An event queue takes the place of the cluster. Nothing is trained: a pack takes as long as its work requires, on a node that may
be slow and in a process that may end. Times are in seconds from the start of the sweep.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np
import ray

from grokjax.sweeps.execute.events import Event, Failure, Receipt
from grokjax.sweeps.execute.on_ray.pool import Pool
from grokjax.sweeps.execute.on_ray.starting import Cluster
from grokjax.sweeps.execute.plan import Pack
from grokjax.sweeps.execute.schedule import Schedule
from grokjax.sweeps.execute.worker import Worker, WorkerSetup
from grokjax.sweeps.spec.resources import Resources

errors: Any = ray.exceptions  # which have no types


@dataclass(frozen=True)
class World:
    """How the simulated cluster behaves. Times are in seconds; "mean" refers to an exponential distribution.

    Packs of a group with an entry in `runs_in_memory` run out of memory if they have more runs than that.
    """

    nodes: int
    cores: int  # workers a node
    flops_per_second: float  # of a worker on an undisturbed core: what packs' cost is counted in
    start: float = 0.0  # mean, from asking for a worker until it is ready, beside half as much that each takes
    stuck: float = 0.0  # share of workers that never are ready
    compile: float = 0.0  # of each worker for each group, shared with nobody
    commit: float = 0.0  # writing and committing a pack
    turn: float = 0.0  # of the driver for each pack that ends, one after another
    noise: float = 0.0  # standard deviation of the logarithm of a pack's time
    slow_nodes: float = 0.0  # share of nodes ...
    slow_node: float = 1.0  # ... on which everything takes so many times as long
    slow_packs: float = 0.0  # share of tries of packs ...
    slow_pack: float = 1.0  # ... that take so many times as long
    worker_life: float = math.inf  # mean, until a worker's process is killed
    node_life: float = math.inf  # mean, until a node is lost with all its workers
    node_back: float = 0.0  # until another node takes the place of one that is lost
    failing_packs: int = 0  # that raise an exception halfway, every time
    runs_in_memory: dict[str, int] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class Course:
    """The result of a simulated sweep."""

    seconds: float  # until the last pack was committed
    workers: int
    training: float  # [s] over all workers, in tries that were committed
    undisturbed: float  # [s] that the committed packs would have taken on undisturbed cores
    committed: tuple[str, ...]  # pack_ids
    failures: tuple[Failure, ...]
    killed: int  # tries that ended with their worker or node

    @property
    def use(self) -> float:
        """The share of the workers' time, from start to end of the sweep, that was spent on training committed packs."""
        return self.training / (self.workers * self.seconds)

    @property
    def of_undisturbed(self) -> float:
        """The same share, with the extra time of slow nodes and slow packs counted as lost."""
        return self.undisturbed / (self.workers * self.seconds)


def simulate(packs: Sequence[Pack], world: World) -> Course:
    """Simulates a sweep under the real pool and schedule."""
    cluster = _Cluster(world, packs)
    failures: list[Failure] = []
    with cluster.in_place():
        setup = WorkerSetup("", None, False, None)
        pool = Pool(Worker, setup, Schedule(packs), Cluster(Resources(cpus=1), cluster.time(), private=True))
        while pool.unfinished:
            failures += [event for event in pool.turn() if isinstance(event, Failure)]
    return Course(
        seconds=cluster.last_commit,
        workers=world.nodes * world.cores,
        training=cluster.training,
        undisturbed=cluster.undisturbed,
        committed=tuple(cluster.committed),
        failures=tuple(failures),
        killed=cluster.killed,
    )


@dataclass
class _Node:
    factor: float  # by which everything takes longer
    lost_at: float
    back_at: float


@dataclass(eq=False)
class _Actor:
    """A worker's process as the pool sees it: `ready` and `train` have a method `remote`."""

    cluster: _Cluster
    node: _Node
    killed_at: float
    compiled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ready = _Method(lambda: self.cluster.start(self))
        self.train = _Method(lambda pack, following=None: self.cluster.train(self, pack))


@dataclass(frozen=True)
class _Method:
    remote: Callable[..., Any]


class _Cluster:
    """Stands in for ray and time. A reference is a number; its answer or exception is determined when it is created."""

    exceptions = ray.exceptions

    def __init__(self, world: World, packs: Sequence[Pack]) -> None:
        self._world, self._random = world, np.random.default_rng(world.seed)
        self._now, self._numbers = 0.0, itertools.count()
        self._queue: list[tuple[float, int]] = []  # when a reference is ready
        self._ready: list[int] = []
        self._answers: dict[int, tuple[Any, Callable[[], None]]] = {}  # and what it does as it is got
        self._nodes = [self._node(0.0) for _ in range(world.nodes)]
        self._failing = {packs[at].pack_id for at in self._random.choice(len(packs), world.failing_packs, replace=False)}
        self.training, self.undisturbed, self.last_commit, self.killed = 0.0, 0.0, 0.0, 0
        self.committed: list[str] = []

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """A context in which the modules of `grokjax.sweeps.execute.on_ray` use this object as ray and as time."""
        with contextlib.ExitStack() as patched:
            for name in ("pool.ray", "pool.time", "starting.ray", "starting.time"):
                patched.enter_context(mock.patch(f"grokjax.sweeps.execute.on_ray.{name}", self))
            yield

    # What the pool asks of time.

    def time(self) -> float:
        """The simulated time [s]."""
        return self._now

    monotonic = time

    def sleep(self, seconds: float) -> None:
        """Advances the time."""
        self._now += seconds

    # What the pool asks of ray.

    def cluster_resources(self) -> dict[str, float]:
        """The total resources of the live nodes."""
        return {"CPU": float(sum(self._world.cores for node in self.nodes() if node["Alive"]))}

    def nodes(self) -> list[dict[str, Any]]:
        """Each node, and whether it is alive; a lost node comes back as another one."""
        for at, node in enumerate(self._nodes):
            if self._now >= node.back_at:
                self._nodes[at] = self._node(node.back_at)
        return [{"Alive": self._now < node.lost_at, "Resources": {"CPU": float(self._world.cores)}} for node in self._nodes]

    def remote(self, **options: Any) -> Callable[[Any], Any]:
        """A class of actors, whose `remote` starts one on a live node."""

        def start(*arguments: Any) -> _Actor:
            alive = [node for node, state in zip(self._nodes, self.nodes(), strict=True) if state["Alive"]]
            node = alive[self._random.integers(len(alive))]
            return _Actor(self, node, self._now + self._life(self._world.worker_life))

        return lambda kind: _Method(start)

    def wait(self, references: Sequence[int], num_returns: int, timeout: float) -> tuple[list[int], list[int]]:
        """The first reference that becomes ready within `timeout`, if any; advances the time until then."""
        awaited = set(references)
        while self._queue and self._queue[0][0] <= self._now + timeout:
            at, reference = heapq.heappop(self._queue)
            if reference in awaited:  # or it is of a worker that was let go
                self._now = max(self._now, at) + self._world.turn
                return [reference], []
        self._now += timeout
        return [], []

    def get(self, reference: int) -> Any:
        """The answer of a reference. Raises the exception of the worker, or that it was lost."""
        answer, done = self._answers.pop(reference)
        done()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def kill(self, actor: _Actor) -> None:
        """Ends a worker on behalf of the pool."""

    # What workers do.

    def start(self, actor: _Actor) -> int:
        """Starts a worker; its answer is its name."""
        ready_at = self._now + 0.5 * self._world.start + self._life(0.5 * self._world.start, never=0.0)
        if self._world.stuck and self._random.random() < self._world.stuck:
            ready_at = math.inf
        return self._ends(actor, ready_at, (str(id(actor)), "simulated"), lambda: None)

    def train(self, actor: _Actor, pack: Pack) -> int:
        """Trains a pack; its answer is the receipt."""
        world = self._world
        compiling = 0.0 if pack.group_id in actor.compiled else world.compile * actor.node.factor
        actor.compiled.add(pack.group_id)
        alone = pack.cost / world.flops_per_second
        slow = world.slow_pack if self._random.random() < world.slow_packs else 1.0
        training = alone * actor.node.factor * slow * math.exp(self._random.normal(0.0, world.noise))
        if len(pack.runs) > world.runs_in_memory.get(pack.group_id, len(pack.runs)):
            error: Exception = errors.OutOfMemoryError("out of memory")
            return self._ends(actor, self._now + compiling, error, lambda: None)
        if pack.pack_id in self._failing:
            error = errors.RayTaskError("train", "Traceback: it cannot be trained", ValueError("it cannot be trained"))
            return self._ends(actor, self._now + compiling + training / 2, error, lambda: None)
        end = self._now + compiling + training + world.commit

        def commit() -> None:
            self.training, self.undisturbed = self.training + training, self.undisturbed + alone
            self.last_commit = max(self.last_commit, end)
            self.committed.append(pack.pack_id)

        return self._ends(actor, end, Receipt(pack.pack_id, len(pack.runs), pack.run_steps), commit)

    def _ends(self, actor: _Actor, at: float, answer: Event | tuple[str, str] | Exception, done: Callable[[], None]) -> int:
        """A reference that gives `answer` at a time, unless the worker or its node is gone by then."""
        reference = next(self._numbers)
        if actor.node.lost_at <= min(at, actor.killed_at):
            error = errors.NodeDiedError("its node is lost")
            at, answer, done = actor.node.lost_at, error, self._was_killed
        elif actor.killed_at < at:
            at, answer, done = actor.killed_at, errors.ActorDiedError(), self._was_killed
        self._answers[reference] = answer, done
        heapq.heappush(self._queue, (at, reference))
        return reference

    def _was_killed(self) -> None:
        self.killed += 1

    def _node(self, since: float) -> _Node:
        factor = self._world.slow_node if self._random.random() < self._world.slow_nodes else 1.0
        lost_at = since + self._life(self._world.node_life)
        return _Node(factor, lost_at, lost_at + self._world.node_back)

    def _life(self, mean: float, never: float = math.inf) -> float:
        return float(self._random.exponential(mean)) if 0.0 < mean < math.inf else never
