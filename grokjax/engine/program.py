"""The compiled program of a group: a few lanes of one run's functions, filled, advanced and measured together."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from grokjax.config import RunConfig
from grokjax.engine import step as train

# Logged rows that one call can bring back, and so the longest segment.
MAX_ROWS = 64
# A trial of a tuning: long enough that the host's part in it, and the one row it logs, do not count.
TRIAL_SECONDS = 0.02
# The widest program worth a try on an accelerator, and its memory [bytes] where it does not say.
MOST_LANES, LEAST_MEMORY = 16_384, 4 * 2**30

Values = dict[str, Any]  # traced hyperparameters by name: scalars for one run, [B] for lanes
SavedState = dict[str, np.ndarray]  # what training moves, by name: of one run, or with a leading axis of B
Metrics = dict[str, Any]  # metrics by name: scalars (some [H]) for one run, [B] or [B, MAX_ROWS] of them for lanes


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
    same kind of device comes out bit for bit the same. How many steps a call makes, and how often it logs, are arguments: one
    program serves them all.
    """

    def __init__(self, template: RunConfig, tuning: Tuning) -> None:
        self.template = template
        self.lane_width = tuning.lane_width
        self._compiler_options = DOT_LIBRARIES[tuning.dot_library]
        self._lock = threading.Lock()

    def compile(self) -> None:
        """Compiles all that the program runs, unless that is done; another thread may call it ahead of time."""
        with self._lock, train.precision_of(self.template), jax.default_matmul_precision("highest"):
            _ = _start_of(self.template), self._replace, self._advance

    @functools.cached_property
    def _run_shape(self) -> Lanes:
        with train.precision_of(self.template):
            return Lanes(_value_shapes(self.template), jax.eval_shape(lambda: train.init(self.template)))

    @functools.cached_property
    def _lanes_shape(self) -> Lanes:
        shapes: Lanes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((self.lane_width, *leaf.shape), leaf.dtype), self._run_shape)
        return shapes

    @functools.cached_property
    def _replace(self) -> Any:
        def put(lanes: Lanes, lane: jax.Array, values: Values, state: train.RunState) -> Lanes:
            replaced: Lanes = jax.tree.map(lambda all_lanes, one: all_lanes.at[lane].set(one), lanes, Lanes(values, state))
            return replaced

        run = self._run_shape
        return jax.jit(put, donate_argnums=0).lower(self._lanes_shape, _SCALAR, run.values, run.state).compile()

    @functools.cached_property
    def _advance(self) -> Any:
        def advance_lane(
            values: Values, state: train.RunState, rows: jax.Array, log_every: jax.Array
        ) -> tuple[train.RunState, Metrics]:
            config = self.template.bind(values)

            def log_row(row: jax.Array, carry: tuple[train.RunState, Metrics]) -> tuple[train.RunState, Metrics]:
                state, logged = carry
                state = jax.lax.fori_loop(0, log_every, lambda _, state: train.step(config, state), state)
                measured = train.measure(config, state)
                return state, {name: logged[name].at[row].set(value) for name, value in measured.items()}

            shapes = jax.eval_shape(lambda: train.measure(config, state))
            empty = {name: jnp.zeros((MAX_ROWS, *shape.shape), shape.dtype) for name, shape in shapes.items()}
            advanced: tuple[train.RunState, Metrics] = jax.lax.fori_loop(0, rows, log_row, (state, empty))
            return advanced

        def advance(lanes: Lanes, rows: jax.Array, log_every: jax.Array) -> tuple[Lanes, Metrics]:
            state, logged = jax.vmap(advance_lane, in_axes=(0, 0, None, None))(lanes.values, lanes.state, rows, log_every)
            return Lanes(lanes.values, state), logged

        jitted = jax.jit(advance, donate_argnums=0, compiler_options=self._compiler_options)
        return jitted.lower(self._lanes_shape, _SCALAR, _SCALAR).compile()

    def empty(self) -> Lanes:
        """Lanes that hold no run yet: zeros, which train to nothing in particular."""
        with train.precision_of(self.template):
            lanes: Lanes = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), self._lanes_shape)
        return lanes

    def put(self, lanes: Lanes, lane: int, config: RunConfig) -> tuple[Lanes, Metrics]:
        """Puts a fresh run into one lane; returns the lanes and the run's metrics at step 0. `lanes` is consumed."""
        self.compile()
        with train.precision_of(self.template):
            values = self._values(config)
            state, metrics = _start_of(self.template)(values)
            filled: Lanes = self._replace(lanes, np.int32(lane), values, state)
        return filled, jax.device_get(metrics)

    def put_back(self, lanes: Lanes, lane: int, config: RunConfig, state: SavedState) -> Lanes:
        """Puts a run into one lane as `states` gave it; the lanes go on with it bit for bit. `lanes` is consumed.

        Its data is made anew: it follows from the config.
        """
        self.compile()
        with train.precision_of(self.template):
            values = self._values(config)
            begun, _ = _start_of(self.template)(values)
            path_leaves, tree = jax.tree_util.tree_flatten_with_path(_moving(begun))
            leaves = [state[_name(path)] for path, _ in path_leaves]
            replaced: Lanes = self._replace(lanes, np.int32(lane), values, begun._replace(**jax.tree.unflatten(tree, leaves)))
        return replaced

    def states(self, lanes: Lanes) -> SavedState:
        """A copy of all that training moves in all lanes: steps made, weights, the optimizer's state; [B, ...] each, by name."""
        with train.precision_of(self.template):
            path_leaves, _ = jax.tree_util.tree_flatten_with_path(jax.device_get(_moving(lanes.state)))
        return {_name(path): leaf for path, leaf in path_leaves}

    def advance(self, lanes: Lanes, rows: int, log_every: int) -> tuple[Lanes, Metrics]:
        """Advances every lane by `rows` <= MAX_ROWS logged rows, `log_every` steps before each. `lanes` is consumed.

        Metrics are host arrays [B, rows]. With `log_every` 0 the lanes stay as they are and are only measured.
        """
        self.compile()
        with train.precision_of(self.template):
            lanes, logged = self._advance(lanes, np.int32(rows), np.int32(log_every))
        return lanes, {name: values[:, :rows] for name, values in jax.device_get(logged).items()}

    def weights(self, lanes: Lanes, lane: int) -> dict[str, np.ndarray]:
        """A copy of one lane's weights, by name."""
        with train.precision_of(self.template):
            copies: dict[str, np.ndarray] = jax.device_get({name: leaf[lane] for name, leaf in lanes.state.params.items()})
        return copies

    def _values(self, config: RunConfig) -> Values:
        dtypes = _value_shapes(self.template)
        return {name: np.asarray(value, dtypes[name].dtype) for name, value in config.values("traced").items()}


