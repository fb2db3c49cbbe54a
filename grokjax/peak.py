"""What the device could do at best: the yardstick of every cost."""

from __future__ import annotations

import time

import jax
import jax.numpy as jnp

SIZE = 1024


def measure_peak(seconds: float = 0.1) -> float:
    """FLOP/s of a float32 matrix product of 1024 x 1024, the best of those that fit in `seconds`."""
    with jax.default_matmul_precision("highest"):
        multiply = jax.jit(lambda a: a @ a)
        operand = jnp.ones((SIZE, SIZE))
        multiply(operand).block_until_ready()
        best, end = float("inf"), time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            multiply(operand).block_until_ready()
            best = min(best, time.perf_counter() - start)
    return 2 * SIZE**3 / best
