"""A sweep as one HTML file that opens anywhere, offline."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.events import METRICS
from grokjax.analysis.labels.rules import NamedRule, classify
from grokjax.analysis.report.curves import drawn_metrics, pack_curves
from grokjax.analysis.report.document import document
from grokjax.analysis.report.sweep import PRESENT, sweep_of
from grokjax.analysis.report.told import Axes, columns_told, events_told, packed_columns, packed_points, root_told, rules_told
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.errors import AnalysisError
from grokjax.sweeps.store.read import OnBadFile
from grokjax.sweeps.store.root import Root

MEGABYTES = 16.0
# What is left for the curves of a run where the rest of the page leaves no room: fewer bytes would draw nothing.
FEWEST_BYTES_A_RUN = 100
# Of the scripts, the styles and what is told as JSON.
BYTES_BESIDE = 400_000


@dataclass(frozen=True)
class Report:
    """What was written."""

    path: Path
    size: int  # bytes
    runs: int
    missing: int  # planned and not made
    every: int  # one logged step in so many is drawn


def write_report(
    root: str | Path | Root,
    path: str | Path,
    *,
    run_ids: Collection[str] | None = None,
    missing: pd.DataFrame | None = None,
    axes: Axes | None = None,
    rule: NamedRule | None = None,
    title: str | None = None,
    megabytes: float = MEGABYTES,
    on_bad_file: OnBadFile = "raise",
) -> Report:
    """Writes the page of a sweep: its phase diagram on any of its axes, curves, thresholds to move, and how to make each run again.

    Args:
      root: where the sweep was run to.
      path: the HTML file; replaced if it is there.
      run_ids: only these runs.
      missing: run_id and hyperparameters of runs that are planned and not made; the page marks where they are missing.
      axes: what the map opens with; what the sweep varies when None.
      rule: what labels the runs when the page opens; the root's own when None.
      title: instead of the specs' names.
      megabytes: how large the page may be, in 10^6 bytes; its curves are thinned to that, and the page says so.
      on_bad_file: as for `load.load_runs`; runs whose curves cannot be read are not on the page.

    Raises:
      StoreError: `root` holds no sweep, or a file of it cannot be read.
      AnalysisError: nothing is committed yet, an axis that is not in the table, too many runs, or `path` cannot be written.
    """
    opened = Root.open(root)
    runs = load_runs(opened, on_bad_file=on_bad_file)
    if run_ids is not None:
        runs = runs[runs["run_id"].isin(list(run_ids))].reset_index(drop=True)
    logged = load_curves(opened, runs["run_id"].tolist(), list(dict.fromkeys([*METRICS, *drawn_metrics(runs)])), on_bad_file)
    runs = runs[runs["run_id"].isin(logged["run_id"])].reset_index(drop=True)  # all of them, unless a bad file was left out
    set_aside = frozenset(run_id for entry in opened.quarantine().values() for run_id in entry["run_ids"])
    sweep = sweep_of(runs, missing, set_aside)
    rule = rule or choose_rule(opened, runs)
    classify(runs, rule)  # what it cannot label the page could not either
    told = {
        **root_told(opened, title),
        **columns_told(sweep, axes or Axes()),
        **rules_told(sweep, rule),
    }
    columns = packed_columns(sweep)
    budget = megabytes * 1e6 - len(columns) - BYTES_BESIDE
    curves = pack_curves(logged, sweep.runs, max(budget, FEWEST_BYTES_A_RUN * len(sweep.runs)))
    blocks = {"columns": columns, "points": packed_points(curves)}
    blocks |= {f"chunk{index}": chunk for index, chunk in enumerate(curves.chunks)}
    size = _write(Path(path), document(told["title"], {**told, **events_told(sweep, logged), "curves": curves.told}, blocks))
    return Report(Path(path), size, len(runs), int((sweep.standing != PRESENT).sum()), curves.every)


def _write(path: Path, text: str) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.write_bytes(text.encode())
    except OSError as error:
        raise AnalysisError(f"cannot write {path}: {error.strerror}; choose another --out") from None
