"""Claim: training steps of the 1s-and-0s sweep do useful arithmetic at more than half of the processor's peak, all cores busy.

One process a core, all at once, as a sweep runs them. Each takes turns between its largest float32 matrix product and the engine's
own compiled steps, under the tuning a sweep would choose, and compares the medians. Useful arithmetic is what `step_flops` counts.

    python benchmarks/parity_step.py [HIDDEN_SIZE ...]
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

TRAIN_SIZE = 1250
ROUNDS = 12
TARGETS = {16: 0.50, 64: 0.58, 258: 0.62}
_barrier: Any = None


def main(sizes: list[int]) -> None:
    """Prints a row a hidden size: what each worker reached, and its share of the peak it measured beside it."""
    cores = len(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(cores)
    print(
        f"{cores} workers at once, train_size {TRAIN_SIZE}; medians of {ROUNDS} rounds; peak is one f32 matrix product, per worker"
    )
    print(f"{'hidden_size':>11} {'lanes, library':>14} {'run-steps/s':>12} {'GFLOP/s':>8} {'peak':>6} {'share':>6} {'target':>6}")
    with ProcessPoolExecutor(cores, context, initializer=_join, initargs=(barrier,)) as pool:
        for size in sizes:
            for lanes, rate, useful, peak in pool.map(_measure, [size] * cores, chunksize=1):
                target = TARGETS.get(size)
                told = f"{target:.2f}" if target else "-"
                print(
                    f"{size:>11} {lanes:>14} {rate:>12,.0f} {useful:>8.1f} {peak:>6.1f} {useful / peak:>6.2f} {told:>6}", flush=True
                )


def _join(barrier: Any) -> None:
    global _barrier  # noqa: PLW0603  (how a process pool hands a barrier to its workers)
    _barrier = barrier


def _measure(hidden_size: int) -> tuple[str, float, float, float]:
    from sweeps.pack import prepare_device  # noqa: PLC0415

    prepare_device()
    from grokjax.lanes import measure_tuning, program_of  # noqa: PLC0415
    from sweeps.plan import expand  # noqa: PLC0415
    from sweeps.spec import load_spec  # noqa: PLC0415

    settings = [f"hidden_size={hidden_size}", f"train_size={TRAIN_SIZE}", "weight_decay=0.1", "seed=0", "steps=20000"]
    tuning = measure_tuning(next(expand(load_spec("parity-article", settings))))
    chosen = tuning.lane_width
    # Measuring a logged row costs a few steps; rows far apart leave the training steps alone.
    rows_apart = max(200, min(5000, 120_000 // hidden_size // 100 * 100)) // chosen
    config = next(expand(load_spec("parity-article", [*settings[:-1], f"steps={rows_apart}", f"log_every={rows_apart}"])))
    program = program_of(config.group_template(), tuning)
    lanes = program.empty()
    for lane in range(chosen):
        lanes, _ = program.put(lanes, lane, config)
    lanes, _ = program.advance(lanes, 1)
    multiply = _matrix_product()
    _barrier.wait()
    rates, peaks = [], []
    for _ in range(ROUNDS):
        peaks.append(multiply())
        start = time.perf_counter()
        lanes, _ = program.advance(lanes, 1)
        rates.append(chosen * rows_apart / (time.perf_counter() - start))
    _barrier.wait()
    rate = statistics.median(rates)
    return f"{chosen} {tuning.dot_library}", rate, rate * config.useful_flops() / config.steps / 1e9, statistics.median(peaks)


def _matrix_product(seconds: float = 0.25) -> Any:
    """A function that returns the best GFLOP/s of a while of float32 matrix products, by NumPy or XLA, whichever is faster here."""
    import jax  # noqa: PLC0415
    import jax.numpy as jnp  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    size = 1024
    a, b = np.ones((size, size), np.float32), jnp.ones((size, size))
    product = jax.jit(lambda b: b @ b)

    def by_numpy() -> None:
        with threadpool_limits(1):
            a @ a

    def best(multiply: Any) -> float:
        reached, end = 0.0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            multiply()
            reached = max(reached, 2 * size**3 / (time.perf_counter() - start) / 1e9)
        return reached

    candidates = [by_numpy, lambda: product(b).block_until_ready()]
    fastest = max(candidates, key=best)
    return lambda: best(fastest)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [16, 32, 64, 128, 258])
