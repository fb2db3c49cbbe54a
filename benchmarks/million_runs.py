"""Claims: a million runs are labelled in 1 s and mapped in 2 s; a query over ten million rows of curves takes 1 s.

The sweeps are synthetic (benchmarks/synthetic.py) and are read from a root. Each figure is the best of a few calls with the files
in the system's cache.

    python -m benchmarks.million_runs
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.machine import print_header
from benchmarks.synthetic import published_sweep, write_runs, write_sweep
from grokjax.analysis.labels.rules import RULES, ArticleRule, classify
from grokjax.analysis.statistics.grid import phase_grid
from grokjax.analysis.tables.load import load_runs
from grokjax.analysis.tables.query import query

SEEDS, FILES = 8000, 2000  # of the published sweep: a million runs
SEEDS_WITH_CURVES, FILES_WITH_CURVES = 400, 100  # of 201 logged steps
ROUNDS = 3
QUERIES = {
    "least loss of each run": "SELECT run_id, min(test_loss) FROM curves GROUP BY run_id ORDER BY 2 LIMIT 10",
    "mean curve": "SELECT step, avg(test_loss) AS loss, avg(test_accuracy) FROM curves GROUP BY step ORDER BY step",
    "first steps at 99 %": "SELECT run_id, min(step) FROM curves WHERE test_accuracy >= 0.99 GROUP BY run_id",
    "mean curve by phase": "SELECT phase, step, avg(test_loss) FROM curves JOIN labels USING (run_id) GROUP BY ALL",
}


def main() -> None:
    """Prints a row per claim: seconds, and the target."""
    print_header(f"a million runs; best of {ROUNDS}")
    with tempfile.TemporaryDirectory() as folder:
        write_runs(folder, published_sweep(SEEDS), FILES)
        runs = load_runs(folder)
    for name, rule in RULES.items():
        _tell(f"labels by the rule {name}", partial(classify, runs, rule()), 1)
    phases = classify(runs, ArticleRule())
    _tell("phase grid", lambda: phase_grid(runs, phases, x="hidden_size", y="train_size", facet="weight_decay"), 2)
    with tempfile.TemporaryDirectory() as folder:
        write_sweep(folder, published_sweep(SEEDS_WITH_CURVES), files=FILES_WITH_CURVES)
        rows: Any = query(folder, "SELECT count(*) FROM curves").iat[0, 0]
        print(f"queries of {rows:,} rows of curves")
        for what, sql in QUERIES.items():
            _tell(what, partial(query, folder, sql), 1)


def _tell(what: str, act: Callable[[], object], target: float) -> None:
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - start)
    print(f"{what:<36} {min(seconds):>6.2f} s (target {target} s)", flush=True)


if __name__ == "__main__":
    main()
