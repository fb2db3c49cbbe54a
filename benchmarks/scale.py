"""Claims: the time and memory that a million runs, ten thousand packs and a thousand workers need on one machine.

- Planning 1,000,000 runs takes 20 s and 1.5 GiB.
- Driver, Ray and workers handle 500 empty packs per second, and over 10,000 of them the driver grows by less than 100 MiB.
- `load_runs` of 1,000,000 runs in 2,000 files takes 5 s, and two curves out of 10,000,000 rows 0.5 s.
- `grokjax status` on a root with 1,000,000 planned runs, half of them done in 2,000 files, takes 5 s and 1.5 GiB.
- 1,000 workers, simulated by an event queue under the real pool and schedule (benchmarks/simulated_cluster.py), spend 95 % of their
  time on training although workers and nodes are lost, some nodes are slow and some packs take long.

Plans and reads run in new processes, with files in the system's cache: the figures are the best time of a few, and the peak memory.

    python -m benchmarks.scale [plan] [packs] [read] [status] [simulate]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import psutil

from benchmarks.machine import on_workers, print_header
from benchmarks.simulated_cluster import Course, World, simulate
from benchmarks.synthetic import published_sweep, write_runs, write_sweep
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.sweeps.execute.driver import Execution, train
from grokjax.sweeps.execute.events import Receipt
from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.execute.plan import Pack, make_plan
from grokjax.sweeps.execute.worker import Worker, WorkerSetup
from grokjax.sweeps.spec.group_runs import expand

GROKJAX = Path(sys.executable).with_name("grokjax")
MIB, GIB = 2**20, 2**30
SEEDS, FILES = 8000, 2000  # of the published sweep: a million runs
SEEDS_WITH_CURVES, FILES_WITH_CURVES = 400, 100  # of 201 logged steps: ten million rows
EMPTY_PACKS = 10_000
ROUNDS = 3


class Cost(NamedTuple):
    """The cost of a call: seconds, and the peak memory of its process."""

    seconds: float
    memory: int


def main(parts: list[str]) -> None:
    """Prints a row per claim: the measured value, and the target."""
    print_header("what large sweeps ask of this machine")
    for name, measure in PARTS.items():
        if name in parts:
            measure()


def plan() -> None:
    """Plans a million runs."""
    cost = _alone(_plan, SEEDS)
    _tell("plan 1,000,000 runs", f"{cost.seconds:.1f} s", "20 s")
    _tell("  memory of its process", f"{cost.memory / GIB:.2f} GiB", "1.5 GiB")


def packs() -> None:
    """Runs empty packs from the plan to the last receipt, and observes the driver's memory."""
    spec = published_sweep(SEEDS)
    planned = make_plan(spec)
    chosen = tuple(islice(_over_and_over(planned.packs), EMPTY_PACKS))
    process, sizes, times = psutil.Process(), list[int](), list[float]()

    def watch(progress: Any) -> None:
        sizes.append(process.memory_info().rss)
        times.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder, mock.patch("grokjax.sweeps.execute.driver.Worker", Idle):
        store = enter_spec(folder, spec)
        outcome = train(replace(planned, packs=chosen), store, Execution(), watch)
    first = times[0]
    _tell(f"{len(chosen):,} empty packs", f"{len(chosen) / (times[-1] - first):.0f} packs/s", "500 packs/s")
    _tell("  the driver grows by", f"{(max(sizes) - sizes[0]) / MIB:.0f} MiB", "100 MiB")
    assert not outcome.failures, outcome.failures[0].error


def read() -> None:
    """Reads a million runs, and two curves out of ten million rows."""
    with tempfile.TemporaryDirectory() as folder:
        write_runs(folder, published_sweep(SEEDS), FILES)
        cost = _alone(_load, folder)
        _tell(f"load_runs of 1,000,000 runs in {FILES:,} files", f"{cost.seconds:.2f} s", "5 s")
        _tell("  memory of its process", f"{cost.memory / GIB:.2f} GiB", "-")
    with tempfile.TemporaryDirectory() as folder:
        spec = published_sweep(SEEDS_WITH_CURVES)
        write_sweep(folder, spec, files=FILES_WITH_CURVES)
        ids = [run.run_id for run in islice(expand(spec), 0, spec.size, spec.size - 1)]
        cost = _alone(_two_curves, (folder, ids))
        _tell("two curves out of 10,050,000 rows", f"{cost.seconds:.2f} s", "0.5 s")


