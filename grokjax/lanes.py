"""The compiled program of a group: a few lanes of one run's functions, filled, advanced and measured together."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from grokjax import train
from grokjax.config import RunConfig

# Logged rows that one call can bring back, and so the longest segment.
MAX_ROWS = 64

Values = dict[str, Any]  # traced hyperparameters by name: scalars for one run, [B] for lanes
Metrics = dict[str, Any]  # metrics by name: scalars for one run, [B] or [B, MAX_ROWS] for lanes


# XLA's options for each library that can compute its matrix products. Its own choice is fastest for large products; Eigen is up to
# an eighth faster for those of a tiny network, where packing the operands costs as much as multiplying them.
DOT_LIBRARIES: dict[str, dict[str, str]] = {"default": {}, "eigen": {"xla_cpu_experimental_ynn_fusion_type": ""}}


@dataclass(frozen=True)
class Tuning:
    """How a group's program is compiled. It can change low bits, so it is measured once and then kept with the results."""

    lane_width: int
    dot_library: str = "default"


@dataclass(frozen=True)
class Lanes:
    """What B lanes hold between two visits of the host. All arrays have a leading axis of B."""

    values: Values
    state: train.RunState


jax.tree_util.register_dataclass(Lanes, data_fields=["values", "state"], meta_fields=[])


class Program:
    """The compiled functions of a group under one tuning.

    A lane's numbers do not depend on which lane it is or on what the other lanes hold: the same run under the same tuning on the
    same kind of device comes out bit for bit the same. How many steps a call makes is an argument: it leaves the program as it is.
    """

    def __init__(self, template: RunConfig, tuning: Tuning) -> None:
        self.template = template
        self.lane_width = tuning.lane_width
        self._compiler_options = DOT_LIBRARIES[tuning.dot_library]

    @functools.cached_property
    def _empty(self) -> Any:
        def empty() -> Lanes:
            values = {name: jnp.zeros((), _dtype(value)) for name, value in self.template.values("traced").items()}
            shapes = Lanes(values, jax.eval_shape(lambda: train.init(self.template)))
            zeros: Lanes = jax.tree.map(lambda leaf: jnp.zeros((self.lane_width, *leaf.shape), leaf.dtype), shapes)
            return zeros

        return jax.jit(empty)

    @functools.cached_property
    def _replace(self) -> Any:
        def put(lanes: Lanes, lane: jax.Array, values: Values, state: train.RunState) -> Lanes:
            replaced: Lanes = jax.tree.map(lambda all_lanes, one: all_lanes.at[lane].set(one), lanes, Lanes(values, state))
            return replaced

        return jax.jit(put, donate_argnums=0)

    @functools.cached_property
    def _advance(self) -> Any:
        def advance_lane(values: Values, state: train.RunState, rows: jax.Array) -> tuple[train.RunState, Metrics]:
            config = self.template.bind(values)

            def log_row(row: jax.Array, carry: tuple[train.RunState, Metrics]) -> tuple[train.RunState, Metrics]:
                state, logged = carry
                state = jax.lax.fori_loop(0, config.log_every, lambda _, state: train.step(config, state), state)
                measured = train.measure(config, state)
                return state, {name: logged[name].at[row].set(value) for name, value in measured.items()}

            shapes = jax.eval_shape(lambda: train.measure(config, state))
            empty = {name: jnp.zeros(MAX_ROWS, shape.dtype) for name, shape in shapes.items()}
            advanced: tuple[train.RunState, Metrics] = jax.lax.fori_loop(0, rows, log_row, (state, empty))
            return advanced

        def advance(lanes: Lanes, rows: jax.Array) -> tuple[Lanes, Metrics]:
            state, logged = jax.vmap(advance_lane, in_axes=(0, 0, None))(lanes.values, lanes.state, rows)
            return Lanes(lanes.values, state), logged

        return jax.jit(advance, donate_argnums=0, compiler_options=self._compiler_options)

    def empty(self) -> Lanes:
        """Lanes that hold no run yet: zeros, which train to nothing in particular."""
        lanes: Lanes = self._empty()
        return lanes

    def put(self, lanes: Lanes, lane: int, config: RunConfig) -> tuple[Lanes, Metrics]:
        """Puts a fresh run into one lane; returns the lanes and the run's metrics at step 0. `lanes` is consumed."""
        values = {name: np.asarray(value, _dtype(value)) for name, value in config.values("traced").items()}
        with jax.default_matmul_precision("highest"):
            state, metrics = _start(self.template, values)
        filled: Lanes = self._replace(lanes, lane, values, state)
        return filled, jax.device_get(metrics)

    def advance(self, lanes: Lanes, rows: int) -> tuple[Lanes, Metrics]:
        """Advances every lane by `rows` <= MAX_ROWS logged rows. `lanes` is consumed. Metrics are host arrays [B, rows]."""
        with jax.default_matmul_precision("highest"):
            lanes, logged = self._advance(lanes, rows)
        return lanes, {name: values[:, :rows] for name, values in jax.device_get(logged).items()}


