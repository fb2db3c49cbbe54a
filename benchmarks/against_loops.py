"""Claim: a run-step costs at most 1/2.5 as much as in a PyTorch bmm ensemble, at most 1/2 as much as in a plain JAX loop at
hidden_size 16, and never more than in any of them.

One single-threaded process per core, all at once, in float32. The contenders are: the engine, under the tuning that a sweep would
choose; one model in a PyTorch loop, with its fastest AdamW; a PyTorch ensemble, in its fastest width and layout; the same
ensemble under torch.compile, if there is a C++ compiler (no part of the claim); and one model in a loop over a jitted JAX step.
In each round the contenders take turns of about a third of a second, with all workers training the same one. A ratio is the
median, over rounds and workers, of the engine's rate divided by the contender's rate in the same round. No contender logs
anything, except that the engine logs one row per round.

All contenders train the same function: before the timing they start from the same weights and data, and must reach the same loss.

    python -m benchmarks.against_loops [--workers N] [--rounds N] [HIDDEN_SIZE ...]
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import os
import shutil
import statistics
import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from benchmarks.machine import cores, meet, on_workers, print_header, require
from benchmarks.problem import Array, Problem, problem

TRAIN_SIZE = 1250
SLOT_SECONDS = 0.35
TARGETS = {("bmm ensemble", size): 2.5 for size in (16, 64, 258)} | {
    ("JAX loop", 16): 2.0,
    ("JAX loop", 64): 1.0,
    ("JAX loop", 258): 1.0,
}
# Compared after this many steps, the losses of the contenders differ by rounding alone.
AGREEMENT_STEPS = 100
AGREEMENT = 1e-4

Row = tuple[str, str, list[float]]  # contender, form, its rate in each round


class Loop(Protocol):
    """What a contender provides: B models that it trains."""

    form: str
    models: int

    def train(self, steps: int) -> None:
        """Trains all models for `steps` steps."""

    def losses(self) -> Array:
        """The training loss of each model, [B]."""


def main() -> None:
    """Prints a row per hidden size and contender: its run-steps/s on a core, and the engine's as a multiple of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hidden_size", type=int, nargs="*", default=[16, 64, 258])
    parser.add_argument("--workers", type=int, default=cores(), help="processes at once [default: one a core]")
    parser.add_argument("--rounds", type=int, default=12)
    given = parser.parse_args()
    print_header(
        f"Training steps against loops; {given.workers} workers at once, train_size {TRAIN_SIZE}, medians of {given.rounds} rounds"
    )
    if require("torch", "PyTorch loop and bmm ensembles") and not _has_compiler():
        print("There is no C++ compiler (g++ or $CXX), so the row of compiled bmm is missing; install g++ or clang", flush=True)
    print(f"{'hidden_size':>11} {'contender':>13} {'form':>13} {'run-steps/s':>12} {'grokjax is':>10} {'target':>6}")
    measure = functools.partial(_measure, rounds=given.rounds)
    for size, answers in on_workers(measure, given.hidden_size, given.workers):
        for contender, by_worker in enumerate(zip(*answers, strict=True)):
            _print_row(size, by_worker, [answer[0] for answer in answers], is_engine=contender == 0)


def check_agreement(hidden_size: int, train_size: int = TRAIN_SIZE, steps: int = AGREEMENT_STEPS) -> dict[str, float]:
    """The loss after `steps` steps of every contender in each of its forms; of two models where a form trains several.

    Raises:
      AssertionError: a contender's losses differ from the engine's by more than rounding.
    """
    from benchmarks.engine_loop import EngineLoop  # noqa: PLC0415
    from grokjax.engine.program import Tuning  # noqa: PLC0415

    engine = EngineLoop(hidden_size, train_size, steps, Tuning(2))
    engine.train()
    reached = {"engine": float(engine.losses[0])}
    for name, loops in _contenders(problem(hidden_size, train_size, models=2)).items():
        for loop in loops:
            loop.train(steps)
            final = loop.losses()
            reached[f"{name}, {loop.form}"] = float(final[0])
            assert np.allclose(final, engine.losses[: loop.models], rtol=AGREEMENT, atol=0), (
                f"{name}, {loop.form}: losses {final} after {steps} steps, but the engine's are {engine.losses[: loop.models]}"
            )
    return reached


