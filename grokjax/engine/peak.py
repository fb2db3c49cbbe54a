"""Measures the device's peak FLOP/s, the reference for the utilization columns."""

from __future__ import annotations

import functools
import time
from typing import Any

import jax
import jax.numpy as jnp


def measure_peak(seconds: float = 0.05) -> float:
    """FLOP/s of a large float32 matrix product on this device: the best of as many trials as fit in `seconds`."""
    operand = jnp.ones((_size(), _size()))
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        _product()(operand).block_until_ready()
        best = min(best, time.perf_counter() - start)
    return 2 * _size() ** 3 / best


@functools.cache
def _product() -> Any:
    with jax.default_matmul_precision("highest"):
        return jax.jit(lambda a: a @ a).lower(jax.ShapeDtypeStruct((_size(), _size()), jnp.float32)).compile()


def _size() -> int:
    """Number of rows of a square matrix that is large enough to keep the device (a core or an accelerator) busy."""
    return 1024 if jax.default_backend() == "cpu" else 8192
