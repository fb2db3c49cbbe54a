"""Claims: a million runs are labelled in 1 s and mapped in 2 s; a query over ten million rows of curves takes 1 s.

The runs are a made-up table with every column that a real one has; the curves are made-up packs in a root, written as workers write
them. Each figure is the best of a few calls, files in the system's cache.

    python benchmarks/million_runs.py
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.phases import phase_grid
from analysis.query import query
from analysis.rules import RULES, ArticleRule, classify
from benchmarks.machine import print_header
from sweeps.schema import curves_schema, runs_columns, runs_schema
from sweeps.store import Store, commit_runs, put_curves
from sweeps.tables import hyperparameter_columns

RUNS, PACKS, RUNS_A_PACK, LOGGED = 1_000_000, 50, 1000, 200
ROUNDS = 3
QUERIES = {
    "least loss of each run": "SELECT run_id, min(test_loss) FROM curves GROUP BY run_id ORDER BY 2 LIMIT 10",
    "mean curve": "SELECT step, avg(test_loss) AS loss, avg(test_accuracy) FROM curves GROUP BY step ORDER BY step",
    "first steps at 99 %": "SELECT run_id, min(step) FROM curves WHERE test_accuracy >= 0.99 GROUP BY run_id",
    "mean curve by phase": "SELECT phase, step, avg(test_loss) FROM curves JOIN labels USING (run_id) GROUP BY ALL",
}


def main() -> None:
    """Prints a row a claim: seconds, and the target."""
    print_header(f"a table of {RUNS:,} runs, {PACKS * RUNS_A_PACK * LOGGED:,} rows of curves; best of {ROUNDS}")
    runs = _runs(RUNS)
    for name, rule in RULES.items():
        _tell(f"labels by the rule {name}", lambda rule=rule: classify(runs, rule()), 1)  # type: ignore[misc]
    phases = classify(runs, ArticleRule())
    _tell("phase grid", lambda: phase_grid(runs, phases, x="hidden_size", y="train_size", facet="weight_decay"), 2)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        _write(root)
        for what, sql in QUERIES.items():
            _tell(f"query: {what}", lambda sql=sql: query(root, sql), 1)  # type: ignore[misc]


def _tell(what: str, act: Callable[[], object], target: float) -> None:
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - start)
    print(f"{what:<36} {min(seconds):>6.2f} s (target {target} s)", flush=True)


def _runs(count: int) -> pd.DataFrame:
    """A runs table with the shape of a sweep of 10 x 100 x 111 cells and nine seeds, its outcomes drawn at random."""
    generator, index = np.random.default_rng(0), np.arange(count)
    swept = {
        "weight_decay": np.geomspace(0.01, 1, 10)[index // (count // 10) % 10],
        "hidden_size": index // 9 % 100 + 1,
        "train_size": index // 900 % 111 + 500,
        "seed": index % 9,
    }
    columns = runs_columns(hyperparameter_columns())
    made = {each.name: _column(each.name, each.type, count, generator) for each in columns}
    made |= {name: pa.array(values) for name, values in swept.items()} | {"run_id": pa.array([f"{i:016x}" for i in index])}
    schema = runs_schema(hyperparameter_columns())
    runs: pd.DataFrame = pa.table([made[field.name] for field in schema], schema=schema).to_pandas(types_mapper=pd.ArrowDtype)
    runs.attrs["hyperparameters"] = [each.name for each in columns if each.kind == "hyperparameter"]
    return runs


def _column(name: str, kind: pa.DataType, count: int, generator: np.random.Generator) -> pa.Array:
    """Made-up values of a column [count]: steps with a third of them null, losses over many decades, all else one value or null."""
    if "_step_" in name:
        return pa.array(generator.integers(0, 20_000, count), kind, mask=generator.random(count) < 1 / 3)
    if name == "steps":
        return pa.array(np.full(count, 20_000), kind)
    if name.startswith(("min_", "max_", "final_")) and "accuracy" not in name:
        return pa.array(10 ** generator.uniform(-7, 6, count), kind)
    if name.endswith("accuracy"):
        return pa.array(generator.random(count), kind)
    return pa.nulls(count, kind) if not pa.types.is_string(kind) or name == "stopped_by" else pa.array(["one"] * count, kind)


def _write(root: Path) -> None:
    """A root with made-up runs and curves."""
    store, generator = Store(root, create=True), np.random.default_rng(0)
    store.put("specs/none.json", b'{"spec": {"name": "made-up"}}')
    runs = pa.Table.from_pandas(_runs(PACKS * RUNS_A_PACK), runs_schema(hyperparameter_columns()), preserve_index=False)
    for pack in range(PACKS):
        rows = runs.slice(pack * RUNS_A_PACK, RUNS_A_PACK)
        ids, count = np.repeat(rows["run_id"].to_numpy(), LOGGED), RUNS_A_PACK * LOGGED
        steps = np.tile(np.arange(LOGGED) * 100, RUNS_A_PACK)
        losses = {name: generator.lognormal(size=count).astype(np.float32) for name in ("train_loss", "test_loss")}
        accuracies = {name: generator.random(count, np.float32) for name in ("train_accuracy", "test_accuracy")}
        made = {"run_id": ids, "step": steps} | losses | accuracies
        schema = curves_schema()
        arrays = [pa.array(made[field.name], field.type) if field.name in made else pa.nulls(count, field.type) for field in schema]
        put_curves(store, f"{pack:04d}", pa.table(arrays, schema=schema))
        commit_runs(store, f"{pack:04d}", rows)


if __name__ == "__main__":
    main()
