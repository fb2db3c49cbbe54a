"""grokjax export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from analysis.export import Table, export
from scripts.options import Root
from scripts.selection import Where, chosen_runs


def command(
    root: Root,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A .csv or .parquet file.", show_default=False)],
    table: Annotated[Table, typer.Option(help="Which table.")] = "runs",
    where: Where = [],  # noqa: B006  (typer copies it)
) -> None:
    """Write the runs table, or the curves, to one file.

    Examples:
        grokjax export results/demo demo.csv

        grokjax export results/demo curves.parquet --table curves --where weight_decay=0.1
    """
    run_ids = chosen_runs(root, where)["run_id"].tolist() if where else None
    rows = export(root, table, out, run_ids)
    typer.echo(f"Wrote {out}: {rows:,} rows")