def _contenders(start: Problem) -> dict[str, Sequence[Loop]]:
    """Every form of each contender whose library is installed."""
    from benchmarks.jax_loop import JaxLoop  # noqa: PLC0415

    contenders: dict[str, Sequence[Loop]] = {}
    if importlib.util.find_spec("torch"):
        from benchmarks.torch_loops import compiled_ensembles, torch_ensembles, torch_loops  # noqa: PLC0415

        contenders = {"PyTorch loop": torch_loops(start), "bmm ensemble": torch_ensembles(start)}
        if _has_compiler():
            contenders["compiled bmm"] = compiled_ensembles(start)
    return contenders | {"JAX loop": [JaxLoop(start)]}


def _has_compiler() -> bool:
    return shutil.which(os.environ.get("CXX", "g++")) is not None


def _measure(hidden_size: int, rounds: int) -> list[Row]:
    from grokjax.sweeps.execute.device import prepare_device  # noqa: PLC0415

    prepare_device()
    from benchmarks.engine_loop import EngineLoop  # noqa: PLC0415

    check_agreement(hidden_size)
    meet()
    engine = EngineLoop.tuned(hidden_size, TRAIN_SIZE)
    engine.train()
    start = problem(hidden_size, TRAIN_SIZE, models=64)
    fastest = {name: _fastest(loops) for name, loops in _contenders(start).items()}
    rows: list[Row] = [("grokjax", engine.form, []), *((name, loop.form, []) for name, (loop, _) in fastest.items())]
    for _ in range(rounds):
        meet()
        rows[0][2].append(engine.run_steps_per_second())
        for (_, _, rates), (loop, steps) in zip(rows[1:], fastest.values(), strict=True):
            meet()
            rates.append(_rate(loop, steps))
    meet()
    return rows


def _fastest(loops: Sequence[Loop]) -> tuple[Loop, int]:
    """The fastest form, by the better of two short trials each, and the number of steps that fill a slot."""
    steps = {loop.form: _steps_in(loop, SLOT_SECONDS / 3) for loop in loops}
    rates = [max(_rate(loop, steps[loop.form]) for _ in range(2)) for loop in loops]
    best = int(np.argmax(rates))
    return loops[best], max(1, round(rates[best] / loops[best].models * SLOT_SECONDS))


def _steps_in(loop: Loop, seconds: float) -> int:
    loop.train(2)  # compiles, allocates
    return max(1, round(seconds * _rate(loop, 5) / loop.models))


def _rate(loop: Loop, steps: int) -> float:
    start = time.perf_counter()
    loop.train(steps)
    return loop.models * steps / (time.perf_counter() - start)


def _print_row(size: int, by_worker: Sequence[Row], engines: Sequence[Row], is_engine: bool) -> None:
    name, forms = by_worker[0][0], " / ".join(dict.fromkeys(row[1] for row in by_worker))
    rate = statistics.mean(statistics.median(row[2]) for row in by_worker)
    ratios = [
        ours / theirs
        for engine, row in zip(engines, by_worker, strict=True)
        for ours, theirs in zip(engine[2], row[2], strict=True)
    ]
    target = TARGETS.get((name, size))
    ratio, wanted = "" if is_engine else f"{statistics.median(ratios):.2f} x", f"{target:.1f} x" if target else "-"
    print(f"{size:>11} {name:>13} {forms:>13} {rate:>12,.0f} {ratio:>10} {wanted:>6}", flush=True)


if __name__ == "__main__":
    main()
