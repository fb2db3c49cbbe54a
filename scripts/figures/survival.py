"""grokjax figure survival."""

from __future__ import annotations

from typing import Annotated

import typer

from grokjax.analysis.plots import SINGLE, plot_survival
from grokjax.analysis.statistics.delays import grokking_delays, log_rank, survival_curves
from grokjax.analysis.tables.hyperparameters import varied_hyperparameters
from grokjax.scripts.figures.crossings import FITTED, Test, Train, Which
from grokjax.scripts.options import Root
from grokjax.scripts.pictures import Out, Width, inches, write
from grokjax.scripts.selection import Where, chosen_runs, missing_runs, names_of


def command(
    root: Root,
    by: Annotated[
        str | None,
        typer.Option(help="Hyperparameters that make the groups, joined by commas. [default: one that varies]", show_default=False),
    ] = None,
    where: Where = [],  # noqa: B006  (typer copies it)
    train: Train = FITTED,
    test: Test = FITTED,
    kind: Which = "first",
    out: Out = None,
    width: Width = None,
) -> None:
    """The share of fitted runs that have not grokked yet, over the steps since they fitted, group by group.

    Example:
        grokjax figure survival results/x --by weight_decay --where hidden_size=64 --where train_size=1250
    """
    runs = chosen_runs(root, where)
    varied = varied_hyperparameters(runs)
    groups = names_of(by) if by else ["weight_decay"] if "weight_decay" in varied else varied[-1:]
    delays = grokking_delays(runs, train, test, kind)
    curves = survival_curves(runs, delays, groups)
    several = bool(groups) and curves[groups].drop_duplicates().shape[0] > 1
    figure = plot_survival(
        curves, by=groups, runs=len(runs), test=log_rank(runs, delays, groups) if several else None,
        missing=missing_runs(root, where, runs), title=", ".join(where) or None, width=inches(width) or SINGLE,
    )  # fmt: skip
    write(figure, root, "survival", out)
