"""`grokjax export`: writes files through analysis.tables.export, and to trackers through analysis.tables.trackers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from grokjax.analysis.tables.export import Table, export
from grokjax.analysis.tables.trackers import track
from grokjax.errors import AnalysisError
from grokjax.scripts.options import RootArgument
from grokjax.scripts.selection import Labels, Selection


def command(
    root: RootArgument,
    out: Annotated[
        str, Parameter(name="OUT", help="A .csv or .parquet file; for MLflow a database file or an address; for W&B a folder.")
    ],
    /,
    *,
    to: Literal["file", "mlflow", "wandb"] = "file",
    table: Annotated[Table | None, Parameter(show_default="runs")] = None,
    name: Annotated[str | None, Parameter(show_default="the last part of ROOT")] = None,
    selection: Selection = Selection(),
    labels: Labels = Labels(),
) -> None:
    """Write a table to a file, or the runs to an experiment tracker.

    Runs that a tracker already has are skipped.

    Args:
      to: Kind of OUT: one file, an MLflow database or server, or a folder of offline W&B runs.
      table: Table that goes to the file. "runs" ends with near_threshold (whether rounding could change the label) and phase,
        under --rule; "labels" has run_id, that phase, and a column for each rule with its default thresholds.
      name: Name of the MLflow experiment or the W&B project.

    Examples:
        grokjax export results/demo demo.csv --table labels

        grokjax export results/demo curves.parquet --table curves --where seed=0

        grokjax export results/demo mlflow.db --to mlflow

        grokjax export results/demo wandb-demo --to wandb
    """
    results = selection.open(root)
    run_ids = results.runs["run_id"].tolist() if selection.where or selection.budget else None
    if to == "file":
        if name is not None:
            raise AnalysisError("--name is for an MLflow experiment or a W&B project; leave it out for a file")
        if labels.given and table == "curves":
            raise AnalysisError("curves have no phase; leave out --rule and --threshold, or choose --table runs or labels")
        rule = labels.of(results).named_rule if labels.given else None
        rows = export(results.root, table or "runs", Path(out), run_ids, selection.on_bad_file, rule, selection.budget)
        print(f"Wrote {out}: {rows:,} rows")
        return
    if table is not None or labels.given or selection.budget is not None:
        raise AnalysisError(f"--table, --rule and --budget are for a file; --to {to} takes both tables and enters no phases")
    entered, known = track(root, to, out, name or root.rstrip("/").rpartition("/")[2], run_ids, selection.on_bad_file)
    print(f"Entered {entered:,} runs into {out}" + (f"; {known:,} were already there" if known else ""))
    if to == "wandb" and entered:
        print(f"Next: wandb sync {out}/offline-run-*")
