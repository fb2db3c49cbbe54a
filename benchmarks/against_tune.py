"""Claim: a sweep takes 1/8 of the time that Ray Tune needs with one PyTorch loop per trial and default settings; a short run
1/100.

demo   60 runs of the demo's groups (15 per group), 20,000 steps each, logged every 100: time of the whole command.
short  runs of 200 steps at hidden_size 16 and train_size 1,250 (1,000 runs here, 100 in Tune): time of the whole command, per run.

Each contender is a new process that may use all cores, timed from start to exit, including imports, Ray, compiling, tuning and
files. Ours is `grokjax run` with an empty root and an empty compilation cache, which logs eight metrics. Tune's is tune_sweep.py,
which logs two: with default settings, which the targets refer to, and with `reuse_actors`, which does not start a process per
trial. In each round ours runs before and after Tune's, and all times are shown, so that a change of the machine's speed is
visible. Ratios are of medians.

    python -m benchmarks.against_tune [--steps N] [--rounds N] [demo] [short]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.machine import cores, print_header, require

GROKJAX = "grokjax run"
PLAIN, REUSING = "Tune", "Tune, reuse_actors"


@dataclass(frozen=True)
class Case:
    """A grid, the number of seeds per cell that each side trains, and the least ratio of their times per run."""

    name: str
    weight_decay: tuple[float, ...]
    hidden_size: tuple[int, ...]
    train_size: tuple[int, ...]
    steps: int
    seeds: int
    tune_seeds: int
    tunes: tuple[str, ...]
    target: float

    def runs(self, contender: str) -> int:
        """The number of runs that a contender trains."""
        seeds = self.seeds if contender == GROKJAX else self.tune_seeds
        return seeds * len(self.weight_decay) * len(self.hidden_size) * len(self.train_size)


CASES = {
    "demo": Case(
        "demo", (0.01, 0.1, 0.3), (16, 64), (750, 1250), steps=20_000, seeds=5, tune_seeds=5, tunes=(PLAIN, REUSING), target=8
    ),
    "short": Case("short", (0.1,), (16,), (1250,), steps=200, seeds=1000, tune_seeds=100, tunes=(PLAIN, REUSING), target=100),
}


def main() -> None:
    """Prints a row per case and contender: seconds in total, seconds per run, and ours as a fraction of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", nargs="*", help="demo, short [default: both]")
    parser.add_argument("--steps", type=int, default=CASES["demo"].steps, help="of a run of the demo; fewer for a quick look")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    cases = [CASES[name] for name in given.case or CASES]
    print_header(f"Whole commands against Ray Tune, {cores()} cores each; {given.rounds} rounds, ours twice a round")
    found = [require(module, "Tune") for module in ("torch", "tensorboardX")]
    print(f"{'case':>6} {'contender':>19} {'runs':>6} {'steps':>7} {'seconds':>14} {'s/run':>8} {'grokjax is':>10} {'target':>7}")
    for case in cases:
        shortened = replace(case, steps=given.steps) if case.name == "demo" else case
        _print_rows(shortened, _measure(shortened, case.tunes if all(found) else (), given.rounds))


def _measure(case: Case, tunes: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """The seconds that each contender's command took, each time it ran."""
    seconds: dict[str, list[float]] = {name: [] for name in (GROKJAX, *tunes)}
    for _ in range(rounds):
        for name in (GROKJAX, *tunes, GROKJAX):
            with tempfile.TemporaryDirectory() as folder:
                command = _grokjax(case, folder) if name == GROKJAX else _tune(case, folder, reusing=name == REUSING)
                seconds[name].append(_seconds_of(command, folder))
    return seconds


def _grokjax(case: Case, folder: str) -> list[str]:
    axes = {
        "weight_decay": ",".join(map(str, case.weight_decay)),
        "hidden_size": ",".join(map(str, case.hidden_size)),
        "train_size": ",".join(map(str, case.train_size)),
        "seed": f"0..{case.seeds - 1}",
        "steps": str(case.steps),
    }
    settings = [word for name, values in axes.items() for word in ("--set", f"{name}={values}")]
    return [str(Path(sys.executable).with_name("grokjax")), "run", "parity-demo", *settings, "--root", f"{folder}/root"]


def _tune(case: Case, folder: str, reusing: bool) -> list[str]:
    axes = {"--weight-decay": case.weight_decay, "--hidden-size": case.hidden_size, "--train-size": case.train_size}
    grid = [word for option, values in axes.items() for word in (option, *map(str, values))]
    counts = ["--seeds", str(case.tune_seeds), "--steps", str(case.steps)]
    return [
        sys.executable,
        str(Path(__file__).with_name("tune_sweep.py")),
        f"{folder}/root",
        *grid,
        *counts,
        *["--reuse-actors"] * reusing,
    ]


def _seconds_of(command: Sequence[str], folder: str) -> float:
    """Seconds from the start of a command to its end, with its own caches. Raises CalledProcessError if it fails."""
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": f"{folder}/compiled"}
    start = time.perf_counter()
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - start
    if finished.returncode:
        sys.stderr.write(finished.stdout + finished.stderr)
    finished.check_returncode()
    return took


def _print_rows(case: Case, seconds: Mapping[str, Sequence[float]]) -> None:
    per_run = {name: statistics.median(times) / case.runs(name) for name, times in seconds.items()}
    for name, times in seconds.items():
        shown = ", ".join(f"{took:.1f}" for took in times)
        ratio, target = ("", "-") if name == GROKJAX else (f"{per_run[name] / per_run[GROKJAX]:.1f} x", f"{case.target:.0f} x")
        row = f"{case.name:>6} {name:>19} {case.runs(name):>6,} {case.steps:>7,} {shown:>14} {per_run[name]:>8.3f}"
        print(f"{row} {ratio:>10} {target:>7}", flush=True)


if __name__ == "__main__":
    main()
