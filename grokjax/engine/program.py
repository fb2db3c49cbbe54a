"""The compiled program of a group: the functions of one run, vmapped over lanes that are filled, advanced and measured together."""

import functools
import threading
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from grokjax.config import RunConfig
from grokjax.engine import step as run_functions

# The most logged rows that one call can return, which limits a segment.
MAX_ROWS = 64

Values = dict[str, Any]  # traced hyperparameters by name: scalars for one run, [B] for lanes
SavedState = dict[str, np.ndarray]  # everything that training changes, by name, of one run, or of B lanes, [B, ...] each
Metrics = dict[str, Any]  # metrics by name: scalars (some [H]) for one run, [B] or [B, MAX_ROWS] of them for lanes

# XLA's options for each library that can compute matrix products. XLA's default is fastest for large products; Eigen is up to an
# eighth faster for those of a tiny network, where packing the operands costs as much as multiplying them.
DOT_LIBRARIES: dict[str, dict[str, str]] = {"default": {}, "eigen": {"xla_cpu_experimental_ynn_fusion_type": ""}}


@dataclass(frozen=True)
class Tuning:
    """How a group's program is compiled. It can change the low bits of results, so the chosen tuning is stored with them."""

    lane_width: int
    dot_library: str = "default"


@dataclass(frozen=True)
class Lanes:
    """The state of B lanes between two calls of the program. All arrays have a leading axis of size B."""

    values: Values
    state: run_functions.RunState


jax.tree_util.register_dataclass(Lanes, data_fields=["values", "state"], meta_fields=[])


