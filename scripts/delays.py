"""`grokjax delays`: prints and draws grokking delays (analysis.statistics.delays; analysis.plots: survival, delays, scatter)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

import pandas as pd
from cyclopts import Parameter
from matplotlib.figure import Figure

from grokjax.analysis.plots import SINGLE, plot_delays, plot_scatter, plot_survival
from grokjax.analysis.statistics.delays import (
    DelayLaw,
    LogRank,
    delay_law,
    log_rank,
    median_delays,
    survival_curves,
)
from grokjax.analysis.statistics.grid import cell_names, check_cell
from grokjax.analysis.tables.hyperparameters import varied_hyperparameters
from grokjax.scripts.options import RootArgument
from grokjax.scripts.pictures import Picture
from grokjax.scripts.printing import print_table
from grokjax.scripts.selection import Axes, Crossings, Labels, Selection, names_of, warn_of_missing

PREFERRED_LINES = "weight_decay"  # of the survival plot, without --by


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
    runs, missing = results.runs, warn_of_missing(results)
    names = names_of(by) if by else varied_hyperparameters(runs)
    delays = results.delays(crossings.train, crossings.test, crossings.kind)
    _print_medians(median_delays(runs, delays, names), names)
    if test := _test_of_equal_delays(runs, delays, names):
        print(f"log-rank test of equal delays: chi-squared {test.statistic:.3g} on {test.degrees}, p = {test.p:.2g}")
    if law:
        _print_law(delay_law(runs, delays, names_of(law)))
    if not picture.out:
        return
    note: dict[str, Any] = {"missing": missing, "title": selection.title}
    if plot == "map":
        figure = _map(runs, delays, axes.choose(results), note | {"width": picture.inches})
    elif plot == "scatter":
        phases = results.label(labels.choose(results))
        figure = plot_scatter(runs, phases, **asdict(crossings), **note, width=picture.inches or SINGLE)
    else:
        lines = names if by else ([PREFERRED_LINES] if PREFERRED_LINES in names else names[-1:])
        figure = _survival(runs, delays, lines, note | {"width": picture.inches or SINGLE})
    picture.write(figure, root, plot)


def _map(runs: pd.DataFrame, delays: pd.DataFrame, axes: tuple[str, str, str | None], note: dict[str, Any]) -> Figure:
    x, y, facet = axes
    check_cell(runs, cell := cell_names(x, y, facet))
    return plot_delays(median_delays(runs, delays, cell), x=x, y=y, facet=facet, **note)


def _survival(runs: pd.DataFrame, delays: pd.DataFrame, by: Sequence[str], note: dict[str, Any]) -> Figure:
    test = _test_of_equal_delays(runs, delays, by)
    return plot_survival(survival_curves(runs, delays, by), by=by, runs=len(runs), test=test, **note)


def _test_of_equal_delays(runs: pd.DataFrame, delays: pd.DataFrame, by: Sequence[str]) -> LogRank | None:
    """The log-rank test; None unless there are at least two groups of fitted runs."""
    several = bool(by) and len(runs.loc[delays["delay"].notna(), list(by)].drop_duplicates()) > 1
    return log_rank(runs, delays, by) if several else None


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