def _moving(state: train.RunState) -> dict[str, Any]:
    """What training changes of a run's state; the rest is its data."""
    return {name: getattr(state, name) for name in ("step", "params", "optimizer_state")}


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


_SCALAR = jax.ShapeDtypeStruct((), np.int32)


@functools.lru_cache(maxsize=8)
def _start_of(template: RunConfig) -> Any:
    """The compiled beginning of a run: from its traced values to its state and its metrics at step 0."""

    def start(values: Values) -> tuple[train.RunState, Metrics]:
        config = template.bind(values)
        state = train.init(config)
        return state, train.measure(config, state)

    with train.precision_of(template), jax.default_matmul_precision("highest"):
        return jax.jit(start).lower(_value_shapes(template)).compile()


def _value_shapes(template: RunConfig) -> Values:
    floats = np.dtype(template.precision)
    return {
        name: jax.ShapeDtypeStruct((), np.int32 if isinstance(value, int) else floats)
        for name, value in template.values("traced").items()
    }


@functools.lru_cache(maxsize=8)
def program_of(template: RunConfig, tuning: Tuning) -> Program:
    """The program of a group (`RunConfig.group_template`) under a tuning; one per process while it is in use."""
    return Program(template, tuning)


def first_tunings(pinned: Mapping[str, Any] = MappingProxyType({})) -> tuple[Tuning, ...]:
    """Where the search for a tuning starts: one lane, with each library for matrix products that this device's XLA knows.

    `pinned` may fix `lane_width` and `dot_library`. Raises ValueError if this device's XLA has no such library.
    """
    libraries, chosen = _dot_libraries(), pinned.get("dot_library")
    if chosen not in (None, *libraries):
        raise ValueError(
            f"dot_library = {chosen!r}: XLA on this device has {', '.join(libraries)}; leave it out, or use one of these"
        )
    return tuple(Tuning(pinned.get("lane_width", 1), library) for library in ([chosen] if chosen else libraries))


