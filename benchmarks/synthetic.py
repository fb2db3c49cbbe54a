"""Synthetic roots: real plans, the real schema and store, and curves from a formula instead of training."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from grokjax.config import RunConfig
from grokjax.engine.lane_run import Curve, RunResult
from grokjax.engine.program import Tuning
from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.execute.tables import Costs, Provenance, curves_table, runs_table, with_costs
from grokjax.sweeps.spec.group_runs import Runs, groups_of
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.root import Root

RUNS_PER_PACK = 64
FEW = 50  # runs of a group that `write_runs` makes up


def published_sweep(seeds: int) -> SweepSpec:
    """The published sweep with a given number of seeds: 125 runs per seed, in 25 groups."""
    return load_spec("parity-article", [f"seed=0..{seeds - 1}"])


def write_sweep(
    root: str | Path, spec: SweepSpec, curve_of: Callable[[RunConfig], Curve] | None = None, files: int | None = None
) -> Root:
    """Commits every run of a spec with the curve that `curve_of` returns, by default a plausible one.

    `files` is the number of pairs of files, the same for each group; by default packs have `RUNS_PER_PACK` runs.
    """
    store, curve_of = enter_spec(root, spec), curve_of or plausible_curve
    for pack_id, runs in _packs(spec, files):
        write_pack(store, pack_id, [_result(run, curve_of) for run in runs])
    return store


def write_runs(root: str | Path, spec: SweepSpec, files: int, every: int = 1) -> None:
    """Commits the runs of a spec in a given number of files, without curves; the runs of a group share a few outcomes.

    With `every` above 1, the runs are cut into `every` times as many files, of which one in `every` is written.
    """
    store, random = enter_spec(root, spec), np.random.default_rng(0)
    made_up: dict[str, pa.Table] = {}
    for pack_id, runs in itertools.islice(_packs(spec, files * every), 0, None, every):
        group_id = runs.template.group_id
        if group_id not in made_up:
            few = [runs.template.bind({"seed": seed}) for seed in range(FEW)]
            made_up[group_id] = _rows(pack_id, [_result(run, plausible_curve) for run in few])
        rows = made_up[group_id].take(pa.array(random.integers(FEW, size=len(runs))))
        for name, values in {**runs.columns, "run_id": runs.run_ids, "pack_id": [pack_id] * len(runs)}.items():
            at = rows.schema.get_field_index(name)
            rows = rows.set_column(at, rows.schema.field(at), pa.array(values, rows.schema.field(at).type))
        store.commit_runs(pack_id, rows)


def write_pack(root: Root, pack_id: str, results: list[RunResult]) -> None:
    """Commits a pack of runs."""
    root.put_curves(pack_id, curves_table(results))
    root.commit_runs(pack_id, _rows(pack_id, results))


def _packs(spec: SweepSpec, files: int | None) -> Iterator[tuple[str, Runs]]:
    """The runs of a spec in packs of one group each, with the names of the packs."""
    groups = list(groups_of(spec))
    each, odd = divmod(files or 0, len(groups))
    assert not odd, f"{files} files cannot be shared evenly by {len(groups)} groups"
    for group in groups:
        cuts = np.linspace(0, len(group), each + 1).astype(int) if each else [*range(0, len(group), RUNS_PER_PACK), len(group)]
        yield from ((f"{group.run_ids[start]}-{end - start}", group[start:end]) for start, end in itertools.pairwise(cuts))


def _result(run: RunConfig, curve_of: Callable[[RunConfig], Curve]) -> RunResult:
    return RunResult(run, curve_of(run), train_seconds=1.0, measure_seconds=0.1, decided=False, state=None)


def _rows(pack_id: str, results: list[RunResult]) -> pa.Table:
    provenance = Provenance(pack_id, Tuning(4), None, 1e11, "nobody", datetime.now(UTC), None)
    return with_costs(runs_table(results, provenance), Costs(0.0, 0.0, 0.0, 0.0, 0.0))


def plausible_curve(config: RunConfig) -> Curve:
    """A run that fits and generalizes sooner, later or never, depending on weight decay, width and data."""
    flat = config.flat()
    rng = np.random.default_rng(int(config.run_id, 16))
    decay, width, data = (float(flat.get(name) or 1.0) for name in ("weight_decay", "hidden_size", "train_size"))
    step = np.unique([*range(0, config.steps + 1, config.log_every), config.steps])
    time = step / config.steps
    size = np.log2(width / 16) / 4  # 0 to 1 over the published widths
    plenty = (data - 750) / 1000  # 0 to 1 over the published sizes
    strain = np.log10(decay / 0.1) - 0.75 * size - 0.15 * plenty + rng.normal(0, 0.13)  # with too much weight decay nothing fits
    fits = 0.02 + 0.05 * rng.random() if strain < 0.35 else np.inf
    later = 0.75 - 0.5 * np.log10(decay / 0.02) - 0.5 * plenty * (1 - size) + 0.25 * size + rng.normal(0, 0.12)
    generalizes = fits + max(0.0, later) if later < 0.95 else np.inf
    train = _fall(time, fits, 0.012, -0.16, -6.9) + _noise(rng, len(step), 0.05)
    hump = 0.9 * (1 - np.exp(-time / 0.03)) * (_fall(time, generalizes, 0.05, 1, 0) if generalizes > fits + 0.05 else 0)
    test = _fall(time, generalizes, 0.05, -0.16, -6.4) + hump + _noise(rng, len(step), 0.03)
    norm = 8 + 6 * _fall(time, fits, 0.05, 0, 1) - 5 * _fall(time, generalizes, 0.1, 0, 1)
    signal = 0.3 + 0.6 * _fall(time, generalizes, 0.08, 0, 1)
    metrics: dict[str, Any] = {
        "train_loss": 10**train,
        "test_loss": 10**test,
        "train_accuracy": np.round(data * _fall(time, fits, 0.01, 0.5, 1)) / data,
        "test_accuracy": np.round(5000 * np.clip(_fall(time, generalizes, 0.04, 0.5, 1) + _noise(rng, len(step), 0.002), 0, 1))
        / 5000,
        "weight_l1_norm": norm * width**0.5 * 3,
        "weight_l2_norm": norm,
        "signal_weight_norm": norm * signal,
        "distractor_weight_norm": norm * np.sqrt(1 - signal**2),
    }
    return Curve(step, {name: np.asarray(values, np.float32) for name, values in metrics.items()})


def _fall(time: Any, middle: float, width: float, before: float, after: float) -> Any:
    """A decrease from one level to another around a time; no change if the time is infinite."""
    if not np.isfinite(middle):
        return np.full(len(time), before, float)
    return before + (after - before) / (1 + np.exp(-np.clip((time - middle) / width, -50, 50)))


def _noise(rng: np.random.Generator, length: int, scale: float) -> Any:
    """Noise with correlated neighbours."""
    white = rng.normal(0, scale, length)
    return np.convolve(white, [0.25, 0.5, 0.25], mode="same")
