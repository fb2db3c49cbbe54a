"""grokjax export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from grokjax.analysis.tables.export import Table, export
from grokjax.analysis.tables.trackers import track
from grokjax.errors import AnalysisError
from grokjax.scripts.options import Root
from grokjax.scripts.selection import SkipBadFiles, Where, chosen_runs, on_bad_file


def command(
    root: Root,
    out: Annotated[
        str,
        typer.Argument(metavar="OUT", help="A .csv or .parquet file; a database file or address; a folder.", show_default=False),
    ],
    to: Annotated[
        Literal["file", "mlflow", "wandb"], typer.Option(help="One file, or each run into a tracker; wandb: offline.")
    ] = "file",
    table: Annotated[Table | None, typer.Option(help="Which table goes to the file. [default: runs]", show_default=False)] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Of the experiment or project. [default: the last part of ROOT]", show_default=False),
    ] = None,
    where: Where = [],  # noqa: B006  (typer copies it)
    skip_bad_files: SkipBadFiles = False,
) -> None:
    """Write the runs table, or the curves, to one file; or enter every run into an experiment tracker.

    A run that the tracker holds already is left alone there.

    Examples:
        grokjax export results/demo demo.csv

        grokjax export results/demo curves.parquet --table curves --where weight_decay=0.1

        grokjax export results/demo mlflow.db --to mlflow

        grokjax export results/demo wandb-demo --to wandb
    """
    run_ids = chosen_runs(root, where, skip_bad_files)["run_id"].tolist() if where else None
    if to == "file":
        if name is not None:
            raise AnalysisError("--name is of an experiment or project; a file needs none")
        rows = export(root, table or "runs", Path(out), run_ids, on_bad_file(skip_bad_files))
        typer.echo(f"Wrote {out}: {rows:,} rows")
        return
    if table is not None:
        raise AnalysisError(f"--table is for a file; --to {to} takes both tables")
    entered, there = track(root, to, out, name or root.rstrip("/").rpartition("/")[2], run_ids, on_bad_file(skip_bad_files))
    typer.echo(f"Entered {entered:,} runs into {out}" + (f"; {there:,} were there already" if there else ""))
    if to == "wandb" and entered:
        typer.echo(f"Next: wandb sync {out}/offline-run-*")
