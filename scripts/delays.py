"""`grokjax delays`: prints and draws grokking delays (analysis.statistics.delays; analysis.plots: survival, delays, scatter)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Literal

import pandas as pd
from cyclopts import Parameter

from grokjax.analysis.statistics.delays import DelayLaw, delay_law
from grokjax.analysis.tables.hyperparameters import varied_hyperparameters
from grokjax.scripts.options import RootArgument
from grokjax.scripts.pictures import Picture
from grokjax.scripts.printing import print_table
from grokjax.scripts.selection import Axes, Crossings, Labels, Selection, names_of, warn_of_missing


def command(
    root: RootArgument,
    /,
    *,
    by: Annotated[str | None, Parameter(metavar="NAMES", show_default="all that vary")] = None,
    law: Annotated[str | None, Parameter(metavar="NAMES")] = None,
    plot: Literal["survival", "map", "scatter"] = "survival",
    selection: Selection = Selection(),
    crossings: Crossings = Crossings(),
    labels: Labels = Labels(),
    axes: Axes = Axes(),
    picture: Picture = Picture(),
) -> None:
    r"""Show how long after fitting the training data runs generalize.

    A run that had not generalized by its last step is censored there, not left out: medians are Kaplan-Meier estimates.

    Args:
      by: Hyperparameters that make the groups, joined by commas.
      law: Hyperparameters of a power law that is fitted to the delays, joined by commas.
      plot: Picture that --out draws. "survival": the share of fitted runs that have not grokked yet, a line for each group;
        "map": the median delay of each cell (see --x, --y, --facet); "scatter": each run's two crossings, colored by --rule.

    Examples:
        grokjax delays results/x --by weight_decay --law weight_decay,learning_rate

        grokjax delays results/x --plot map --train loss_1e_5 --test loss_1e_5 \
            --out delays.pdf
    """
    results = selection.open(root)
    warn_of_missing(results)
    groups, between = names_of(by) if by else varied_hyperparameters(results.runs), asdict(crossings)
    _print_medians(results.medians(groups, **between), groups)
    if test := results.log_rank(groups, **between):
        print(f"log-rank test of equal delays: chi-squared {test.statistic:.3g} on {test.degrees}, p = {test.p:.2g}")
    if law:
        _print_law(delay_law(results.runs, results.delays(**between), names_of(law)))
    if not picture.out:
        return
    if plot == "map":
        figure = results.plot_delays(axes.x, axes.y, axes.facet, **between, **picture.settings)
    elif plot == "scatter":
        figure = results.plot_scatter(labels.choose(results), **between, **picture.settings)
    else:
        figure = results.plot_survival(groups if by else None, **between, **picture.settings)
    picture.write(figure, root, plot)


def _print_medians(medians: pd.DataFrame, by: Sequence[str]) -> None:
    rows = []
    for *values, count, fitted, grokked, median, low, high in medians.itertuples(index=False):
        groups = ("none" if pd.isna(value) else value for value in values)
        interval = f"{_steps(low)} to {_steps(high)}" if fitted else ""
        rows.append((*groups, count, fitted, grokked, _steps(median) if fitted else "", interval))
    print_table((*by, "runs", "fitted", "generalized", "median delay", "95 %"), rows)
    print("delays in steps; 'not reached' where fewer than half of the fitted runs have generalized by the last step")


def _print_law(law: DelayLaw) -> None:
    rows = law.exponents.itertuples(index=False)
    powers = " x ".join(f"{row.hyperparameter} ** {row.exponent:.2f} ({row.low:.2f} to {row.high:.2f})" for row in rows)
    print(f"delay proportional to {powers}, from {law.runs} fitted runs of which {law.grokked} generalized")


def _steps(value: float) -> str:
    return f"{value:,.0f}" if value < float("inf") else "not reached"
