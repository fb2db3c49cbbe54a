"""What the device could do at best: the yardstick of every cost."""

from __future__ import annotations

import functools
import time
from typing import Any

import jax
import jax.numpy as jnp

SIZE = 1024


def measure_peak(seconds: float = 0.05) -> float:
    """FLOP/s of a float32 matrix product of 1024 x 1024 now, the best of those that fit in `seconds`."""
    operand = jnp.ones((SIZE, SIZE))
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        _product()(operand).block_until_ready()
        best = min(best, time.perf_counter() - start)
    return 2 * SIZE**3 / best


@functools.cache
def _product() -> Any:
    with jax.default_matmul_precision("highest"):
        return jax.jit(lambda a: a @ a).lower(jax.ShapeDtypeStruct((SIZE, SIZE), jnp.float32)).compile()
