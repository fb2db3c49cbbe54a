"""`write_report`: a sweep as one HTML file that opens anywhere, offline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.events import METRICS
from grokjax.analysis.labels.rules import NamedRule, classify
from grokjax.analysis.report.budgets import Budgets, pack_budgets
from grokjax.analysis.report.curves import Array, drawn_metrics, pack_curves
from grokjax.analysis.report.document import document
from grokjax.analysis.report.page_data import (
    PageAxes,
    columns_metadata,
    event_kinds,
    packed_columns,
    packed_events,
    packed_labels,
    packed_points,
    page_rules,
    root_metadata,
    rules_metadata,
)
from grokjax.analysis.report.snapshots import keeps_weights, pack_snapshots
from grokjax.analysis.report.sweep import TRAINED, PageSweep, page_sweep
from grokjax.analysis.tables.budget import check_budget
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.analysis.tables.planned import load_planned, missing_runs, unfinished
from grokjax.errors import AnalysisError
from grokjax.sweeps.store.read import OnBadFile
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.specs import read_specs

MEGABYTES = 16.0
# Bytes per run that curves get even if the rest of the page fills its budget, so that there are curves at all.
FEWEST_BYTES_A_RUN = 100
# The most bytes of outcomes as of earlier steps: a share of those of columns and curves, or what no page minds.
MOST_FOR_BUDGETS = 0.3
FEW_BYTES = 80_000
# Likewise of copies of weights.
MOST_FOR_WEIGHTS = 0.25
FEW_BYTES_OF_WEIGHTS = 1_000_000
# Bytes of the scripts, the styles and the JSON.
BYTES_BESIDE = 400_000


@dataclass(frozen=True)
class Report:
    """The page that was written."""

    path: Path
    size: int  # bytes
    runs: int
    missing: int  # planned runs that are not finished
    every: int  # the curves have one logged step in `every`


def write_report(
    root: str | Path | Root,
    path: str | Path,
    *,
    runs: pd.DataFrame | None = None,
    missing: pd.DataFrame | None = None,
    axes: PageAxes | None = None,
    rule: NamedRule | None = None,
    title: str | None = None,
    megabytes: float = MEGABYTES,
    budget: int | None = None,
    on_bad_file: OnBadFile = "raise",
) -> Report:
    """Writes the report page of a sweep: phase diagram on any axes, curves, rules with adjustable thresholds, run commands.

    Args:
      root: where the sweep was run to.
      path: the HTML file; an existing one is replaced.
      runs: from `load_runs` of this root, or a selection of its rows; all runs when None.
      missing: planned runs that are not finished, from `missing_runs`, shown as rings unless they are in `runs`; found if `runs` is
        None too.
      axes: the map's axes when the page opens; chosen from what varies when None.
      rule: labels the runs when the page opens; the root's own rule when None.
      title: replaces the specs' names.
      megabytes: the largest size of the page, in 10^6 bytes; curves are thinned to fit, and the page says so.
      budget: the step as of which the page shows the sweep when it opens; the last step of the runs when None.
      on_bad_file: as for `load_runs`; runs with unreadable curves are left out.

    Raises:
      StoreError: `root` holds no sweep, or a file of it cannot be read.
      AnalysisError: no run is finished, an axis is not in the table, there are too many runs, or `path` cannot be written.
    """
    opened = Root.open(root)
    if runs is None:
        runs = load_runs(opened, on_bad_file=on_bad_file)
        missing = missing_runs(unfinished(opened, runs), load_planned(opened)) if missing is None else missing
    if budget is not None:
        check_budget(runs, budget)
    logged = load_curves(opened, runs["run_id"].tolist(), list(dict.fromkeys([*METRICS, *drawn_metrics(runs)])), on_bad_file)
    runs = runs[runs["run_id"].isin(logged["run_id"])].reset_index(drop=True)  # all of them, unless a bad file was left out
    quarantined = frozenset(run_id for entry in opened.quarantine().values() for run_id in entry["run_ids"])
    sweep, specs = page_sweep(runs, missing, quarantined), read_specs(opened)
    rule = rule or choose_rule(opened, runs)
    classify(runs, rule)  # raises for a table that lacks what the rule reads
    rules = page_rules(sweep, rule)
    short = 0 if missing is None else int(missing["run_id"].isin(runs["run_id"]).sum())
    data = root_metadata(specs, title) | columns_metadata(sweep, axes or PageAxes(), specs) | rules_metadata(sweep, rules, rule)
    packed = _with_weights(_pack(sweep, logged, rules, budget, megabytes), opened, sweep)
    page = document(data["title"], {**data, **packed.metadata, "short": short}, packed.blocks)
    return Report(Path(path), _write(Path(path), page), len(runs), int((sweep.status != TRAINED).sum()) + short, packed.every)


@dataclass(frozen=True)
class _Packed:
    """The blocks of a page by name, the metadata to read them with, and how much the curves are thinned."""

    blocks: dict[str, str]
    metadata: dict[str, Any]
    every: int


def _pack(
    sweep: PageSweep, logged: pd.DataFrame, rules: Mapping[NamedRule, Array | None], budget: int | None, megabytes: float
) -> _Packed:
    """Packs the runs and their curves into at most `megabytes`."""
    columns, (number, happened) = packed_columns(sweep, rules.values()), packed_events(sweep, logged)
    size = (megabytes * 1e6 - BYTES_BESIDE - len(happened)) / (
        (1 + MOST_FOR_BUDGETS) * (1 + (MOST_FOR_WEIGHTS if keeps_weights(sweep) else 0))
    )
    curves = pack_curves(logged, sweep.runs, max(size - len(columns), FEWEST_BYTES_A_RUN * len(sweep.runs)))
    budgets = Budgets.of(sweep.trained, budget)
    runs_and_curves = len(columns) + curves.size
    room = megabytes * 1e6 - BYTES_BESIDE - len(happened) - runs_and_curves
    earlier = pack_budgets(sweep, logged, budgets, max(FEW_BYTES, min(MOST_FOR_BUDGETS * runs_and_curves, room)))
    labels = packed_labels(sweep, rules, logged, earlier.steps)
    blocks = {"columns": columns, "labels": labels, "events": happened, "points": packed_points(curves)}
    blocks |= {f"budget{index}": block for index, block in enumerate(earlier.blocks)}
    blocks |= {f"chunk{index}": chunk for index, chunk in enumerate(curves.chunks)}
    metadata = {"events": number, "kinds": event_kinds(), **earlier.metadata(budgets.opening), "curves": curves.metadata}
    return _Packed(blocks, metadata, curves.every)


def _with_weights(packed: _Packed, root: Root, sweep: PageSweep) -> _Packed:
    """The packed runs, and the weights of as many of them as fit."""
    size = sum(map(len, packed.blocks.values()))
    weights = pack_snapshots(root, sweep, max(FEW_BYTES_OF_WEIGHTS, MOST_FOR_WEIGHTS * size))
    blocks = packed.blocks | {f"weights{run}": block for run, block in weights.blocks.items()}
    return _Packed(blocks, packed.metadata | weights.metadata, packed.every)


def _write(path: Path, text: str) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.write_bytes(text.encode())
    except OSError as error:
        raise AnalysisError(f"cannot write {path}: {error.strerror}; choose another file") from None
