"""Claims: a run costs the same among 100 runs as among 10,000, and two workers do nearly twice as much as one.

The runs are short (200 steps at hidden_size 16), so that everything besides training weighs most. The cost of a run is the time
that its workers recorded, except start-up and compiling, which do not grow with the number of runs: training, measuring, writing
and waiting. A hundred of these runs make a single pack of about a second, which one worker trains; so the workers' time is
compared, not wall time.

    python -m benchmarks.cost_per_run
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.machine import print_header
from grokjax.analysis.tables.load import load_runs
from grokjax.sweeps.store.schema import COSTS

SETTINGS = ["hidden_size=16", "train_size=1250", "weight_decay=0.1", "steps=200"]
COUNTED = [f"{name}_seconds" for name, _ in COSTS if name not in ("startup", "compile")]
ROUNDS = 1


def main() -> None:
    """Prints a row per number of runs and workers: milliseconds per run and worker, and the runs/s of all workers."""
    print_header("short runs: what one costs, start-up and compiling apart")
    cases = [(100, 2), (10_000, 2), (10_000, 1)]
    costs: dict[tuple[int, int], list[float]] = {case: [] for case in cases}
    rates: dict[tuple[int, int], list[float]] = {case: [] for case in cases}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(ROUNDS):
            for runs, workers in cases:
                table = _sweep(runs, workers, Path(folder) / f"{turn}-{runs}-{workers}", Path(folder) / "0-100-2")
                costs[runs, workers].append(1000 * table[COUNTED].sum().sum() / runs)
                rates[runs, workers].append(runs / _span(table))
    cost = {case: statistics.median(values) for case, values in costs.items()}
    rate = {case: statistics.median(values) for case, values in rates.items()}
    print(f"{'runs':>7} {'workers':>8} {'ms a run':>9} {'runs/s':>8}   medians of {ROUNDS}")
    for runs, workers in cases:
        print(f"{runs:>7,} {workers:>8} {cost[runs, workers]:>9.2f} {rate[runs, workers]:>8.1f}")
    print(f"100 against 10,000 runs: {cost[100, 2] / cost[10_000, 2]:.3f} times the cost of a run (target 0.90 to 1.10)")
    print(f"two workers against one: {rate[10_000, 2] / rate[10_000, 1]:.2f} times the runs a second (target 1.9)")


def _sweep(runs: int, workers: int, root: Path, tuned: Path) -> pd.DataFrame:
    grokjax = Path(sys.executable).with_name("grokjax")
    settings = [word for setting in [*SETTINGS, f"seed=0..{runs - 1}"] for word in ("--set", setting)]
    if root != tuned:  # the same tuning for all
        (root / "groups").mkdir(parents=True)
        for file in (tuned / "groups").iterdir():
            (root / "groups" / file.name).write_bytes(file.read_bytes())
    subprocess.run(
        [grokjax, "run", "parity-article", *settings, "--cpus", str(workers), "--root", root], check=True, capture_output=True
    )
    return load_runs(root)


def _span(table: pd.DataFrame) -> float:
    """Seconds from the start of the first pack to the last commit."""
    return float((table["finished_at"].max() - table["started_at"].min()).total_seconds())


if __name__ == "__main__":
    main()
