"""grokjax figure delays."""

from __future__ import annotations

from grokjax.analysis.plots import plot_delays
from grokjax.analysis.statistics.delays import grokking_delays, median_delays
from grokjax.analysis.statistics.grid import check_cell, choose_axes
from grokjax.scripts.figures.crossings import FITTED, Test, Train, Which
from grokjax.scripts.options import Root
from grokjax.scripts.pictures import Out, Width, inches, write
from grokjax.scripts.selection import Across, Panels, Upwards, Where, chosen_runs, missing_runs


def command(
    root: Root,
    x: Across = None,
    y: Upwards = None,
    facet: Panels = None,
    where: Where = [],  # noqa: B006  (typer copies it)
    train: Train = FITTED,
    test: Test = FITTED,
    kind: Which = "first",
    out: Out = None,
    width: Width = None,
) -> None:
    """The median grokking delay in every cell, with its interval; runs that had not grokked by their end count as censored.

    Example:
        grokjax figure delays results/x --train loss_1e_5 --test loss_1e_5
    """
    runs = chosen_runs(root, where)
    x, y, facet = choose_axes(runs, x, y, facet)
    check_cell(runs, [facet, y, x])
    medians = median_delays(runs, grokking_delays(runs, train, test, kind), [facet, y, x])
    figure = plot_delays(
        medians, x=x, y=y, facet=facet, missing=missing_runs(root, where, runs), title=", ".join(where) or None, width=inches(width)
    )
    write(figure, root, "delays", out)