def status() -> None:
    """Shows the status of a million planned runs, half of them done."""
    with tempfile.TemporaryDirectory() as folder:
        write_runs(folder, published_sweep(SEEDS), FILES, every=2)
        for _ in range(ROUNDS):  # the first fills the system's cache
            began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            shown = subprocess.run([GROKJAX, "status", folder], capture_output=True, text=True, check=True).stdout
            seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        assert "500,000 of 1,000,000 runs done" in shown, shown
    _tell(f"status of 1,000,000 runs, half in {FILES:,} files", f"{seconds:.1f} s", "5 s")
    _tell("  processor time", f"{after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime:.1f} s", "-")
    _tell("  memory of its process", f"{1024 * after.ru_maxrss / GIB:.2f} GiB", "1.5 GiB")


def simulate_workers() -> None:
    """Simulates a thousand workers that train the published sweep with more seeds while some are lost or slow."""
    world = World(
        nodes=125,
        cores=8,
        flops_per_second=6e10,
        start=20,
        compile=8,
        commit=0.5,
        turn=0.003,
        noise=0.1,
        slow_nodes=0.05,
        slow_node=2,
        slow_packs=0.01,
        slow_pack=3,
        worker_life=6 * 3600,
        node_life=24 * 3600,
        node_back=300,
        failing_packs=3,
    )
    for seeds in (1000, 4000, SEEDS):
        planned = make_plan(published_sweep(seeds)).packs
        course = simulate(planned, world)
        _tell_course(planned, course)


def _tell_course(planned: tuple[Pack, ...], course: Course) -> None:
    runs = sum(len(pack.runs) for pack in planned)
    lost = f"{course.killed} packs lost with their workers, {len(course.failures)} set aside"
    _tell(f"1,000 workers, {runs:,} runs, {course.seconds / 3600:.1f} h", f"{course.use:.1%} in use", "95 %")
    print(f"  {len(planned):,} packs; {lost}; slow nodes and packs counted as lost time too: {course.of_undisturbed:.1%}")


class Idle(Worker):
    """A worker that trains nothing and writes nothing."""

    def __init__(self, setup: WorkerSetup, asked_at: float) -> None:
        """Sets up nothing."""

    def ready(self) -> tuple[str, str]:
        """The name of the worker; it has no device."""
        return str(id(self)), "none"

    def train(self, pack: Pack, following: Any = None) -> Receipt:
        """Reports that the pack is done."""
        return Receipt(pack.pack_id, len(pack.runs), pack.run_steps)


def _over_and_over(planned: tuple[Pack, ...]) -> Iterator[Pack]:
    while True:
        yield from planned


def _plan(seeds: int) -> Cost:
    return _timed(lambda: make_plan(published_sweep(seeds)), rounds=1)


def _load(folder: str) -> Cost:
    return _timed(lambda: load_runs(folder))


def _two_curves(asked: tuple[str, list[str]]) -> Cost:
    folder, run_ids = asked
    return _timed(lambda: load_curves(folder, run_ids=run_ids))


def _timed(act: Callable[[], object], rounds: int = ROUNDS) -> Cost:
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - start)
    return Cost(min(seconds), 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _alone(measure: Callable[[Any], Cost], item: Any) -> Cost:
    """The cost of a call in a new process."""
    ((_, (cost,)),) = on_workers(measure, [item], 1)
    return cost


def _tell(what: str, got: str, target: str) -> None:
    print(f"{what:<48} {got:>14} (target {target})", flush=True)


PARTS: dict[str, Callable[[], None]] = {"plan": plan, "packs": packs, "read": read, "status": status, "simulate": simulate_workers}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all by default")
    main(parser.parse_args().parts or list(PARTS))