@functools.partial(jax.jit, static_argnums=0)
def _start(template: RunConfig, values: Values) -> tuple[train.RunState, Metrics]:
    config = template.bind(values)
    state = train.init(config)
    return state, train.measure(config, state)


@functools.lru_cache(maxsize=8)
def program_of(template: RunConfig, tuning: Tuning) -> Program:
    """The program of a group (`RunConfig.group_template`) under a tuning; one per process while it is in use."""
    return Program(template, tuning)


def measure_tuning(config: RunConfig, seconds: float = 0.25) -> Tuning:
    """The tuning under which runs of this config's group train fastest on this device, found by trying.

    First the library for matrix products, then the width: it is quadrupled as long as that makes a run-step at least 10 % cheaper,
    so the narrower of equals wins. Few lanes keep their working sets in a core's cache; a GPU or a very small model wants many.
    Each tuning is timed for about `seconds`, best of several calls, after compiling.
    """
    costs = {Tuning(1, library): _seconds_per_run_step(config, Tuning(1, library), seconds) for library in _dot_libraries()}
    best = min(costs, key=costs.__getitem__)
    best_cost = costs[best]
    while 4 * best.lane_width <= _widest(config):
        wider = replace(best, lane_width=4 * best.lane_width)
        cost = _seconds_per_run_step(config, wider, seconds)
        if cost > 0.9 * best_cost:
            break
        best, best_cost = wider, cost
    return best


@functools.cache
def _dot_libraries() -> tuple[str, ...]:
    """The libraries that this device's XLA can be told to use."""
    if jax.default_backend() != "cpu":
        return ("default",)
    try:
        jax.jit(lambda: jnp.zeros(()), compiler_options=DOT_LIBRARIES["eigen"])()
    except jax.errors.JaxRuntimeError:  # a jaxlib without that option
        return ("default",)
    return ("default", "eigen")


def _widest(config: RunConfig) -> int:
    """The most lanes whose states fit in an accelerator's memory, or are worth trying on a CPU."""
    if jax.default_backend() == "cpu":
        return 256
    per_lane: int = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(jax.eval_shape(lambda: train.init(config))))
    return max(1, min(16_384, 2 * 2**30 // per_lane))


def _seconds_per_run_step(config: RunConfig, tuning: Tuning, seconds: float) -> float:
    program = program_of(config.group_template(), tuning)
    lanes = program.empty()
    for lane in range(tuning.lane_width):
        lanes, _ = program.put(lanes, lane, config)
    lanes, _ = program.advance(lanes, 1)
    best, spent = float("inf"), 0.0
    while spent < seconds:
        start = time.perf_counter()
        lanes, _ = program.advance(lanes, 1)
        took = time.perf_counter() - start
        best, spent = min(best, took), spent + took
    return best / (tuning.lane_width * config.log_every)


def _dtype(value: Any) -> Any:
    return np.int32 if isinstance(value, int) else np.float32
