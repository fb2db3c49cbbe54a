"""Export of a table of a root to one CSV or Parquet file."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.marginal import near_threshold
from grokjax.analysis.labels.rules import NamedRule, classify
from grokjax.analysis.tables.budget import load_as_of
from grokjax.analysis.tables.labels import load_labels
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.errors import AnalysisError, reason
from grokjax.sweeps.store.duplicates import committed_rows
from grokjax.sweeps.store.read import OnBadFile
from grokjax.sweeps.store.root import Root

Table = Literal["runs", "curves", "labels"]


def export(
    root: str | Path | Root,
    table: Table,
    out: Path,
    run_ids: Sequence[str] | None = None,
    on_bad_file: OnBadFile = "raise",
    rule: NamedRule | None = None,
    budget: int | None = None,
) -> int:
    """Exports a table of a root to one .csv or .parquet file; returns the number of rows.

    In CSV, lists and maps are written as JSON strings.

    Args:
      root: where the sweep was run to.
      table: the runs, with `near_threshold` (see there) and their `phase` as the last columns; the curves; or the labels: run_id,
        the phase, and a column for every rule, as in `load_labels` and the view `labels` of `query`.
      out: the file; replaced if it exists.
      run_ids: only these runs.
      on_bad_file: as for `load_runs`.
      rule: the rule for the column `phase`; as `choose_rule` chooses when None.
      budget: the step as of which runs are written, and up to which curves are; each run's last step when None.

    Raises:
      StoreError: `root` holds no sweep, or a file of it cannot be read.
      AnalysisError: another suffix, or `out` cannot be written.
    """
    _check_suffix(out)
    if table == "curves":
        committed_rows(Root.open(root), on_bad_file)  # reports bad runs files too
        frame = load_curves(root, run_ids, on_bad_file=on_bad_file)
        frame = frame if budget is None else frame[frame["step"] <= budget]
    elif table == "labels":
        frame = load_labels(root, rule, on_bad_file, budget)
    else:
        frame = load_runs(root, on_bad_file=on_bad_file) if budget is None else load_as_of(root, budget, on_bad_file=on_bad_file)
    if run_ids is not None:
        frame = frame[frame["run_id"].isin(run_ids)]
    if table == "runs":
        rule = rule or choose_rule(root, frame)
        frame = frame.assign(near_threshold=near_threshold(frame, rule), phase=classify(frame, rule).astype(str))
    write_table(frame, out)
    return len(frame)


def write_table(frame: pd.DataFrame, out: Path) -> None:
    """Writes a table to one .csv or .parquet file. Raises AnalysisError for another suffix or a file that cannot be written."""
    _check_suffix(out)
    part = out.with_name(f".{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix == ".csv":
            _flat(frame).to_csv(part, index=False)
        else:
            frame.to_parquet(part, index=False)
        part.replace(out)  # atomic
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise AnalysisError(f"cannot write {out}: {reason(error)}; choose another file") from None


def _check_suffix(out: Path) -> None:
    if out.suffix not in (".csv", ".parquet"):
        raise AnalysisError(f"cannot write {out}: a table is a .csv or a .parquet file")


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame with lists and maps as JSON strings; null stays null."""
    flat = frame.copy()
    for name in frame:
        if str(frame[name].dtype).startswith(("list", "map")):
            flat[name] = [_json(value) if isinstance(value, list) else None for value in frame[name]]
    return flat


def _json(value: list[Any]) -> str:
    return json.dumps(dict(value) if value and isinstance(value[0], tuple) else value)
