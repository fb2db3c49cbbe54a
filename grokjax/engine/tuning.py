"""Measures this device: which tuning (lanes, library for matrix products) trains a group fastest, and its peak FLOP/s."""

import functools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp

from grokjax.config import RunConfig
from grokjax.engine.program import DOT_LIBRARIES, Tuning, program_of
from grokjax.engine.step import init, precision_scope

logger = logging.getLogger(__name__)

# The length of a trial: long enough that host overhead and the one logged row are negligible.
TRIAL_SECONDS = 0.02
# The most lanes to try on an accelerator, and its memory [bytes] if it does not report it.
MOST_LANES, LEAST_MEMORY = 16_384, 4 * 2**30
LIBRARY_MARGIN = 0.95  # a library other than XLA's default is chosen if a run-step costs less than this share


def first_tunings(pinned: Mapping[str, Any] = MappingProxyType({})) -> tuple[Tuning, ...]:
    """The tunings that the search starts with: one lane, with each library for matrix products that this device's XLA knows.

    `pinned` may fix `lane_width` and `dot_library`. Raises ValueError if this device's XLA has no such library.
    """
    libraries, chosen = _dot_libraries(), pinned.get("dot_library")
    if chosen not in (None, *libraries):
        raise ValueError(
            f"dot_library = {chosen!r}: XLA on this device has {', '.join(libraries)}; leave it out, or use one of these"
        )
    return tuple(Tuning(pinned.get("lane_width", 1), library) for library in ([chosen] if chosen else libraries))


def measure_tuning(config: RunConfig, runs: int, seconds: float = 0.1, pinned: Mapping[str, Any] = MappingProxyType({})) -> Tuning:
    """Searches for the tuning under which `runs` runs of this config's group train fastest on this device.

    `pinned` may fix `lane_width` and `dot_library`; if it fixes both, nothing is measured. XLA's default library for matrix
    products is kept unless another makes a run-step at least 5 % cheaper, which is more than the noise of these short trials. Then
    the number of lanes is quadrupled as long as that makes a run-step at least 10 % cheaper, counting the lanes that stay empty at
    the end; of equally fast widths the narrower wins. On a CPU few lanes are fastest, because their working sets fit in a core's
    cache; a GPU or a very small model is fastest with many, as far as the device's memory allows. Candidates are measured in
    turns, for about `seconds` each, so that a temporary slowdown of the machine affects all of them; the best trial of each
    counts.
    """
    candidates = first_tunings(pinned)
    best = candidates[0]
    if len(candidates) > 1:
        costs = _seconds_per_run_step(config, candidates, seconds)
        fastest = min(costs, key=costs.__getitem__)
        best = fastest if costs[fastest] < LIBRARY_MARGIN * costs[best] else best
    while "lane_width" not in pinned and 4 * best.lane_width <= min(_widest(config), 2 * runs):
        wider = replace(best, lane_width=4 * best.lane_width)
        try:
            costs = _seconds_per_run_step(config, (best, wider), seconds)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            logger.info("group %s: %d lanes do not fit into the device's memory", config.group_id, wider.lane_width)
            break
        if costs[wider] / _filled(runs, wider.lane_width) > 0.9 * costs[best] / _filled(runs, best.lane_width):
            break
        best = wider
    logger.info("group %s: chose %s for %d runs", config.group_id, best, runs)
    return best


def _filled(runs: int, lane_width: int) -> float:
    """The average share of lanes in use while equally long runs pass through them."""
    return runs / (-(-runs // lane_width) * lane_width)


@functools.cache
def _dot_libraries() -> tuple[str, ...]:
    """The matrix-product libraries that XLA can use on this device."""
    if jax.default_backend() != "cpu":
        return ("default",)
    try:
        jax.jit(lambda: jnp.zeros(()), compiler_options=DOT_LIBRARIES["eigen"])()
    except jax.errors.JaxRuntimeError:  # a jaxlib without that option
        return ("default",)
    return ("default", "eigen")


def _widest(config: RunConfig) -> int:
    """The most lanes to try: as many as fill half of an accelerator's memory with their states, or 256 on a CPU."""
    if jax.default_backend() == "cpu":
        return 256
    with precision_scope(config):
        shapes = jax.tree.leaves(jax.eval_shape(lambda: init(config)))
    per_lane: int = sum(shape.size * shape.dtype.itemsize for shape in shapes)
    memory = (jax.devices()[0].memory_stats() or {}).get("bytes_limit", LEAST_MEMORY)
    return max(1, min(MOST_LANES, int(memory) // 2 // per_lane))


def _seconds_per_run_step(config: RunConfig, tunings: Sequence[Tuning], seconds: float) -> dict[Tuning, float]:
    """Seconds per run-step under each tuning: the best of several short trials in turns, about `seconds` per tuning."""
    trials = {tuning: _trial(config, tuning) for tuning in tunings}
    costs: dict[Tuning, list[float]] = {tuning: [] for tuning in tunings}
    end = time.perf_counter() + seconds * len(tunings)
    while not costs[tunings[-1]] or time.perf_counter() < end:
        for tuning, trial in trials.items():
            costs[tuning].append(trial())
    best = {tuning: min(trial_costs) for tuning, trial_costs in costs.items()}
    for tuning, cost in best.items():
        logger.info("group %s: %.3g us a run-step with %s", config.group_id, 1e6 * cost, tuning)
    return best


def _trial(config: RunConfig, tuning: Tuning) -> Callable[[], float]:
    """A function that trains full lanes for about TRIAL_SECONDS and returns the seconds per run-step."""
    program = program_of(config.group_template(), tuning)
    lanes = program.empty()
    for lane in range(tuning.lane_width):
        lanes, _ = program.put(lanes, lane, config)

    def run_trial(steps: int) -> float:
        nonlocal lanes
        start = time.perf_counter()
        lanes, _ = program.advance(lanes, 1, steps)
        return time.perf_counter() - start

    steps = 1
    run_trial(steps)  # warms the caches
    while run_trial(steps) < TRIAL_SECONDS:
        steps *= 2
    return lambda: run_trial(steps) / (steps * tuning.lane_width)


def measure_peak(seconds: float = 0.05) -> float:
    """FLOP/s of a large float32 matrix product on this device: the best of as many trials as fit in `seconds`."""
    operand = jnp.ones((_peak_size(), _peak_size()))
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        _peak_product()(operand).block_until_ready()
        best = min(best, time.perf_counter() - start)
    return 2 * _peak_size() ** 3 / best


@functools.cache
def _peak_product() -> Any:
    with jax.default_matmul_precision("highest"):
        return jax.jit(lambda a: a @ a).lower(jax.ShapeDtypeStruct((_peak_size(), _peak_size()), jnp.float32)).compile()


def _peak_size() -> int:
    """Number of rows of a square matrix that is large enough to keep the device (a core or an accelerator) busy."""
    return 1024 if jax.default_backend() == "cpu" else 8192