def measure_tuning(config: RunConfig, runs: int, seconds: float = 0.1, pinned: Mapping[str, Any] = MappingProxyType({})) -> Tuning:
    """The tuning under which `runs` runs of this config's group train fastest on this device, found by trying.

    `pinned` may fix `lane_width` and `dot_library`; with both there is nothing to try. XLA's default library is kept unless another
    makes a run-step at least 5 % cheaper, more than such short trials vary by. Then the width: it is quadrupled as long as that makes a run-step at least 10 % cheaper,
    lanes that the last runs leave empty counted in, so the narrower of equals wins. Few lanes keep their working sets in a core's
    cache; a GPU or a very small model wants many, up to those that the device's memory holds. Contenders take turns, about
    `seconds` each, so that a machine that slows down for a while slows them alike; the best of each counts.
    """
    candidates = first_tunings(pinned)
    best = candidates[0]
    if len(candidates) > 1:
        costs = _seconds_per_run_step(config, candidates, seconds)
        fastest = min(costs, key=costs.__getitem__)
        best = fastest if costs[fastest] < 0.95 * costs[best] else best
    while "lane_width" not in pinned and 4 * best.lane_width <= min(_widest(config), 2 * runs):
        wider = replace(best, lane_width=4 * best.lane_width)
        try:
            costs = _seconds_per_run_step(config, (best, wider), seconds)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            break  # so many lanes do not fit
        if costs[wider] / _filled(runs, wider.lane_width) > 0.9 * costs[best] / _filled(runs, best.lane_width):
            break
        best = wider
    return best


def _filled(runs: int, lane_width: int) -> float:
    """The share of lanes that hold a run, when equally long runs take turns in them."""
    return runs / (-(-runs // lane_width) * lane_width)


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
    with train.precision_of(config):
        shapes = jax.tree.leaves(jax.eval_shape(lambda: train.init(config)))
    per_lane: int = sum(shape.size * shape.dtype.itemsize for shape in shapes)
    memory = (jax.devices()[0].memory_stats() or {}).get("bytes_limit", LEAST_MEMORY)
    return max(1, min(MOST_LANES, int(memory) // 2 // per_lane))


def _seconds_per_run_step(config: RunConfig, tunings: Sequence[Tuning], seconds: float) -> dict[Tuning, float]:
    """What a run-step costs under each tuning: the best of short trials in turns, about `seconds` for each tuning."""
    trials = {tuning: _trial(config, tuning) for tuning in tunings}
    costs: dict[Tuning, list[float]] = {tuning: [] for tuning in tunings}
    end = time.perf_counter() + seconds * len(tunings)
    while not costs[tunings[-1]] or time.perf_counter() < end:
        for tuning, trial in trials.items():
            costs[tuning].append(trial())
    return {tuning: min(trial_costs) for tuning, trial_costs in costs.items()}


def _trial(config: RunConfig, tuning: Tuning) -> Callable[[], float]:
    """A function that trains all lanes for about TRIAL_SECONDS and returns the seconds a run-step took."""
    program = program_of(config.group_template(), tuning)
    lanes = program.empty()
    for lane in range(tuning.lane_width):
        lanes, _ = program.put(lanes, lane, config)

    def train(steps: int) -> float:
        nonlocal lanes
        start = time.perf_counter()
        lanes, _ = program.advance(lanes, 1, steps)
        return time.perf_counter() - start

    steps = 1
    train(steps)  # into the caches
    while train(steps) < TRIAL_SECONDS:
        steps *= 2
    return lambda: train(steps) / (steps * tuning.lane_width)
