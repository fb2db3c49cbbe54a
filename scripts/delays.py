"""`grokjax delays`: prints and draws grokking delays (analysis.plots: survival, incidence, delays, scatter)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import pandas as pd
from cyclopts import Group, Parameter
from cyclopts.types import PositiveFloat

from grokjax.analysis.results import Results
from grokjax.analysis.statistics.delay_law import DelayLaw
from grokjax.analysis.statistics.delays import Crossings
from grokjax.errors import AnalysisError, UserError
from grokjax.scripts.options import Names, RootArgument
from grokjax.scripts.pictures import Picture
from grokjax.scripts.printing import print_table
from grokjax.scripts.selection import Axes, CellSelection, CrossingOptions, Labels, warn_of_missing

Plot = Literal["survival", "incidence", "map", "scatter"]


@Parameter(name="*", group=Group("Comparison", sort_key=22))
@dataclass(frozen=True, kw_only=True)
class Compared:
    """The hyperparameters whose delays are compared, and what is done about the others."""

    by: Annotated[Names, Parameter(show_default="weight_decay, or the last that varies")] = None
    """Hyperparameters whose delays are compared, joined by commas."""
    strata: Annotated[Names, Parameter(show_default="all others that vary")] = None
    """Hyperparameters that are held fixed in comparisons, joined by commas."""


def command(
    root: RootArgument,
    /,
    *,
    compared: Compared = Compared(),
    ratios: bool = False,
    law: Names = None,
    delay: PositiveFloat = 1000,
    plot: Plot = "survival",
    selection: CellSelection = CellSelection(),
    crossings: CrossingOptions = Crossings(),
    labels: Labels = Labels(),
    axes: Axes = Axes(),
    picture: Picture = Picture(),
) -> None:
    """Show how long after fitting the training data runs generalize.

    Medians are Kaplan-Meier estimates: a run that had not generalized by its last step is censored there, not left out.

    Args:
      ratios: Also print by which factors the delays at the values of --by differ.
      law: Hyperparameters of a power law that is fitted to the delays, joined by commas; "all" takes all that vary.
      delay: With --plot incidence: how many steps after the train metric the test metric must cross for grok.
      plot: Picture that --out draws. "survival": the share of fitted runs that have not generalized yet, a panel for each stratum;
        "incidence": the share of all runs that have grokked, generalized or diverged by each step, a panel for each group;
        "map": the median delay of each cell (see --x, --y, --facet); "scatter": each run's two crossings, colored by --rule.

    Examples:
        grokjax delays results/demo --by weight_decay --law all --plot map --out map.pdf
    """
    results = selection.open(root).with_crossings(crossings)
    warn_of_missing(results)
    groups, within = results.compared(compared.by, compared.strata)
    _print_medians(results.medians([*within, *groups]), [*within, *groups], crossings.delay_text)
    _print_test(results, groups, within)
    if ratios:
        _print_ratios(results, groups, within)
    if law:
        _print_law(results.delay_law(None if law == ("all",) else law))
    if picture.out:
        settings = picture.settings
        figures = {
            "survival": lambda: results.plot_survival(groups, within, **settings),
            "incidence": lambda: results.plot_incidence(compared.by, delay, **settings),
            "map": lambda: results.plot_delays(*axes.names, **settings),
            "scatter": lambda: labels.of(results).plot_scatter(**settings),
        }
        picture.write(figures[plot](), root, plot)


def _print_medians(medians: pd.DataFrame, by: Sequence[str], meaning: str) -> None:
    rows = []
    for *values, count, fitted, generalized, median, low, high in medians.itertuples(index=False):
        groups = ("none" if pd.isna(value) else value for value in values)
        rows.append((*groups, count, fitted, generalized, _steps(median) if fitted else "", _interval(low, high) if fitted else ""))
    print_table((*by, "runs", "fitted", "generalized", "median delay", "95 %"), rows)
    print(
        "Delays in steps. Not reached: fewer than half of the fitted runs have generalized by the last step. "
        "Unknown: there are too few runs to tell."
    )
    print(meaning)


def _print_test(results: Results, groups: Sequence[str], strata: Sequence[str]) -> None:
    try:
        test = results.log_rank(groups, strata)
    except AnalysisError as error:
        print(f"No log-rank test: {error}")
    else:
        drawn = f" ({test.permutations:,} permutations)" if test.permutations else ""
        compared = f"{test.name}, by {' x '.join(groups)}"
        print(f"{compared}: chi-squared {test.statistic:.3g} on {test.degrees}, {test.p_text}{drawn}")


def _print_ratios(results: Results, groups: Sequence[str], strata: Sequence[str]) -> None:
    if len(groups) != 1:
        raise UserError(f"--ratios compares the values of one hyperparameter, got --by {','.join(groups) or 'none'}; name one")
    table = results.delay_ratios(groups[0], strata=strata)
    rows = [
        (value, reference, _factor(ratio), _factors(low, high), _p(p))
        for value, reference, ratio, low, high, p in table.itertuples(index=False, name=None)
    ]
    print_table((groups[0], "compared with", "delay times", "95 % (all together)", "p (Holm)"), rows)
    if strata:
        print(
            f"These ratios take {groups[0]} to have the same effect for all {', '.join(strata)}; choose runs to see each by itself."
        )


def _print_law(law: DelayLaw) -> None:
    rows = law.exponents.itertuples(index=False)
    powers = " x ".join(f"{row.hyperparameter} ** {row.exponent:.2f} ({row.low:.2f} to {row.high:.2f})" for row in rows)
    print(f"delay proportional to {powers}, from {law.runs} fitted runs of which {law.generalized} generalized")
    if law.curvature < 0.05:
        print(f"The delays do not follow a power law: p = {law.curvature:.2g} for squared logarithms; see the medians above.")


def _steps(value: float) -> str:
    return "unknown" if pd.isna(value) else f"{value:,.0f}" if value < float("inf") else "not reached"


def _interval(low: float, high: float) -> str:
    return "unknown" if pd.isna(low) and pd.isna(high) else f"{_steps(low)} to {_steps(high)}"


def _factor(value: float) -> str:
    return "unknown" if pd.isna(value) else f"{value:.3g}"


def _factors(low: float, high: float) -> str:
    return "unknown" if pd.isna(low) else f"{low:.3g} to {high:.3g}"


def _p(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.2g}"
