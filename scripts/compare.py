"""grokjax compare."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.statistics.compare import Comparison, compare, read_table
from grokjax.analysis.statistics.grid import choose_axes
from grokjax.scripts.options import Root
from grokjax.scripts.selection import Across, Panels, RuleName, Thresholds, Upwards, Where, chosen_runs


def command(
    root: Root,
    table: Annotated[
        Path, typer.Argument(metavar="TABLE.csv", help="A published results table, columns named as in the runs table.")
    ],
    x: Across = None,
    y: Upwards = None,
    facet: Panels = None,
    where: Where = [],  # noqa: B006  (typer copies it)
    rule: RuleName = None,
    threshold: Thresholds = [],  # noqa: B006
) -> None:
    """Set a sweep beside a published results table, cell by cell, under one rule.

    Example:
        grokjax compare results/x published.csv
    """
    runs = chosen_runs(root, where)
    judged_by = choose_rule(root, runs, rule, threshold)
    x, y, facet = choose_axes(runs, x, y, facet)
    _tell(compare(runs, read_table(table), judged_by, x=x, y=y, facet=facet))


def _tell(comparison: Comparison) -> None:
    cells = comparison.cells
    console = Console(width=None if sys.stdout.isatty() else 120)  # a table in a file or a pipe keeps its words whole
    share = comparison.agreeing / len(cells)
    typer.echo(f"most frequent phase equal in {comparison.agreeing} of {len(cells)} cells ({share:.0%})")
    typer.echo(f"mean total-variation distance of the shares {comparison.mean_distance:.3f}")
    for count, which in ((comparison.only_here, "sweep"), (comparison.only_there, "table")):
        if count:
            typer.echo(f"{count} cells only in the {which}")
    if not comparison.differing.empty:
        table = Table(*comparison.differing.columns, box=None, padding=(0, 1), title="cells that differ", title_justify="left")
        for row in comparison.differing.itertuples(index=False):
            table.add_row(*(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row))
        console.print(table, highlight=False)
