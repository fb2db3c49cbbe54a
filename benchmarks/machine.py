"""Shared by all benchmarks: a description of the machine, workers on every core, the peak of a core, and missing libraries."""

from __future__ import annotations

import importlib.util
import itertools
import multiprocessing
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_barrier: Any = None


def print_header(claim: str) -> None:
    """Prints the claim, the date, the processor, the cores that this process may use, and versions."""
    versions = ", ".join(f"{name} {_version(name)}" for name in ("jax", "torch", "ray"))
    print(claim)
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {processor()}, {cores()} cores, python {platform.python_version()}, {versions}", flush=True
    )


def require(module: str, rows: str, extra: str = "bench") -> bool:
    """Whether an optional module is installed; if not, prints which rows will be missing and how to install it."""
    if importlib.util.find_spec(module) is not None:
        return True
    print(f"{module} is not installed, so the rows of {rows} are missing; pip install -c constraints.txt '.[{extra}]'", flush=True)
    return False


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def processor() -> str:
    """The name of the processor on Linux; elsewhere the kind of machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def on_workers(measure: Callable[[Item], Answer], items: Iterable[Item], workers: int) -> Iterator[tuple[Item, list[Answer]]]:
    """Calls `measure(item)` in that many new processes at once; yields each item with the answers.

    Inside `measure`, `meet()` waits until all processes have called it, so that what follows is timed with all cores busy.
    """
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(workers)
    with ProcessPoolExecutor(workers, context, initializer=_join, initargs=(barrier,)) as pool:
        for item in items:
            yield item, list(pool.map(measure, [item] * workers, chunksize=1))


def meet() -> None:
    """Waits for the other workers of `on_workers`; returns at once in any other process."""
    if _barrier is not None:
        _barrier.wait(timeout=600)


def _join(barrier: Any) -> None:
    global _barrier  # noqa: PLW0603  (how a process pool hands a barrier to its workers)
    _barrier = barrier


class Speed(NamedTuple):
    """The GFLOP/s of repeated matrix products: of all together, and of the fastest."""

    sustained: float
    best: float


def matrix_product(seconds: float = 0.25) -> Callable[[], Speed]:
    """A function that repeats a float32 matrix product for some time, by NumPy or XLA, whichever is faster on this machine."""
    import jax  # noqa: PLC0415  (here and below: not before a worker has set XLA's threads)
    import jax.numpy as jnp  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    size = 1024
    a, b = np.ones((size, size), np.float32), jnp.ones((size, size))
    product = jax.jit(lambda b: b @ b)

    def by_numpy() -> None:
        with threadpool_limits(1):
            a @ a

    def speed(multiply: Callable[[], object]) -> Speed:
        times, start = [time.perf_counter()], time.perf_counter()
        while times[-1] - start < seconds:
            multiply()
            times.append(time.perf_counter())
        taken = [after - before for before, after in itertools.pairwise(times)]
        flops = 2 * size**3 / 1e9
        return Speed(flops * len(taken) / sum(taken), flops / min(taken))

    candidates: list[Callable[[], object]] = [by_numpy, lambda: product(b).block_until_ready()]
    fastest = max(candidates, key=speed)
    return lambda: speed(fastest)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"