class Program:
    """The compiled functions of a group under one tuning.

    The results of a run do not depend on its lane or on the runs in the other lanes: the same run under the same tuning on the same
    kind of device gives the same bits. The number of steps and the logging interval are arguments, so they never cause a
    recompilation.
    """

    def __init__(self, template: RunConfig, tuning: Tuning) -> None:
        self.template = template
        self.lane_width = tuning.lane_width
        self._compiler_options = DOT_LIBRARIES[tuning.dot_library]
        self._lock = threading.Lock()

    def compile(self) -> None:
        """Compiles all functions of the program that are not compiled yet. May be called ahead of time from another thread."""
        with self._lock, run_functions.precision_scope(self.template), jax.default_matmul_precision("highest"):
            _ = _start_of(self.template), self._replace, self._advance

    @functools.cached_property
    def _run_shape(self) -> Lanes:
        with run_functions.precision_scope(self.template):
            return Lanes(_value_shapes(self.template), jax.eval_shape(lambda: run_functions.init(self.template)))

    @functools.cached_property
    def _lanes_shape(self) -> Lanes:
        shapes: Lanes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((self.lane_width, *leaf.shape), leaf.dtype), self._run_shape)
        return shapes

    @functools.cached_property
    def _replace(self) -> Any:
        def put(lanes: Lanes, lane: jax.Array, values: Values, state: run_functions.RunState) -> Lanes:
            replaced: Lanes = jax.tree.map(lambda all_lanes, one: all_lanes.at[lane].set(one), lanes, Lanes(values, state))
            return replaced

        run = self._run_shape
        return jax.jit(put, donate_argnums=0).lower(self._lanes_shape, _SCALAR, run.values, run.state).compile()

    @functools.cached_property
    def _advance(self) -> Any:
        def advance_lane(
            values: Values, state: run_functions.RunState, rows: jax.Array, log_every: jax.Array
        ) -> tuple[run_functions.RunState, Metrics]:
            config = self.template.bind(values)

            def log_row(row: jax.Array, carry: tuple[run_functions.RunState, Metrics]) -> tuple[run_functions.RunState, Metrics]:
                state, logged = carry
                state = jax.lax.fori_loop(0, log_every, lambda _, state: run_functions.step(config, state), state)
                measured = run_functions.measure(config, state)
                return state, {name: logged[name].at[row].set(value) for name, value in measured.items()}

            shapes = jax.eval_shape(lambda: run_functions.measure(config, state))
            empty = {name: jnp.zeros((MAX_ROWS, *shape.shape), shape.dtype) for name, shape in shapes.items()}
            advanced: tuple[run_functions.RunState, Metrics] = jax.lax.fori_loop(0, rows, log_row, (state, empty))
            return advanced

        def advance(lanes: Lanes, rows: jax.Array, log_every: jax.Array) -> tuple[Lanes, Metrics]:
            state, logged = jax.vmap(advance_lane, in_axes=(0, 0, None, None))(lanes.values, lanes.state, rows, log_every)
            return Lanes(lanes.values, state), logged

        jitted = jax.jit(advance, donate_argnums=0, compiler_options=self._compiler_options)
        return jitted.lower(self._lanes_shape, _SCALAR, _SCALAR).compile()

    def empty(self) -> Lanes:
        """Lanes that hold no run: all zeros."""
        with run_functions.precision_scope(self.template):
            lanes: Lanes = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), self._lanes_shape)
        return lanes

    def put(self, lanes: Lanes, lane: int, config: RunConfig) -> tuple[Lanes, Metrics]:
        """Starts a run in one lane; returns the lanes and the run's metrics at step 0. `lanes` is consumed."""
        self.compile()
        with run_functions.precision_scope(self.template):
            values = self._values(config)
            state, metrics = _start_of(self.template)(values)
            filled: Lanes = self._replace(lanes, np.int32(lane), values, state)
        return filled, jax.device_get(metrics)

    def put_back(self, lanes: Lanes, lane: int, config: RunConfig, state: SavedState) -> Lanes:
        """Restores a run into one lane from a state that `states` returned; training continues bit for bit. `lanes` is consumed.

        The state does not contain the data, which is generated again from the config.
        """
        self.compile()
        with run_functions.precision_scope(self.template):
            values = self._values(config)
            fresh, _ = _start_of(self.template)(values)
            path_leaves, tree = jax.tree_util.tree_flatten_with_path(_trained(fresh))
            leaves = [state[_name(path)] for path, _ in path_leaves]
            replaced: Lanes = self._replace(lanes, np.int32(lane), values, fresh._replace(**jax.tree.unflatten(tree, leaves)))
        return replaced

    def states(self, lanes: Lanes) -> SavedState:
        """A copy of everything training changes, by name: step counts, weights and optimizer states of all lanes, [B, ...] each."""
        with run_functions.precision_scope(self.template):
            path_leaves, _ = jax.tree_util.tree_flatten_with_path(jax.device_get(_trained(lanes.state)))
        return {_name(path): leaf for path, leaf in path_leaves}

    def advance(self, lanes: Lanes, rows: int, log_every: int) -> tuple[Lanes, Metrics]:
        """Advances every lane by `rows` <= MAX_ROWS logged rows, `log_every` steps before each. `lanes` is consumed.

        Metrics are host arrays [B, rows]. With `log_every` 0 the lanes are measured without training.
        """
        self.compile()
        with run_functions.precision_scope(self.template):
            lanes, logged = self._advance(lanes, np.int32(rows), np.int32(log_every))
        return lanes, {name: values[:, :rows] for name, values in jax.device_get(logged).items()}

    def weights(self, lanes: Lanes, lane: int) -> dict[str, np.ndarray]:
        """A copy of one lane's weights, by name."""
        with run_functions.precision_scope(self.template):
            copies: dict[str, np.ndarray] = jax.device_get({name: leaf[lane] for name, leaf in lanes.state.params.items()})
        return copies

    def _values(self, config: RunConfig) -> Values:
        dtypes = _value_shapes(self.template)
        return {name: np.asarray(value, dtypes[name].dtype) for name, value in config.values("traced").items()}


def _trained(state: run_functions.RunState) -> dict[str, Any]:
    """The part of a run's state that training changes; the rest is its data."""
    return {name: getattr(state, name) for name in ("step", "params", "optimizer_state")}


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


_SCALAR = jax.ShapeDtypeStruct((), np.int32)


@functools.lru_cache(maxsize=8)
def _start_of(template: RunConfig) -> Any:
    """The compiled function that starts a run: from its traced values to its state and its metrics at step 0."""

    def start(values: Values) -> tuple[run_functions.RunState, Metrics]:
        config = template.bind(values)
        state = run_functions.init(config)
        return state, run_functions.measure(config, state)

    with run_functions.precision_scope(template), jax.default_matmul_precision("highest"):
        return jax.jit(start).lower(_value_shapes(template)).compile()


def _value_shapes(template: RunConfig) -> Values:
    floats = np.dtype(template.precision)
    return {
        name: jax.ShapeDtypeStruct((), np.int32 if isinstance(value, int) else floats)
        for name, value in template.values("traced").items()
    }


@functools.lru_cache(maxsize=8)
def program_of(template: RunConfig, tuning: Tuning) -> Program:
    """The program of a group (`RunConfig.group_template`) under a tuning. The eight most recently used are cached."""
    return Program(template, tuning)
