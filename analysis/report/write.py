"""`write_report`: a sweep as one HTML file that opens anywhere, offline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.events import METRICS
from grokjax.analysis.labels.rules import NamedRule, classify
from grokjax.analysis.report.curves import drawn_metrics, pack_curves
from grokjax.analysis.report.document import document
from grokjax.analysis.report.page_data import (
    PageAxes,
    columns_metadata,
    events_metadata,
    packed_columns,
    packed_points,
    page_rules,
    root_metadata,
    rules_metadata,
)
from grokjax.analysis.report.sweep import TRAINED, page_sweep
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.analysis.tables.planned import load_planned, missing_runs, unfinished
from grokjax.errors import AnalysisError
from grokjax.sweeps.store.read import OnBadFile
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.specs import read_specs

MEGABYTES = 16.0
# Bytes per run that curves get even if the rest of the page fills its budget, so that there are curves at all.
FEWEST_BYTES_A_RUN = 100
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
      on_bad_file: as for `load_runs`; runs with unreadable curves are left out.

    Raises:
      StoreError: `root` holds no sweep, or a file of it cannot be read.
      AnalysisError: no run is finished, an axis is not in the table, there are too many runs, or `path` cannot be written.
    """
    opened = Root.open(root)
    if runs is None:
        runs = load_runs(opened, on_bad_file=on_bad_file)
        missing = missing_runs(unfinished(opened, runs), load_planned(opened)) if missing is None else missing
    logged = load_curves(opened, runs["run_id"].tolist(), list(dict.fromkeys([*METRICS, *drawn_metrics(runs)])), on_bad_file)
    runs = runs[runs["run_id"].isin(logged["run_id"])].reset_index(drop=True)  # all of them, unless a bad file was left out
    quarantined = frozenset(run_id for entry in opened.quarantine().values() for run_id in entry["run_ids"])
    sweep, specs = page_sweep(runs, missing, quarantined), read_specs(opened)
    rule = rule or choose_rule(opened, runs)
    classify(runs, rule)  # raises for a table that lacks what the rule reads
    rules = page_rules(sweep, rule)
    data = root_metadata(specs, title) | columns_metadata(sweep, axes or PageAxes(), specs) | rules_metadata(sweep, rules, rule)
    columns = packed_columns(sweep, rules.values())
    budget = megabytes * 1e6 - len(columns) - BYTES_BESIDE
    curves = pack_curves(logged, sweep.runs, max(budget, FEWEST_BYTES_A_RUN * len(sweep.runs)))
    blocks = {"columns": columns, "points": packed_points(curves)}
    short = 0 if missing is None else int(missing["run_id"].isin(runs["run_id"]).sum())
    blocks |= {f"chunk{index}": chunk for index, chunk in enumerate(curves.chunks)}
    page = document(data["title"], {**data, **events_metadata(sweep, logged), "curves": curves.metadata, "short": short}, blocks)
    return Report(Path(path), _write(Path(path), page), len(runs), int((sweep.status != TRAINED).sum()) + short, curves.every)


def _write(path: Path, text: str) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.write_bytes(text.encode())
    except OSError as error:
        raise AnalysisError(f"cannot write {path}: {error.strerror}; choose another --out") from None
