"""grokjax boundary."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.rules import classify
from grokjax.analysis.labels.thresholds import describe_rule
from grokjax.analysis.statistics.boundary import STATUSES, boundaries, boundary_table
from grokjax.analysis.tables.hyperparameters import varied_hyperparameters
from grokjax.scripts.options import Root, table_console
from grokjax.scripts.selection import RuleName, Thresholds, Where, chosen_runs, tell_missing


def command(
    root: Root,
    axis: Annotated[str, typer.Argument(metavar="AXIS", help="The hyperparameter along which to look.", show_default=False)],
    where: Where = [],  # noqa: B006  (typer copies it)
    rule: RuleName = None,
    threshold: Thresholds = [],  # noqa: B006
    phase: Annotated[str, typer.Option(help="Whose boundary.")] = "grok",
    against: Annotated[
        str | None, typer.Option(help="Against which other phase. [default: all others]", show_default=False)
    ] = None,
) -> None:
    """Tell where along a hyperparameter a phase takes over, for every combination of the others, with a bootstrap band.

    Examples:
        grokjax boundary results/demo weight_decay

        grokjax boundary results/x train_size --phase grok --against memorize
    """
    runs = chosen_runs(root, where)
    tell_missing(root, where, runs)
    judged_by = choose_rule(root, runs, rule, threshold)
    by = [name for name in varied_hyperparameters(runs) if name != axis]
    found = boundary_table(boundaries(runs, classify(runs, judged_by), axis, by, phase=phase, against=against), by)
    typer.echo(f"share of {phase} against {against or 'all others'} along {axis}, rule {describe_rule(judged_by)}")
    table = Table(*by, "runs", "left out", axis, "95 %", "status", box=None, padding=(0, 2))
    for row in found.to_dict("records"):
        cells = (f"{row[name]:g}" if isinstance(row[name], float) else str(row[name]) for name in by)
        known = row["status"] in ("found", "outside")
        at, band = (f"{row['boundary']:.3g}", f"{row['low']:.3g} to {row['high']:.3g}") if known else ("", "")
        table.add_row(*cells, str(row["runs"]), str(row["left_out"]), at, band, row["status"])
    table_console().print(table, highlight=False)
    for status in found["status"].drop_duplicates():
        if status != "found":
            typer.echo(f"{status}: {STATUSES[status]}")
