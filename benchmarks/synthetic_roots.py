"""Roots as large sweeps leave them, made without training: real plans, real schemas, the real store, and curves out of thin air."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from grokjax.config import RunConfig
from grokjax.lanes import Tuning
from grokjax.occupant import Curve, RunResult
from sweeps.root import open_root
from sweeps.runs import Runs, groups_of
from sweeps.spec import load_spec
from sweeps.store import Store, commit_runs, put_curves
from sweeps.sweep import SweepSpec
from sweeps.tables import Costs, Provenance, curves_table, runs_table, with_costs

COSTS = Costs(startup=0.0, compile=0.1, idle_lane=0.0, write=0.02, wait=0.01)


def published_sweep(seeds: int) -> SweepSpec:
    """The published sweep with so many seeds: 125 runs each, in 25 groups."""
    return load_spec("parity-article", [f"seed=0..{seeds - 1}"])


def write_runs(root: Path, spec: SweepSpec, files: int) -> None:
    """A root in which all runs of a spec are committed, in so many files, without their curves.

    Each file has the runs and hyperparameters of a plan; outcomes are those of a few made-up curves, which runs share.
    """
    store, random = open_root(root, spec), np.random.default_rng(0)
    for number, runs in enumerate(_parts(spec, files)):
        few = _trained(runs.template, random)
        rows = few.take(pa.array(random.integers(few.num_rows, size=len(runs))))
        for name, values in {**runs.columns, "run_id": runs.run_ids, "pack_id": [_pack_id(number)] * len(runs)}.items():
            at = rows.schema.get_field_index(name)
            rows = rows.set_column(at, rows.schema.field(at), pa.array(values, rows.schema.field(at).type))
        commit_runs(store, _pack_id(number), rows)


def write_curves(root: Path, spec: SweepSpec, files: int) -> int:
    """A root in which all runs of a spec are committed, in so many pairs of files; returns the rows of the curves."""
    store, random = open_root(root, spec), np.random.default_rng(0)
    return sum(_commit(store, _pack_id(number), runs, random) for number, runs in enumerate(_parts(spec, files)))


def _commit(store: Store, pack_id: str, runs: Runs, random: np.random.Generator) -> int:
    results = [_result(run, random) for run in runs]
    curves = curves_table(results)
    put_curves(store, pack_id, curves)
    commit_runs(store, pack_id, with_costs(runs_table(results, _provenance(pack_id)), COSTS))
    return int(curves.num_rows)


def _parts(spec: SweepSpec, files: int) -> Iterator[Runs]:
    """The runs of a spec in so many parts, each of one group, all equally large within a group."""
    groups = list(groups_of(spec))
    each, odd = divmod(files, len(groups))
    assert not odd, f"{files} files cannot be shared evenly by {len(groups)} groups"
    for group in groups:
        cuts = np.linspace(0, len(group), each + 1).astype(int)
        yield from (group[start:end] for start, end in itertools.pairwise(cuts))


@functools.lru_cache(maxsize=1)
def _trained(template: RunConfig, random: np.random.Generator) -> pa.Table:
    """The runs table of a few runs like the template."""
    runs = [template.bind({"seed": seed}) for seed in range(50)]
    return with_costs(runs_table([_result(run, random) for run in runs], _provenance("")), COSTS)


def _result(run: RunConfig, random: np.random.Generator) -> RunResult:
    """A run whose losses fall at random rates and whose accuracies rise with them."""
    rows = run.steps // run.log_every + 1
    step = np.arange(rows, dtype=np.int64) * run.log_every
    rates = random.uniform(0.5, 20.0, size=(2, 1))
    noise = random.uniform(0.9, 1.1, size=(2, rows))
    train_loss, test_loss = (0.7 * noise * np.exp(-rates * np.linspace(0, 1, rows))).astype(np.float32)
    metrics = {
        "train_loss": train_loss,
        "test_loss": test_loss,
        "train_accuracy": 1 - train_loss / 2,
        "test_accuracy": 1 - test_loss / 2,
        **{
            name: random.uniform(1.0, 9.0, rows).astype(np.float32)
            for name in ("weight_l1_norm", "weight_l2_norm", "signal_weight_norm", "distractor_weight_norm")
        },
    }
    return RunResult(run, Curve(step, metrics), train_seconds=1.0, measure_seconds=0.03, decided=False, state=None)


def _provenance(pack_id: str) -> Provenance:
    return Provenance(
        pack_id=pack_id,
        tuning=Tuning(1),
        rule=None,
        peak_flops=1e11,
        worker="nobody-1",
        started_at=datetime.now(UTC),
        commit=None,
    )


def _pack_id(number: int) -> str:
    return f"{number:016x}"
