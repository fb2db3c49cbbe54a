"""grokjax delays."""

from __future__ import annotations

from typing import Annotated, Literal

import pandas as pd
import typer
from rich.table import Table

from grokjax.analysis.labels.rules import CROSSINGS
from grokjax.analysis.statistics.delays import delay_law, grokking_delays, log_rank, median_delays
from grokjax.analysis.tables.hyperparameters import varied_hyperparameters
from grokjax.scripts.options import Root, table_console
from grokjax.scripts.selection import Where, chosen_runs, names_of, tell_missing


def command(
    root: Root,
    by: Annotated[
        str | None,
        typer.Option(help="Hyperparameters that make groups, joined by commas. [default: all that vary]", show_default=False),
    ] = None,
    law: Annotated[
        str | None, typer.Option(help="Hyperparameters of a power law of the delay, joined by commas.", show_default=False)
    ] = None,
    where: Where = [],  # noqa: B006  (typer copies it)
    train: Annotated[str, typer.Option(help=f"When a run has fitted: {', '.join(CROSSINGS)}.")] = "accuracy_99",
    test: Annotated[str, typer.Option(help="When it has generalized: likewise.")] = "accuracy_99",
    kind: Annotated[Literal["first", "sustained"], typer.Option(help="Which crossing counts.")] = "first",
) -> None:
    """Tell how long after fitting the runs generalize: Kaplan-Meier medians, runs that never did censored at their end.

    Examples:
        grokjax delays results/demo --by weight_decay

        grokjax delays results/x --by weight_decay,learning_rate --law weight_decay,learning_rate
    """
    runs = chosen_runs(root, where)
    tell_missing(root, where, runs)
    names = names_of(by) if by else varied_hyperparameters(runs)
    delays = grokking_delays(runs, train, test, kind)
    table = Table(*names, "runs", "fitted", "generalized", "median delay", "95 %", box=None, padding=(0, 2))
    for *values, count, fitted, grokked, median, low, high in median_delays(runs, delays, names).itertuples(index=False):
        cells = ("none" if pd.isna(value) else f"{value:g}" if isinstance(value, float) else str(value) for value in values)
        interval = f"{_steps(low)} to {_steps(high)}" if fitted else ""
        table.add_row(*cells, str(count), str(fitted), str(grokked), _steps(median) if fitted else "", interval)
    table_console().print(table, highlight=False)
    typer.echo("delays in steps; 'longer' where fewer than half have grokked by the last step")
    if names and runs.loc[delays["delay"].notna(), names].drop_duplicates().shape[0] > 1:
        compared = log_rank(runs, delays, names)
        typer.echo(
            f"log-rank test of equal delays: chi-squared {compared.statistic:.3g} on {compared.degrees}, p = {compared.p:.2g}"
        )
    if law:
        found = delay_law(runs, delays, names_of(law))
        told = (
            f"{row.hyperparameter} ** {row.exponent:.2f} ({row.low:.2f} to {row.high:.2f})"
            for row in found.exponents.itertuples(index=False)
        )
        typer.echo(f"delay proportional to {' x '.join(told)}, from {found.runs} fitted runs of which {found.grokked} grokked")


def _steps(value: float) -> str:
    return f"{value:,.0f}" if value < float("inf") else "longer"
